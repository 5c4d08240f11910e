package providertest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// The named reliability tests. Each logs one line with
// its figures, which make reliability prints; RUNS makes them thorough.

// fleet has a resource of each kind.
const fleet = `
apiVersion: reconcile/v1
kind: Container
metadata: {name: api}
spec:
  image: nginx:1.29
  privacy: public
  startupProbe: {tcp: true}
  cronTriggers:
    - {name: nightly, schedule: "0 2 * * *", timezone: UTC}
    - {name: hourly, schedule: "0 * * * *", timezone: UTC}
  domains: [shop.example.org]
---
apiVersion: reconcile/v1
kind: Container
metadata: {name: web}
spec:
  image: nginx:1.29
  privacy: public
  namespace: shared
  cronTriggers: [{name: nightly, schedule: "0 2 * * *", timezone: UTC}]
`

// fleetLater is what becomes of it: something is made, changed, replaced and deleted.
const fleetLater = `
apiVersion: reconcile/v1
kind: Container
metadata: {name: api}
spec:
  image: nginx:1.30
  privacy: public
  startupProbe: {tcp: true}
  cronTriggers:
    - {name: nightly, schedule: "0 4 * * *", timezone: UTC}
  domains: [shop.example.org]
---
apiVersion: reconcile/v1
kind: Container
metadata: {name: worker}
spec:
  image: nginx:1.29
  privacy: private
  cronTriggers: [{name: nightly, schedule: "0 2 * * *", timezone: UTC}]
`

// fleetAnew needs a new container, which takes what is in the old one along.
var fleetAnew = strings.Replace(fleet, "  startupProbe: {tcp: true}\n", "", 1)

// collections are the routes that make something.
var collections = []string{"/namespaces$", "/containers$", "/triggers$", "/domains$"}

func newFleet(t *testing.T) *stage {
	t.Helper()
	s := newStoredStage(t, container.Kinds)
	s.parallel = 1
	return s
}

// afterFleet applies the fleet once, and makes stages that go on from there.
func afterFleet(t *testing.T) func() *stage {
	t.Helper()
	first := newFleet(t)
	first.must(fleet)
	first.sim.Advance(time.Hour)
	state := first.steer(http.MethodGet, "/_sim/state", nil)
	first.close()
	return func() *stage {
		s := setUp(t, container.Kinds)
		s.stored, s.parallel = true, 1
		if err := copyStore(first.dir, s.dir); err != nil {
			t.Fatal(err)
		}
		s.begin()
		s.steer(http.MethodPut, "/_sim/state", state)
		return s
	}
}

func copyStore(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(to, rel), 0o700))
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600)
	})
}

// once wants the manifests' resources to be there, each once, and a plan to be empty.
func (s *stage) once(manifests string) {
	s.Helper()
	s.settled(State{Name: "in the end", Manifests: manifests})
}

// must applies and wants no trouble.
func (s *stage) must(manifests string) {
	s.Helper()
	if problem := trouble(s.apply(manifests)); problem != "" {
		s.Fatal(problem)
	}
}

// TestR3 loses the answer to each sort of creation, at each point of the answer:
// when a thing is made for the first time, and when it is made again.
func TestR3(t *testing.T) {
	t.Parallel()
	lost, duplicates := 0, 0
	for i, route := range collections {
		for n, f := range []simulator.Fault{{Cut: "before"}, {Cut: "within"}, {Cut: "after"}, {Status: 504}} {
			if runs(1) == 1 && n != i {
				continue // a few suffice to notice
			}
			s := newFleet(t)
			for round, manifests := range []string{fleet, fleetAnew} {
				s.commit(fmt.Sprint("commit ", round))
				before := s.writings().Made
				f.Kind, f.Method, f.Path = "lost", http.MethodPost, route
				s.breaks(f)
				out := s.apply(manifests)
				if problem := trouble(out); problem != "" {
					t.Fatalf("%s lost %s: %s", route, f.Cut, problem)
				}
				s.mend()
				s.once(manifests)
				needed := map[int]int{0: 8, 1: 4}[round]
				duplicates += s.writings().Made - before - needed
				lost++
			}
		}
	}
	if duplicates != 0 {
		t.Errorf("%d were made more than needed", duplicates)
	}
	t.Logf("R3: every answer to a creation lost in %d runs (4 kinds, 4 ways, made and made again): %d duplicates", lost, duplicates)
}

