package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// listed gives the requests that reading an estate takes: a page for each 100
// things of a kind and place, and one for a kind of which there is nothing.
func listed(containers, places int) map[string]int {
	const region = "GET /containers/v1/regions/{region}/"
	pages := func(n int) int { return max(1, (n+99)/100) + places - 1 }
	return map[string]int{
		region + "containers": pages(containers),
		region + "namespaces": pages(containers / 10),
		region + "triggers":   places,
		region + "domains":    places,

		"GET /secret-manager/v1beta1/regions/{region}/secrets": places,
	}
}

// What is unchanged is listed, by pages, and nothing is read one by one.
func TestAnUnchangedPlanOnlyLists(t *testing.T) {
	for _, n := range []int{10, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			e := newEstate(t, n)
			url, env := startSimulator(t)
			e.load(t, url)
			for _, verb := range []string{"plan --detailed-exitcode", "drift"} {
				requests(t, url)
				code, out := inProcess(t, e.dir, env, append(strings.Fields(verb), ".")...)
				if code != 0 {
					t.Fatalf("%s: exit %d\n%.2000s", verb, code, out)
				}
				if got, want := requests(t, url), listed(n, 1); !maps.Equal(got, want) {
					t.Errorf("%s asked %v, want %v", verb, got, want)
				}
			}
		})
	}
}

// A further place costs one request for each kind, although nothing is there.
func TestAFurtherPlaceCostsAListingPerKind(t *testing.T) {
	e := newEstate(t, 10)
	stack := filepath.Join(e.dir, "stack.yaml")
	both := strings.Replace(estateStack, "[fr-par]", "[fr-par, nl-ams]", 1)
	if err := os.WriteFile(stack, []byte(both), 0o600); err != nil {
		t.Fatal(err)
	}
	for space := range e.containers / 10 { // with two regions, each container names its own
		file := filepath.Join(e.dir, fmt.Sprintf("ns-%04d.yaml", space))
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.ReplaceAll(string(text), "  image:", "  region: fr-par\n  image:"))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	url, env := startSimulator(t)
	e.load(t, url)
	requests(t, url)
	if code, out := inProcess(t, e.dir, env, "plan", "--detailed-exitcode", "."); code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	if got, want := requests(t, url), listed(10, 2); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
