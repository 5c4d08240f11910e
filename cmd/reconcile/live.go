package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/providers"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// simulated is the clock of the embedded simulator: who waits on it gets to the
// next moment at which something happens, or to the end of the wait.
type simulated struct{ *simulator.Server }

func (c simulated) Sleep(ctx context.Context, d time.Duration) error {
	if next, ok := c.NextTransition(); ok {
		if until := next.Sub(c.Now()); until > 0 && until < d {
			d = until
		}
	}
	c.Advance(d)
	return ctx.Err()
}

// connect makes the session able to reach Scaleway, or the embedded simulator,
// and the store. write says whether the store is made if it is not there.
func (s *session) connect(ctx context.Context, write bool) error {
	getenv := s.getenv
	if s.app.flags.simulator {
		var err error
		if getenv, err = s.simulate(); err != nil {
			return err
		}
	}
	if err := s.openStore(ctx, write); err != nil {
		return err
	}
	var transport http.RoundTripper
	if s.transport != nil {
		transport = s.transport(http.DefaultTransport)
	}
	client, err := scaleway.New(ctx, scaleway.Options{
		Transport: transport, Getenv: getenv, Home: s.home, UserAgent: "reconcile/" + version(), Clock: s.clock, Secrets: &secretCache{session: s},
	})
	if err != nil {
		return err
	}
	if s.netbox, err = s.app.netbox(getenv, s.clock); err != nil {
		return err
	}
	s.client = client
	s.kinds = slices.Concat(providers.All(client), inventory.Kinds(inventory.Options{Server: s.netbox, Within: s.src.Stack.Inventory, Clock: s.clock}))
	return places(&s.src.Stack, s.client)
}

// simulate starts the embedded simulator and returns an environment that leads to it.
func (s *session) simulate() (getenv func(string) string, err error) {
	if _, err := store.Prepare(s.folder); err != nil {
		return nil, err
	}
	sim, err := simulator.New(simulator.Options{StateFile: filepath.Join(s.folder, "sim.json")})
	if err != nil {
		return nil, err
	}
	url, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.onClose(func() { sim.Close() })
	s.onClose(stop)
	s.clock = simulated{sim}
	return leading(sim.Environment(url), s.getenv), nil
}

// leading is an environment that leads to a simulator.
func leading(variables []string, getenv func(string) string) func(string) string {
	env := map[string]string{}
	for _, variable := range variables {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	return func(name string) string {
		if value, ok := env[name]; ok || strings.HasPrefix(name, "SCW_") || strings.HasPrefix(name, "NETBOX_") {
			return value // a real credential has no business here
		}
		return getenv(name)
	}
}

// prepare reads, connects and expands: what plan, apply, drift and outputs begin with.
func (a *app) prepare(ctx context.Context, where scope, write bool) (*session, error) {
	s, err := a.read(ctx, where)
	if err == nil {
		err = s.ready(ctx, write)
	}
	if err != nil && s != nil {
		s.close()
	}
	return s, err
}

func (s *session) ready(ctx context.Context, write bool) error {
	if err := s.src.Problems.Err(); err != nil { // no credential is needed to be told about these
		return s.expand(ctx, false)
	}
	if err := s.connect(ctx, write); err != nil {
		return err
	}
	if err := s.expand(ctx, true); err != nil {
		return err
	}
	s.tellOthers()
	s.engine = s.reading.engine(s.kinds, s.wish, s.clock)
	s.engine.Actor, s.engine.Only = s.actor(), s.only()
	s.engine.Lookups = append(s.engine.Lookups, s.sources.Receipts(s.clock.Now())...)
	if s.store != nil {
		s.engine.Journal = s.store.Journal(s.owner())
	}
	newExplaining(s.client, s.clock).to(s.engine, s.owner(), s.store, s.netbox)
	withInventory(s.engine, s.netbox)
	if err := s.heed(ctx); err != nil {
		return err
	}
	s.engine.Guards = append(s.engine.Guards, s.behind(ctx))
	return nil
}

// only is the choice of -f, --target and --exclude; nil if all is chosen. What a
// chosen key needs is chosen with it.
func (s *session) only() func(reconcile.Key) bool {
	if len(s.names)+len(s.targets)+len(s.excludes) == 0 {
		return nil
	}
	chosen := map[reconcile.Key]bool{}
	var choose func(w *reconcile.Wanted)
	choose = func(w *reconcile.Wanted) {
		if chosen[w.Key] {
			return
		}
		chosen[w.Key] = true
		for _, need := range w.Needs {
			if needed := s.wish.ByKey[need]; needed != nil {
				choose(needed)
			}
		}
	}
	for _, w := range s.wish.Ordered {
		inFile := slices.ContainsFunc(w.Origins, func(p reconcile.Pos) bool { return slices.Contains(s.names, p.File) })
		targeted := slices.ContainsFunc(s.targets, func(top string) bool { return w.Key.Below(reconcile.Key(top)) })
		if (inFile || len(s.names) == 0) && (targeted || len(s.targets) == 0) {
			choose(w)
		}
	}
	return func(key reconcile.Key) bool {
		below := func(top string) bool { return key.Below(reconcile.Key(top)) }
		switch {
		case slices.ContainsFunc(s.excludes, below):
			return false
		case s.wish.ByKey[key] == nil: // a leftover is chosen by name, or with what it belonged to
			return slices.ContainsFunc(s.targets, below) || len(s.targets) == 0 && (len(s.names) == 0 || s.wish.ByKey[key.Manifest()] != nil && chosen[key.Manifest()])
		}
		return chosen[key]
	}
}

func (s *session) wishHas(key reconcile.Key) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(s.wish.ByKey)), func(k reconcile.Key) bool { return k.Below(key) })
}

// checkTargets refuses a --target or --exclude that names nothing.
func (s *session) checkTargets(plan *reconcile.Plan) error {
	for _, name := range append(slices.Clone(s.targets), s.excludes...) {
		known := s.wishHas(reconcile.Key(name)) || slices.ContainsFunc(plan.Everything(), func(k reconcile.Key) bool { return k.Below(reconcile.Key(name)) })
		if known {
			continue
		}
		var names []string
		for key := range s.wish.ByKey {
			names = append(names, string(key))
		}
		slices.Sort(names)
		if near := reconcile.Nearest(name, names); near != "" {
			return fmt.Errorf("nothing has the key %s; did you mean %s?", name, near)
		}
		return fmt.Errorf("nothing has the key %s", name)
	}
	return nil
}

// actor is who runs.
func (a *app) actor() reconcile.Actor {
	actor := reconcile.Actor{Kind: "cli", Version: version()}
	actor.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		actor.User = u.Username
	}
	if a.getenv("GITLAB_CI") != "" {
		actor.Kind, actor.User, actor.Job = "gitlab-ci", a.getenv("GITLAB_USER_LOGIN"), a.getenv("CI_JOB_URL")
		actor.Email = a.getenv("GITLAB_USER_EMAIL")
	}
	return actor
}
