package simulator

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

// A Fault is a rule that makes some requests go wrong. Several may apply to one
// request; where they contradict each other the last one wins.
type Fault struct {
	// Kind is what goes wrong:
	//
	//	status        answered with Status (and Body, RetryAfter), not executed
	//	forbidden     403 permissions_denied, not executed
	//	quota         403 quotas_exceeded, not executed
	//	out-of-stock  403 out_of_stock, not executed
	//	transient     409 transient_state, not executed
	//	latency       takes Seconds longer, in wall time
	//	slow          what a write begins takes Seconds longer on the simulator's clock
	//	lost          executed, then the connection is reset at Cut; or Status is answered
	//	late          reset at once, or Status answered; a write is executed Seconds later
	//	              on the simulator's clock
	//	stale         listings show the state of up to Seconds ago, each anew; with Gets,
	//	              single resources do, too
	//	short         Items resources, always the same, are missing from listings
	//	empty         listings show nothing
	//	shift         pages after the first leave out up to Items resources, or, if
	//	              negative, repeat them, as when others are deleted or made meanwhile
	//	any-name      listings ignore the name filter
	//	truncated     executed, half of the JSON arrives
	//	html          executed, a page of HTML is answered instead, with Status or 200
	//	content-type  executed, the JSON is declared to be text/plain
	//
	// Of these NetBox knows status, forbidden, latency, lost, late, short, empty,
	// shift, truncated, html and content-type, and besides, for it alone:
	//
	//	clamped         pages of listings have at most Items rows, whatever was asked for
	//	restricted      Items rows of each table, always the same, are not there for the
	//	                token: listings and their count are without them, and one is a 404
	//	hook-drop       a webhook is not sent
	//	hook-duplicate  a webhook is sent Items times more, at least once
	//	hook-delay      a webhook is sent Seconds later, in wall time; others overtake it
	//	hook-reorder    a webhook is sent after the next one
	//
	// The method and path of a webhook are those that it is sent to.
	Kind string `json:"kind"`

	// Which requests: a method, and a part of the path or of its template, up to
	// the end if it ends in "$"; "" is any. Of those only the first Count, only
	// the Nth (from 1), or a share, Rate, drawn with Seed; 0 is no such limit.
	Method string  `json:"method,omitempty"`
	Path   string  `json:"path,omitempty"`
	Count  int     `json:"count,omitempty"`
	Nth    int     `json:"nth,omitempty"`
	Rate   float64 `json:"rate,omitempty"`
	Seed   int64   `json:"seed,omitempty"`

	Status     int     `json:"status,omitempty"`
	RetryAfter int     `json:"retry_after,omitempty"` // seconds
	Body       string  `json:"body,omitempty"`        // JSON, instead of the recorded body of this status
	Seconds    float64 `json:"seconds,omitempty"`
	Items      int     `json:"items,omitempty"`
	Gets       bool    `json:"gets,omitempty"`
	Cut        string  `json:"cut,omitempty"`   // "before" the headers (the default), "within" the body, "after" it
	Total      string  `json:"total,omitempty"` // total_count: "kept" (the default) as if nothing were wrong, or "moved"
}

const (
	cutBefore = "before"
	cutWithin = "within"
	cutAfter  = "after"
)

// bending is what faults do to one request.
type bending struct {
	latency time.Duration
	slow    time.Duration
	refusal func(c *call) answer // instead of executing
	late    time.Duration
	view    view
	mangle  []func(answer) answer
	cut     string
	hook    netbox.Bend
}

func (b bending) mangled(a answer) answer {
	for _, mangle := range b.mangle {
		a = mangle(a)
	}
	return a
}

// rule is a fault at work.
type rule struct {
	Fault
	random     *rand.Rand
	seen, hits int
}

type faults struct {
	mu    sync.Mutex
	seed  int64
	added uint64
	rules []*rule
}

// AddFault adds a rule after those that are there. It panics if the fault makes
// no sense; over HTTP that is a 400.
func (s *Server) AddFault(f Fault) {
	if err := f.validate(); err != nil {
		panic(err)
	}
	s.faults.add(f)
}

func (f *Fault) validate() error {
	switch {
	case !slices.Contains(faultKinds(), f.Kind):
		return fmt.Errorf("fault kind %q: want one of %s", f.Kind, strings.Join(faultKinds(), ", "))
	case f.Kind == "status" && http.StatusText(f.Status) == "":
		return fmt.Errorf("status %d is unknown", f.Status)
	case f.Rate < 0 || f.Rate > 1:
		return errors.New("rate must be from 0 to 1")
	case f.Seconds < 0 || f.Count < 0 || f.Nth < 0 || f.RetryAfter < 0:
		return errors.New("seconds, count, nth and retry_after must not be negative")
	case (f.Kind == "late" || f.Kind == "hook-delay") && f.Seconds == 0:
		return errors.New("a fault of kind " + f.Kind + " needs seconds")
	case f.Kind == "clamped" && f.Items <= 0:
		return errors.New("a clamped fault needs items")
	case f.Kind == "stale" && f.seconds() > horizon:
		return fmt.Errorf("listings are stale by at most %.0f seconds", horizon.Seconds())
	case !slices.Contains([]string{"", cutBefore, cutWithin, cutAfter}, f.Cut):
		return fmt.Errorf("cut %q: want before, within or after", f.Cut)
	case !slices.Contains([]string{"", "kept", "moved"}, f.Total):
		return fmt.Errorf("total %q: want kept or moved", f.Total)
	}
	return nil
}

func (f *Fault) seconds() time.Duration { return time.Duration(f.Seconds * float64(time.Second)) }

func (fs *faults) add(f Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.added++
	random := rand.New(rand.NewPCG(uint64(fs.seed)^uint64(f.Seed), fs.added))
	fs.rules = append(fs.rules, &rule{Fault: f, random: random})
}

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.rules, fs.added = nil, 0
}

// bend finds the faults that a request meets. effects are those that faults have
// on what it is sent to.
func (fs *faults) bend(effects []effect, method, template, path string) bending {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var b bending
	for _, r := range fs.rules {
		for _, e := range effects {
			if e.kind == r.Kind && r.hit(method, template, path) {
				e.bend(r, &b)
			}
		}
	}
	return b
}

func (r *rule) hit(method, template, path string) bool {
	if r.Method != "" && !strings.EqualFold(r.Method, method) {
		return false
	}
	if !holds(path, r.Path) && !holds(template, r.Path) {
		return false
	}
	r.seen++
	switch {
	case r.Nth > 0 && r.seen != r.Nth,
		r.Count > 0 && r.hits >= r.Count,
		r.Rate > 0 && r.random.Float64() >= r.Rate:
		return false
	}
	r.hits++
	return true
}

// holds says whether a path has a part, which is at its end if it ends in "$".
func holds(path, part string) bool {
	if end, anchored := strings.CutSuffix(part, "$"); anchored {
		return strings.HasSuffix(path, end)
	}
	return strings.Contains(path, part)
}

// upTo draws a whole number from 0 to n, or down to it.
func (r *rule) upTo(n int) int {
	if n < 0 {
		return -r.random.IntN(1 - n)
	}
	return r.random.IntN(1 + n)
}
