package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// listingsAge is how long stacks share what was listed.
const listingsAge = 12 * time.Second

// line is the daemon's way to repositories, values and Scaleway.
type line struct {
	app       *app
	clock     reconcile.Clock
	config    atomic.Pointer[daemon.Config] // as it was last reloaded
	kinds     reconcile.Kinds               // without a client, to read manifests with
	checkouts *checkouts
	clients   *clients
	listings  *reconcile.Listings
	masks     *masks
	stores    func(daemon.Entry) []string // what a stack's manifest may call its store here
	stakes    sync.Map                    // what stacks have to do with NetBox, by name
	owners    sync.Map                    // owner words by names of stacks
	store     reconcile.Store             // that has the journals; nil: none is known
}

// ownerOf is the owner word of a stack, "" if it was not read yet.
func (l *line) ownerOf(name string) string {
	owner, _ := l.owners.Load(name)
	text, _ := owner.(string)
	return text
}

var _ daemon.Line = (*line)(nil)

// lineOptions say where a line's things are.
type lineOptions struct {
	folder    string // of the bare stores of repositories
	clock     reconcile.Clock
	getenv    func(string) string // leads to Scaleway
	simulated bool                // it leads to a simulator, whatever credential a stack names
	cache     scaleway.SecretCache
	masks     *masks
	stores    func(daemon.Entry) []string
	store     reconcile.Store // nil: nothing is known of earlier calls
}

func newLine(a *app, config *daemon.Config, o lineOptions) *line {
	l := &line{
		app: a, clock: o.clock, kinds: knownKinds(), masks: o.masks, stores: o.stores, store: o.store,
		checkouts: newCheckouts(o.folder, o.masks.watched(a.getenv)), listings: reconcile.NewListings(o.clock, listingsAge),
		clients: &clients{app: a, o: o, made: map[daemon.Credential]connection{}, boxes: map[netboxAt]*box{}},
	}
	l.config.Store(config)
	return l
}

// Head implements daemon.Line.
func (l *line) Head(ctx context.Context, e daemon.Entry) (string, error) {
	c, _, err := l.checkout(ctx, e)
	if err != nil {
		return "", err
	}
	return c.head(ctx)
}

func (l *line) checkout(ctx context.Context, e daemon.Entry) (*checkout, daemon.Git, error) {
	git, _ := l.config.Load().GitOf(e)
	c, err := l.checkouts.of(ctx, e, git)
	return c, git, err
}

// Follows implements daemon.Line.
func (l *line) Follows(ctx context.Context, e daemon.Entry, newer, older string) (bool, error) {
	c, _, err := l.checkout(ctx, e)
	if err != nil {
		return false, err
	}
	source, err := c.source.Pinned(ctx, newer)
	if err != nil {
		return false, err
	}
	return source.Descends(ctx, older)
}

// Ready implements daemon.Line.
func (l *line) Ready(ctx context.Context, e daemon.Entry, commit string) (*daemon.Ready, error) {
	ready, err := l.ready(ctx, e, commit, nil)
	if ready != nil {
		l.owners.Store(e.Name, ready.Owner)
	}
	return ready, err
}

// ready reads a stack at a commit, be it one of its branch or not. may, if there
// is one, refuses owner words before anything is looked up for them.
func (l *line) ready(ctx context.Context, e daemon.Entry, commit string, may func(owner string) error) (*daemon.Ready, error) {
	from, git, err := l.checkout(ctx, e)
	if err != nil {
		return nil, err
	}
	r, err := l.checkouts.stack(ctx, from, e, git, commit, l.kinds)
	if err != nil {
		return nil, err
	}
	stack := &r.src.Stack
	ready := &daemon.Ready{Owner: r.owner(), Stack: stack, Head: r.revision.Hash, Within: within(r.owner()), Close: func() {}}
	if err := l.storedHere(e, stack); err != nil {
		return ready, err
	}
	if err := r.src.Problems.Err(); err != nil {
		return ready, err
	}
	if may != nil {
		if err := may(ready.Owner); err != nil {
			return ready, err
		}
	}
	made, err := l.clients.of(ctx, l.config.Load(), e)
	if err == nil {
		err = inBounds(e, stack, made.client)
	}
	if err == nil {
		err = places(stack, made.client)
	}
	if err != nil {
		return ready, err
	}
	sources, err := l.values(e, r.src, made.client)
	if err != nil {
		return ready, err
	}
	config := l.config.Load()
	netbox := l.clients.netbox(config)
	narrowed := config.NetBox.Narrow(stack)
	kinds := slices.Concat(l.listings.Kinds(made.kinds, made.name, ready.Owner), l.devices(netbox, config.NetBox, stack, ready.Owner))
	r.src.Seen = reconcile.Survey(ctx, r.src, kinds)
	values := reconcile.Look(ctx, r.src.Manifests, sources)
	wish, problems := reconcile.Expand(r.src, l.kinds, values)
	ready.Warnings = slices.Concat(r.src.Problems, problems, narrowed, l.unnamedStore(e, stack))
	if err := ready.Warnings.Err(); err != nil {
		return ready, err
	}
	ready.Wish = wish
	its := stakeOf(r.src, wish)
	l.stakes.Store(e.Name, its)
	ready.Warnings = append(ready.Warnings, l.clients.caution(config, stack, its)...)
	ready.Engine = r.engine(kinds, wish, l.clock)
	withInventory(ready.Engine, netbox)
	ready.Engine.Settle = reconcile.DefaultSettle + listingsAge
	made.explaining.to(ready.Engine, ready.Owner, l.store, netbox)
	ready.Engine.Lookups = append(ready.Engine.Lookups, sources.Receipts(l.clock.Now())...)
	return ready, nil
}

