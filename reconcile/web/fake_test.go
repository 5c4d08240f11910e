package web

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// fakeStore is a store in memory.
type fakeStore struct {
	clock *fakeClock

	mu        sync.Mutex
	records   map[string][]reconcile.Record
	runs      map[string]reconcile.Run
	files     map[string][]byte
	standings map[string]reconcile.Standing
	orders    []reconcile.Order
	tokens    []reconcile.Token
	leases    map[string]*fakeLease
	nudges    []string // name and reason
	epoch     int64
	jids      int
	broken    error // what every write says
	asked     int   // how often tokens were read
}

func newFakeStore(clock *fakeClock) *fakeStore {
	return &fakeStore{clock: clock, records: map[string][]reconcile.Record{}, runs: map[string]reconcile.Run{}, files: map[string][]byte{},
		standings: map[string]reconcile.Standing{}, leases: map[string]*fakeLease{}}
}

func (s *fakeStore) lock() func() { s.mu.Lock(); return s.mu.Unlock }

func (s *fakeStore) Journal(stack string) reconcile.Journal { return &fakeJournal{s, stack, nil} }

type fakeJournal struct {
	*fakeStore
	stack string
	lease *fakeLease
}

func (j *fakeJournal) Append(_ context.Context, list ...reconcile.Record) error {
	defer j.lock()()
	if j.broken != nil {
		return j.broken
	}
	if j.lease != nil && j.lease.over {
		return &reconcile.Fenced{Stack: j.stack, Epoch: j.lease.epoch}
	}
	for i := range list {
		list[i].Stack, list[i].Seq = j.stack, int64(len(j.records[j.stack])+1)
		prev := ""
		if n := len(j.records[j.stack]); n > 0 {
			prev = j.records[j.stack][n-1].Sum
		}
		if err := reconcile.Seal(&list[i], prev); err != nil {
			return err
		}
		j.records[j.stack] = append(j.records[j.stack], list[i])
	}
	return nil
}

func (j *fakeJournal) Memory(context.Context) (map[reconcile.Key]reconcile.Memo, error) {
	defer j.lock()()
	return reconcile.Fold(func(yield func(reconcile.Record, error) bool) {
		for _, r := range j.records[j.stack] {
			if !yield(r, nil) {
				return
			}
		}
	})
}

func (j *fakeJournal) Knows(_ context.Context, revision string) (bool, error) {
	defer j.lock()()
	return slices.ContainsFunc(j.records[j.stack], func(r reconcile.Record) bool { return r.Revision == revision }), nil
}

func (j *fakeJournal) NextJID(_ context.Context, now time.Time) (string, error) {
	defer j.lock()()
	if j.broken != nil {
		return "", j.broken
	}
	j.jids++
	return fmt.Sprintf("%s%06d", now.UTC().Format("20060102150405"), j.jids), nil
}

type fakeLease struct {
	store *fakeStore
	stack string
	epoch int64
	over  bool
}

func (s *fakeStore) Lease(_ context.Context, stack, holder string) (reconcile.Lease, error) {
	defer s.lock()()
	if s.leases[stack] != nil {
		return nil, &reconcile.Leased{Stack: stack, Holder: holder, Since: s.clock.Now()}
	}
	s.epoch++
	s.leases[stack] = &fakeLease{s, stack, s.epoch, false}
	return s.leases[stack], nil
}

func (s *fakeStore) Holders(context.Context) (all []reconcile.Leased, _ error) {
	defer s.lock()()
	for stack := range s.leases {
		all = append(all, reconcile.Leased{Stack: stack, Holder: "laptop", Since: s.clock.Now()})
	}
	return all, nil
}

func (l *fakeLease) Epoch() int64 { return l.epoch }
func (l *fakeLease) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	defer l.store.lock()()
	if l.over {
		cancel()
	}
	return ctx, cancel
}
func (l *fakeLease) Journal() reconcile.Journal { return &fakeJournal{l.store, l.stack, l} }
func (l *fakeLease) Release() error {
	defer l.store.lock()()
	if !l.over {
		l.over = true
		delete(l.store.leases, l.stack)
	}
	return nil
}

func (s *fakeStore) Records(_ context.Context, f reconcile.RecordFilter) iter.Seq2[reconcile.Record, error] {
	return func(yield func(reconcile.Record, error) bool) {
		unlock := s.lock()
		var out []reconcile.Record
		for _, stack := range slices.Sorted(maps.Keys(s.records)) {
			for _, r := range s.records[stack] {
				if (f.Stack == "" || f.Stack == stack) && (f.JID == "" || f.JID == r.JID) && (f.Key == "" || r.Key.Below(f.Key)) &&
					!r.Stamp.Before(f.Since) && (f.Until.IsZero() || r.Stamp.Before(f.Until)) && r.Seq > f.After {
					out = append(out, r)
				}
			}
		}
		unlock()
		for i, r := range out {
			if f.Limit > 0 && i >= f.Limit || !yield(r, nil) {
				return
			}
		}
	}
}

