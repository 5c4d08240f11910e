package providertest

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// ourStack is the stack whose manifests are applied.
const ourStack = `apiVersion: reconcile/v1
kind: Stack
metadata: {name: suite, uid: 5b0c11aa-0000-4000-8000-000000000001}
spec:
  scaleway: {regions: [fr-par], zones: [fr-par-1]}
  policy: {prune: true, maxDeletes: 100, allowEmpty: true}
`

// stage is a stack on a simulated Scaleway: all between the manifests and the
// API is what the program itself uses.
type stage struct {
	testing.TB
	sim    *simulator.Server
	url    string
	kinds  reconcile.Kinds
	values map[string]string                         // of the environment, by name
	stack  string                                    // the Stack's manifest
	rev    string                                    // at which is applied
	revs   []string                                  // of the repository
	record func(reconcile.Journal) reconcile.Journal // goes around the journal; nil: nothing does

	advance   func(time.Duration) // moves the clock; nil: the simulator does
	napped    func(time.Duration) // told of the client's waits; nil: nobody is
	kindsOf   func(*scaleway.Client) []reconcile.Kind
	keys      scaleway.CredentialSource // nil: the simulator's own key
	client    *scaleway.Client
	transport http.RoundTripper
	wires     *wires
	cache     *cache
	dir       string
	stored    bool                       // the journal is one of SQLite, in dir
	store     *store.Store               // nil unless stored
	leases    map[string]reconcile.Lease // of the store, by owner
	notes     map[string]*notes
	parallel  int
}

// newStage starts a simulator and all that is needed to apply to it, with a
// journal in memory.
func newStage(tb testing.TB, kinds func(*scaleway.Client) []reconcile.Kind) *stage {
	tb.Helper()
	s := setUp(tb, kinds)
	s.begin()
	return s
}

// newStoredStage keeps the journal in SQLite.
func newStoredStage(tb testing.TB, kinds func(*scaleway.Client) []reconcile.Kind) *stage {
	tb.Helper()
	s := setUp(tb, kinds)
	s.stored = true
	s.begin()
	return s
}

func setUp(tb testing.TB, kinds func(*scaleway.Client) []reconcile.Kind) *stage {
	tb.Helper()
	sim, err := simulator.New(simulator.Options{Clock: "virtual", CheapHashes: true, Seed: 1})
	if err != nil {
		tb.Fatal(err)
	}
	url, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tcp := &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true}
	s := &stage{TB: tb, sim: sim, url: url, kindsOf: kinds, stack: ourStack, values: map[string]string{},
		transport: tcp, cache: &cache{seen: map[string]bool{}}, notes: map[string]*notes{}, dir: filepath.Join(tb.TempDir(), "store")}
	tb.Cleanup(func() { s.close(); tcp.CloseIdleConnections(); stop(); sim.Close() })
	s.commit("")
	return s
}

// begin is the start of a process: a client, and an open store.
func (s *stage) begin() {
	s.Helper()
	s.close()
	s.wires = &wires{next: s.transport}
	env := map[string]string{}
	for _, variable := range s.sim.Environment(s.url) {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	waits := s.clock()
	waits.napped = s.napped
	var err error
	s.client, err = scaleway.New(s.Context(), scaleway.Options{
		Getenv: func(name string) string { return env[name] }, Home: s.dir, UserAgent: "providertest",
		Clock: waits, Secrets: s.cache, Transport: s.wires, Credentials: s.keys,
	})
	if err != nil {
		s.Fatal(err)
	}
	s.kinds = s.kindsOf(s.client)
	if !s.stored {
		return
	}
	if s.store, err = store.Open(s.dir); err != nil {
		s.Fatal(err)
	}
	s.leases = map[string]reconcile.Lease{}
}

// close is the end of a process.
func (s *stage) close() {
	for _, lease := range s.leases {
		if err := lease.Release(); err != nil {
			s.Error(err)
		}
	}
	s.leases = nil
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.Error(err)
		}
		s.store = nil
	}
}

// commit makes a revision, which is applied from now on.
func (s *stage) commit(name string) {
	if name == "" {
		name = "first"
	}
	s.rev = digestOf(name)
	s.revs = append(s.revs, s.rev)
}

// clock is the simulator's: who waits on it moves it.
type clock struct {
	*simulator.Server
	wires   *wires
	advance func(time.Duration)
	napped  func(time.Duration)
}