// devices are the kinds of NetBox. Stacks that look at the same part of it share
// what is listed, whatever their credentials.
func (l *line) devices(netbox inventory.Server, by daemon.NetBox, stack *reconcile.Stack, owner string) reconcile.Kinds {
	within, bounds := stack.Inventory, by.Bounds()
	part := fmt.Sprintf("netbox %q %q %q %q in %q %q %q", by.URL, within.Tenants, within.Sites, within.Tag, bounds.Tenants, bounds.Sites, bounds.Tag)
	return l.listings.Kinds(inventory.Kinds(inventory.Options{Server: netbox, Within: within, Bounds: bounds, Clock: l.clock}), part, owner)
}

// within has requests bear whose they are: a credential's rate is shared out by
// stack, and a zombie's calls are told from those of who came after it.
func within(owner string) func(context.Context, string, int64) context.Context {
	return func(ctx context.Context, jid string, epoch int64) context.Context {
		return scaleway.WithRun(ctx, scaleway.RunTag{Stack: owner, Epoch: epoch, JID: jid})
	}
}

// storedHere refuses a stack whose manifest says that its journal is elsewhere.
func (l *line) storedHere(e daemon.Entry, stack *reconcile.Stack) error {
	if stack.StorePos.IsZero() {
		return nil
	}
	names := l.stores(e)
	if slices.Contains(names, stack.Store) {
		return nil
	}
	return reconcile.Problems{{Pos: stack.StorePos, Message: fmt.Sprintf("the stack's store is %s, and this daemon keeps another: its runs would be written down in two places", stack.Store),
		Hint: "write store: " + names[0]}}
}

// unnamedStore warns of a stack that names no store and is not kept where the
// commands would look then: jobs and laptops would not take turns with this daemon.
func (l *line) unnamedStore(e daemon.Entry, stack *reconcile.Stack) reconcile.Problems {
	names := l.stores(e)
	if !stack.Declared || !stack.StorePos.IsZero() || slices.Contains(names, inFolder) {
		return nil
	}
	return reconcile.Problems{{Pos: stack.Pos, Warning: true, Message: "the stack names no store, so jobs and laptops that apply it keep a journal of their own and do not take turns with this daemon",
		Hint: "write store: " + names[0]}}
}

// inBounds refuses a project that the operator did not name: a key may reach
// those of other teams too. Without a word of his it is the key's own.
func inBounds(e daemon.Entry, stack *reconcile.Stack, client *scaleway.Client) error {
	if stack.Project == "" || stack.Project == client.Project || len(e.Bounds.Projects) > 0 {
		return nil // named bounds are the daemon's to check
	}
	return reconcile.Problems{{Pos: stack.Pos, Message: fmt.Sprintf("the stack names the project %s, which is not the one of its credential", stack.Project),
		Hint: "the operator's file allows it by the stack's bounds.projects"}}
}

// Artefacts implements daemon.Line.
func (l *line) Artefacts(_ context.Context, e daemon.Entry, look daemon.Look) (map[string][]byte, error) {
	out := map[string][]byte{}
	var errs []error
	file := func(name string, write func(*bytes.Buffer) error) {
		var text bytes.Buffer
		if err := write(&text); err != nil {
			errs = append(errs, fmt.Errorf("write %s: %w", name, err))
		}
		out[name] = text.Bytes()
	}
	file("plan.json", func(b *bytes.Buffer) error {
		return report.PlanJSON(b, look.Plan, report.JSONOptions{Version: version()})
	})
	file("drift.json", func(b *bytes.Buffer) error { return report.DriftJSON(b, look.Plan) })
	file("plan.txt", func(b *bytes.Buffer) error { return report.Plan(b, look.Plan, report.Style{Width: 100}) })
	file("approvals.json", func(b *bytes.Buffer) error { return indented(b, reconcile.Approvable(look.Plan)) })
	if look.Outcome == nil && l.tellsDrift(e) {
		file(driftFile, func(b *bytes.Buffer) error { return l.driftFile(b, e, look.Plan) })
	}
	if look.Outcome == nil {
		return out, errors.Join(errs...)
	}
	states, err := journal.States(sequence(look.Records))
	if err != nil {
		return out, errors.Join(append(errs, err)...)
	}
	file("return.json", func(b *bytes.Buffer) error { return indented(b, journal.Returns(look.Plan.Stack, states)) })
	file("highstate.txt", func(b *bytes.Buffer) error { return journal.Highstate(b, look.Plan.Stack, states) })
	return out, errors.Join(errs...)
}
