package reconcile

import (
	"context"
	"slices"
	"sync"
	"time"
)

// tariff is what is known of prices.
type tariff struct {
	list    PriceList
	lacking string  // why the list is not known, "" if it is
	receipt Receipt // of reading it
	kinds   Kinds
	costs   map[string]priced // of what is live and ours, by ID
}

// priced is a resource and what it costs.
type priced struct {
	key  Key
	cost Cost
}

// price finds out what the changes cost, and all of the stack. Nobody is asked
// if no change has a price, so that an unchanged plan costs no request.
func (e *Engine) price(ctx context.Context, d *Difference, world *World) {
	limited := e.Stack.Policy.limited()
	if len(d.Changes) == 0 || e.Prices == nil && !limited {
		return
	}
	types, matters := e.productTypes(d)
	if !matters && !limited {
		return // nothing of it has a price
	}
	t := &tariff{kinds: e.Kinds}
	t.list, t.lacking, t.receipt = e.priceList(ctx, types)
	t.costs = t.worth(d, world)
	for i := range d.Changes {
		d.Changes[i].Bill = t.bill(&d.Changes[i])
	}
	d.tariff = t
}

// productTypes are the catalogue's types that the stack's kinds need. matters
// tells whether a change is of such a kind.
func (e *Engine) productTypes(d *Difference) (types []string, matters bool) {
	add := func(kind string) bool {
		k, _ := e.Kinds.Find(kind)
		needs := k.products()
		for _, t := range needs {
			types = appendNew(types, t)
		}
		return len(needs) > 0
	}
	for i := range d.Changes {
		matters = add(d.Changes[i].Kind) || matters
	}
	seen := map[string]bool{}
	for _, live := range d.ours {
		if kind := live[0].Kind; !seen[kind] {
			seen[kind] = true
			add(kind)
		}
	}
	slices.Sort(types)
	return types, matters
}

// priceList reads the catalogue. Not to know prices is no reason to call a plan incomplete.
func (e *Engine) priceList(ctx context.Context, types []string) (list PriceList, lacking string, receipt Receipt) {
	switch {
	case len(types) == 0:
		return nil, "", Receipt{}
	case e.Prices == nil:
		return nil, "nobody is asked for prices", Receipt{}
	}
	list, receipt = e.Prices.Prices(ctx, types)
	if !receipt.Complete {
		receipt.OutOfScope = true
		return nil, "the product catalogue could not be read: " + receipt.Reason, receipt
	}
	return list, "", receipt
}

// worth is what each live resource of the stack costs now.
func (t *tariff) worth(d *Difference, world *World) map[string]priced {
	costs := map[string]priced{}
	for key, live := range d.ours {
		for _, r := range live {
			if r.Phase != Deleting {
				costs[r.ID] = priced{key, t.cost(r.Kind, r.Scope, r.Spec)}
			}
		}
	}
	for _, r := range world.Receipts {
		if _, is := t.kinds.Find(r.Kind); is && !r.Complete && !r.OutOfScope {
			costs[r.Kind+" "+r.Scope.Place] = priced{Key(r.Kind), Cost{Unknown: "it could not be listed" + r.Scope.where()}}
		}
	}
	return costs
}

// cost is what a resource costs in a month.
func (t *tariff) cost(kind string, in Scope, spec any) Cost {
	k, ok := t.kinds.Find(kind)
	if !ok || spec == nil {
		return Cost{Unknown: "prices of kind " + kind + " are not known"}
	}
	if t.lacking != "" && len(k.products()) > 0 {
		return Cost{Unknown: t.lacking}
	}
	return k.Price(in, spec, t.list)
}

func (k Kind) products() []string {
	if k.ops == nil {
		return nil
	}
	types, _ := k.ops.products()
	return types
}

// Price is what a resource of the kind, with a pointer to its spec, costs in a month.
func (k Kind) Price(in Scope, spec any, prices PriceList) Cost {
	if _, can := k.ops.products(); !can {
		return Cost{Unknown: "prices of kind " + k.Name + " are not known"}
	}
	return k.ops.price(in, spec, prices)
}

func (a adapter[S]) products() (types []string, priced bool) {
	p, ok := a.Provider.(Pricer[S])
	if !ok {
		return nil, false
	}
	return p.Products(), true
}

func (a adapter[S]) price(in Scope, spec any, list PriceList) Cost {
	return a.Provider.(Pricer[S]).Price(in, *spec.(*S), list)
}

