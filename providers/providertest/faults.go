package providertest

import (
	"net/http"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// fault is one way in which the API fails, or lies.
type fault struct {
	name  string
	rules []simulator.Fault
	bends []bend
	runs  int // of the program while it lasts
}

func (f fault) begin(s *stage) {
	s.breaks(f.rules...)
	for _, b := range f.bends {
		s.wires.bend(b)
	}
}

// faults are those that every kind must live with. Their seeds are fixed, so
// that what fails once fails again.
func faults() []fault {
	writes := []string{http.MethodPost, http.MethodPatch, http.MethodDelete}
	each := func(f simulator.Fault) []simulator.Fault {
		var out []simulator.Fault
		for _, method := range writes {
			f.Method = method
			out = append(out, f)
		}
		return out
	}
	one := func(f simulator.Fault) []simulator.Fault { return []simulator.Fault{f} }
	return []fault{
		{name: "429 storms", rules: one(simulator.Fault{Kind: "status", Status: 429, Rate: 0.4}), runs: 2},
		{name: "429 with Retry-After", rules: one(simulator.Fault{Kind: "status", Status: 429, RetryAfter: 2, Rate: 0.2}), runs: 2},
		{name: "500s", rules: one(simulator.Fault{Kind: "status", Status: 500, Rate: 0.2}), runs: 3},
		{name: "503 for a while", rules: one(simulator.Fault{Kind: "status", Status: 503, Count: 40}), runs: 3},
		{name: "latency", rules: one(simulator.Fault{Kind: "latency", Seconds: 0.003, Rate: 0.3}), runs: 1},
		{name: "timeouts", bends: []bend{timeouts(0.1, 1)}, runs: 3},
		{name: "lost answers before the headers", rules: one(simulator.Fault{Kind: "lost", Cut: "before", Rate: 0.15}), runs: 3},
		{name: "lost answers within the body", rules: one(simulator.Fault{Kind: "lost", Cut: "within", Rate: 0.15}), runs: 3},
		{name: "lost answers after the body", rules: one(simulator.Fault{Kind: "lost", Cut: "after", Rate: 0.15}), runs: 3},
		{name: "504 after the deed", rules: each(simulator.Fault{Kind: "lost", Status: 504, Rate: 0.3}), runs: 3},
		{name: "late execution", rules: each(simulator.Fault{Kind: "late", Seconds: 30, Rate: 0.3}), runs: 3},
		{name: "slow readiness", rules: each(simulator.Fault{Kind: "slow", Seconds: 90}), runs: 1},
		{name: "stale listings", rules: one(simulator.Fault{Kind: "stale", Seconds: 60}), runs: 2},
		{name: "stale reads", rules: one(simulator.Fault{Kind: "stale", Seconds: 60, Gets: true}), runs: 2},
		{name: "short listings", rules: one(simulator.Fault{Kind: "short", Items: 1, Seed: 1}), runs: 2},
		{name: "short listings with a total that fits", rules: one(simulator.Fault{Kind: "short", Items: 1, Total: "moved", Seed: 1}), runs: 2},
		{name: "empty listings", rules: one(simulator.Fault{Kind: "empty"}), runs: 2},
		{name: "empty listings with a total of 0", rules: one(simulator.Fault{Kind: "empty", Total: "moved"}), runs: 2},
		{name: "truncated JSON", rules: one(simulator.Fault{Kind: "truncated", Rate: 0.15}), runs: 3},
		{name: "HTML with 200", rules: one(simulator.Fault{Kind: "html", Rate: 0.15}), runs: 3},
		{name: "another content type", rules: one(simulator.Fault{Kind: "content-type", Rate: 0.15}), runs: 3},
		{name: "pages that shift", rules: []simulator.Fault{
			{Kind: "shift", Items: 2, Rate: 0.4}, {Kind: "shift", Items: -2, Rate: 0.4, Total: "moved"},
		}, bends: []bend{pagesOf(2)}, runs: 3},
	}
}
