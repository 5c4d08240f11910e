package scaleway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// R19: while all requests fail for an hour, few are sent, whatever the number of
// stacks; once the API is well again all stacks are soon served, within the rate.
func TestR19EverythingFailsForAnHour(t *testing.T) {
	for name, status := range map[string]int{"500": 500, "no answer": 0} {
		synctest.Test(t, func(t *testing.T) {
			var sent, perSecond, peak atomic.Int64
			var well atomic.Bool
			f := bubble(t, func(*http.Request) (int, string) {
				sent.Add(1)
				peak.Store(max(peak.Load(), perSecond.Add(1)))
				time.AfterFunc(time.Second, func() { perSecond.Add(-1) })
				time.Sleep(20 * time.Millisecond)
				if well.Load() {
					return 200, emptyList
				}
				return status, `{"message":"internal"}`
			})
			const stacks = 100
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			var served sync.Map
			var healed time.Time
			for i := range stacks {
				all.Go(func() {
					for ctx.Err() == nil { // looks at itself again and again, as the schedule would
						if f.list(as(ctx, fmt.Sprint("stack-", i))) == nil && ctx.Err() == nil {
							served.LoadOrStore(i, time.Since(healed))
						}
						time.Sleep(5 * time.Second)
					}
				})
			}
			time.Sleep(time.Hour)
			hour := sent.Load()
			if spared := f.Stats().Spared; len(spared) != 1 || spared[0] != "containers in fr-par" {
				t.Errorf("it spares %q", spared)
			}
			healed = time.Now()
			well.Store(true)
			peak.Store(0)
			time.Sleep(time.Minute)
			cancel()
			all.Wait()
			n, last := 0, time.Duration(0)
			served.Range(func(_, after any) bool { n, last = n+1, max(last, after.(time.Duration)); return true })
			if hour > 1000 || n != stacks || last > 30*time.Second || peak.Load() > 150 {
				t.Errorf("%s: %d requests in the hour; %d of %d stacks served, the last after %s; %d requests in a second", name, hour, n, stacks, last, peak.Load())
			}
			if len(f.Stats().Spared) != 0 {
				t.Errorf("it still spares %q", f.Stats().Spared)
			}
			t.Logf("R19: %s for an hour, %d stacks: %d requests sent; all served %s after healing, at most %d requests in a second", name, stacks, hour, last.Round(time.Millisecond), peak.Load())
		})
	}
}

// R17: what fails in one place is spared there; elsewhere all goes on.
func TestOtherPlacesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bubble(t, func(r *http.Request) (int, string) {
			if strings.Contains(r.URL.Path, "/nl-ams/") {
				return 503, `{"message":"unavailable"}`
			}
			return 200, emptyList
		})
		for range 20 {
			page := int32(1)
			_, err := f.api.ListNamespaces(&sdk.ListNamespacesRequest{Region: scw.RegionNlAms, Page: &page}, scw.WithContext(t.Context()))
			if reconcile.ClassOf(err) != reconcile.Unavailable {
				t.Fatalf("nl-ams: %v", err)
			}
			if err := f.list(t.Context()); err != nil {
				t.Fatalf("fr-par: %v", err)
			}
		}
		if spared := f.Stats().Spared; len(spared) != 1 || spared[0] != "containers in nl-ams" {
			t.Errorf("it spares %q", spared)
		}
	})
}

// What a spared product's requests get: nothing is sent, and that is no doubt
// about whether it was done. Only reads are tried.
func TestWritesAreNotTheOnesThatAreTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []string
		status := 500
		f := bubble(t, func(r *http.Request) (int, string) {
			sent = append(sent, r.Method)
			return status, namespace
		})
		for len(f.Stats().Spared) == 0 {
			_ = f.get(t.Context())
		}
		sent, status = nil, 200
		time.Sleep(time.Minute)
		err := f.create(t.Context())
		if reconcile.ClassOf(err) != reconcile.Unavailable || len(sent) != 0 || !strings.Contains(err.Error(), "containers in fr-par") {
			t.Errorf("a creation sends %v and gets %v", sent, err)
		}
		if err := f.get(t.Context()); err != nil {
			t.Errorf("the read that is tried: %v", err)
		}
		if err := f.create(t.Context()); err != nil || len(sent) != 2 {
			t.Errorf("after it: %v, %v", sent, err)
		}
	})
}

// Refusals are answers: they spare nothing.
func TestRefusalsSpareNothing(t *testing.T) {
	for _, status := range []int{400, 403, 404, 409, 429} {
		synctest.Test(t, func(t *testing.T) {
			f := bubble(t, func(*http.Request) (int, string) { return status, `{"message":"no"}` })
			for range 30 {
				_ = f.get(t.Context())
			}
			if spared := f.Stats().Spared; len(spared) != 0 {
				t.Errorf("after 30 times %d it spares %q", status, spared)
			}
		})
	}
}

// What callers give up says nothing about the API.
func TestGivingUpSparesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bubble(t, func(r *http.Request) (int, string) { <-r.Context().Done(); return 0, "" })
		for range 30 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_ = f.get(ctx)
			cancel()
		}
		if spared := f.Stats().Spared; len(spared) != 0 {
			t.Errorf("it spares %q", spared)
		}
	})
}

func TestStats(t *testing.T) {
	api, _ := first(2, refuse(429, ""))
	f := play(t, api)
	_ = f.get(t.Context())
	_ = f.create(t.Context())
	got := f.Stats().Requests
	want := map[scaleway.Outcome]uint64{{Method: "GET"}: 1, {Method: "GET", Class: reconcile.RateLimited}: 2, {Method: "POST"}: 1}
	for outcome, n := range want {
		if got[outcome] != n {
			t.Errorf("%v: %d, want %d", outcome, got[outcome], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
}
