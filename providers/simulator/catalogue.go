package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Product catalogue v2alpha1, which anybody may read. Source: the SDK's
// api/product_catalog/v2alpha1; prices as Scaleway published them in autumn 2026,
// those of databases and servers as examples.

func catalogueRoutes() []*route {
	return []*route{{method: http.MethodGet, path: "/product-catalog/v2alpha1/public-catalog/products", serve: listCatalogue, open: true}}
}

// product is one entry of the catalogue.
type product struct {
	sku, sort      string // sort is the type by which clients ask for it
	name, variant  string
	region, zone   string
	unit           string
	nanos          int64 // of a euro, for one unit
	properties     doc   // of the sort
	offer          string
	group, service string // product_category and service_category
}

// productTypes are all that a client may ask for.
var productTypes = []string{
	"unknown_product_type", "instance", "apple_silicon", "elastic_metal", "dedibox", "block_storage", "object_storage", "managed_inference",
	"generative_apis", "load_balancer", "secret_manager", "key_manager", "managed_redis_database", "kubernetes", "managed_relational_database",
	"managed_mongodb", "serverless_functions", "serverless_containers", "serverless_jobs", "apache_kafka", "open_search",
	"instance_local_ssd_snapshot", "instance_local_ssd_storage", "file_storage", "serverless_sql_database",
}

// catalogue is all that is sold here.
func catalogue() []product {
	var all []product
	for _, region := range containerRegions() {
		all = append(all, serverless("caas", "serverless_containers", "Serverless Containers", region)...)
	}
	for _, region := range []string{"fr-par", "nl-ams", "pl-waw"} {
		all = append(all, serverless("jobs", "serverless_jobs", "Serverless Jobs", region)...)
		all = append(all, secretPrices(region)...)
		all = append(all, databasePrices(region)...)
		for _, zone := range []string{region + "-1", region + "-2"} {
			all = append(all, redisPrices(zone)...)
			all = append(all, metalPrices(zone)...)
		}
	}
	return all
}

// serverless are memory and CPU, by the second.
func serverless(path, sort, group, region string) []product {
	sizes, cpus := []int64{}, []int64{100, 250, 400, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000}
	for _, mb := range []int64{128, 256, 512, 1000, 2000, 3000, 4000, 6000, 8000, 10000, 12000} {
		sizes = append(sizes, mb*1000*1000)
	}
	return []product{
		{sku: "/paas/" + path + "/memory/" + region, sort: sort, name: "Memory", region: region, unit: "gb_s", nanos: 2000,
			properties: doc{"memory": doc{"sizes": sizes}}, group: group, service: "Serverless"},
		{sku: "/paas/" + path + "/vcpu/" + region, sort: sort, name: "vCPU", region: region, unit: "vcpu_s", nanos: 10000,
			properties: doc{"cpu": doc{"mvcpu_counts": cpus}}, group: group, service: "Serverless"},
	}
}

func secretPrices(region string) []product {
	const sort, group, area = "secret_manager", "Secret Manager", "Security and Identity"
	return []product{
		{sku: "/secret-manager/version/" + region, sort: sort, name: "Secret version", region: region, unit: "version", nanos: 60000, properties: doc{}, group: group, service: area},
		{sku: "/secret-manager/request/" + region, sort: sort, name: "Secret access", region: region, unit: "request", nanos: 3000, properties: doc{}, group: group, service: area},
	}
}

func databasePrices(region string) []product {
	var all []product
	for _, node := range []struct {
		name             string
		node, management int64
	}{
		{"DB-PLAY2-PICO", 20_300_000, 3_000_000}, {"DB-PRO2-XXS", 58_300_000, 51_700_000}, {"DB-PRO2-XS", 116_600_000, 103_400_000},
		{"DB-POP2-2C-8G", 76_000_000, 67_400_000}, {"DB-POP2-4C-16G", 151_900_000, 134_700_000},
	} {
		low := strings.ToLower(node.name)
		entry := product{sort: "managed_relational_database", name: node.name, region: region, unit: "hour", group: "Managed Databases", service: "Managed Databases"}
		entry.sku, entry.variant, entry.nanos, entry.properties = "/db/node/"+low+"/"+region, "Database Node", node.node, doc{"node": doc{}}
		all = append(all, entry)
		entry.sku, entry.variant, entry.nanos, entry.properties = "/db/management/"+low+"/"+region, "Database management", node.management, doc{"management": doc{}}
		all = append(all, entry)
	}
	return append(all, product{sku: "/db/storage/5k/" + region, sort: "managed_relational_database", name: "Block Storage 5K", region: region, unit: "gigabyte_hour", nanos: 136_000,
		properties: doc{"storage": doc{"storage_class": "sbs_5k"}}, group: "Managed Databases", service: "Managed Databases"})
}

