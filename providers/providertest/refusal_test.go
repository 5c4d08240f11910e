package providertest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// many are so many containers, ten in a namespace, each with a trigger.
func many(containers int) (manifests string, resources int) {
	var text strings.Builder
	for i := range containers {
		fmt.Fprintf(&text, `---
apiVersion: reconcile/v1
kind: Container
metadata: {name: app-%d}
spec:
  namespace: ns-%d
  image: nginx:1.29
  privacy: public
  cronTriggers: [{name: nightly, schedule: "0 2 * * *", timezone: UTC}]
`, i, i/10)
	}
	return text.String(), 2*containers + (containers+9)/10
}

// pace counts requests on the simulator's clock.
type pace struct {
	mu    sync.Mutex
	times []time.Time
}

func (p *pace) bend(s *stage) bend {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		p.mu.Lock()
		p.times = append(p.times, s.sim.Now())
		p.mu.Unlock()
		return next.RoundTrip(r)
	}
}

// peak is the most requests within a time.
func (p *pace) peak(within time.Duration) int {
	most, first := 0, 0
	for last := range p.times {
		for p.times[last].Sub(p.times[first]) >= within {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// TestR9 applies while the API refuses a share of all requests for their rate.
func TestR9(t *testing.T) {
	t.Parallel()
	manifests, resources := many(8)
	const rate, burst = 50, 100 // the client's own limits
	run := func(f simulator.Fault, parallel int) (time.Duration, *pace) {
		s := newStage(t, container.Kinds)
		s.parallel = parallel
		p := &pace{}
		s.wires.bend(p.bend(s))
		if f.Kind != "" {
			s.breaks(f)
		}
		began := s.sim.Now()
		for range 5 {
			if trouble(s.apply(manifests)) == "" {
				break
			}
		}
		took := s.sim.Now().Sub(began)
		s.mend()
		s.once(manifests)
		if made := s.writings().Made; made != resources {
			t.Errorf("%+v: %d were made of %d", f, made, resources)
		}
		for _, seconds := range []int{1, 2, 10} {
			if n := p.peak(time.Duration(seconds) * time.Second); n > burst+rate*seconds {
				t.Errorf("%+v: %d requests in %d s", f, n, seconds)
			}
		}
		return took, p
	}
	ideal, _ := run(simulator.Fault{}, 1)
	var figures []string
	for _, after := range []int{0, 2} {
		for _, share := range []float64{0.01, 0.1, 0.5} {
			took, p := run(simulator.Fault{Kind: "status", Status: 429, Rate: share, RetryAfter: after, Seed: 9}, 1)
			figures = append(figures, fmt.Sprintf("%.0f %%%s %.1fx", share*100, map[int]string{2: " with Retry-After"}[after], took.Seconds()/ideal.Seconds()))
			if most := p.peak(time.Second); most > burst+rate {
				t.Errorf("%d requests in a second", most)
			}
		}
	}
	_, p := run(simulator.Fault{Kind: "status", Status: 429, Rate: 0.25, Seed: 9}, 10)
	t.Logf("R9: 429 over the ideal %.0f s: %s; 10 at once: at most %d requests in a second (bucket %d and %d/s)",
		ideal.Seconds(), strings.Join(figures, ", "), p.peak(time.Second), burst, rate)
}

// TestR10 applies while a share of all requests fails or gets no answer in time.
func TestR10(t *testing.T) {
	t.Parallel()
	manifests, resources := many(5)
	converged, stacks := 0, 0
	var figures []string
	for _, share := range []float64{0.01, 0.1, 0.3} {
		var requests, calls int
		var longest time.Duration
		for _, how := range []string{"500", "503", "timeouts"} {
			s := newStage(t, container.Kinds)
			s.parallel = 1
			s.napped = func(d time.Duration) { longest = max(longest, d) }
			s.begin()
			p := &pace{}
			s.wires.bend(p.bend(s))
			switch how {
			case "timeouts":
				s.wires.bend(timeouts(share, 10))
			case "500":
				s.breaks(simulator.Fault{Kind: "status", Status: 500, Rate: share, Seed: 10})
			default:
				s.breaks(simulator.Fault{Kind: "status", Status: 503, Rate: share, Seed: 10})
			}
			stacks++
			for range 6 {
				if trouble(s.apply(manifests)) == "" {
					converged++
					break
				}
			}
			requests, calls = requests+len(p.times), calls+resources
			s.mend()
			s.once(manifests)
			if made := s.writings().Made; made != resources {
				t.Errorf("%s at %v: %d were made of %d", how, share, made, resources)
			}
		}
		figures = append(figures, fmt.Sprintf("%.0f %% %.1f requests/resource, longest wait %.1f s", share*100, float64(requests)/float64(calls), longest.Seconds()))
		if longest > 21*time.Second {
			t.Errorf("the client waited %s", longest)
		}
	}
	if converged != stacks {
		t.Errorf("%d of %d stacks converged while it lasted", converged, stacks)
	}
	t.Logf("R10: %d of %d stacks converged under 5xx and timeouts: %s", converged, stacks, strings.Join(figures, "; "))
}

func refused(status int, body string) simulator.Fault {
	return simulator.Fault{Kind: "status", Status: status, Body: body}
}

// answers to a creation, and what they mean for the run.
var answers = []struct {
	name  string
	fault simulator.Fault
	class reconcile.Class // "": it is done in the same run
	posts int             // that were sent
}{
	{"400", refused(400, `{"type":"invalid_arguments","details":[{"argument_name":"image","reason":"format"}]}`), reconcile.Invalid, 1},
	{"401", refused(401, ""), reconcile.Forbidden, 1},
	{"403", simulator.Fault{Kind: "forbidden"}, reconcile.Forbidden, 1},
	{"403 quota", simulator.Fault{Kind: "quota"}, reconcile.Quota, 1},
	{"403 out of stock", simulator.Fault{Kind: "out-of-stock"}, reconcile.OutOfStock, 1},
	{"404", refused(404, ""), reconcile.NotFound, 1},
	{"409 exists", refused(409, `{"type":"already_exists","message":"already exists"}`), reconcile.Conflict, 1},
	{"409 busy", simulator.Fault{Kind: "transient"}, "", 2},
	{"410", refused(410, `{"type":"resource_expired"}`), reconcile.NotFound, 1},
	{"412", refused(412, `{"type":"precondition_failed","precondition":"other"}`), reconcile.Conflict, 1},
	{"412 in use", refused(412, `{"type":"precondition_failed","precondition":"resource_still_in_use"}`), "", 2},
	{"423", refused(423, `{"type":"locked"}`), reconcile.Conflict, 1},
	{"429", refused(429, ""), "", 2},
	{"500", refused(500, ""), "", 2},
	{"502", refused(502, ""), "", 2},
	{"503", refused(503, ""), "", 2},
	{"504", refused(504, ""), "", 2},
	{"504 after the deed", simulator.Fault{Kind: "lost", Status: 504}, "", 1},
	{"no answer after the deed", simulator.Fault{Kind: "lost"}, "", 1},
	{"HTML with 200 after the deed", simulator.Fault{Kind: "html"}, "", 1},
	{"half the JSON after the deed", simulator.Fault{Kind: "truncated"}, "", 1},
}

// TestR11 tells what is over soon from what is not, by the answer's class.
func TestR11(t *testing.T) {
	t.Parallel()
	manifests, _ := many(1)
	wrong := 0
	for _, row := range answers {
		s := newStage(t, container.Kinds)
		s.parallel = 1
		row.fault.Method, row.fault.Path, row.fault.Count = http.MethodPost, "/containers$", 1
		s.breaks(row.fault)
		out := s.apply(manifests)
		var class reconcile.Class
		for _, f := range failures(out) {
			class = reconcile.ClassOf(f.Err)
		}
		posts := 0
		for _, c := range s.sim.Log() {
			if c.Method == http.MethodPost && strings.HasSuffix(c.Path, "/containers") {
				posts++
			}
		}
		if class != row.class || posts != row.posts || class == "" && trouble(out) != "" {
			wrong++
			t.Errorf("%s: %d requests, class %q: %s; want %d and %q", row.name, posts, class, trouble(out), row.posts, row.class)
		}
		s.mend()
		s.sim.Advance(time.Minute)
		s.must(manifests)
		s.once(manifests)
	}
	t.Logf("R11: %d answers, %d in a wrong class", len(answers), wrong)
}

// TestR12 revokes the credential in the middle of a run, before each call in turn.
func TestR12(t *testing.T) {
	t.Parallel()
	sentLater, deleted, longest := 0, 0, time.Duration(0)
	begin := afterFleet(t)
	total := countWrites(begin(), fleetLater)
	for nth := 1; nth <= total; nth++ {
		s := begin()
		seen, revokedAt := 0, time.Time{}
		s.wires.bend(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if writes(r) {
				if seen++; seen == nth {
					revokedAt = s.sim.Now()
					s.sim.AddFault(simulator.Fault{Kind: "status", Status: 401})
				}
			}
			return next.RoundTrip(r)
		})
		before := len(s.sim.Log())
		out := s.apply(fleetLater)
		longest = max(longest, s.sim.Now().Sub(revokedAt))
		for _, c := range s.sim.Log()[before+nth:] {
			sentLater++
			if c.Method == http.MethodDelete {
				deleted++
			}
		}
		if len(failures(out)) == 0 || reconcile.ClassOf(failures(out)[0].Err) != reconcile.Forbidden {
			t.Errorf("revoked before call %d: %s", nth, trouble(out))
		}
		s.mend()
		s.sim.Advance(time.Minute)
		s.must(fleetLater)
		s.once(fleetLater)
	}
	if sentLater+deleted > 0 || longest > time.Minute {
		t.Errorf("%d calls were tried afterwards, %d of them deletions; the longest run went on for %s", sentLater, deleted, longest)
	}
	t.Logf("R12: revoked at %d positions: %d further calls, %d deletions, ended within %.0f s", total, sentLater, deleted, longest.Seconds())
}
