package scaleway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/container/v1"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// wire is an API without a network, for bubbles of synctest.
type wire func(*http.Request) (status int, body string)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := w(r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if status == 0 {
		return nil, errors.New("connection reset by peer")
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)),
	}, nil
}

// bubble makes a client on the bubble's clock.
func bubble(t *testing.T, api wire, change ...func(*scaleway.Options)) *fake {
	t.Helper()
	options := scaleway.Options{
		Getenv: environment(map[string]string{
			"SCW_ACCESS_KEY": accessKey, "SCW_SECRET_KEY": secretKey, "SCW_DEFAULT_PROJECT_ID": projectID, "SCW_DEFAULT_REGION": "fr-par",
		}),
		Home: t.TempDir(), Transport: api, UserAgent: "reconcile/test",
	}
	for _, f := range change {
		f(&options)
	}
	client, err := scaleway.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return &fake{T: t, api: sdk.NewAPI(client.SDK), Client: client}
}

func as(ctx context.Context, stack string) context.Context {
	return scaleway.WithRun(ctx, scaleway.RunTag{Stack: stack, Epoch: 1, JID: "20261121093015123456"})
}

func stackOf(r *http.Request) string {
	var stack string
	agent := r.Header.Get("User-Agent")
	_, _ = fmt.Sscanf(agent[bytes.IndexByte([]byte(agent), '='):], "=%s", &stack)
	return stack[:len(stack)-1] // without its semicolon
}

// A stack that floods delays the first request of another by one turn.
func TestStacksTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var left []string
		f := bubble(t, func(r *http.Request) (int, string) {
			mu.Lock()
			defer mu.Unlock()
			left = append(left, stackOf(r))
			return 200, namespace
		}, func(o *scaleway.Options) { o.Rate, o.Burst = 100, 1 })
		var all sync.WaitGroup
		ask := func(stack string, n int) {
			for range n {
				all.Go(func() {
					if err := f.get(as(t.Context(), stack)); err != nil {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
		}
		ask("flood", 10000)
		if got := f.Stats().Waiting; got != 9999 {
			t.Errorf("%d wait, want all but the first", got)
		}
		ask("b", 3)
		ask("c", 1)
		all.Wait()
		if want := []string{"flood", "flood", "b", "c", "flood", "b", "flood", "b", "flood"}; !slices.Equal(left[:len(want)], want) {
			t.Errorf("they left as %v, want %v", left[:len(want)], want)
		}
		if len(left) != 10004 || f.Stats().Waiting != 0 {
			t.Errorf("%d left, %d wait", len(left), f.Stats().Waiting)
		}
	})
}

// R18: beside a stack whose answers take 10 s and one that floods, the others
// wait for a turn at each request and for nothing else.
func TestR18SlowAndFloodingStacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, others = 50, 20
		f := bubble(t, func(r *http.Request) (int, string) {
			if stackOf(r) == "slow" {
				time.Sleep(10 * time.Second)
			}
			time.Sleep(20 * time.Millisecond)
			return 200, namespace
		}, func(o *scaleway.Options) { o.Rate, o.Burst = rate, 10 })
		ctx, cancel := context.WithCancel(t.Context())
		var background, all sync.WaitGroup
		for range 10000 {
			background.Go(func() { _ = f.get(as(ctx, "flood")) })
		}
		for range 50 {
			background.Go(func() {
				for ctx.Err() == nil {
					_ = f.get(as(ctx, "slow"))
				}
			})
		}
		synctest.Wait()
		var mu sync.Mutex
		var took []time.Duration
		for i := range others {
			all.Go(func() {
				for range 30 { // one look: two requests, each after the other
					time.Sleep(10 * time.Second)
					began := time.Now()
					for range 2 {
						if err := f.get(as(t.Context(), fmt.Sprint("other-", i))); err != nil {
							t.Error(err)
						}
					}
					mu.Lock()
					took = append(took, time.Since(began))
					mu.Unlock()
				}
			})
		}
		all.Wait()
		cancel()
		background.Wait()
		slices.Sort(took)
		p99 := took[len(took)*99/100]
		// A round of turns of all 22 stacks for each of two requests, and their answers.
		if limit := 2 * ((others+2)*time.Second/rate + 20*time.Millisecond); p99 > limit {
			t.Errorf("p99 of the others is %s, over %s", p99, limit)
		}
		t.Logf("R18: %d stacks beside one with 10 s latency and one with 10,000 requests: a look of 2 requests takes %s at p50, %s at p99, %s at most",
			others, took[len(took)/2], p99, took[len(took)-1])
	})
}

// Who gives up leaves nothing behind: neither a place nor a turn.
func TestWhoGivesUpWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bubble(t, func(*http.Request) (int, string) { return 200, namespace },
			func(o *scaleway.Options) { o.Rate, o.Burst = 1, 1 })
		_ = f.get(as(t.Context(), "a"))
		gone := errors.New("the lease is lost")
		ctx, cancel := context.WithCancelCause(t.Context())
		var all sync.WaitGroup
		for _, stack := range []string{"a", "a", "b"} {
			all.Go(func() {
				err := f.get(as(ctx, stack))
				if reconcile.ClassOf(err) != reconcile.Unavailable || !errors.Is(err, gone) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Go(func() {
			time.Sleep(time.Millisecond) // behind them
			began := time.Now()
			if err := f.get(as(t.Context(), "a")); err != nil || time.Since(began) > time.Second {
				t.Errorf("who stays gets %v after %s", err, time.Since(began))
			}
		})
		time.Sleep(2 * time.Millisecond)
		cancel(gone)
		all.Wait()
		if n := f.Stats().Waiting; n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

// A clock that goes back must not stop the requests until it is where it was.
func TestTheRateSurvivesAClockThatGoesBack(t *testing.T) {
	f := play(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, namespace) },
		func(o *scaleway.Options) { o.Rate, o.Burst = 10, 1 })
	for range 3 {
		_ = f.get(t.Context())
	}
	f.clock.Sleep(t.Context(), -10*365*24*time.Hour)
	began := f.clock.Now()
	if err := f.get(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := f.clock.Now().Sub(began); took > 200*time.Millisecond {
		t.Errorf("it took %s", took)
	}
}

func TestRunTag(t *testing.T) {
	var agents []string
	f := play(t, func(w http.ResponseWriter, r *http.Request) {
		agents = append(agents, r.UserAgent())
		answer(w, 200, namespace)
	}, func(o *scaleway.Options) { o.UserAgent = "reconcile/1.2.3" })
	for _, ctx := range []context.Context{
		t.Context(),
		scaleway.WithRun(t.Context(), scaleway.RunTag{Stack: "shop-prod.5b0c1a2f", Epoch: 7, JID: "20261121093015123456"}),
		scaleway.WithRun(t.Context(), scaleway.RunTag{Stack: "a); x=(\r\nX-Evil: 1", JID: "é\x00"}),
	} {
		if err := f.get(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{
		" reconcile/1.2.3", " reconcile/1.2.3 (stack=shop-prod.5b0c1a2f; epoch=7; run=20261121093015123456)",
		" reconcile/1.2.3 (stack=a___x____X-Evil__1; epoch=0; run=__)",
	} {
		if got := agents[i]; !bytes.HasSuffix([]byte(got), []byte(want)) {
			t.Errorf("got %q, want it to end in %q", got, want)
		}
	}
}
