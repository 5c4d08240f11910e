package daemon_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// memory is a Store and a Schedule of one process.
type memory struct {
	mu        sync.Mutex
	records   []reconcile.Record
	jid       int
	leases    map[string]*lease
	epoch     int64
	runs      []reconcile.Run
	files     map[string][]byte
	standings map[string]reconcile.Standing
	orders    []reconcile.Order
	down      error // why nothing can be read or written
	queue
}

func newMemory() *memory {
	m := &memory{leases: map[string]*lease{}, files: map[string][]byte{}, standings: map[string]reconcile.Standing{}}
	m.queue = queue{due: map[string]*due{}, wake: make(chan struct{}, 1)}
	return m
}

type journal struct {
	*memory
	stack string
	lease *lease // nil: no intents
}

func (j journal) Append(_ context.Context, records ...reconcile.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.down != nil {
		return j.down
	}
	for _, r := range records {
		if j.lease != nil && j.lease.ended {
			return &reconcile.Fenced{Stack: j.stack, Epoch: j.lease.epoch}
		}
		if j.lease == nil && r.Event == reconcile.Intent {
			return fmt.Errorf("an intent without a lease")
		}
		r.Stack = j.stack
		j.records = append(j.records, r)
	}
	return nil
}

func (j journal) Memory(context.Context) (map[reconcile.Key]reconcile.Memo, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return reconcile.Fold(func(yield func(reconcile.Record, error) bool) {
		for _, r := range j.records {
			if r.Stack == j.stack && !yield(r, nil) {
				return
			}
		}
	})
}

func (j journal) Knows(_ context.Context, rev string) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.ContainsFunc(j.records, func(r reconcile.Record) bool { return r.Stack == j.stack && r.Revision == rev }), nil
}

func (m *memory) NextJID(context.Context, time.Time) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jid++
	return fmt.Sprintf("%020d", m.jid), nil
}

func (m *memory) Journal(stack string) reconcile.Journal { return journal{m, stack, nil} }

type lease struct {
	memory *memory
	stack  string
	holder string
	epoch  int64
	since  time.Time
	ended  bool
	over   chan struct{}
}

func (m *memory) Lease(_ context.Context, stack, holder string) (reconcile.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return nil, m.down
	}
	if l := m.leases[stack]; l != nil {
		return nil, &reconcile.Leased{Stack: stack, Holder: l.holder, Since: l.since}
	}
	m.epoch++
	l := &lease{memory: m, stack: stack, holder: holder, epoch: m.epoch, since: time.Now(), over: make(chan struct{})}
	m.leases[stack] = l
	return l, nil
}

func (l *lease) Epoch() int64               { return l.epoch }
func (l *lease) Journal() reconcile.Journal { return journal{l.memory, l.stack, l} }
func (l *lease) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-l.over:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (l *lease) Release() error {
	l.memory.mu.Lock()
	defer l.memory.mu.Unlock()
	l.end()
	return nil
}

func (l *lease) end() {
	if !l.ended {
		l.ended = true
		close(l.over)
		delete(l.memory.leases, l.stack)
	}
}

// lose ends a stack's lease as if its time were over.
func (m *memory) lose(stack string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leases[stack].end()
}

func (m *memory) Records(_ context.Context, f reconcile.RecordFilter) iter.Seq2[reconcile.Record, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := slices.DeleteFunc(slices.Clone(m.records), func(r reconcile.Record) bool {
		return f.Stack != "" && r.Stack != f.Stack || f.JID != "" && r.JID != f.JID
	})
	return func(yield func(reconcile.Record, error) bool) {
		for _, r := range found {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (m *memory) Heads(context.Context) ([]reconcile.Head, error) { return nil, nil }

func (m *memory) SaveRun(_ context.Context, run reconcile.Run) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runs = append(slices.DeleteFunc(m.runs, func(r reconcile.Run) bool { return r.JID == run.JID }), run)
	return m.down
}

func (m *memory) Runs(_ context.Context, f reconcile.RunFilter) ([]reconcile.Run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := slices.DeleteFunc(slices.Clone(m.runs), func(r reconcile.Run) bool {
		return f.Stack != "" && r.Stack != f.Stack || f.JID != "" && r.JID != f.JID || f.Status != "" && r.Status != f.Status
	})
	slices.SortFunc(out, func(a, b reconcile.Run) int { return -1 * slices.Compare([]byte(a.JID), []byte(b.JID)) })
	return out, m.down
}

func (m *memory) SaveArtefact(_ context.Context, jid, name string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[jid+"/"+name] = body
	return m.down
}

func (m *memory) Artefact(_ context.Context, jid, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files[jid+"/"+name], m.down
}

func (m *memory) SaveStanding(_ context.Context, s reconcile.Standing) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down == nil {
		m.standings[s.Name] = s
	}
	return m.down
}

func (m *memory) Standings(context.Context) ([]reconcile.Standing, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []reconcile.Standing
	for _, s := range m.standings {
		out = append(out, s)
	}
	return out, m.down
}

func (m *memory) Order(_ context.Context, o reconcile.Order) (reconcile.Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jid++
	o.ID, o.At = fmt.Sprintf("%020d", m.jid), time.Now()
	m.orders = append(m.orders, o)
	return o, m.down
}

func (m *memory) Orders(_ context.Context, stack string, ended bool) ([]reconcile.Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.orders), func(o reconcile.Order) bool {
		return stack != "" && !o.Covers(stack) || !ended && !o.InForce(time.Now())
	}), m.down
}

