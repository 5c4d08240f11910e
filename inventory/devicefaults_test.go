package inventory_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// faultStates change every field of a device, in place.
func faultStates() [][]reconcile.Manifest {
	return [][]reconcile.Manifest{
		{
			device("web-1", "interfaces", []any{
				port("public0", "mac", "AA:BB:CC:00:11:22", "addresses", []any{"203.0.113.7/32"}), port("pn-0", "allocate", []any{"10.20.0.0/24"}),
			}, "primaryIPv4", "10.20.0.0/24"),
			device("web-2", "serial", "S2", "server", map[string]any{"id": "11111111-1111-4111-8111-111111111111"}),
		},
		{
			device("web-1", "status", "active", "platform", "ubuntu-2404", "interfaces", []any{
				port("public0", "mac", "AA:BB:CC:00:11:23", "addresses", []any{"203.0.113.8/32", "2001:db8::7/128"}),
			}, "primaryIPv4", "203.0.113.8/32"),
			device("web-3", "interfaces", []any{port("eth0", "enabled", false, "addresses", []any{"203.0.113.7/32"}, "allocate", []any{"10.20.0.0/24"})}),
		},
		nil,
	}
}

// A weather is how requests fare. Seeds are fixed, so what fails once fails again.
type weather func(s *stage, dice *rand.Rand) func(*http.Request, func() *http.Response) (*http.Response, error)

func sometimes(rate float64, bend func(*http.Request, func() *http.Response) (*http.Response, error)) weather {
	return func(s *stage, dice *rand.Rand) func(*http.Request, func() *http.Response) (*http.Response, error) {
		var mu sync.Mutex
		return func(req *http.Request, serve func() *http.Response) (*http.Response, error) {
			mu.Lock()
			hit := dice.Float64() < rate
			mu.Unlock()
			if hit {
				s.hits.Add(1)
				return bend(req, serve)
			}
			return serve(), nil
		}
	}
}

func says(status int, contentType, body string) func(*http.Request, func() *http.Response) (*http.Response, error) {
	return func(req *http.Request, _ func() *http.Response) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
}

func truncated(_ *http.Request, serve func() *http.Response) (*http.Response, error) {
	answer := serve()
	body, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(strings.NewReader(string(body[:len(body)/2])))
	answer.ContentLength = -1
	return answer, nil
}

func lost(_ *http.Request, serve func() *http.Response) (*http.Response, error) {
	serve()
	return nil, io.ErrUnexpectedEOF
}

func unsent(*http.Request, func() *http.Response) (*http.Response, error) {
	return nil, errors.New("connection reset by peer")
}

// late has a write done half a minute after its answer was given up.
func late(s *stage, dice *rand.Rand) func(*http.Request, func() *http.Response) (*http.Response, error) {
	type due struct {
		at    time.Time
		serve func() *http.Response
	}
	var mu sync.Mutex
	var waiting []due
	return func(req *http.Request, serve func() *http.Response) (*http.Response, error) {
		mu.Lock()
		now := s.clock.Now()
		for len(waiting) > 0 && now.After(waiting[0].at) {
			waiting[0].serve()
			waiting = waiting[1:]
		}
		hit := req.Method != http.MethodGet && dice.Float64() < 0.6
		if hit {
			waiting = append(waiting, due{now.Add(30 * time.Second), serve})
		}
		mu.Unlock()
		if hit {
			s.hits.Add(1)
			return nil, io.ErrUnexpectedEOF
		}
		return serve(), nil
	}
}

func weathers() map[string]weather {
	page := "<html><body>502 Bad Gateway</body></html>"
	return map[string]weather{
		"500s":            sometimes(0.2, says(500, "application/json", `{"error":"boom","exception":"Boom","netbox_version":"4.6.8"}`)),
		"502s in HTML":    sometimes(0.2, says(502, "text/html", page)),
		"HTML with 200":   sometimes(0.1, says(200, "text/html", page)),
		"403s":            sometimes(0.1, says(403, "application/json", `{"detail":"You do not have permission to perform this action."}`)),
		"truncated JSON":  sometimes(0.1, truncated),
		"lost answers":    sometimes(0.2, lost),
		"connections":     sometimes(0.2, unsent),
		"late executions": late,
	}
}

// TestEveryWeatherClears: runs may fail while something goes wrong. Once it is
// over they settle, and everything is there once.
func TestEveryWeatherClears(t *testing.T) {
	for name, weather := range weathers() {
		for _, version := range []string{"4.2.0", "4.6.8"} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, version)
				dice := rand.New(rand.NewPCG(1, uint64(len(name))))
				for i, manifests := range faultStates() {
					s.commit(name + string(rune('a'+i)))
					s.wire.bends(weather(s, dice))
					s.weathered(3, time.Minute, manifests)
					s.converge(manifests...)
				}
				s.empty()
				if s.hits.Load() < 5 {
					t.Errorf("it went wrong %d times only", s.hits.Load())
				}
			})
		}
	}
}

// weathered applies a few times in bad weather, whatever comes of it, and lets
// pass what is late and what may still come to show.
func (s *stage) weathered(times int, late time.Duration, manifests []reconcile.Manifest) {
	s.Helper()
	for range times {
		wish, engine := s.undisturbed(manifests), s.engine()
		if plan, world, err := engine.Plan(s.Context(), wish); err == nil {
			engine.Apply(s.Context(), nil, wish, world, plan)
		}
	}
	s.clock.advance(late)
	_ = s.server.Delete(s.Context(), inventory.Devices, 999999, "") // a request has what is late happen
	s.wire.straight()
	s.clock.advance(2 * reconcile.DefaultSettle)
}

// undisturbed expands manifests, which asks nobody anything.
func (s *stage) undisturbed(manifests []reconcile.Manifest) *reconcile.Wish {
	s.Helper()
	wish, problems := reconcile.Expand(&reconcile.Source{Stack: s.stack, Manifests: manifests}, s.kinds(), nil)
	if err := problems.Err(); err != nil {
		s.Fatal(err)
	}
	return wish
}

// converge applies until nothing is left to do, as a person would.
func (s *stage) converge(manifests ...reconcile.Manifest) {
	s.Helper()
	var problem string
	for range 4 {
		if problem = trouble(s.apply(manifests...)); problem == "" {
			s.settled(manifests...)
			return
		}
		s.clock.advance(2 * reconcile.DefaultSettle)
	}
	s.Fatalf("it does not settle: %s", problem)
}

// empty fails unless NetBox has nothing of ours any more.
func (s *stage) empty() {
	s.Helper()
	for _, table := range []inventory.Table{inventory.Devices, inventory.Interfaces, inventory.MACAddresses, inventory.IPAddresses} {
		if left := s.sim.Objects(string(table)); len(left) > 0 {
			s.Errorf("of %s there is left %s", table, left)
		}
	}
}
