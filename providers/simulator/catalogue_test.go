package simulator_test

import (
	"fmt"
	"testing"

	catalog "github.com/scaleway/scaleway-sdk-go/api/product_catalog/v2alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

func TestTheCatalogueHasPrices(t *testing.T) {
	s := start(t, simulator.Options{})
	api := catalog.NewPublicCatalogAPI(s.client())
	paris := scw.RegionFrPar
	list := must[*catalog.ListPublicCatalogProductsResponse](t)(api.ListPublicCatalogProducts(&catalog.PublicCatalogAPIListPublicCatalogProductsRequest{
		ProductTypes: []catalog.ListPublicCatalogProductsRequestProductType{catalog.ListPublicCatalogProductsRequestProductTypeServerlessContainers}, Region: &paris,
	}))
	got := ""
	for _, p := range list.Products {
		got += fmt.Sprint(p.Product, " ", p.UnitOfMeasure.Size, " ", p.UnitOfMeasure.Unit, " ", p.Price.RetailPrice, " ", *p.Locality.Region, "; ")
		if c := p.Properties.ServerlessContainers; c == nil || c.Memory == nil && c.CPU == nil {
			t.Errorf("%s has the properties %+v", p.Sku, p.Properties)
		}
	}
	if want := "Memory 1 gb_s € 0.000002 fr-par; vCPU 1 vcpu_s € 0.00001 fr-par; "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTheCatalogueIsFiltered(t *testing.T) {
	s := start(t, simulator.Options{})
	s.token = "" // anybody may read it
	const path = "/product-catalog/v2alpha1/public-catalog/products?"
	for query, want := range map[string]float64{
		"product_types=serverless_containers":                                      8,
		"product_types=serverless_containers&product_types=serverless_jobs":        14,
		"product_types=elastic_metal&zone=fr-par-1":                                4,
		"product_types=elastic_metal&region=fr-par":                                0,
		"product_types=managed_relational_database&region=nl-ams&page_size=2":      11,
		"product_types=elastic_metal&zone=fr-par-1&api_ids=EM-A115X-SSD":           1,
		"product_types=managed_redis_database&zone=pl-waw-2":                       5,
		"product_types=secret_manager&region=pl-waw":                               2,
		"product_types=kubernetes":                                                 0,
		"product_types=serverless_containers&global=true":                          0,
		"product_types=serverless_containers&page=2&page_size=5&unknown=parameter": 8,
	} {
		d := s.do(200, "GET", path+query, "")
		if d["total_count"] != want {
			t.Errorf("%s: %v products, want %v", query, d["total_count"], want)
		}
	}
	if got := len(s.do(200, "GET", path+"product_types=serverless_containers&page=2&page_size=5", "")["products"].([]any)); got != 3 {
		t.Errorf("the second page has %d products, want 3", got)
	}
	s.do(400, "GET", path+"product_types=bogus", "")
}
