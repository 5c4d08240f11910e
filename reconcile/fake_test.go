package reconcile_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// clock is a time that only Sleep moves, unless its context has ended.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	asleep func(context.Context) // what happens during a Sleep; nil: nothing
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	if c.asleep != nil {
		c.asleep(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	c.now = c.now.Add(d)
	return nil
}

// thing is a resource of the fake cloud.
type thing struct {
	kind, id, name, in string
	size               int
	color              string
	mark               reconcile.Mark
	tags               []string
	created, ready     time.Time
	gone               time.Time // zero while nobody asked for its deletion
}

// cloud is a fake of an API with two kinds: boxes, whose names are unique, and
// items, which live in boxes. It can be late, forgetful and slow to show things.
type cloud struct {
	mu       sync.Mutex
	clock    *clock
	things   map[string]thing
	history  []snapshot
	late     []lateCall
	rng      *rand.Rand
	serial   int
	at       time.Time        // of what is happening
	lag      time.Duration    // listings and reads are up to this old
	lose     float64          // share of the mutating calls whose answer is lost
	kill     func() error     // before and after each mutating call: the process's death
	failures map[string]error // by "verb kind/name"
	calls    map[string]int
	needless int // updates that changed nothing
	wrong    int // deletions of what is not ours
	list     func(kind string, found []thing) ([]thing, error)
}

type snapshot struct {
	at     time.Time
	things map[string]thing
}

type lateCall struct {
	at time.Time
	do func()
}

func newCloud(c *clock) *cloud {
	return &cloud{clock: c, at: c.now, things: map[string]thing{}, rng: rand.New(rand.NewSource(1)), failures: map[string]error{}, calls: map[string]int{},
		kill: func() error { return nil }}
}

// settle lets everything happen that time has come for, in its order and at its time.
func (c *cloud) settle() {
	now := c.clock.Now()
	for {
		at, do := c.next()
		if do == nil || at.After(now) {
			break
		}
		c.at = at
		do()
		c.history = append(c.history, snapshot{at, maps.Clone(c.things)})
	}
	c.at = now
	c.history = append(c.history, snapshot{now, maps.Clone(c.things)})
}

// next is the earliest thing that is yet to happen.
func (c *cloud) next() (at time.Time, do func()) {
	for i, call := range c.late {
		if do == nil || call.at.Before(at) {
			at, do = call.at, func() { c.late = slices.Delete(c.late, i, i+1); call.do() }
		}
	}
	for id, t := range c.things {
		if !t.gone.IsZero() && (do == nil || t.gone.Before(at)) {
			at, do = t.gone, func() {
				delete(c.things, id)
				maps.DeleteFunc(c.things, func(_ string, o thing) bool { return o.in == id })
			}
		}
	}
	return at, do
}

// seen is the state that a read shows.
func (c *cloud) seen() map[string]thing {
	c.settle()
	if c.lag == 0 {
		return c.things
	}
	at := c.clock.Now().Add(-time.Duration(c.rng.Int63n(int64(c.lag))))
	for i := len(c.history) - 1; i >= 0; i-- {
		if !c.history[i].at.After(at) {
			return c.history[i].things
		}
	}
	return map[string]thing{}
}

// mutate makes a call: with faults, it may be lost, late, or the last of its process.
func (c *cloud) mutate(what string, do func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[what[:6]]++
	if err := c.failures[what]; err != nil {
		return err
	}
	if err := c.kill(); err != nil {
		return err
	}
	c.settle()
	if c.rng.Float64() < c.lose {
		if c.rng.Intn(2) == 0 {
			c.late = append(c.late, lateCall{c.clock.Now().Add(time.Duration(c.rng.Intn(30)) * time.Second), do})
		} else if c.rng.Intn(2) == 0 {
			do()
		}
		return &reconcile.Error{Class: reconcile.Ambiguous, Message: "no answer"}
	}
	do()
	c.settle()
	return c.kill()
}

// add and the two below do what calls ask for, at the time c.at.
func (c *cloud) add(kind, name, in string, size int, color string, mark reconcile.Mark) string {
	c.serial++
	id := fmt.Sprintf("%s-%d", kind, c.serial)
	now := c.at
	c.things[id] = thing{kind: kind, id: id, name: name, in: in, size: size, color: color, mark: mark, created: now, ready: now.Add(10 * time.Second)}
	return id
}

func (c *cloud) of(kind string) []thing {
	var out []thing
	for _, t := range c.things {
		if t.kind == kind {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b thing) int {
		return cmp.Or(a.created.Compare(b.created), len(a.id)-len(b.id), cmp.Compare(a.id, b.id))
	})
	return out
}

type boxSpec struct {
	Size int `yaml:"size" default:"1"`
}

type itemSpec struct {
	Box   string            `yaml:"box" plan:"-" check:"required"`
	BoxID string            `yaml:"boxId" plan:"hidden,replace,in"`
	Size  int               `yaml:"size" default:"1" check:"min=1,max=9"`
	Color string            `yaml:"color" plan:"replace" default:"red" check:"enum=red|blue|green"`
	Keep  string            `yaml:"keep" plan:"keep"`
	Vars  map[string]string `yaml:"vars" plan:"-"`
	Token reconcile.Secret  `yaml:"token" plan:"-"`
}

type boxes struct{ *cloud }
type items struct{ *cloud }

func phaseOf(t thing, now time.Time) reconcile.Phase {
	switch {
	case !t.gone.IsZero():
		return reconcile.Deleting
	case t.size == 9 && !now.Before(t.ready): // what nobody can start
		return reconcile.Failed
	case now.Before(t.ready):
		return reconcile.Progressing
	}
	return reconcile.Ready
}

func listOf[S any](c *cloud, kind string, show func(thing) S) ([]reconcile.Live[S], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []thing
	for _, t := range c.seen() {
		if t.kind == kind {
			found = append(found, t)
		}
	}
	if c.list != nil {
		var err error
		if found, err = c.list(kind, found); err != nil {
			return nil, err
		}
	}
	var out []reconcile.Live[S]
	for _, t := range found {
		out = append(out, liveOf(c, t, show))
	}
	return out, nil
}

func liveOf[S any](c *cloud, t thing, show func(thing) S) reconcile.Live[S] {
	return reconcile.Live[S]{ID: t.id, Name: t.name, In: t.in, Created: t.created, Mark: t.mark, Tags: t.tags, Phase: phaseOf(t, c.clock.Now()), Spec: show(t)}
}

func getOf[S any](c *cloud, id string, show func(thing) S) (reconcile.Live[S], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.seen()[id]
	if !ok {
		return reconcile.Live[S]{}, &reconcile.Error{Class: reconcile.NotFound, Message: "not found"}
	}
	return liveOf(c, t, show), nil
}

func (c *cloud) change(id string, mark reconcile.Mark, size int) {
	t, ok := c.things[id]
	if !ok {
		return
	}
	if t.size == size {
		c.needless++
	}
	t.size, t.mark, t.ready = size, mark, c.at.Add(5*time.Second)
	c.things[id] = t
}

func (c *cloud) remove(id string) {
	if t, ok := c.things[id]; ok && t.gone.IsZero() {
		t.gone = c.at.Add(5 * time.Second)
		c.things[id] = t
		if t.mark.IsZero() {
			c.wrong++
		}
	}
}

func showBox(t thing) boxSpec { return boxSpec{Size: t.size} }
func showItem(t thing) itemSpec {
	return itemSpec{BoxID: t.in, Size: t.size, Color: t.color}
}

func (b boxes) List(context.Context, reconcile.Scope) ([]reconcile.Live[boxSpec], error) {
	return listOf(b.cloud, "Box", showBox)
}
func (b boxes) Get(_ context.Context, _ reconcile.Scope, id string) (reconcile.Live[boxSpec], error) {
	return getOf(b.cloud, id, showBox)
}
func (b boxes) Create(_ context.Context, d reconcile.Desired[boxSpec]) (id string, err error) {
	err = b.mutate("create Box/"+d.Name, func() { id = b.add("Box", d.Name, "", d.Spec.Size, "", d.Mark) })
	return id, err
}
func (b boxes) Update(_ context.Context, have reconcile.Live[boxSpec], d reconcile.Desired[boxSpec]) error {
	return b.mutate("update Box/"+d.Name, func() { b.change(have.ID, d.Mark, d.Spec.Size) })
}
func (b boxes) Delete(_ context.Context, have reconcile.Live[boxSpec]) error {
	return b.mutate("delete Box/"+have.Name, func() { b.remove(have.ID) })
}

func (i items) List(context.Context, reconcile.Scope) ([]reconcile.Live[itemSpec], error) {
	return listOf(i.cloud, "Item", showItem)
}
func (i items) Get(_ context.Context, _ reconcile.Scope, id string) (reconcile.Live[itemSpec], error) {
	return getOf(i.cloud, id, showItem)
}
func (i items) Create(_ context.Context, d reconcile.Desired[itemSpec]) (id string, err error) {
	err = i.mutate("create Item/"+d.Name, func() { id = i.add("Item", d.Name, d.Spec.BoxID, d.Spec.Size, d.Spec.Color, d.Mark) })
	return id, err
}
func (i items) Update(_ context.Context, have reconcile.Live[itemSpec], d reconcile.Desired[itemSpec]) error {
	return i.mutate("update Item/"+d.Name, func() { i.change(have.ID, d.Mark, d.Spec.Size) })
}
func (i items) Delete(_ context.Context, have reconcile.Live[itemSpec]) error {
	return i.mutate("delete Item/"+have.Name, func() { i.remove(have.ID) })
}
func (i items) Expand(m *reconcile.Manifest, s itemSpec) reconcile.Expansion {
	return reconcile.Expansion{
		Children: []reconcile.Manifest{{Key: reconcile.NewKey("Box", s.Box), Spec: reconcile.Map(m.Pos)}},
		Refs:     []reconcile.Reference{{Path: "boxId", Text: "${Box/" + s.Box + ".id}"}},
	}
}

func (c *cloud) kinds() reconcile.Kinds {
	return reconcile.Kinds{
		reconcile.NewKind(reconcile.About{Name: "Box", Unique: true, Usual: 10 * time.Second}, boxes{c}),
		reconcile.NewKind(reconcile.About{Name: "Item", LivesIn: "Box", Unique: true, Usual: 10 * time.Second}, items{c}),
	}
}

var errKilled = errors.New("killed")

// memory is a journal in memory. A dead process writes nothing more.
type memory struct {
	mu      sync.Mutex
	records []reconcile.Record
	dead    func() bool
	jid     int
}

func (m *memory) Append(_ context.Context, records ...reconcile.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead != nil && m.dead() {
		return errKilled
	}
	m.records = append(m.records, records...)
	return nil
}

func (m *memory) Memory(context.Context) (map[reconcile.Key]reconcile.Memo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return reconcile.Fold(func(yield func(reconcile.Record, error) bool) {
		for _, r := range m.records {
			if !yield(r, nil) {
				return
			}
		}
	})
}

func (m *memory) Knows(_ context.Context, rev string) (bool, error) {
	return slices.ContainsFunc(m.records, func(r reconcile.Record) bool { return r.Revision == rev }), nil
}

func (m *memory) NextJID(context.Context, time.Time) (string, error) {
	m.jid++
	return fmt.Sprintf("%020d", m.jid), nil
}