func redisPrices(zone string) []product {
	var all []product
	for name, nanos := range map[string]int64{"RED1-MICRO": 48_000_000, "RED1-2XS": 75_000_000, "RED1-XS": 137_000_000, "RED1-S": 205_000_000, "RED1-M": 274_000_000} {
		all = append(all, product{sku: "/redis/node/" + strings.ToLower(name) + "/" + zone, sort: "managed_redis_database", name: name, variant: "main node", zone: zone, unit: "hour",
			nanos: nanos, properties: doc{}, group: "Managed Databases", service: "Managed Databases"})
	}
	slices.SortFunc(all, func(a, b product) int { return strings.Compare(a.sku, b.sku) })
	return all
}

// metalPrices are hourly; the ID of an offer follows from its name and zone.
func metalPrices(zone string) []product {
	var all []product
	for _, offer := range []struct {
		name, line string
		nanos      int64
	}{
		{"EM-A115X-SSD", "aluminium", 91_000_000}, {"EM-A610R-NVME", "aluminium", 110_000_000},
		{"EM-B112X-SSD", "beryllium", 165_000_000}, {"EM-I210E-NVME", "iridium", 329_000_000},
	} {
		id := offerID(offer.name, zone)
		all = append(all, product{sku: "/elastic-metal/" + strings.ToLower(offer.name) + "/hourly/" + zone, sort: "elastic_metal", name: offer.name, variant: "hourly", zone: zone, unit: "hour",
			nanos: offer.nanos, offer: id, properties: doc{"range": offer.line, "offer_id": id}, group: "Elastic Metal", service: "Bare Metal"})
	}
	return all
}

func offerID(name, zone string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("offer/"+name+"/"+zone)).String()
}

func (p product) shown() doc {
	place := doc{"region": p.region}
	if p.zone != "" {
		place = doc{"zone": p.zone}
	}
	return doc{
		"sku": p.sku, "service_category": p.service, "product_category": p.group, "product": p.name, "variant": p.variant,
		"description": strings.TrimSpace(p.group + " " + p.name + " " + p.variant), "locality": place,
		"price":      doc{"retail_price": doc{"currency_code": "EUR", "units": p.nanos / 1e9, "nanos": p.nanos % 1e9}},
		"properties": doc{"hardware": nil, p.sort: p.properties}, "environmental_impact_estimation": nil,
		"unit_of_measure": doc{"unit": p.unit, "size": 1}, "status": "general_availability",
		"end_of_life_at": nil, "end_of_growth_at": nil, "end_of_sale_at": nil, "badges": []string{},
	}
}

// listCatalogue answers with a page of the products that are asked for.
func listCatalogue(c *call) answer {
	types := c.query["product_types"]
	for _, t := range types {
		if !slices.Contains(productTypes, t) {
			return reply(http.StatusBadRequest, doc{"message": "parsing list \"product_types\": \"" + t + "\" is not a valid value"})
		}
	}
	var found [][]byte
	for _, p := range catalogue() {
		if c.wantsProduct(p, types) {
			found = append(found, encode(p.shown()))
		}
	}
	number, size := c.positive("page", 1), min(c.positive("page_size", 100), 1000)
	start := min((number-1)*size, len(found))
	return page("products", found[start:min(start+size, len(found))], len(found))
}

func (c *call) wantsProduct(p product, types []string) bool {
	one := func(param, is string) bool { return c.query.Get(param) == "" || c.query.Get(param) == is }
	ids := c.query["api_ids"]
	return (len(types) == 0 || slices.Contains(types, p.sort)) &&
		(len(ids) == 0 || slices.Contains(ids, p.offer) || slices.Contains(ids, p.name)) &&
		one("region", p.region) && one("zone", p.zone) && one("datacenter", "") && one("global", "false")
}

// positive is a number of the query, or another if there is none that makes sense.
func (c *call) positive(param string, otherwise int) int {
	if n, err := strconv.Atoi(c.query.Get(param)); err == nil && n > 0 {
		return min(n, 1<<20)
	}
	return otherwise
}
