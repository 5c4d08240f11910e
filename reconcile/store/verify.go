package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Verify reads the whole store and returns the heads of its chains, by stack.
// What does not hold, the first thing of each stack, is named by the errors,
// each a *reconcile.Break; a damaged file is a *Damaged.
func (s *Store) Verify(ctx context.Context) (heads []reconcile.Head, err error) {
	seen := s.witness.read()
	err = s.snapshot(ctx, func(q queryer) error {
		heads, err = verify(ctx, q)
		_, lost := s.checkTotal(ctx, q, seen)
		return errors.Join(err, lost)
	})
	return heads, s.explain(err)
}

func verify(ctx context.Context, q queryer) ([]reconcile.Head, error) {
	if err := quickCheck(ctx, q); err != nil {
		return nil, err
	}
	noted, err := readHeads(ctx, q)
	if err != nil {
		return nil, err
	}
	stacks, err := stacksOf(ctx, q, noted)
	if err != nil {
		return nil, err
	}
	return verifyStacks(ctx, q, stacks, noted)
}

func verifyStacks(ctx context.Context, q queryer, stacks []string, noted []reconcile.Head) ([]reconcile.Head, error) {
	var heads []reconcile.Head
	var breaks []error
	for _, stack := range stacks {
		head, err := verifyStack(ctx, q, stack, noted)
		var broken *reconcile.Break
		if err != nil && !errors.As(err, &broken) {
			return heads, err
		}
		heads, breaks = append(heads, head), append(breaks, err)
	}
	return heads, errors.Join(breaks...)
}

func verifyStack(ctx context.Context, q queryer, stack string, noted []reconcile.Head) (reconcile.Head, error) {
	d, err := derive(ctx, q, stack)
	if err != nil {
		return d.head, err
	}
	i := slices.IndexFunc(noted, func(h reconcile.Head) bool { return h.Stack == stack })
	if i < 0 {
		return d.head, &reconcile.Break{Stack: stack, Reason: "the head of its chain was removed"}
	}
	if err := d.head.Ends(noted[i]); err != nil {
		return d.head, err
	}
	return d.head, d.compare(ctx, q)
}

// derived is what the records of a stack come to.
type derived struct {
	head      reconcile.Head
	memos     map[reconcile.Key]reconcile.Memo
	revisions map[string]bool
}

func newDerived(stack string) *derived {
	return &derived{reconcile.Head{Stack: stack}, map[reconcile.Key]reconcile.Memo{}, map[string]bool{}}
}

// derive reads all records of a stack, on top of what was removed.
func derive(ctx context.Context, q queryer, stack string) (*derived, error) {
	d := newDerived(stack)
	err := d.begin(ctx, q)
	if err == nil {
		err = d.readUpTo(ctx, q, never)
	}
	return d, err
}

// readUpTo follows the chain from the head to the record of that number, or to its end.
func (d *derived) readUpTo(ctx context.Context, q queryer, last int64) error {
	for {
		rows, err := readRows(ctx, q, where(reconcile.RecordFilter{Stack: d.head.Stack, After: d.head.Count}).and("seq <= ?", last), page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := d.add(row); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
	}
}

func (d *derived) add(row row) error {
	r, err := row.Record()
	if err != nil {
		return err
	}
	if d.head, err = d.head.Next(r, row.Body); err != nil {
		return err
	}
	if r.Key != "" {
		d.memos[r.Key] = d.memos[r.Key].After(r)
	}
	if r.Revision != "" {
		d.revisions[bare(r.Revision)] = true
	}
	return nil
}

// compare finds derived tables that do not follow from the records.
func (d *derived) compare(ctx context.Context, q queryer) error {
	memos, err := readMemos(ctx, q, known, d.head.Stack)
	if err != nil {
		return err
	}
	revisions, err := readRevisions(ctx, q, known, d.head.Stack)
	if err != nil {
		return err
	}
	for key := range union(memos, d.memos) {
		if memos[key] != d.memos[key] {
			return d.broken("what the store remembers of %s was changed: it does not follow from the records", key)
		}
	}
	for revision := range union(revisions, d.revisions) {
		if revisions[revision] != d.revisions[revision] {
			return d.broken("what the store knows of revision %s was changed: it does not follow from the records", revision)
		}
	}
	return nil
}

func (d *derived) broken(format string, args ...any) error {
	return &reconcile.Break{Stack: d.head.Stack, Reason: fmt.Sprintf(format, args...)}
}

func union[K comparable, V any](a, b map[K]V) map[K]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func readHeads(ctx context.Context, q queryer) ([]reconcile.Head, error) {
	rows, err := q.QueryContext(ctx, "SELECT stack, count, sum FROM heads ORDER BY stack")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var heads []reconcile.Head
	for rows.Next() {
		var h reconcile.Head
		if err := rows.Scan(&h.Stack, &h.Count, &h.Sum); err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, rows.Err()
}

// stacksOf returns the stacks that have a head, records or both.
func stacksOf(ctx context.Context, q queryer, heads []reconcile.Head) ([]string, error) {
	stacks, err := readWords(ctx, q, "SELECT DISTINCT stack FROM records")
	if err != nil {
		return nil, err
	}
	for _, head := range heads {
		stacks = append(stacks, head.Stack)
	}
	slices.Sort(stacks)
	return slices.Compact(stacks), nil
}

func readRevisions(ctx context.Context, q queryer, from shelf, stack string) (map[string]bool, error) {
	words, err := readWords(ctx, q, "SELECT revision FROM "+from.revisions+" WHERE stack = ?", stack)
	revisions := make(map[string]bool, len(words))
	for _, word := range words {
		revisions[word] = true
	}
	return revisions, err
}

func readWords(ctx context.Context, q queryer, query string, args ...any) ([]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var words []string
	for rows.Next() {
		var word string
		if err := rows.Scan(&word); err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return words, rows.Err()
}
