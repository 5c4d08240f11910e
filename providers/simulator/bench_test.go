package simulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// full is a simulator with 10,000 containers in 1,000 namespaces.
func full(tb testing.TB) *simulator.Server {
	tb.Helper()
	s, err := simulator.New(simulator.Options{Clock: "virtual", CheapHashes: true})
	if err != nil {
		tb.Fatal(err)
	}
	var resources []string
	for n := range 1000 {
		id := fmt.Sprintf("66666666-6666-4666-8666-%012d", n)
		resources = append(resources, fmt.Sprintf(`{"kind":"namespace","place":"fr-par","id":%q,"fields":{"name":"ns-%d","project_id":%q}}`, id, n, project))
		for i := range 10 {
			resources = append(resources, fmt.Sprintf(`{"kind":"container","place":"fr-par","fields":{"name":"c%d","namespace_id":%q,"image":"nginx:1","tags":["reconcile:stack=s%d"]}}`, i, id, n))
		}
	}
	body := `{"resources":[` + strings.Join(resources, ",") + `]}`
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/_sim/state", strings.NewReader(body)))
	if w.Code != http.StatusNoContent {
		tb.Fatalf("%d %s", w.Code, w.Body)
	}
	return s
}

// BenchmarkListing is a whole listing of 10,000 containers, 100 pages.
func BenchmarkListing(b *testing.B) {
	s := full(b)
	b.ReportAllocs()
	for b.Loop() {
		for page := 1; page <= 100; page++ {
			r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("%s/containers?page=%d&page_size=100&order_by=created_at_desc&project_id=%s", region, page, project), nil)
			r.Header.Set("X-Auth-Token", token)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				b.Fatalf("%d %s", w.Code, w.Body)
			}
		}
	}
}
