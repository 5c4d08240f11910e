package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// byHand changes some containers as somebody in a browser would.
func byHand(t *testing.T, url string, some int) {
	t.Helper()
	ask := func(method, path, body string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, url+"/containers/v1/regions/fr-par/containers"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", "99999999-9999-4999-8999-999999999999")
		r.Header.Set("User-Agent", "Mozilla/5.0")
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(method, path, resp, err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	var list struct {
		Containers []struct{ ID string }
	}
	if err := json.NewDecoder(ask(http.MethodGet, "?page_size=100", "").Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, c := range list.Containers[:some] {
		ask(http.MethodPatch, "/"+c.ID, `{"max_scale":7}`)
	}
}

// What differs costs one request for prices, one for names, and few for the log:
// one for each of a few resources, one for many.
func TestADifferenceCostsFewRequests(t *testing.T) {
	for changed, events := range map[int]int{1: 1, 3: 3, 9: 1} {
		t.Run(fmt.Sprint(changed), func(t *testing.T) {
			e := newEstate(t, 10)
			url, env := startSimulator(t)
			e.load(t, url)
			byHand(t, url, changed)
			requests(t, url)
			code, out := inProcess(t, e.dir, env, "drift", ".")
			if code != 2 || strings.Count(out, "changed by: owner@example.com, console") != changed {
				t.Fatalf("exit %d\n%.2000s", code, out)
			}
			got := requests(t, url)
			maps.DeleteFunc(got, func(path string, _ int) bool {
				return strings.Contains(path, "/containers/v1/") || strings.Contains(path, "/secret-manager/")
			})
			want := map[string]int{
				"GET /product-catalog/v2alpha1/public-catalog/products": 1,
				"GET /audit-trail/v1alpha1/regions/{region}/events":     events,
				"GET /iam/v1alpha1/users":                               1,
			}
			if !maps.Equal(got, want) {
				t.Errorf("drift asked %v, want %v", got, want)
			}
		})
	}
}
