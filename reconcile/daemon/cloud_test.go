package daemon_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// itemSpec are the settings of the one kind of the fake cloud.
type itemSpec struct {
	Size  int    `yaml:"size" default:"1"`
	Color string `yaml:"color" default:"red"`
	Token string `yaml:"token" plan:"keep"`
}

// thing is a resource of the fake cloud.
type thing struct {
	id, name string
	spec     itemSpec
	mark     reconcile.Mark
	created  time.Time
	ready    time.Time // progressing until then
	failed   bool
	deleted  bool
}

// cloud is an API with one kind, Item, in as many projects as there are stacks.
type cloud struct {
	mu      sync.Mutex
	things  map[string]map[string]*thing // by project and ID
	serial  int
	slow    time.Duration           // until something new is ready
	latency time.Duration           // of every call
	fail    map[string]error        // by "verb name"
	unread  map[string]error        // by project
	calls   map[string]int          // mutating ones, by project
	during  func(verb, name string) // while a mutating call is under way
	lists   int
	listing func(project string) // while a listing is under way
	hang    string               // calls about it never end by themselves
}

func newCloud() *cloud {
	return &cloud{things: map[string]map[string]*thing{}, fail: map[string]error{}, unread: map[string]error{}, calls: map[string]int{}}
}

func (c *cloud) wait(ctx context.Context) error {
	if c.latency == 0 {
		return nil
	}
	return wallClock{}.Sleep(ctx, c.latency)
}

// mutate makes a call.
func (c *cloud) mutate(ctx context.Context, project, verb, name string, do func(map[string]*thing)) error {
	if err := c.wait(ctx); err != nil {
		return err
	}
	if c.during != nil {
		c.during(verb, name)
	}
	if c.hang == name && name != "" {
		<-ctx.Done()
		return &reconcile.Error{Class: reconcile.Ambiguous, Message: "no answer"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[project]++
	if err := c.fail[verb+" "+name]; err != nil {
		return err
	}
	if c.things[project] == nil {
		c.things[project] = map[string]*thing{}
	}
	do(c.things[project])
	return nil
}

func (c *cloud) List(ctx context.Context, in reconcile.Scope) ([]reconcile.Live[itemSpec], error) {
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	if c.listing != nil {
		c.listing(in.Project)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lists++
	if err := c.unread[in.Project]; err != nil {
		return nil, err
	}
	var out []reconcile.Live[itemSpec]
	for _, id := range slices.Sorted(maps.Keys(c.things[in.Project])) {
		t := c.things[in.Project][id]
		phase := reconcile.Ready
		switch {
		case t.failed:
			phase = reconcile.Failed
		case time.Now().Before(t.ready):
			phase = reconcile.Progressing
		}
		out = append(out, reconcile.Live[itemSpec]{ID: t.id, Name: t.name, Spec: t.spec, Mark: t.mark, Created: t.created, Phase: phase, Again: max(0, time.Until(t.ready))})
	}
	return out, nil
}

func (c *cloud) Create(ctx context.Context, want reconcile.Desired[itemSpec]) (id string, err error) {
	err = c.mutate(ctx, want.Scope.Project, "create", want.Name, func(things map[string]*thing) {
		c.serial++
		id = fmt.Sprintf("item-%d", c.serial)
		things[id] = &thing{id: id, name: want.Name, spec: want.Spec, mark: want.Mark, created: time.Now(), ready: time.Now().Add(c.slow)}
	})
	return id, err
}

func (c *cloud) Update(ctx context.Context, have reconcile.Live[itemSpec], want reconcile.Desired[itemSpec]) error {
	return c.mutate(ctx, want.Scope.Project, "update", want.Name, func(things map[string]*thing) {
		if t := things[have.ID]; t != nil {
			t.spec, t.mark, t.ready = want.Spec, want.Mark, time.Now().Add(c.slow)
		}
	})
}

func (c *cloud) Delete(ctx context.Context, have reconcile.Live[itemSpec]) error {
	return c.mutate(ctx, have.Scope.Project, "delete", have.Name, func(things map[string]*thing) { delete(things, have.ID) })
}

func (c *cloud) kinds() reconcile.Kinds {
	return reconcile.Kinds{reconcile.NewKind(reconcile.About{Name: "Item", Unique: true, Usual: 10 * time.Second}, c)}
}

// byHand changes a resource as somebody would on the console.
func (c *cloud) byHand(project, name string, change func(*thing)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, t := range c.things[project] {
		if t.name == name {
			change(t)
			if t.deleted {
				delete(c.things[project], id)
			}
		}
	}
}

// sizes are the resources of a project, by name.
func (c *cloud) sizes(project string) map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]int{}
	for _, t := range c.things[project] {
		out[t.name] = t.spec.Size
	}
	return out
}

func (c *cloud) mutations(project string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[project]
}

func (c *cloud) spoil(project string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unread[project] = err
}

// slower is how long what is new takes from now on.
func (c *cloud) slower(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slow = d
}

func (c *cloud) refuse(what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail[what] = err
}

// wallClock is the time of the bubble that a test runs in.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