func (m *memory) Withdraw(_ context.Context, id string, _ reconcile.Actor, reason string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.orders {
		if m.orders[i].ID == id && m.orders[i].Ended.IsZero() {
			m.orders[i].Ended, m.orders[i].Reason = time.Now(), reason
		}
	}
	return m.down
}

func (m *memory) SaveToken(context.Context, reconcile.Token) error  { return nil }
func (m *memory) Tokens(context.Context) ([]reconcile.Token, error) { return nil, nil }
func (m *memory) Close() error                                      { return nil }

// order is an order in short.
func (m *memory) order(stack string, verb reconcile.Verb, set func(*reconcile.Order)) reconcile.Order {
	o := reconcile.Order{Stack: stack, Verb: verb, By: reconcile.Actor{User: "jane"}}
	if set != nil {
		set(&o)
	}
	o, _ = m.Order(context.Background(), o)
	return o
}

// ended is why an order is over, "" if it is not.
func (m *memory) ended(id string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.orders {
		if o.ID == id && !o.Ended.IsZero() {
			return o.Reason
		}
	}
	return ""
}

// due is a stack in the queue.
type due struct {
	at      time.Time
	why     reconcile.Launch
	nudged  chan struct{} // of the turn under way, nil if there is none
	further reconcile.Launch
}

type queue struct {
	qmu  sync.Mutex
	due  map[string]*due
	wake chan struct{}
}

func (q *queue) Enrol(_ context.Context, names []string) error {
	q.qmu.Lock()
	defer q.qmu.Unlock()
	for _, name := range names {
		if q.due[name] == nil {
			q.due[name] = &due{at: time.Now(), why: reconcile.ByStartup}
		}
	}
	q.rouse()
	return nil
}

func (m *memory) Retire(_ context.Context, names []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.qmu.Lock()
	defer m.qmu.Unlock()
	for _, name := range names {
		delete(m.due, name)
		delete(m.standings, name)
	}
	return m.down
}

func (q *queue) rouse() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) Nudge(_ context.Context, name string, why reconcile.Launch) error {
	q.qmu.Lock()
	defer q.qmu.Unlock()
	d := q.due[name]
	if d == nil {
		return fmt.Errorf("there is no stack %s", name)
	}
	if d.nudged != nil {
		if d.further == "" {
			close(d.nudged)
		}
		d.further = why
		return nil
	}
	d.at, d.why = time.Now(), why
	q.rouse()
	return nil
}

func (q *queue) Work(ctx context.Context, w reconcile.Work) error {
	var all sync.WaitGroup
	defer all.Wait()
	slots := map[reconcile.Queue]chan struct{}{}
	for name, n := range w.Workers {
		slots[name] = make(chan struct{}, n)
	}
	for ctx.Err() == nil {
		next := q.give(ctx, w, slots, &all)
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-q.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return ctx.Err()
}

func (q *queue) give(ctx context.Context, w reconcile.Work, slots map[reconcile.Queue]chan struct{}, all *sync.WaitGroup) time.Duration {
	q.qmu.Lock()
	defer q.qmu.Unlock()
	next := 10 * time.Second // another daemon may have taken the word that something is due
	for name, d := range q.due {
		wait := time.Until(d.at)
		if d.nudged != nil || !w.Serves(name) {
			continue
		}
		if wait > 0 {
			next = min(next, wait)
			continue
		}
		slot := slots[d.why.Queue()]
		select {
		case slot <- struct{}{}:
		default:
			next = min(next, 50*time.Millisecond)
			continue
		}
		d.nudged = make(chan struct{})
		turn := reconcile.Turn{Name: name, Why: d.why, Waited: -wait, Nudged: d.nudged}
		all.Go(func() {
			again := w.Look(ctx, turn)
			<-slot
			q.qmu.Lock()
			defer q.qmu.Unlock()
			d.nudged, d.at, d.why = nil, time.Now().Add(again), reconcile.BySchedule
			if d.further != "" {
				d.at, d.why, d.further = time.Now(), d.further, ""
			}
			q.rouse()
		})
	}
	return next
}

func (q *queue) Depth(context.Context) (map[reconcile.Queue]reconcile.Depth, error) {
	q.qmu.Lock()
	defer q.qmu.Unlock()
	out := map[reconcile.Queue]reconcile.Depth{}
	for _, d := range q.due {
		if late := time.Since(d.at); d.nudged == nil && late > 0 {
			at := out[d.why.Queue()]
			at.Waiting, at.Oldest = at.Waiting+1, max(at.Oldest, late)
			out[d.why.Queue()] = at
		}
	}
	return out, nil
}

var (
	_ reconcile.Store    = (*memory)(nil)
	_ reconcile.Schedule = (*memory)(nil)
)
