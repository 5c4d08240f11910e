package journal

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

// memory is a store in memory, as much of one as is needed here. An attacker has
// it whole: tests write to it as they like.
type memory struct {
	reconcile.Store
	mu        sync.Mutex
	chains    map[string][]reconcile.Record
	ends      map[string]Head
	artefacts map[string][]byte
	fails     error // of artefacts
}

var (
	_ reconcile.Store = (*memory)(nil)
	_ Pruner          = (*memory)(nil)
)

func newMemory() *memory {
	return &memory{chains: map[string][]reconcile.Record{}, ends: map[string]Head{}, artefacts: map[string][]byte{}}
}

func (m *memory) Journal(stack string) reconcile.Journal { return memoryJournal{m, stack} }

func (m *memory) Records(_ context.Context, f reconcile.RecordFilter) iter.Seq2[reconcile.Record, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []reconcile.Record
	for _, stack := range slices.Sorted(maps.Keys(m.chains)) {
		all = append(all, m.chains[stack]...)
	}
	return Choose(f, each(all))
}

func (m *memory) Heads(context.Context) ([]Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Head
	for _, stack := range slices.Sorted(maps.Keys(m.ends)) {
		out = append(out, m.ends[stack])
	}
	return out, nil
}

func (m *memory) SaveArtefact(_ context.Context, jid, name string, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails == nil {
		m.artefacts[jid+"/"+name] = body
	}
	return m.fails
}

func (m *memory) Artefact(_ context.Context, jid, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body, ok := m.artefacts[jid+"/"+name]
	if !ok {
		return nil, &reconcile.Error{Class: reconcile.NotFound, Message: "no such file"}
	}
	return body, m.fails
}

func (m *memory) Prune(ctx context.Context, stack string, through int64, segment reconcile.Record) error {
	end := Head{Stack: stack}
	for _, r := range m.chains[stack] {
		if r.Seq == through {
			end.Count, end.Sum = r.Seq, r.Sum
		}
	}
	if err := m.Journal(stack).Append(ctx, segment.Removes(end)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.chains[stack] = slices.DeleteFunc(m.chains[stack], func(r reconcile.Record) bool { return r.Seq <= through })
	return nil
}

// put replaces a chain, as somebody who can write to the store may.
func (m *memory) put(stack string, records []reconcile.Record) {
	m.chains[stack] = records
	last := records[len(records)-1]
	m.ends[stack] = Head{Stack: stack, Count: last.Seq, Sum: last.Sum}
}

type memoryJournal struct {
	store *memory
	stack string
}

func (j memoryJournal) Append(_ context.Context, records ...reconcile.Record) error {
	m := j.store
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		end := m.ends[j.stack]
		r.Stack, r.Seq = j.stack, end.Count+1
		r.Tag = reconcile.TagOf(r)
		if err := reconcile.Seal(&r, end.Sum); err != nil {
			return err
		}
		m.chains[j.stack] = append(m.chains[j.stack], r)
		m.ends[j.stack] = Head{Stack: j.stack, Count: r.Seq, Sum: r.Sum}
	}
	return nil
}

func (j memoryJournal) Memory(context.Context) (map[reconcile.Key]reconcile.Memo, error) {
	return nil, nil
}
func (j memoryJournal) Knows(context.Context, string) (bool, error) { return false, nil }
func (j memoryJournal) NextJID(_ context.Context, now time.Time) (string, error) {
	return now.UTC().Format("20060102150405") + "000000", nil
}

// history makes runs of some steps each, with a checkpoint at the end of each run.
func history(n *Notary, stack string, runs, steps int, clock *time.Time) error {
	ctx := context.Background()
	for run := range runs {
		*clock = clock.Add(time.Hour)
		jid := clock.Format("20060102150405") + "000000"
		record := func(e reconcile.Event) reconcile.Record {
			return reconcile.Record{Stamp: *clock, JID: jid, Event: e, Actor: reconcile.Actor{Kind: "cli", User: "ada"}, Revision: fmt.Sprintf("%040x", run+1)}
		}
		records := []reconcile.Record{record(reconcile.RunStarted)}
		for i := range steps {
			for _, e := range []reconcile.Event{reconcile.Intent, reconcile.Result} {
				r := record(e)
				r.Key, r.Action, r.RunNum = reconcile.NewKey("Container", fmt.Sprint("c", i)), reconcile.Update, i
				records = append(records, r)
			}
		}
		records = append(records, record(reconcile.RunEnded))
		if err := n.Store.Journal(stack).Append(ctx, records...); err != nil {
			return err
		}
		if err := n.Close(ctx, stack, jid, fmt.Sprintf("%040x", run+1)); err != nil {
			return err
		}
	}
	return nil
}
