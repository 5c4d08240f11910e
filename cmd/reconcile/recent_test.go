package main

import (
	"slices"
	"testing"
)

func TestRecent(t *testing.T) {
	var dropped []string
	r := newRecent[int](2, func(s string) { dropped = append(dropped, s) })
	r.put(1, "one")
	r.put(2, "two")
	r.get(1) // so 2 is the one that was used longest ago
	r.put(3, "three")
	if _, ok := r.get(2); ok || !slices.Equal(dropped, []string{"two"}) {
		t.Errorf("dropped %v", dropped)
	}
	r.put(3, "other")
	if got, ok := r.get(3); got != "other" || !ok || len(dropped) != 1 {
		t.Errorf("3 is %q, dropped %v", got, dropped)
	}
	if got, ok := r.get(1); got != "one" || !ok {
		t.Errorf("1 is %q, %v", got, ok)
	}
}
