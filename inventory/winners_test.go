package inventory

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// asking is a witness that names the same person for all.
type asking struct{ of []reconcile.Suspect }

func (a *asking) Authors(_ context.Context, of []reconcile.Suspect) (map[string][]reconcile.Author, []reconcile.Receipt) {
	a.of = append(a.of, of...)
	out := map[string][]reconcile.Author{}
	for _, s := range of {
		out[s.ID] = []reconcile.Author{{Who: "j.doe", At: dusk}}
	}
	return out, nil
}

// Each fact stands in the table once, with a winner; each aspect is of one of them.
func TestWinners(t *testing.T) {
	var facts []Fact
	for _, w := range Winners() {
		if slices.Contains(facts, w.Fact) || len(w.Sides) == 0 || w.About == "" || w.Others == "" || len(w.Order()) == 0 {
			t.Errorf("%+v", w)
		}
		facts = append(facts, w.Fact)
	}
	for _, a := range aspects() {
		if !slices.Contains(facts, a.fact) || !slices.Contains(classes, a.class) {
			t.Errorf("%s: there is no fact %s, or no class %s", a.field, a.fact, a.class)
		}
	}
	if got := winner(factStatus).Order(); got != "live, else git" {
		t.Errorf("got %q", got)
	}
}

// The page has the table as it is, and each class of findings.
func TestThePageHasTheTable(t *testing.T) {
	page, err := os.ReadFile("../docs/inventory.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), WinnersPage()) {
		t.Errorf("docs/inventory.md has not this table:\n%s", WinnersPage())
	}
	for _, class := range classes {
		if !strings.Contains(string(page), "`"+class+"`") {
			t.Errorf("docs/inventory.md does not tell of %s", class)
		}
	}
}
