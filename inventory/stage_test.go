package inventory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/inventory/netbox"
	"gitlab.com/reconciled/reconciled/providers/providertest"
	simulator "gitlab.com/reconciled/reconciled/providers/simulator/netbox"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// stage is a stack and a simulated NetBox: what is between its manifests and
// NetBox is what the program itself uses.
type stage struct {
	testing.TB
	sim      *simulator.Server
	server   inventory.Server
	wire     *wire
	clock    *clock
	stack    reconcile.Stack
	bounds   reconcile.Inventory
	journal  reconcile.Journal
	rev      string
	revs     []string
	witness  bool
	parallel int
	hits     atomic.Int64 // requests that went wrong
}

// newStage has a NetBox of a version with what devices need: a site, a role, a
// device type and so on, and what reconcile inventory bootstrap makes.
func newStage(tb testing.TB, version string) *stage {
	tb.Helper()
	s := &stage{TB: tb, clock: &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}, journal: providertest.NewJournal()}
	s.sim = simulator.New(simulator.Options{Version: version, Now: s.clock.Now})
	s.wire = &wire{handler: s.sim, counts: map[string]int{}}
	s.server = s.client(100)
	s.stack = reconcile.Stack{Name: "shop", UID: "5b0c11aa-0000-4000-8000-000000000001", Declared: true, Inventory: reconcile.NewInventory(),
		Policy: reconcile.Policy{Mode: "auto", Prune: true, MaxDeletes: 1000, AllowEmpty: true, Rules: reconcile.Rules{MaxMonthlyEUR: -1}, Quorum: reconcile.Quorum{Count: 1}}}
	s.stack.Inventory.AutoDelete = true
	s.commit("first")
	s.seed("dcim/sites", "name", "Paris 2", "slug", "fr-par-2")
	s.seed("dcim/sites", "name", "Amsterdam 1", "slug", "nl-ams-1")
	s.seed("tenancy/tenants", "name", "Shop", "slug", "shop")
	s.seed("tenancy/tenants", "name", "Others", "slug", "others")
	maker := s.seed("dcim/manufacturers", "name", "Scaleway", "slug", "scaleway")
	s.seed("dcim/device-types", "model", "A210R", "slug", "em-a210r-hdd", "manufacturer", maker)
	s.seed("dcim/device-types", "model", "B220E", "slug", "em-b220e-nvme", "manufacturer", maker)
	s.seed("dcim/device-roles", "name", "Worker", "slug", "worker", "color", "9e9e9e")
	s.seed("dcim/device-roles", "name", "Store", "slug", "store", "color", "9e9e9e")
	s.seed("dcim/platforms", "name", "Ubuntu 24.04", "slug", "ubuntu-2404")
	s.seed("dcim/platforms", "name", "Debian 13", "slug", "debian-13")
	s.seed("ipam/prefixes", "prefix", "10.20.0.0/24")
	s.seed("ipam/prefixes", "prefix", "2001:db8:20::/64")
	s.bootstrap()
	return s
}

func (s *stage) bootstrap() {
	s.Helper()
	all, err := inventory.Bootstrap{}.Fixtures(s.Context(), s.server)
	if err == nil {
		err = inventory.Make(s.Context(), s.server, all, func(*inventory.Fixture) {})
	}
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) client(page int) inventory.Server {
	s.Helper()
	c, err := netbox.New(netbox.Options{
		URL: "http://127.0.0.1:8000", UserAgent: "test", Clock: s.clock, Transport: s.wire, PageSize: page,
		Token: func(context.Context) (reconcile.Secret, error) { return reconcile.NewSecret(simulator.Token), nil },
	})
	if err != nil {
		s.Fatal(err)
	}
	return c
}

func (s *stage) commit(name string) {
	s.rev = fmt.Sprintf("%x", name+strings.Repeat("-", 20))[:40]
	s.revs = append(s.revs, s.rev)
}

func (s *stage) kinds() reconcile.Kinds {
	return inventory.Kinds(inventory.Options{Server: s.server, Within: s.stack.Inventory, Bounds: s.bounds, Clock: s.clock})
}