func (s *stage) clock() clock {
	if s.advance == nil {
		return clock{Server: s.sim, wires: s.wires, advance: s.sim.Advance}
	}
	return clock{Server: s.sim, wires: s.wires, advance: s.advance}
}

// Sleep returns at once, at a later time. It wakes nobody in a process that has died.
func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	if c.wires.dead() {
		return errKilled
	}
	if c.napped != nil {
		c.napped(d)
	}
	c.advance(d)
	return ctx.Err()
}

// read makes the desired state of manifests.
func (s *stage) read(manifests string) *reconcile.Wish {
	s.Helper()
	files := fstest.MapFS{"stack.yaml": {Data: []byte(s.stack)}, "manifests.yaml": {Data: []byte(manifests)}}
	src := manifest.Read(files, manifest.Options{Name: "suite", Kinds: s.kinds})
	src.Stack.Project = s.client.Project
	values := reconcile.Look(s.Context(), src.Manifests, &secrets.Sources{
		Env: func(name string) (string, bool) { value, ok := s.values[name]; return value, ok },
	})
	wish, problems := reconcile.Expand(src, s.kinds, values)
	problems = append(slices.Clone(src.Problems), problems...)
	if err := problems.Err(); err != nil {
		s.Fatalf("the manifests are wrong: %v\n%s", err, manifests)
	}
	return wish
}

// declared is the stack itself, as its manifest says.
func (s *stage) declared() *reconcile.Stack {
	src := manifest.Read(fstest.MapFS{"stack.yaml": {Data: []byte(s.stack)}}, manifest.Options{Name: "suite", Kinds: s.kinds})
	src.Stack.Project = s.client.Project
	return &src.Stack
}

func (s *stage) owner() string { return s.declared().Mark("", "").Owner() }

func (s *stage) engine() *reconcile.Engine {
	journal := s.journal()
	if s.record != nil {
		journal = s.record(journal)
	}
	return &reconcile.Engine{
		Stack: s.declared(), Kinds: s.kinds, Revision: reconcile.Revision{ID: s.rev}, Journal: journal, Clock: s.clock(),
		Actor: reconcile.Actor{Kind: "cli", User: "suite"}, Parallel: s.parallel, Timeout: time.Hour,
		Commit: func(_ context.Context, rev string) (bool, error) { return slices.Contains(s.revs, rev), nil },
	}
}

func (s *stage) journal() reconcile.Journal {
	owner := s.owner()
	if s.stored {
		return s.lease(owner).Journal()
	}
	if s.notes[owner] == nil {
		s.notes[owner] = &notes{}
	}
	return s.notes[owner]
}

// lease is the process's right to change a stack, which it takes once.
func (s *stage) lease(owner string) reconcile.Lease {
	if s.leases[owner] == nil {
		lease, err := s.store.Lease(s.Context(), owner, "suite")
		if err != nil {
			s.Fatal(err)
		}
		s.leases[owner] = lease
	}
	return s.leases[owner]
}

func (s *stage) plan(manifests string) *reconcile.Plan {
	s.Helper()
	plan, _, err := s.engine().Plan(s.Context(), s.read(manifests))
	if err != nil {
		s.Fatal(err)
	}
	return plan
}

// apply is one run of the program. What it ended with is in the outcome.
func (s *stage) apply(manifests string) *reconcile.Outcome {
	s.Helper()
	wish, engine := s.read(manifests), s.engine()
	plan, world, err := engine.Plan(s.Context(), wish)
	if err != nil {
		return &reconcile.Outcome{Plan: &reconcile.Plan{}, Err: err}
	}
	return engine.Apply(s.Context(), nil, wish, world, plan)
}

// steer calls the simulator's own API, without a network.
func (s *stage) steer(method, path string, body []byte) []byte {
	s.Helper()
	w := httptest.NewRecorder()
	s.sim.ServeHTTP(w, httptest.NewRequest(method, path, bytes.NewReader(body)))
	if w.Code >= 300 {
		s.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// breaks adds faults; mend takes them all away.
func (s *stage) breaks(faults ...simulator.Fault) {
	for _, fault := range faults {
		s.sim.AddFault(fault)
	}
}

func (s *stage) mend() {
	s.wires.straighten()
	s.steer(http.MethodDelete, "/_sim/faults", nil)
}

// cache remembers which values belong to which hashes.
type cache struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (c *cache) Seen(hash, mac string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[hash+mac]
}

func (c *cache) Remember(hash, mac string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[hash+mac] = true
}

func (c *cache) Key() []byte { return []byte("the same for all of a test") }
