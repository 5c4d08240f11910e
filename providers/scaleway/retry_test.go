package scaleway_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

const namespace = `{"id":"x","name":"n","status":"ready"}`

// first fails so many requests, then answers.
func first(failures int, fail http.HandlerFunc) (http.HandlerFunc, *atomic.Int32) {
	var seen atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		if int(seen.Add(1)) <= failures {
			fail(w, r)
			return
		}
		answer(w, 200, namespace)
	}, &seen
}

func reset(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

func TestTries(t *testing.T) {
	limited, broken, busy := refuse(429, ""), refuse(500, `{"message":"internal"}`), refuse(409, `{"type":"transient_state"}`)
	type call = func(*fake, context.Context) error
	for _, want := range []struct {
		name     string
		call     call
		failures int
		fail     http.HandlerFunc
		tries    int
		class    reconcile.Class
	}{
		{"GET after 429", (*fake).get, 7, limited, 8, ""},
		{"GET after too many 429", (*fake).get, 8, limited, 8, reconcile.RateLimited},
		{"POST after 429", (*fake).create, 3, limited, 4, ""},
		{"GET after 500", (*fake).get, 3, broken, 4, ""},
		{"GET after too many 500", (*fake).get, 4, broken, 4, reconcile.Unavailable},
		{"PATCH after 500", (*fake).update, 1, broken, 1, reconcile.Ambiguous},
		{"DELETE after 500", (*fake).remove, 3, broken, 4, ""},
		{"POST after 500", (*fake).create, 1, broken, 1, reconcile.Ambiguous},
		{"GET after a reset", (*fake).get, 3, reset, 4, ""},
		{"PATCH after a reset", (*fake).update, 1, reset, 1, reconcile.Ambiguous},
		{"POST after a reset", (*fake).create, 1, reset, 1, reconcile.Ambiguous},
		{"PATCH while busy", (*fake).update, 1, busy, 1, reconcile.Busy},
		{"GET of nothing", (*fake).get, 1, refuse(404, `{"type":"not_found"}`), 1, reconcile.NotFound},
	} {
		t.Run(want.name, func(t *testing.T) {
			api, seen := first(want.failures, want.fail)
			f := play(t, api)
			err := want.call(f, t.Context())
			if reconcile.ClassOf(err) != want.class || (err == nil) != (want.class == "") {
				t.Errorf("it ends with %v, want %q", err, want.class)
			}
			// Go's transport itself repeats what can be repeated once on a connection that it has used before.
			if got := int(seen.Load()); got != want.tries {
				t.Errorf("%d tries, want %d", got, want.tries)
			}
			for _, nap := range f.clock.slept() {
				if nap > scaleway.LongestWait+time.Second {
					t.Errorf("it waited %s", nap)
				}
			}
		})
	}
}

// A write leaves soon after its intent or not at all: from there the time counts
// in which its effect may still show up.
func TestWritesDoNotLeaveLate(t *testing.T) {
	for name, call := range map[string]func(*fake, context.Context) error{"POST": (*fake).create, "PATCH": (*fake).update, "DELETE": (*fake).remove} {
		t.Run(name, func(t *testing.T) {
			api, _ := first(100, refuse(429, ""))
			f := play(t, api)
			if err := call(f, t.Context()); reconcile.ClassOf(err) != reconcile.RateLimited {
				t.Errorf("it ends with %v", err)
			}
			waited := time.Duration(0)
			for _, nap := range f.clock.slept() {
				waited += nap
			}
			if waited > 15*time.Second {
				t.Errorf("the last one left %s after the first", waited)
			}
		})
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	api, _ := first(1, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(429)
	})
	f := play(t, api)
	if err := f.get(t.Context()); err != nil {
		t.Fatal(err)
	}
	if naps := f.clock.slept(); len(naps) != 1 || naps[0] != 7*time.Second {
		t.Errorf("it waited %v", naps)
	}
}

// Clients that failed together must not come back together.
func TestPausesAreSpread(t *testing.T) {
	seen := map[time.Duration]int{}
	for range 40 {
		api, _ := first(1, refuse(429, ""))
		f := play(t, api)
		if err := f.get(t.Context()); err != nil {
			t.Fatal(err)
		}
		seen[f.clock.slept()[0]/(50*time.Millisecond)]++
	}
	if len(seen) < 5 {
		t.Errorf("40 first pauses fall into %d of 10 steps", len(seen))
	}
}

func TestACancelledCallIsNotRepeated(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	api, seen := first(9, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(429)
	})
	f := play(t, api)
	if err := f.get(ctx); err == nil || seen.Load() != 1 {
		t.Errorf("%d tries, %v", seen.Load(), err)
	}
}

