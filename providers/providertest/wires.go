package providertest

import (
	"context"
	"errors"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

// errKilled is what a process gets to see that has died: nothing more.
var errKilled = errors.New("killed")

// wires lead from one process to the API. What goes wrong on the way, goes wrong here.
type wires struct {
	next  http.RoundTripper
	over  atomic.Bool // the process has died
	mu    sync.Mutex
	bends []bend
}

// A bend is something on the way of a request.
type bend func(r *http.Request, next http.RoundTripper) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (w *wires) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.over.Load() {
		return nil, errKilled
	}
	w.mu.Lock()
	next := w.next
	for _, b := range w.bends {
		next = bent{b, next}
	}
	w.mu.Unlock()
	resp, err := next.RoundTrip(r)
	if w.over.Load() {
		if err == nil {
			resp.Body.Close()
		}
		return nil, errKilled
	}
	return resp, err
}

type bent struct {
	bend bend
	next http.RoundTripper
}

func (b bent) RoundTrip(r *http.Request) (*http.Response, error) { return b.bend(r, b.next) }

// bend puts something on the way of all requests, before what is there already.
func (w *wires) bend(b bend) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bends = append(w.bends, b)
}

// straighten takes it all away.
func (w *wires) straighten() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bends = nil
}

func (w *wires) die()       { w.over.Store(true) }
func (w *wires) dead() bool { return w.over.Load() }

func writes(r *http.Request) bool { return r.Method != http.MethodGet }

// pagesOf lets the API grant no more than so many items a page.
func pagesOf(size int) bend {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		query := r.URL.Query()
		if query.Has("page_size") {
			query.Set("page_size", strconv.Itoa(size))
			r = r.Clone(r.Context())
			r.URL.RawQuery = query.Encode()
		}
		return next.RoundTrip(r)
	}
}

// timeouts lets a share of the requests run into their time limit: half of them
// arrive all the same.
func timeouts(rate float64, seed int64) bend {
	var mu sync.Mutex
	random := rand.New(rand.NewSource(seed))
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		mu.Lock()
		late, arrives := random.Float64() < rate, random.Intn(2) == 0
		mu.Unlock()
		if !late {
			return next.RoundTrip(r)
		}
		if arrives {
			if resp, err := next.RoundTrip(r); err == nil {
				resp.Body.Close()
			}
		}
		return nil, errors.Join(os.ErrDeadlineExceeded, context.DeadlineExceeded)
	}
}