// bill is what a change does to the monthly cost. A surplus resource costs until it is gone.
func (t *tariff) bill(c *Change) *Bill {
	b := &Bill{}
	if c.Live != nil {
		b.From = t.cost(c.Live.Kind, c.Live.Scope, c.Live.Spec)
	}
	switch {
	case c.Action == Delete:
	case c.Want != nil:
		b.To = t.cost(c.Kind, c.Scope, c.Want.Spec)
	default:
		b.To = b.From
	}
	return b
}

// after is what all of the stack costs once the changes are made that are not held.
func (t *tariff) after(changes []Change) Cost {
	costs := make(map[string]priced, len(t.costs)+len(changes))
	for id, one := range t.costs {
		costs[id] = one
	}
	for i := range changes {
		c := &changes[i]
		if len(c.Held) > 0 || c.Bill == nil {
			continue
		}
		if c.Live != nil {
			delete(costs, c.Live.ID)
		}
		if c.Action != Delete {
			costs["want "+string(c.Key)] = priced{c.Key, c.Bill.To}
		}
	}
	return sum(costs)
}

// sum adds costs up and names those that are not known.
func sum(costs map[string]priced) Cost {
	var all Cost
	unknown := map[Key]string{}
	for _, one := range costs {
		all.Least += one.cost.Least
		all.Most += one.cost.Most
		if one.cost.Unknown != "" {
			unknown[one.key] = one.cost.Unknown
		}
	}
	all.Unknown = unpriced(unknown)
	return all
}

// unpriced says of which keys the price is not known, and why of the first.
func unpriced(unknown map[Key]string) string {
	if len(unknown) == 0 {
		return ""
	}
	var names []string
	keys := sortedKeys(unknown)
	for _, key := range keys {
		names = append(names, string(key))
	}
	return few(names) + ": " + unknown[keys[0]]
}

// total is what all of the stack costs before and after the changes; nil if nobody asked.
func (t *tariff) total(changes []Change) *Bill {
	if t == nil {
		return nil
	}
	return &Bill{From: sum(t.costs), To: t.after(changes)}
}

// receipts are those of the catalogue, if it was read.
func (t *tariff) receipts() []Receipt {
	if t == nil || t.receipt.Kind == "" {
		return nil
	}
	return []Receipt{t.receipt}
}

// KeepPrices has a source asked for each type of products once in an age. What
// could not be read is asked for again after a minute.
func KeepPrices(source PriceSource, clock Clock, age time.Duration) PriceSource {
	return &keptPrices{source: source, clock: clock, age: age, kept: map[string]keptList{}}
}

type keptPrices struct {
	source PriceSource
	clock  Clock
	age    time.Duration

	mu   sync.Mutex // held while the source is asked: the others want the same
	kept map[string]keptList
}

type keptList struct {
	list    PriceList
	receipt Receipt
	until   time.Time
}

const unpricedFor = time.Minute

// Prices implements PriceSource.
func (k *keptPrices) Prices(ctx context.Context, types []string) (list PriceList, receipt Receipt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var news []string
	for _, t := range types {
		if !k.clock.Now().Before(k.kept[t].until) {
			news = append(news, t)
		}
	}
	if len(news) > 0 {
		k.ask(ctx, news)
	}
	return k.all(types)
}

// all is what is kept of some types. A type that could not be read leaves all unknown.
func (k *keptPrices) all(types []string) (list PriceList, receipt Receipt) {
	for _, t := range types {
		kept := k.kept[t]
		list = append(list, kept.list...)
		if receipt.Kind == "" || receipt.Complete {
			count := receipt.Count
			receipt = kept.receipt
			receipt.Count = count + len(kept.list)
		}
	}
	return list, receipt
}

func (k *keptPrices) ask(ctx context.Context, types []string) {
	list, receipt := k.source.Prices(ctx, types)
	until := k.clock.Now().Add(k.age)
	switch {
	case ctx.Err() != nil: // that is whose question it was, and nobody else's
		until = time.Time{}
	case !receipt.Complete:
		until = k.clock.Now().Add(unpricedFor)
	}
	for _, t := range types {
		of := slices.DeleteFunc(slices.Clone(list), func(p Product) bool { return p.Type != t })
		k.kept[t] = keptList{of, receipt, until}
	}
}