// The bucket holds the burst, then so many a second flow.
func TestRateLimit(t *testing.T) {
	f := play(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, namespace) },
		func(o *scaleway.Options) { o.Rate, o.Burst = 50, 20 })
	began := f.clock.Now()
	for range 20 {
		if err := f.get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if passed := f.clock.Now().Sub(began); passed != 0 {
		t.Errorf("the burst took %s", passed)
	}
	for range 500 {
		if err := f.get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if passed := f.clock.Now().Sub(began); passed < 9900*time.Millisecond || passed > 10100*time.Millisecond {
		t.Errorf("500 more took %s, want 10 s", passed)
	}
}

// R9, R10: with so many answers gone wrong at random, each of 200 reads comes
// through, at the expense of waiting only.
func TestRandomFailures(t *testing.T) {
	for _, share := range []float64{0.01, 0.1, 0.3} {
		for name, fail := range map[string]http.HandlerFunc{"429": refuse(429, ""), "500": refuse(500, `{"message":"internal"}`)} {
			t.Run(fmt.Sprintf("%s at %v", name, share), func(t *testing.T) {
				random := rand.New(rand.NewPCG(1, 2))
				var mu sync.Mutex
				sent := 0
				f := play(t, func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					sent++
					wrong := random.Float64() < share
					mu.Unlock()
					if wrong {
						fail(w, r)
						return
					}
					answer(w, 200, namespace)
				})
				lost := 0
				for range 200 {
					if f.get(t.Context()) != nil {
						lost++
					}
				}
				if allowed := map[string]float64{"429": 0, "500": 4}[name]; float64(lost) > allowed {
					t.Errorf("%d of 200 reads are lost", lost)
				}
				t.Logf("%d requests for 200 reads, %d lost, %s waited", sent, lost, f.clock.Now().Sub(newClock().now).Round(time.Millisecond))
			})
		}
	}
}

// R12: after a 401 nothing more is sent, until it may have been mended.
func TestARefusedCredentialStopsEverything(t *testing.T) {
	api, seen := first(1, refuse(401, `{"message":"authentication is denied","method":"api_key","reason":"expired","type":"denied_authentication"}`))
	f := play(t, api)
	for range 3 {
		err := f.update(t.Context())
		if got := scaleway.Classify(err); got == nil || got.Class != reconcile.Forbidden || got.Fix == "" {
			t.Fatalf("got %v", err)
		}
	}
	if seen.Load() != 1 {
		t.Errorf("%d requests were sent", seen.Load())
	}
	f.clock.Sleep(t.Context(), time.Minute)
	if err := f.update(t.Context()); err != nil {
		t.Errorf("after a while it is %v", err)
	}
}

func TestCallsAreCollected(t *testing.T) {
	api, _ := first(1, refuse(500, `{"message":"internal"}`))
	f := play(t, api)
	ctx, calls := reconcile.WithCalls(t.Context())
	if err := f.get(ctx); err != nil {
		t.Fatal(err)
	}
	if err := f.get(t.Context()); err != nil { // another context's
		t.Fatal(err)
	}
	got := calls()
	if len(got) != 2 || got[0].Status != 500 || got[1].Status != 200 {
		t.Fatalf("got %+v", got)
	}
	want := reconcile.Call{System: "scaleway", Method: "GET", Path: "/containers/v1/regions/fr-par/namespaces/x", Status: 500, RequestID: "06840207-b134"}
	got[0].Millis = 0
	if got[0] != want {
		t.Errorf("got %+v, want %+v", got[0], want)
	}
}
