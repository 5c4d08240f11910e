package catalogue_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/catalogue"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// reach is a catalogue at an address, with a region in the client's configuration.
func reach(t *testing.T, url string) catalogue.Catalogue {
	t.Helper()
	env := map[string]string{
		"SCW_API_URL": url, "SCW_ACCESS_KEY": "SCWXXXXXXXXXXXXXXXXX", "SCW_SECRET_KEY": "11111111-2222-4333-8444-555555555555",
		"SCW_DEFAULT_REGION": "nl-ams", "SCW_DEFAULT_ZONE": "nl-ams-1",
	}
	client, err := scaleway.New(t.Context(), scaleway.Options{Getenv: func(name string) string { return env[name] }, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return catalogue.New(client)
}

// The prices of every place come in one listing, wherever the client is at home.
func TestPricesOfAllPlaces(t *testing.T) {
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	list, receipt := reach(t, url).Prices(t.Context(), []string{"serverless_containers", "elastic_metal"})
	if !receipt.Complete || receipt.Kind != reconcile.ProductPrices || receipt.Count != len(list) || len(list) != 32 {
		t.Errorf("%d prices, %+v", len(list), receipt)
	}
	for _, region := range []string{"fr-par", "nl-ams", "pl-waw", "it-mil"} {
		cpu, _ := list.Find("serverless_containers", "vcpu_s", region)
		memory, _ := list.Find("serverless_containers", "gb_s", region)
		if got := fmt.Sprint(cpu.For(1e6), " ", memory.For(1e6)); got != "10.00 EUR 2.00 EUR" {
			t.Errorf("%s: a million of each costs %s", region, got)
		}
	}
	metal, ok := list.Find("elastic_metal", "hour", "pl-waw-2")
	if !ok || len(metal.Offer) != 36 || metal.Name == "" || metal.SKU == "" {
		t.Errorf("metal %+v", metal)
	}
	if requests := sim.Stats(); len(requests) != 1 || requests[0].Count != 1 {
		t.Errorf("it took %+v", requests)
	}
}

// Prices are taken as they are: a millionth of a euro for a product of ours may
// still be a hundred times too much.
func TestWhatIsNoPriceIsLeftOut(t *testing.T) {
	const entry = `{"sku":"%s","product":"p","properties":{"hardware":{"cpu":null},"secret_manager":{}},"unit_of_measure":{"unit":"version","size":%d},"price":%s,"locality":%s}`
	products := []string{
		fmt.Sprintf(entry, "tiny", 1, `{"retail_price":{"currency_code":"EUR","units":0,"nanos":125}}`, `{"region":"fr-par"}`),
		fmt.Sprintf(entry, "large", 1000, `{"retail_price":{"currency_code":"EUR","units":3,"nanos":500000000}}`, `{"global":true}`),
		fmt.Sprintf(entry, "dollars", 1, `{"retail_price":{"currency_code":"USD","units":1,"nanos":0}}`, `{"zone":"fr-par-1"}`),
		fmt.Sprintf(entry, "priceless", 1, `null`, `null`),
		`{"sku":"bare"}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/metadata" {
			fmt.Fprint(w, `{"platform":"external","partition":"scw","domain":"scw.eu"}`)
			return
		}
		if got := r.URL.Query(); got.Get("product_types") != "secret_manager" || got.Has("region") || got.Has("zone") {
			t.Errorf("asked for %v", got)
		}
		fmt.Fprintf(w, `{"products":[%s],"total_count":%d}`, strings.Join(products, ","), len(products))
	}))
	defer server.Close()
	list, receipt := reach(t, server.URL).Prices(t.Context(), []string{"secret_manager"})
	if len(list) != 2 || receipt.Count != 5 || !receipt.Complete {
		t.Fatalf("%+v %+v", list, receipt)
	}
	tiny, large := list[0], list[1]
	if tiny.Place != "fr-par" || tiny.Type != "secret_manager" || tiny.For(8_000_000) != reconcile.Euro {
		t.Errorf("tiny %+v", tiny)
	}
	if large.Place != "" || large.For(2000) != 7*reconcile.Euro {
		t.Errorf("large %+v", large)
	}
}

func TestPricesThatCannotBeRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message":"Not Found"}`)
	}))
	defer server.Close()
	list, receipt := reach(t, server.URL).Prices(t.Context(), []string{"secret_manager"})
	if len(list) > 0 || receipt.Complete || receipt.Reason == "" {
		t.Errorf("%v %+v", list, receipt)
	}
}
