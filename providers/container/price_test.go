package container_test

import (
	"testing"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// prices are those that Scaleway published in autumn 2026.
func prices() reconcile.PriceList {
	return reconcile.PriceList{
		{Type: "serverless_containers", Unit: "gb_s", Place: "fr-par", Size: 1, Price: 2},
		{Type: "serverless_containers", Unit: "vcpu_s", Place: "fr-par", Size: 1, Price: 10},
		{Type: "serverless_containers", Unit: "gb_s", Place: "nl-ams", Size: 1, Price: 2},
	}
}

// A month has 2,628,000 seconds: 256 MB are 1.35 EUR of them, 140 mvCPU 3.68.
func TestWhatContainersCost(t *testing.T) {
	for _, tt := range []struct {
		name        string
		spec        container.Container
		least, most string
	}{
		{"asleep", container.Container{MemoryLimitMb: 256, CPULimit: 140, MaxScale: 1}, "0.00 EUR", "5.02 EUR"},
		{"one is always there", container.Container{MemoryLimitMb: 256, CPULimit: 140, MinScale: 1, MaxScale: 20}, "5.02 EUR", "100.49 EUR"},
		{"larger", container.Container{MemoryLimitMb: 4000, CPULimit: 2000, MinScale: 2, MaxScale: 2}, "147.17 EUR", "147.17 EUR"},
		{"most is less than least", container.Container{MemoryLimitMb: 1000, CPULimit: 0, MinScale: 2, MaxScale: 1}, "10.51 EUR", "10.51 EUR"},
	} {
		cost := kindOf(t, "Container").Price(reconcile.Scope{Place: "fr-par"}, &tt.spec, prices())
		if cost.Least.String() != tt.least || cost.Most.String() != tt.most || cost.Unknown != "" {
			t.Errorf("%s: %s to %s %s, want %s to %s", tt.name, cost.Least, cost.Most, cost.Unknown, tt.least, tt.most)
		}
	}
}

// Half of a price is none, and what stands in containers or around them is free.
func TestWhatHasNoPrice(t *testing.T) {
	c := kindOf(t, "Container")
	for _, place := range []string{"nl-ams", "it-mil"} {
		want := reconcile.Cost{Unknown: "the product catalogue has no price of containers in " + place}
		if got := c.Price(reconcile.Scope{Place: place}, &container.Container{MinScale: 1}, prices()); got != want {
			t.Errorf("in %s: %+v", place, got)
		}
	}
	for _, name := range []string{"Namespace", "Trigger", "Domain"} {
		k := kindOf(t, name)
		if got := k.Price(reconcile.Scope{Place: "it-mil"}, k.NewSpec(), nil); got != (reconcile.Cost{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func kindOf(t *testing.T, name string) reconcile.Kind {
	t.Helper()
	k, ok := reconcile.Kinds(container.Kinds(nil)).Find(name)
	if !ok {
		t.Fatalf("no kind %s", name)
	}
	return k
}