func (s *stage) engine() *reconcile.Engine {
	e := &reconcile.Engine{
		Stack: &s.stack, Kinds: s.kinds(), Revision: reconcile.Revision{ID: s.rev}, Journal: s.journal, Clock: s.clock, Actor: reconcile.Actor{Kind: "cli", User: "test"}, Timeout: time.Hour, Parallel: s.parallel,
		Commit: func(_ context.Context, rev string) (bool, error) { return slices.Contains(s.revs, rev), nil },
	}
	if s.witness {
		e.Witness = inventory.NewWitness(s.server)
	}
	return e
}

// wish expands manifests; what they are drawn from is read first.
func (s *stage) wish(manifests ...reconcile.Manifest) *reconcile.Wish {
	s.Helper()
	wish, problems := s.expand(manifests...)
	if err := problems.Err(); err != nil {
		s.Fatalf("the manifests are wrong: %v", err)
	}
	return wish
}

func (s *stage) expand(manifests ...reconcile.Manifest) (*reconcile.Wish, reconcile.Problems) {
	src := &reconcile.Source{Stack: s.stack, Manifests: manifests}
	src.Seen = reconcile.Survey(s.Context(), src, s.kinds())
	return reconcile.Expand(src, s.kinds(), nil)
}

func (s *stage) plan(manifests ...reconcile.Manifest) *reconcile.Plan {
	s.Helper()
	plan, _, err := s.engine().Plan(s.Context(), s.wish(manifests...))
	if err != nil {
		s.Fatal(err)
	}
	return plan
}

func (s *stage) apply(manifests ...reconcile.Manifest) *reconcile.Outcome {
	s.Helper()
	wish, engine := s.wish(manifests...), s.engine()
	plan, world, err := engine.Plan(s.Context(), wish)
	if err != nil {
		s.Fatal(err)
	}
	return engine.Apply(s.Context(), nil, wish, world, plan)
}

// settle applies, and fails unless all is done and a second plan is empty.
func (s *stage) settle(manifests ...reconcile.Manifest) {
	s.Helper()
	if problem := trouble(s.apply(manifests...)); problem != "" {
		s.Fatalf("apply: %s", problem)
	}
	s.settled(manifests...)
}

func (s *stage) settled(manifests ...reconcile.Manifest) {
	s.Helper()
	if left := changes(s.plan(manifests...)); len(left) > 0 {
		s.Fatalf("the second plan is not empty:\n%s", strings.Join(left, "\n"))
	}
}

// changes are a plan's changes, a line each; held ones say why.
func changes(plan *reconcile.Plan) []string {
	var out []string
	for _, c := range plan.Changes() {
		text := fmt.Sprintf("%s %s", c.Action, c.Key)
		for _, f := range c.Fields {
			text += fmt.Sprintf(" %s: %v -> %v", f.Path, f.From, f.To)
		}
		for _, h := range c.Held {
			text += fmt.Sprintf(" [%s: %s]", h.Guard, h.Reason)
		}
		out = append(out, text)
	}
	for _, r := range plan.Receipts {
		if !r.Complete && !r.OutOfScope {
			out = append(out, r.Kind+" is not known: "+r.Reason)
		}
	}
	return out
}

func trouble(out *reconcile.Outcome) string {
	var texts []string
	for _, step := range out.Steps {
		if step.Err != nil {
			texts = append(texts, fmt.Sprintf("%s %s: %v", step.Action, step.Change.Key, step.Err))
		}
	}
	texts = append(texts, changes(out.Plan)...)
	if out.Err != nil {
		texts = append(texts, out.Err.Error())
	}
	return strings.Join(texts, "; ")
}

// seed makes an object of pairs of fields and values.
func (s *stage) seed(table string, pairs ...any) int64 {
	s.Helper()
	id, err := s.sim.Seed(table, fieldsOf(pairs))
	if err != nil {
		s.Fatal(err)
	}
	return id
}

// edit changes an object as a person does.
func (s *stage) edit(who, table string, id int64, pairs ...any) {
	s.Helper()
	s.clock.advance(time.Second)
	if err := s.sim.As(who).Patch(table, id, fieldsOf(pairs)); err != nil {
		s.Fatal(err)
	}
}

func fieldsOf(pairs []any) map[string]any {
	fields := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i].(string)] = pairs[i+1]
	}
	return fields
}