func (s *fakeStore) Heads(context.Context) ([]reconcile.Head, error) {
	defer s.lock()()
	var out []reconcile.Head
	for _, stack := range slices.Sorted(maps.Keys(s.records)) {
		list := s.records[stack]
		out = append(out, reconcile.Head{Stack: stack, Count: int64(len(list)), Sum: list[len(list)-1].Sum})
	}
	return out, nil
}

func (s *fakeStore) SaveRun(_ context.Context, run reconcile.Run) error {
	defer s.lock()()
	s.runs[run.JID] = run
	return s.broken
}

func (s *fakeStore) Runs(_ context.Context, f reconcile.RunFilter) ([]reconcile.Run, error) {
	defer s.lock()()
	var out []reconcile.Run
	for _, jid := range slices.Backward(slices.Sorted(maps.Keys(s.runs))) {
		r := s.runs[jid]
		if (f.Stack == "" || f.Stack == r.Stack) && (f.JID == "" || f.JID == r.JID) && (f.Status == "" || f.Status == r.Status) &&
			(f.Launch == "" || f.Launch == r.Launch) && !r.Started.Before(f.Since) && (f.Before == "" || r.JID < f.Before) {
			out = append(out, r)
		}
	}
	if f.Limit > 0 {
		out = out[:min(len(out), f.Limit)]
	}
	return out, nil
}

func (s *fakeStore) SaveArtefact(_ context.Context, jid, name string, body []byte) error {
	defer s.lock()()
	s.files[jid+" "+name] = body
	return s.broken
}

func (s *fakeStore) Artefact(_ context.Context, jid, name string) ([]byte, error) {
	defer s.lock()()
	if body, ok := s.files[jid+" "+name]; ok {
		return body, nil
	}
	return nil, &reconcile.Error{Class: reconcile.NotFound, Message: "there is no " + name + " of " + jid}
}

func (s *fakeStore) SaveStanding(_ context.Context, st reconcile.Standing) error {
	defer s.lock()()
	s.standings[st.Name] = st
	return nil
}

func (s *fakeStore) Standings(context.Context) ([]reconcile.Standing, error) {
	defer s.lock()()
	var out []reconcile.Standing
	for _, name := range slices.Sorted(maps.Keys(s.standings)) {
		out = append(out, s.standings[name])
	}
	return out, nil
}

func (s *fakeStore) Order(_ context.Context, o reconcile.Order) (reconcile.Order, error) {
	defer s.lock()()
	o.ID, o.At = fmt.Sprintf("2026112100000000%04d", len(s.orders)+1), s.clock.Now()
	s.orders = append(s.orders, o)
	return o, s.broken
}

func (s *fakeStore) Orders(_ context.Context, stack string, ended bool) ([]reconcile.Order, error) {
	defer s.lock()()
	var out []reconcile.Order
	for _, o := range s.orders {
		if (stack == "" || o.Covers(stack)) && (ended || o.InForce(s.clock.Now())) {
			out = append(out, o)
		}
	}
	return out, nil
}

func (s *fakeStore) Withdraw(_ context.Context, id string, _ reconcile.Actor, _ string) error {
	defer s.lock()()
	for i := range s.orders {
		if s.orders[i].ID == id {
			s.orders[i].Ended = s.clock.Now()
		}
	}
	return nil
}

func (s *fakeStore) SaveToken(_ context.Context, t reconcile.Token) error {
	defer s.lock()()
	s.tokens = slices.DeleteFunc(s.tokens, func(old reconcile.Token) bool { return old.ID == t.ID })
	s.tokens = append(s.tokens, t)
	return nil
}

func (s *fakeStore) Tokens(context.Context) ([]reconcile.Token, error) {
	defer s.lock()()
	s.asked++
	return slices.Clone(s.tokens), nil
}

func (s *fakeStore) Nudge(_ context.Context, name string, why reconcile.Launch) error {
	defer s.lock()()
	s.nudges = append(s.nudges, name+" "+string(why))
	return nil
}

func (s *fakeStore) Close() error { return nil }

// nudged takes what was nudged so far.
func (s *fakeStore) nudged() []string {
	defer s.lock()()
	out := s.nudges
	s.nudges = nil
	return out
}

// fakeClock stands still until it is advanced.
type fakeClock struct {
	mu       sync.Mutex
	now      time.Time
	sleepers []sleeper
	slept    *sync.Cond // a sleeper has come
}

type sleeper struct {
	until time.Time
	wake  chan struct{}
}

func newFakeClock() *fakeClock {
	c := &fakeClock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	c.slept = sync.NewCond(&c.mu)
	return c
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	s := sleeper{c.now.Add(d), make(chan struct{})}
	c.sleepers = append(c.sleepers, s)
	c.slept.Broadcast()
	c.mu.Unlock()
	select {
	case <-s.wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// advance moves the clock and wakes who has slept long enough.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.sleepers = slices.DeleteFunc(c.sleepers, func(s sleeper) bool {
		if c.now.Before(s.until) {
			return false
		}
		close(s.wake)
		return true
	})
}

// await waits until so many sleep.
func (c *fakeClock) await(sleepers int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.sleepers) < sleepers {
		c.slept.Wait()
	}
}
