package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Items have a price: their size times the catalogue's. Boxes have none.

func (i items) Products() []string { return []string{"items"} }

func (i items) Price(_ reconcile.Scope, spec itemSpec, prices reconcile.PriceList) reconcile.Cost {
	one, ok := prices.Find("items", "size", "")
	if !ok {
		return reconcile.Cost{Unknown: "there is no price of items"}
	}
	least := one.For(float64(spec.Size))
	return reconcile.Cost{Least: least, Most: 2 * least}
}

// shop is a PriceSource that sells a size for 10 EUR, and counts how often it is asked.
type shop struct {
	asked  []string
	closed bool
}

func (s *shop) Prices(_ context.Context, types []string) (reconcile.PriceList, reconcile.Receipt) {
	s.asked = append(s.asked, strings.Join(types, "+"))
	if s.closed {
		return nil, reconcile.Receipt{Kind: reconcile.ProductPrices, Reason: "closed today"}
	}
	var list reconcile.PriceList
	for _, t := range types {
		list = append(list, reconcile.Product{Type: t, Unit: "size", Size: 1, Price: 10 * reconcile.Euro})
	}
	return list, reconcile.Receipt{Kind: reconcile.ProductPrices, Count: len(list), Complete: true}
}

func (w *world) priced(t *testing.T, from reconcile.PriceSource, texts ...string) *reconcile.Plan {
	t.Helper()
	e := w.engine()
	e.Prices = from
	plan, _, err := e.Plan(t.Context(), w.wish(t, texts...))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// bills are what each change of a plan does to the cost, and the total.
func bills(plan *reconcile.Plan) string {
	var out []string
	for _, c := range slices.Concat(plan.Steps, plan.Held) {
		line := fmt.Sprintf("%s %s", c.Action, c.Key)
		if c.Bill != nil {
			line += fmt.Sprintf(" %s>%s", euros(c.Bill.From), euros(c.Bill.To))
		}
		for _, h := range c.Held {
			line += " [" + h.Guard + ": " + h.Reason + "]"
		}
		out = append(out, line)
	}
	slices.Sort(out)
	if plan.Total != nil {
		out = append(out, "total "+euros(plan.Total.From)+">"+euros(plan.Total.To))
	}
	return strings.Join(out, "\n")
}

func euros(c reconcile.Cost) string {
	text := fmt.Sprintf("%d..%d", c.Least/reconcile.Euro, c.Most/reconcile.Euro)
	if c.Unknown != "" {
		text += "?(" + c.Unknown + ")"
	}
	return text
}

func TestAPlanSaysWhatItCosts(t *testing.T) {
	w, from := newWorld(), &shop{}
	w.apply(t, "a box=x size=1", "b box=x size=2", "c box=x size=3")
	w.clock.now = w.clock.now.Add(time.Hour)
	if plan := w.priced(t, from, "a box=x size=1", "b box=x size=2", "c box=x size=3"); plan.Total != nil || len(from.asked) > 0 {
		t.Errorf("an unchanged plan asked for %v", from.asked)
	}
	plan := w.priced(t, from, "b box=x size=5", "c box=x size=3 color=blue", "d box=x size=4")
	const box = "?(Box/x: prices of kind Box are not known)"
	want := `create Item/d 0..0>40..80
delete Item/a 10..20>0..0
replace Item/c 30..60>30..60
update Item/b 20..40>50..100
total 60..120` + box + `>120..240` + box
	if got := bills(plan); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := fmt.Sprint(from.asked); got != "[items]" || plan.Receipts[len(plan.Receipts)-1].Kind != reconcile.ProductPrices {
		t.Errorf("asked for %s, receipts %+v", got, plan.Receipts)
	}
}

// What is held is not paid for.
func TestHeldChangesDoNotCount(t *testing.T) {
	w := newWorld()
	w.apply(t, "a box=x size=1", "b box=x size=2")
	w.clock.now = w.clock.now.Add(time.Hour)
	w.stack.Policy.Prune = false
	plan := w.priced(t, &shop{}, "b box=x size=3")
	if got := euros(plan.Total.To); !strings.HasPrefix(got, "40..80") {
		t.Errorf("%s\nwant a to stay", bills(plan))
	}
}

// Prices that cannot be read leave the plan complete, and are said to be missing.
func TestAPlanWithoutPrices(t *testing.T) {
	w := newWorld()
	w.apply(t, "a box=x size=1")
	w.clock.now = w.clock.now.Add(time.Hour)
	plan := w.priced(t, &shop{closed: true}, "a box=x size=2")
	const why = "?(the product catalogue could not be read: closed today)"
	if got := bills(plan); !strings.HasPrefix(got, "update Item/a 0..0"+why+">0..0"+why) || !plan.Complete() || len(plan.Steps) != 1 {
		t.Errorf("complete %v\n%s", plan.Complete(), got)
	}
}

func limited(most float64) reconcile.Rules {
	return reconcile.Rules{MaxMonthlyEUR: most, At: map[string]reconcile.Pos{"maxMonthlyEUR": {File: "stack.yaml", Line: 9}}}
}

func TestTheMonthlyCostHasALimit(t *testing.T) {
	const over = "[maxMonthlyEUR: the stack would cost %s a month, and policy.rules.maxMonthlyEUR allows %s]"
	for _, tt := range []struct {
		name   string
		most   float64
		closed bool
		after  []string
		want   []string // of the changes, how they begin and whether they are held
	}{
		{"within it", 70, false, []string{"a box=x size=4", "b box=x size=3"}, []string{"update Item/a 10..20>40..80", "update Item/b 20..40>30..60"}},
		{"beyond it all that raises is held", 60, false, []string{"a box=x size=4", "b box=x size=3"}, []string{
			"update Item/a 10..20>40..80 " + fmt.Sprintf(over, "70.00 EUR", "60.00 EUR"), "update Item/b 20..40>30..60 " + fmt.Sprintf(over, "70.00 EUR", "60.00 EUR")}},
		{"what lowers it is not", 35, false, []string{"a box=x size=4", "b box=x size=1"}, []string{
			"update Item/a 10..20>40..80 " + fmt.Sprintf(over, "50.00 EUR", "35.00 EUR"), "update Item/b 20..40>10..20"}},
		{"a stack that is over it may get cheaper", 5, false, []string{"a box=x size=2", "b box=x size=1"}, []string{
			"update Item/a 10..20>20..40", "update Item/b 20..40>10..20"}},
		{"a new thing", 30, false, []string{"a box=x size=1", "b box=x size=2", "c box=x size=1"}, []string{
			"create Item/c 0..0>10..20 " + fmt.Sprintf(over, "40.00 EUR", "30.00 EUR")}},
		{"nothing is a limit, too", 0, false, []string{"a box=x size=2", "b box=x size=2"}, []string{
			"update Item/a 10..20>20..40 " + fmt.Sprintf(over, "40.00 EUR", "0.00 EUR")}},
		{"what is not known may be too much", 1000, true, []string{"a box=x size=2"}, []string{
			"delete Item/b", "update Item/a 0..0?(the product catalogue could not be read: closed today)>0..0?(the product catalogue could not be read: closed today) " +
				"[maxMonthlyEUR: the price of Item/a is not known (the product catalogue could not be read: closed today), and policy.rules.maxMonthlyEUR allows 1000.00 EUR a month]"}},
		{"a kind without prices", 1000, false, []string{"a box=x size=1", "b box=y size=2"}, []string{
			"create Box/y 0..0>0..0?(prices of kind Box are not known) [maxMonthlyEUR: the price of Box/y is not known (prices of kind Box are not known), and policy.rules.maxMonthlyEUR allows 1000.00 EUR a month]",
			"replace Item/b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.apply(t, "a box=x size=1", "b box=x size=2")
			w.clock.now = w.clock.now.Add(time.Hour)
			w.stack.Policy.Rules = limited(tt.most)
			plan := w.priced(t, &shop{closed: tt.closed}, tt.after...)
			lines := strings.Split(bills(plan), "\n")
			if len(lines) != len(tt.want)+1 {
				t.Fatalf("got\n%s", bills(plan))
			}
			for i, want := range tt.want {
				if whole := strings.Contains(want, ">"); !strings.HasPrefix(lines[i], want) || whole && lines[i] != want {
					t.Errorf("got  %s\nwant %s", lines[i], want)
				}
			}
			for _, c := range plan.Held {
				if c.Held[0].Guard == "maxMonthlyEUR" && c.Held[0].Pos.Line != 9 {
					t.Errorf("%s is held by %+v", c.Key, c.Held[0])
				}
			}
		})
	}
}

// The operator's limit counts besides the repository's own, and nobody needs a
// price source to be held by it.
func TestTheOperatorsLimit(t *testing.T) {
	w := newWorld()
	w.apply(t, "a box=x size=1")
	w.clock.now = w.clock.now.Add(time.Hour)
	w.stack.Policy.Rules, w.stack.Policy.Bounds = limited(1000), []reconcile.Rules{limited(15)}
	if got := bills(w.priced(t, &shop{}, "a box=x size=2")); !strings.Contains(got, "[maxMonthlyEUR: the stack would cost 20.00 EUR a month, and the operator's maxMonthlyEUR allows 15.00 EUR]") {
		t.Error(got)
	}
	if plan := w.plan(t, "a box=x size=2"); len(plan.Held) != 1 {
		t.Errorf("without prices: %s", bills(plan))
	}
}

// An apply holds on to the limit in each of its passes, and asks for prices once.
func TestAnApplyKeepsTheLimit(t *testing.T) {
	w, from := newWorld(), &shop{}
	w.apply(t, "a box=x size=1")
	w.clock.now = w.clock.now.Add(time.Hour)
	w.stack.Policy.Rules = limited(25)
	e, wish := w.engine(), w.wish(t, "a box=x size=2", "b box=x size=9")
	e.Prices = reconcile.KeepPrices(from, w.clock, time.Hour)
	plan, seen, err := e.Plan(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	out := e.Apply(t.Context(), nil, wish, seen, plan)
	if len(out.Steps) != 0 || len(from.asked) != 1 || len(w.of("Item")) != 1 {
		t.Errorf("%d steps, %d questions\n%s", len(out.Steps), len(from.asked), bills(out.Plan))
	}
}

func TestPricesAreKept(t *testing.T) {
	clock, from := newClock(), &shop{}
	kept := reconcile.KeepPrices(from, clock, time.Hour)
	for i, step := range []struct {
		after  time.Duration
		types  []string
		closed bool
		news   string
		count  int
	}{
		{0, []string{"a", "b"}, false, "a+b", 2},
		{time.Minute, []string{"b", "c"}, false, "c", 2},
		{time.Minute, []string{"a", "b", "c"}, false, "", 3},
		{time.Hour, []string{"a"}, true, "a", 0},
		{30 * time.Second, []string{"a"}, true, "", 0},
		{time.Minute, []string{"a"}, false, "a", 1},
	} {
		clock.now, from.asked, from.closed = clock.now.Add(step.after), nil, step.closed
		list, receipt := kept.Prices(t.Context(), step.types)
		if got := strings.Join(from.asked, " "); got != step.news || len(list) != step.count || receipt.Count != step.count || receipt.Complete == (step.count == 0) {
			t.Errorf("step %d: asked for %q, got %d prices, %+v", i, got, len(list), receipt)
		}
	}
}

// Whoever gave up waiting has not found out anything for the others.
func TestAGivenUpQuestionIsAskedAgain(t *testing.T) {
	from, by := &shop{closed: true}, &witness{}
	kept, said := reconcile.KeepPrices(from, newClock(), time.Hour), reconcile.NewTestimonies(newClock())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	suspects := []reconcile.Suspect{{ID: "a"}}
	for _, ctx := range []context.Context{gone, t.Context(), t.Context()} {
		kept.Prices(ctx, []string{"a"})
		said.Of(by).Authors(ctx, suspects)
	}
	if len(from.asked) != 2 || len(by.asked) != 2 {
		t.Errorf("asked %d times for prices, %d times for authors; want twice", len(from.asked), len(by.asked))
	}
}

func TestMoney(t *testing.T) {
	for m, want := range map[reconcile.Money]string{
		0: "0.00 EUR", 1: "0.00 EUR", 5000: "0.01 EUR", 12_345_678: "12.35 EUR", -3_100_000: "-3.10 EUR", 1284 * reconcile.Euro: "1284.00 EUR",
	} {
		if got := m.String(); got != want {
			t.Errorf("%d is %s, want %s", m, got, want)
		}
	}
	product := reconcile.Product{Price: 200_000, Size: 100_000}
	if got := product.For(2_628_000 * 0.256); got != 1_345_536 {
		t.Errorf("a month of 256 MB is %d", got)
	}
}

// Of several products that fit, the dearest counts: a free part is no price.
func TestFindPrices(t *testing.T) {
	list := reconcile.PriceList{
		{Type: "t", Unit: "u", Place: "fr-par", Size: 1, Price: 0}, {Type: "t", Unit: "u", Place: "fr-par", Size: 100, Price: 300},
		{Type: "t", Unit: "u", Place: "nl-ams", Size: 1, Price: 9}, {Type: "t", Unit: "v", Size: 1, Price: 7}, {Type: "s", Unit: "u", Place: "fr-par", Size: 1, Price: 8},
	}
	if p, ok := list.Find("t", "u", "fr-par"); !ok || p.Price != 300 {
		t.Errorf("found %+v", p)
	}
	if p, ok := list.Find("t", "v", "pl-waw"); !ok || p.Price != 7 {
		t.Errorf("what is sold everywhere: %+v", p)
	}
	if _, ok := list.Find("t", "u", "pl-waw"); ok {
		t.Error("found a price of another place")
	}
}