func slug(word string) map[string]any { return map[string]any{"slug": word} }

// rows are all rows of a table.
func rows[T any](s *stage, table inventory.Table) []T {
	s.Helper()
	var out []T
	for _, raw := range s.sim.Objects(string(table)) {
		var row T
		if err := json.Unmarshal(raw, &row); err != nil {
			s.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

// row is the device of a name.
func (s *stage) row(name string) inventory.DeviceRow {
	s.Helper()
	for _, row := range rows[inventory.DeviceRow](s, inventory.Devices) {
		if row.Name == name {
			return row
		}
	}
	s.Fatalf("there is no device %s", name)
	return inventory.DeviceRow{}
}

// live is a device as the kind reads it, by its ID.
func (s *stage) live(name string) (*reconcile.Resource, *inventory.Device) {
	s.Helper()
	kind, _ := s.kinds().Find(inventory.DeviceKind)
	r, _, err := kind.Get(s.Context(), reconcile.Scope{}, fmt.Sprint(s.row(name).ID))
	if err != nil {
		s.Fatal(err)
	}
	return r, r.Spec.(*inventory.Device)
}

// manifest makes one of Go's values: maps and lists become nodes.
func manifest(kind, name string, spec map[string]any) reconcile.Manifest {
	return reconcile.Manifest{Key: reconcile.NewKey(kind, name), Spec: node(spec), Pos: reconcile.Pos{File: name + ".yaml", Line: 1}}
}

// device is a manifest of a device with the usual fields, and pairs of others.
func device(name string, pairs ...any) reconcile.Manifest {
	spec := map[string]any{"site": "fr-par-2", "tenant": "shop", "role": "worker", "deviceType": "em-a210r-hdd", "status": "staged"}
	for name, value := range fieldsOf(pairs) {
		spec[name] = value
	}
	return manifest(inventory.DeviceKind, name, spec)
}

// port is an interface in a manifest.
func port(name string, pairs ...any) map[string]any {
	spec := fieldsOf(pairs)
	spec["name"] = name
	return spec
}

func node(v any) *reconcile.Node {
	at := reconcile.Pos{File: "test.yaml", Line: 1}
	switch v := v.(type) {
	case string:
		return reconcile.String(v, at)
	case bool:
		return reconcile.Bool(v, at)
	case []any:
		items := make([]*reconcile.Node, len(v))
		for i := range v {
			items[i] = node(v[i])
		}
		return reconcile.List(at, items...)
	case map[string]any:
		out := reconcile.Map(at)
		for name, value := range v {
			out = out.With(reconcile.Entry{Key: name, Pos: at, Value: node(value)})
		}
		return out
	}
	panic(fmt.Sprintf("%T has no form in manifests", v))
}

// clock moves when somebody waits.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Microsecond) // no two writes at one time
	return c.at
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.advance(d)
	return ctx.Err()
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// wire leads to a NetBox in this process, and bends what goes over it.
type wire struct {
	handler http.Handler
	mu      sync.Mutex
	counts  map[string]int // requests by method and path
	bend    func(req *http.Request, serve func() *http.Response) (*http.Response, error)
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	w.mu.Lock()
	w.counts[req.Method+" "+req.URL.Path]++
	bend := w.bend
	w.mu.Unlock()
	serve := func() *http.Response {
		again := req.Clone(context.WithoutCancel(req.Context()))
		again.Body, again.RequestURI = io.NopCloser(bytes.NewReader(body)), req.URL.RequestURI()
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, again)
		out := answer.Result()
		out.Request = req
		return out
	}
	if bend != nil {
		return bend(req, serve)
	}
	return serve(), nil
}

// bends has requests bent from now on, until straight.
func (w *wire) bends(bend func(req *http.Request, serve func() *http.Response) (*http.Response, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bend = bend
}

func (w *wire) straight() { w.bends(nil) }

// taken are the requests since it was last asked.
func (w *wire) taken() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.counts
	w.counts = map[string]int{}
	return out
}

func writes(counts map[string]int) int {
	n := 0
	for request, count := range counts {
		if !strings.HasPrefix(request, "GET ") {
			n += count
		}
	}
	return n
}
