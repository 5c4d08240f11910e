package scaleway_test

import (
	"testing"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
)

func TestParseAgent(t *testing.T) {
	const sdk = "scaleway-sdk-go/v1.39.0 (go1.26; linux; amd64) "
	daemons := scaleway.RunTag{Stack: "shop.12345678", Epoch: 3, JID: "20261121093015123456"}
	for agent, want := range map[string]struct {
		tag  scaleway.RunTag
		ours bool
	}{
		sdk + "reconcile/1.2.3 (stack=shop.12345678; epoch=3; run=20261121093015123456)": {daemons, true},
		"reconcile/1.2.3 (stack=shop.12345678; epoch=x; run=)":                           {scaleway.RunTag{Stack: "shop.12345678"}, true},
		sdk + "reconcile/1.2.3":                  {scaleway.RunTag{}, true},
		"reconcile/1.2.3 (":                      {scaleway.RunTag{}, true},
		sdk:                                      {scaleway.RunTag{}, false},
		"xreconcile/1.2.3 (stack=shop.12345678)": {scaleway.RunTag{}, false},
		"":                                       {scaleway.RunTag{}, false},
	} {
		if tag, ours := scaleway.ParseAgent(agent); tag != want.tag || ours != want.ours {
			t.Errorf("%q is %+v %v, want %+v %v", agent, tag, ours, want.tag, want.ours)
		}
	}
}

// A tag is a stack's if it names it, as far as its letters fit into a header.
func TestWhoseTagItIs(t *testing.T) {
	for _, tt := range []struct {
		tag, stack string
		want       bool
	}{
		{"shop.12345678", "shop.12345678", true}, {"", "shop.12345678", true}, {"shop.12345678", "shop.87654321", false}, {"sh_p.12345678", "shöp.12345678", true},
	} {
		if got := (scaleway.RunTag{Stack: tt.tag}).Of(tt.stack); got != tt.want {
			t.Errorf("%q of %q: %v", tt.tag, tt.stack, got)
		}
	}
}
