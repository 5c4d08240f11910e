package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const stack = "shop.5b0c1f2e"

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// step is the intent, result and settlement of one step, of the usual size.
func step(key reconcile.Key, n int) []reconcile.Record {
	yes := true
	at := noon.Add(time.Duration(n) * time.Second)
	base := reconcile.Record{
		Stamp: at, JID: reconcile.JIDOf(at), Key: key, RunNum: n % 7, Action: reconcile.Update, Fun: "container.present",
		Hash: fmt.Sprintf("sha256:%064x", n), Revision: fmt.Sprintf("%040x", n/1000), ID: fmt.Sprintf("11111111-2222-3333-4444-%012d", n),
		Actor: reconcile.Actor{Kind: "gitlab-ci", User: "remy", Host: "runner-1", Job: "https://gitlab.example/shop/-/jobs/17", Version: "1.0.0"},
	}
	intent, result, settled := base, base, base
	intent.Event, result.Event, settled.Event = reconcile.Intent, reconcile.Result, reconcile.Settled
	result.Return = &reconcile.Return{
		Name: string(key), Result: &yes, Comment: "updated", StartedAt: at, Duration: 812334, SLS: "containers/order-api.yaml:14",
		Changes: map[string]reconcile.OldNew{"memoryLimitMb": {Old: "256", New: "512"}, "env.LOG_LEVEL": {Old: "debug", New: "info"}},
	}
	result.Calls = []reconcile.Call{{System: "scaleway", Method: "PATCH", Path: "/containers/v1/regions/fr-par/containers/1", Status: 200, RequestID: "06840207-b134", Millis: 530}}
	return []reconcile.Record{intent, result, settled}
}

// fill appends at least n records over keys keys.
func fill(t testing.TB, s *Store, n, keys int) {
	t.Helper()
	lease := mustLease(t, s)
	defer lease.Release()
	j := lease.Journal()
	for i := 0; i < n; {
		var records []reconcile.Record
		for range min(200, n/3) {
			records = append(records, step(reconcile.NewKey("Container", fmt.Sprintf("c%d", i/3%keys)), i/3)...)
			i += 3
		}
		if err := j.Append(t.Context(), records...); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := mustOpen(b, b.TempDir())
			defer s.Close()
			j := mustLease(b, s).Journal()
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := j.Append(context.Background(), step("Container/a", 1)[0]); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkMemory(b *testing.B) {
	s := mustOpen(b, b.TempDir())
	defer s.Close()
	fill(b, s, 100_000, 1000)
	j := s.Journal(stack)
	for b.Loop() {
		if memos, err := j.Memory(b.Context()); err != nil || len(memos) != 1000 {
			b.Fatal(len(memos), err)
		}
	}
}

// BenchmarkOpenMemory is what an unchanged plan costs: open, read, close.
func BenchmarkOpenMemory(b *testing.B) {
	for _, records := range []int{3000, 100_000} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			place := b.TempDir()
			s := mustOpen(b, place)
			fill(b, s, records, 1000)
			s.Close()
			info, err := os.Stat(filepath.Join(place, ".reconcile", database))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/1e6, "MB")
			for b.Loop() {
				s, ok, err := OpenExisting(filepath.Join(place, ".reconcile"))
				if err != nil || !ok {
					b.Fatal(ok, err)
				}
				if _, err := s.Journal(stack).Memory(b.Context()); err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	s := mustOpen(b, b.TempDir())
	defer s.Close()
	fill(b, s, 10_000, 1000)
	for b.Loop() {
		if _, err := s.Verify(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStanding keeps how stacks stand, as many looks at once do.
func BenchmarkStanding(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := mustOpen(b, b.TempDir())
			defer s.Close()
			b.SetParallelism(callers)
			var n atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					st := reconcile.Standing{Name: fmt.Sprintf("stack-%d", i%1000), Stack: stack, Condition: reconcile.InSync, Sentence: "all is as it shall be", Took: i}
					if err := s.SaveStanding(context.Background(), st); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// idle is a store whose worker has looked at n stacks, none of which is due within the hour.
func idle(b *testing.B, n int) (s *Store, turns chan string) {
	b.Helper()
	s = mustOpen(b, b.TempDir())
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("stack-%d", i)
	}
	if err := s.Enrol(b.Context(), names); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	turns = make(chan string, n)
	done := make(chan error, 1)
	go func() {
		done <- s.Work(ctx, reconcile.Work{Workers: map[reconcile.Queue]int{reconcile.PushQueue: 4, reconcile.DriftQueue: 100},
			Look: func(_ context.Context, t reconcile.Turn) time.Duration { turns <- t.Name; return time.Hour }})
	}()
	b.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, s.Close()); err != nil {
			b.Error(err)
		}
	})
	for range names {
		<-turns
	}
	return s, turns
}

// BenchmarkNudge is the time from a nudge to its turn, beside 10,000 idle stacks.
func BenchmarkNudge(b *testing.B) {
	s, turns := idle(b, 10_000)
	for b.Loop() {
		if err := s.Nudge(b.Context(), "stack-77", reconcile.ByWebhook); err != nil {
			b.Fatal(err)
		}
		<-turns
	}
}

// BenchmarkIdle is what a second of 10,000 idle stacks costs.
func BenchmarkIdle(b *testing.B) {
	s, _ := idle(b, 10_000)
	w := &worker{store: s, name: "2", began: true, work: reconcile.Work{Workers: map[reconcile.Queue]int{reconcile.PushQueue: 4, reconcile.DriftQueue: 100}}}
	for b.Loop() { // a worker does one round a second
		if _, err := w.round(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBacklog is how fast turns of 1,000 due stacks are given that take no time.
func BenchmarkBacklog(b *testing.B) {
	for b.Loop() {
		idle(b, 1000)
	}
}
