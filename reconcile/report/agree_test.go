package report_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

var documentPlans = map[string]func() *reconcile.Plan{
	"shop": shop, "every": every, "nothing": base, "unread": unread, "settling": settling, "drifting": drifting,
	"broad": broad, "gate": gate, "only known": onlyKnown, "disputed": disputed, "only disputed": onlyDisputed, "hostile": hostile,
}

// Each format keeps the rules of who reads it, for each plan.
func TestFormatsKeepTheRules(t *testing.T) {
	for name, plan := range documentPlans {
		for _, drift := range []bool{false, true} {
			for format, rule := range rules {
				if err := rule(written(t, format, document(plan(), drift))); err != nil {
					t.Errorf("%s, drift %v, %s: %v", name, drift, format, err)
				}
			}
		}
	}
	for format, rule := range rules {
		for _, drift := range []bool{false, true} {
			if err := rule(written(t, format, failed(drift))); err != nil {
				t.Errorf("failed, drift %v, %s: %v", drift, format, err)
			}
		}
	}
}

// headed is the number in a heading of Markdown, or in the text's.
func headed(text, title string) int {
	found := regexp.MustCompile(`(?m)^(?:#### )?` + regexp.QuoteMeta(title) + `: (\d+)$`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// All formats tell of the same drift, in the numbers that Has counts.
func TestDriftReportsAgree(t *testing.T) {
	titles := map[string]func(report.Counts) int{
		"Changed behind Git":                             func(c report.Counts) int { return c.Drift },
		"Changed on both sides":                          func(c report.Counts) int { return c.Conflict },
		"Different, and which side moved cannot be told": func(c report.Counts) int { return c.Unclear },
		"Missing":                        func(c report.Counts) int { return c.Missing },
		"Surplus":                        func(c report.Counts) int { return c.Surplus },
		"Known, and accepted for a time": func(c report.Counts) int { return c.Known },
		"Unmanaged":                      func(c report.Counts) int { return c.Unmanaged },
		"Ignored by rules":               func(c report.Counts) int { return c.Ignored },
		"Inventory":                      func(c report.Counts) int { return c.Findings },
		"Not ready":                      func(c report.Counts) int { return c.Settling + c.Failed },
	}
	for name, plan := range documentPlans {
		d, c := document(plan(), true), report.Has(plan())
		for title, count := range titles {
			for _, format := range []string{"text", "markdown"} {
				if n := headed(written(t, format, d), title); n != count(c) {
					t.Errorf("%s: %s says %s: %d, want %d", name, format, title, n, count(c))
				}
			}
		}
		var doc struct{ Summary map[string]int }
		if err := json.Unmarshal([]byte(written(t, "json", d)), &doc); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]int{"total_changed": c.Drift + c.Conflict + c.Unclear, "total_missing": c.Missing, "total_surplus": c.Surplus,
			"total_known": c.Known, "total_pending": c.Pending, "total_unmanaged": c.Unmanaged, "total_ignored": c.Ignored, "total_inventory": c.Findings} {
			if doc.Summary[key] != want {
				t.Errorf("%s: json says %s: %d, want %d", name, key, doc.Summary[key], want)
			}
		}
		machinesAgree(t, name, d, c)
	}
}

// machinesAgree holds the formats that only programs read against the counts.
func machinesAgree(t *testing.T, name string, d report.Document, c report.Counts) {
	suite, err := readJUnit(written(t, "junit", d))
	if err != nil {
		t.Fatal(err)
	}
	drifted := c.Drift + c.Conflict + c.Unclear + c.Missing + c.Inventory
	if suite.Failures != drifted || suite.Errors != c.Unknown || (suite.Failures > 0) != c.Drifted() {
		t.Errorf("%s: junit has %+v, want %d failures and %d errors", name, suite.junitNumbers, drifted, c.Unknown)
	}
	entries, err := readQuality(written(t, "codequality", d))
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, e := range entries {
		key, _, _ := strings.Cut(strings.SplitN(e.Description, " ", 2)[0], ":")
		keys[e.Check+" "+key] = true
	}
	if want := drifted + c.Surplus + c.Known + c.Unknown; len(keys) != want {
		t.Errorf("%s: codequality is about %d, want %d: %v", name, len(keys), want, keys)
	}
	if want := fmt.Sprintf("RECONCILE_DRIFT=%d\n", drifted); !strings.Contains(written(t, "dotenv", d), want) {
		t.Errorf("%s: dotenv has no %s", name, want)
	}
}

// A plan's numbers are those of its summary line, in each format.
func TestPlanReportsAgree(t *testing.T) {
	for name, plan := range documentPlans {
		d, c := document(plan(), false), report.Has(plan())
		for _, format := range []string{"text", "markdown"} {
			if text := written(t, format, d); (c.Changes() || c.Held > 0) && !strings.Contains(text, c.Summary()) {
				t.Errorf("%s: %s does not say %s", name, format, c.Summary())
			}
		}
		var widget map[string]int
		if err := json.Unmarshal([]byte(written(t, "gitlab-terraform", d)), &widget); err != nil {
			t.Fatal(err)
		}
		if widget["create"] != c.Add || widget["update"] != c.Change || widget["delete"] != c.Destroy {
			t.Errorf("%s: the widget says %v, want %s", name, widget, c.Summary())
		}
		env := fmt.Sprintf("RECONCILE_CREATE=%d\nRECONCILE_UPDATE=%d\nRECONCILE_DELETE=%d\n", c.Add, c.Change, c.Destroy)
		if text := written(t, "dotenv", d); !strings.Contains(text, env) || !strings.Contains(text, fmt.Sprintf("RECONCILE_HELD=%d\n", c.Held)) {
			t.Errorf("%s: dotenv is %q", name, text)
		}
	}
}

func TestStatus(t *testing.T) {
	heldOnly := base()
	heldOnly.Held = []reconcile.Change{oldAPI()}
	for _, c := range []struct {
		doc  report.Document
		want string
	}{
		{document(base(), false), "clean"}, {document(base(), true), "clean"}, {document(shop(), false), "changes"}, {document(shop(), true), "drift"},
		{document(heldOnly, false), "held"}, {document(heldOnly, true), "clean"}, {document(unread(), false), "incomplete"}, {document(unread(), true), "incomplete"},
		{document(settling(), false), "changes"}, {document(onlyKnown(), true), "clean"}, {document(onlyDisputed(), true), "drift"}, {document(onlyDisputed(), false), "clean"}, {failed(false), "error"}, {failed(true), "error"},
	} {
		if got := report.Status(c.doc); got != c.want {
			t.Errorf("%+v: %s, want %s", report.Has(orBase(c.doc.Plan)), got, c.want)
		}
	}
}

func orBase(p *reconcile.Plan) *reconcile.Plan {
	if p == nil {
		return base()
	}
	return p
}

func TestCauses(t *testing.T) {
	want := []string{"drift", "conflict", "unclear", "missing", "surplus", "pending"}
	if got := report.Causes(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	for cause, change := range map[string]reconcile.Change{
		"drift":    {Action: reconcile.Update, Fields: field(reconcile.Drifted)},
		"conflict": {Action: reconcile.Update, Fields: append(field(reconcile.Drifted), field(reconcile.Conflicting)...)},
		"unclear":  {Action: reconcile.Update, Fields: field("")},
		"missing":  {Action: reconcile.Create, Missing: true},
		"surplus":  {Action: reconcile.Delete, Surplus: true},
		"pending":  {Action: reconcile.Create},
		"":         {Action: reconcile.Adopt},
	} {
		if got := report.CauseOf(&change); got != cause {
			t.Errorf("got %q, want %q", got, cause)
		}
	}
}

// What is known is counted as known, and as nothing else; what Git moved is never known.
func TestKnownDriftIsNoDrift(t *testing.T) {
	p := onlyKnown()
	if got, want := report.Has(p), (report.Counts{Change: 1, Known: 1}); got != want || got.Drifted() {
		t.Errorf("got %+v, want %+v", got, want)
	}
	p.Steps[0].Fields[0].Label = reconcile.Pending
	if got, want := report.Has(p), (report.Counts{Change: 1, Pending: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// That nobody may read who wrote, or what things cost, does not make an answer incomplete.
func TestPeopleAndPricesAreBesides(t *testing.T) {
	p := base()
	p.Receipts = append(p.Receipts, reconcile.Receipt{Kind: reconcile.AuditTrail, Reason: "503"}, reconcile.Receipt{Kind: reconcile.ProductPrices, OutOfScope: true, Reason: "403"})
	if got := report.Has(p); got != (report.Counts{}) {
		t.Errorf("got %+v", got)
	}
	if text := written(t, "text", document(p, true)); strings.Contains(text, "Not counted") || strings.Contains(text, "incomplete") {
		t.Errorf("got\n%s", text)
	}
}

func TestCosts(t *testing.T) {
	euros := func(least, most float64, unknown string) reconcile.Cost {
		return reconcile.Cost{Least: reconcile.Money(least * 1e6), Most: reconcile.Money(most * 1e6), Unknown: unknown}
	}
	for _, c := range []struct {
		from, to reconcile.Cost
		want     string
	}{
		{euros(0, 0, ""), euros(3.1, 3.1, ""), "+3.10 EUR a month"},
		{euros(3.1, 3.1, ""), euros(0, 0, ""), "-3.10 EUR a month"},
		{euros(3.1, 3.1, ""), euros(3.1, 3.1, ""), "no change"},
		{euros(0, 4, ""), euros(0, 12.4, ""), "0.00 to +8.40 EUR a month"},
		{euros(0, 12.4, ""), euros(0, 4, ""), "-8.40 to 0.00 EUR a month"},
		{euros(0, 0, ""), euros(0, 0, "no price of GP-L"), "not known: no price of GP-L"},
		{euros(1, 1, "x"), euros(2, 2, "x"), "+1.00 EUR a month, and what is not known: x"},
		{euros(1, 1, "x"), euros(2, 2, "y"), "+1.00 EUR a month, and what is not known: x; y"},
	} {
		if got := report.Costs(&reconcile.Bill{From: c.from, To: c.to}); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := report.Costs(nil); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}

// Where no price is known no amount is said: 0.00 EUR would be one.
func TestNothingKnownIsNoAmount(t *testing.T) {
	dark := reconcile.Cost{Unknown: "the product catalogue could not be read"}
	for _, drift := range []bool{false, true} {
		var out strings.Builder
		d := report.Document{Drift: drift, Plan: &reconcile.Plan{Stack: "shop", Total: &reconcile.Bill{From: dark, To: dark}}}
		if err := report.Text(&out, d); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); !strings.Contains(text, "Costs: not known: the product catalogue could not be read.") || strings.Contains(text, "0.00") {
			t.Errorf("drift %v:\n%s", drift, text)
		}
	}
}
