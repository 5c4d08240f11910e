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
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/providers"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// realClock is the time of this machine.
type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

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
	if err := s.openStore(write); err != nil {
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
	s.client, s.kinds = client, providers.All(client)
	return s.places()
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
	env := map[string]string{}
	for _, variable := range sim.Environment(url) {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	return func(name string) string {
		if value, ok := env[name]; ok || strings.HasPrefix(name, "SCW_") {
			return value // a real credential has no business here
		}
		return s.getenv(name)
	}, nil
}

func (s *session) openStore(write bool) (err error) {
	if kind := s.src.Stack.Store; kind != "" && kind != "local" {
		return fmt.Errorf("%s: store %q: this version keeps stacks in a local store only", s.src.Stack.Pos, kind)
	}
	if write {
		s.store, err = store.Open(s.folder)
	} else {
		s.store, _, err = store.OpenExisting(s.folder)
	}
	if s.store != nil {
		s.onClose(func() { s.store.Close() })
	}
	return err
}

// places fills in what the stack leaves to the environment.
func (s *session) places() error {
	stack := &s.src.Stack
	project, err := s.client.ProjectOr(stack.Project)
	if err != nil {
		return err
	}
	stack.Project = project
	if len(stack.Regions) == 0 {
		stack.Regions = []string{orElse(s.client.Region, "fr-par")}
	}
	if len(stack.Zones) == 0 {
		stack.Zones = []string{orElse(s.client.Zone, stack.Regions[0]+"-1")}
	}
	return nil
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
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
	s.engine = &reconcile.Engine{
		Stack: &s.src.Stack, Kinds: s.kinds, Revision: s.src.Revision, Clock: s.clock, Actor: s.actor(),
		Commit: s.source.Contains, Base: s.base, Removed: s.removed, Lost: s.lost, Calls: scaleway.WithCalls, Lookups: s.receipts(), Only: s.only(),
	}
	if s.store != nil {
		s.engine.Journal = s.store.Journal(s.src.Stack.Mark("", "").Owner())
		if s.journal != nil {
			s.engine.Journal = s.journal(s.engine.Journal)
		}
	}
	return nil
}

// base is the desired state at an earlier commit, read leniently: what cannot
// be decoded any more is left out.
func (s *session) base(ctx context.Context, rev string) (map[reconcile.Key]*reconcile.Wanted, error) {
	tree, err := s.source.At(ctx, rev)
	if err != nil {
		return nil, err
	}
	src := manifest.Read(tree, manifest.Options{Name: s.src.Stack.Name, Kinds: s.kinds})
	src.Stack = s.src.Stack
	wish, _ := reconcile.Expand(src, s.kinds, nil)
	return wish.ByKey, nil
}

// lost tells that a file which asked for something has a document now that is no
// manifest: more often a slip than a wish to delete.
func (s *session) lost(file string) string {
	for _, other := range s.src.Other {
		if strings.HasPrefix(other, file+":") {
			return "its file is still there, and what stands at " + other + " is no manifest any more"
		}
	}
	return ""
}

// removed is the commit that took a file away, "" if the file is still there or
// nothing is committed about it.
func (s *session) removed(ctx context.Context, file string) string {
	if _, err := s.src.ReadFile(file); err == nil || s.revision.Dirty {
		return ""
	}
	rev, err := s.source.LastChange(ctx, file)
	if err != nil || rev.Hash == "" {
		return ""
	}
	return rev.Hash[:7]
}

// receipts tell what came of the look-ups, so that an incomplete answer says so.
func (s *session) receipts() []reconcile.Receipt {
	var out []reconcile.Receipt
	for _, w := range s.wish.Ordered {
		if w.Hold != nil {
			out = append(out, reconcile.Receipt{Kind: "value", Scope: w.Scope, Reason: string(w.Key) + ": " + w.Hold.Reason, At: s.clock.Now()})
		}
	}
	return out
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
func (s *session) actor() reconcile.Actor {
	actor := reconcile.Actor{Kind: "cli", Version: version()}
	actor.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		actor.User = u.Username
	}
	if s.getenv("GITLAB_CI") != "" {
		actor.Kind, actor.User, actor.Job = "gitlab-ci", s.getenv("GITLAB_USER_LOGIN"), s.getenv("CI_JOB_URL")
	}
	return actor
}

// secretCache remembers verified secrets in the store, which is made for it when
// the first one is to be remembered. Without a store nothing is remembered.
type secretCache struct {
	session *session
	once    sync.Once
	cache   *store.Cache
}

func (c *secretCache) open() *store.Cache {
	c.once.Do(func() {
		if c.session.store == nil {
			opened, err := store.Open(c.session.folder)
			if err != nil {
				return // a cache is not worth an error
			}
			c.session.store = opened
			c.session.onClose(func() { opened.Close() })
		}
		c.cache = c.session.store.Cache("secrets")
	})
	return c.cache
}

func (c *secretCache) Seen(hash, mac string) bool {
	cache := c.open()
	return cache != nil && cache.Get(hash+" "+mac)
}

func (c *secretCache) Remember(hash, mac string) {
	if cache := c.open(); cache != nil {
		cache.Put(hash + " " + mac)
	}
}

func (c *secretCache) Key() []byte {
	if cache := c.open(); cache != nil {
		return cache.Key()
	}
	return nil
}