// TestR4 lets creations that looked lost be executed later, up to half a minute:
// while the run that asked goes on, and after it has died.
func TestR4(t *testing.T) {
	t.Parallel()
	late, duplicates := 0, 0
	for i, route := range collections {
		for n, seconds := range []float64{1, 10, 30} {
			for _, dies := range []bool{false, true} {
				if runs(1) == 1 && (n != i%3 || dies != (i%2 == 0)) {
					continue // a few suffice to notice
				}
				s := newFleet(t)
				trace := follow(s)
				trace.restart()
				s.breaks(simulator.Fault{Kind: "late", Method: http.MethodPost, Path: route, Seconds: seconds, Count: 1})
				trace.die = func() bool {
					return dies && slices.ContainsFunc(s.sim.Log(), func(c simulator.Call) bool { return c.Late })
				}
				out := s.apply(fleet)
				if dies {
					if !s.wires.dead() {
						t.Fatal("it has not died")
					}
					dies = false
					trace.restart()
					out = s.apply(fleet)
				}
				if problem := trouble(out); problem != "" {
					t.Fatalf("%s late by %v s: %s", route, seconds, problem)
				}
				s.sim.Advance(time.Minute)
				s.once(fleet)
				duplicates += s.writings().Made - 8
				late++
			}
		}
	}
	if duplicates != 0 {
		t.Errorf("%d were made more than needed", duplicates)
	}
	t.Logf("R4: %d late executions (4 kinds, by 1 to 30 s, half of them after a death): %d duplicates", late, duplicates)
}

// refusing answers the nth mutating request, from 1, with 400.
func refusing(nth int) bend {
	var mu sync.Mutex
	seen := 0
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if !writes(r) {
			return next.RoundTrip(r)
		}
		mu.Lock()
		seen++
		hit := seen == nth
		mu.Unlock()
		if !hit {
			return next.RoundTrip(r)
		}
		const body = `{"type":"invalid_arguments","message":"invalid argument(s)","details":[{"argument_name":"name","reason":"format"}]}`
		return &http.Response{StatusCode: 400, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
	}
}

// TestR5 lets one call of a run fail for good, each in turn: what does not need
// it is done, what needs it is skipped and says why, and the next run does the rest.
func TestR5(t *testing.T) {
	t.Parallel()
	positions, wrong := 0, 0
	later := afterFleet(t)
	for _, manifests := range []string{fleet, fleetLater} {
		begin := func() *stage { return newFleet(t) }
		if manifests == fleetLater {
			begin = later
		}
		total := countWrites(begin(), manifests)
		for nth := 1; nth <= total; nth++ {
			s := begin()
			positions++
			if problem := oneFails(s, manifests, nth, total); problem != "" {
				wrong++
				t.Errorf("call %d of %d: %s", nth, total, problem)
			}
		}
	}
	t.Logf("R5: %d positions, %d wrong", positions, wrong)
}

func countWrites(s *stage, manifests string) int {
	s.Helper()
	before := len(s.sim.Log())
	s.must(manifests)
	return len(s.sim.Log()) - before
}

// oneFails says what is wrong after a run of which one call failed.
func oneFails(s *stage, manifests string, nth, total int) string {
	before := len(s.sim.Log())
	s.wires.bend(refusing(nth))
	out := s.apply(manifests)
	failed := failures(out)
	if len(failed) != 1 || reconcile.ClassOf(failed[0].Err) != reconcile.Invalid {
		return fmt.Sprintf("failed are %v: %s", failed, trouble(out))
	}
	skipped := reasons(s, out.JID)
	for _, c := range out.Skipped {
		if reason := skipped[c.Key]; !strings.HasPrefix(reason, "skipped: needs ") {
			return fmt.Sprintf("%s is skipped with the reason %q", c.Key, reason)
		}
	}
	if done := len(s.sim.Log()) - before; done != total-1-len(out.Skipped) {
		return fmt.Sprintf("%d calls were made of %d, and %d were skipped", done, total, len(out.Skipped))
	}
	s.wires.straighten()
	rest := len(s.sim.Log())
	if problem := trouble(s.apply(manifests)); problem != "" {
		return "the next run: " + problem
	}
	if n := len(s.sim.Log()) - rest; n != 1+len(out.Skipped) {
		return fmt.Sprintf("the next run made %d calls for %d", n, 1+len(out.Skipped))
	}
	s.once(manifests)
	return ""
}

func failures(out *reconcile.Outcome) []*reconcile.Step {
	return slices.DeleteFunc(slices.Clone(out.Steps), func(s *reconcile.Step) bool { return s.State != "failed" })
}

// reasons are why a run skipped keys, as its records say.
func reasons(s *stage, jid string) map[reconcile.Key]string {
	out := map[reconcile.Key]string{}
	for r, err := range s.store.Records(s.Context(), recordsOf(s.owner())) {
		if err != nil {
			s.Fatal(err)
		}
		if r.JID == jid && r.Event == reconcile.Skipped {
			out[r.Key] = r.Return.Comment
		}
	}
	return out
}
