package providertest

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// behind calls the API behind the program's back, and returns the ID that is answered.
func (s *stage) behind(method, path, body string) string {
	r := httptest.NewRequest(method, "/containers/v1/regions/fr-par"+path, strings.NewReader(body))
	r.Header.Set("X-Auth-Token", "11111111-1111-1111-1111-111111111111")
	w := httptest.NewRecorder()
	s.sim.ServeHTTP(w, r)
	var answer struct{ ID string }
	if w.Code >= 300 || w.Body.Len() > 0 && json.Unmarshal(w.Body.Bytes(), &answer) != nil {
		s.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return answer.ID
}

// stranger makes an unmarked container in a namespace, by the namespace's name.
func (s *stage) stranger(space string) (id string) {
	s.Helper()
	for _, f := range s.facts() {
		if f.Kind == "namespace" && f.text("name") == space {
			id = s.behind(http.MethodPost, "/containers", fmt.Sprintf(`{"namespace_id":%q,"name":"stranger","image":"nginx:1"}`, f.ID))
		}
	}
	s.sim.Advance(time.Minute)
	return id
}

// bustle lets others make and delete containers between two pages of a listing.
type bustle struct {
	mu     sync.Mutex
	rng    *rand.Rand
	space  string
	others []string
	left   int
}

func (b *bustle) bend(s *stage) bend {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if page := r.URL.Query().Get("page"); page != "" && page != "1" {
			b.mu.Lock()
			for n := b.rng.Intn(4); n > 0 && b.left > 0; n-- {
				b.left--
				b.stir(s)
			}
			b.mu.Unlock()
		}
		return next.RoundTrip(r)
	}
}

func (b *bustle) stir(s *stage) {
	if len(b.others) == 0 || b.rng.Intn(2) == 0 {
		body := fmt.Sprintf(`{"namespace_id":%q,"name":"other-%d","image":"nginx:1"}`, b.space, b.rng.Intn(1e9))
		b.others = append(b.others, s.behind(http.MethodPost, "/containers", body))
		s.sim.Advance(10 * time.Second) // until it can be deleted
		return
	}
	i := b.rng.Intn(len(b.others))
	s.behind(http.MethodDelete, "/containers/"+b.others[i], "")
	b.others = append(b.others[:i], b.others[i+1:]...)
	s.sim.Advance(5 * time.Second)
}

// TestR13 plans while the pages of the listings shift: others make and delete up
// to 50 things between two pages, and the API itself skips and repeats some.
func TestR13(t *testing.T) {
	t.Parallel()
	manifests, _ := many(20)
	s := newFleet(t)
	s.must(manifests)
	space := s.behind(http.MethodPost, "/namespaces", `{"name":"busy"}`)
	s.sim.Advance(time.Minute)
	creates, deletes, unread := 0, 0, 0
	seeds := runs(25)
	for seed := range seeds {
		b := &bustle{rng: rand.New(rand.NewSource(int64(seed))), space: space, left: rand.New(rand.NewSource(int64(seed))).Intn(51)}
		s.wires.bend(pagesOf(3 + b.rng.Intn(8)))
		if seed%2 == 0 {
			s.wires.bend(b.bend(s))
		}
		for _, f := range []simulator.Fault{{Items: 1 + b.rng.Intn(3)}, {Items: -1 - b.rng.Intn(3)}, {Items: 1, Total: "moved"}} {
			f.Kind, f.Rate, f.Seed = "shift", 0.3, int64(seed)
			if seed%3 > 0 {
				s.sim.AddFault(f)
			}
		}
		engine := s.engine()
		engine.Journal = nil // which would notice most of it
		plan, _, err := engine.Plan(t.Context(), s.read(manifests))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range plan.Steps {
			switch c.Action {
			case reconcile.Create:
				creates++
			default:
				deletes++
			}
		}
		if !plan.Complete() {
			unread++
		}
		s.mend()
		for _, id := range b.others {
			s.behind(http.MethodDelete, "/containers/"+id, "")
		}
		s.sim.Advance(time.Minute)
	}
	if creates+deletes > 0 {
		t.Errorf("%d wrong creations and %d wrong changes were planned", creates, deletes)
	}
	if seeds >= 10 && (unread == 0 || unread == seeds) {
		t.Errorf("%d of %d listings could not be made out", unread, seeds)
	}
	s.once(manifests)
	t.Logf("R13: %d seeds of shifting pages: 0 of %d plans wrong (%d wrong creations, %d wrong deletions), %d said that a listing is not complete",
		seeds, seeds, creates, deletes, unread)
}

// TestR14 shows empty listings of one kind or of all, with the total that there
// is and with a total of 0: nothing is made twice, and nothing is deleted that a
// listing would have kept.
func TestR14(t *testing.T) {
	t.Parallel()
	begin := afterFleet(t)
	cases, creates, deletes := 0, 0, 0
	var longest time.Duration
	for _, total := range []string{"kept", "moved"} {
		for _, route := range append([]string{""}, collections...) {
			for _, manifests := range []string{fleet, ""} {
				cases++
				s := begin()
				stranger := s.stranger("shared")
				s.sim.Advance(time.Hour)
				s.breaks(simulator.Fault{Kind: "empty", Total: total, Path: route, Method: http.MethodGet})
				before, began := s.writings().Made, s.sim.Now()
				out := s.apply(manifests)
				longest = max(longest, s.sim.Now().Sub(began))
				s.mend()
				creates += s.writings().Made - before
				if manifests == fleet && out.Plan.Complete() {
					t.Errorf("empty %s, total %s: the plan says that it is complete", route, total)
				}
				f, there := s.facts()[stranger]
				if !there || f.status() == "deleting" {
					deletes++
					t.Errorf("empty %s, total %s: what lives in the namespace went along: %q", route, total, trouble(out))
				}
				if manifests == fleet && len(s.ours()) != 8 {
					deletes++
					t.Errorf("empty %s, total %s: there is left %v", route, total, s.ours())
				}
			}
		}
	}
	if creates > 0 {
		t.Errorf("%d were made", creates)
	}
	t.Logf("R14: %d empty listings: %d creations, %d wrong deletions, known as incomplete after at most %.0f s", cases, creates, deletes, longest.Seconds())
}

// TestR15 answers listings, of one kind or of all, with what is no listing.
func TestR15(t *testing.T) {
	t.Parallel()
	begin := afterFleet(t)
	cases, refused, calls := 0, 0, 0
	for _, kind := range []string{"truncated", "html", "content-type"} {
		for _, route := range append([]string{""}, collections...) {
			cases++
			s := begin()
			s.breaks(simulator.Fault{Kind: kind, Path: route, Method: http.MethodGet})
			before := len(s.sim.Log())
			plan := s.plan(fleet)
			out := s.apply("")
			s.mend()
			if !plan.Complete() && len(plan.Steps) == 0 {
				refused++
			}
			for _, c := range s.sim.Log()[before:] {
				if route == "" || strings.HasSuffix(c.Template[:strings.LastIndex(c.Template, "/")], strings.TrimSuffix(route, "$")) {
					calls++
					t.Errorf("%s for %s: %s %s: %s", kind, route, c.Method, c.Path, trouble(out))
				}
			}
		}
	}
	if refused != cases {
		t.Errorf("%d of %d plans were refused", refused, cases)
	}
	t.Logf("R15: %d answers that are no listing: %d plans refused, %d changes of what could not be read", cases, refused, calls)
}
