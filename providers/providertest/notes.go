package providertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// notes are the journal of one stack, in memory. It outlives the processes of a test.
type notes struct {
	mu      sync.Mutex
	records []reconcile.Record
	memos   map[reconcile.Key]reconcile.Memo
	runs    int
}

var _ reconcile.Journal = (*notes)(nil)

func (n *notes) Append(ctx context.Context, records ...reconcile.Record) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.memos == nil {
		n.memos = map[reconcile.Key]reconcile.Memo{}
	}
	for _, r := range records {
		r.Seq = int64(len(n.records) + 1)
		n.records = append(n.records, r)
		if r.Key != "" {
			n.memos[r.Key] = n.memos[r.Key].After(r)
		}
	}
	return ctx.Err()
}

func (n *notes) Memory(context.Context) (map[reconcile.Key]reconcile.Memo, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.memos), nil
}

func (n *notes) Knows(_ context.Context, revision string) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.records, func(r reconcile.Record) bool { return strings.TrimSuffix(r.Revision, "+") == revision }), nil
}

func (n *notes) NextJID(context.Context, time.Time) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.runs++
	return fmt.Sprintf("%020d", n.runs), nil
}

// NewJournal returns a journal in memory, of one stack.
func NewJournal() reconcile.Journal { return &notes{} }
