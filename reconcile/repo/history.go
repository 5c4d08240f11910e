package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// These bound a walk through history: who changed a file is worth no long wait.
const (
	maxWalk     = 1000
	maxWalkTime = 2 * time.Second
	maxAncestry = 20_000
)

// LastChange is the newest commit that changed, added or removed a file or
// folder, given relative to the source's folder. The walk starts where Tree
// last read, follows a merge into the parent that agrees with it, and ends with
// ErrHistoryEnds after 1,000 commits or 2 seconds.
func (s *Source) LastChange(ctx context.Context, name string) (Revision, error) {
	full, err := inside(s.folder, name)
	if err != nil || !fs.ValidPath(full) {
		return Revision{}, fmt.Errorf("history of %s: it is no path inside the repository", quote(name))
	}
	start, err := s.start(ctx)
	if err != nil {
		return Revision{}, err
	}
	w := &walk{reader: s.history.reader(ctx, start.hash), cut: s.history.shallow()}
	c, err := w.lastChange(ctx, start, full)
	if errors.Is(err, errCut) && s.history.deepen(ctx, start.hash) == nil {
		w.cut = s.history.shallow()
		c, err = w.lastChange(ctx, start, full)
	}
	if err != nil {
		return Revision{}, fmt.Errorf("history of %s in %s: %w", quote(full), s.place, err)
	}
	return c.revision(), nil
}

// Descends tells whether what Tree last read came after a commit, named by its
// full hash: whether the branch went forward from there. ErrHistoryEnds means
// that the history at hand does not tell.
func (s *Source) Descends(ctx context.Context, hash string) (bool, error) {
	h, err := parseHash(hash)
	if err != nil {
		return false, err
	}
	start, err := s.start(ctx)
	if err != nil {
		return false, err
	}
	w := &walk{reader: s.history.reader(ctx, start.hash), cut: s.history.shallow()}
	ok, err := w.reaches(ctx, start, h)
	if errors.Is(err, errCut) && s.history.deepen(ctx, start.hash) == nil {
		w.cut = s.history.shallow()
		ok, err = w.reaches(ctx, start, h)
	}
	if err != nil {
		return false, fmt.Errorf("history of %s: %w", s.place, err)
	}
	return ok, nil
}

// start is the commit that walks begin at.
func (s *Source) start(ctx context.Context) (*commit, error) {
	if s.history == nil {
		return nil, fmt.Errorf("%w: folder %s is not in Git", ErrHistoryEnds, quote(s.place))
	}
	s.mu.Lock()
	head := s.head
	s.mu.Unlock()
	if head != nil {
		return head, nil
	}
	return s.resolve(ctx)
}

// errCut is ErrHistoryEnds where a shallow clone ends, so that more may be had.
var errCut = fmt.Errorf("%w at a shallow clone's edge", ErrHistoryEnds)

// A walk goes through commits, from children to parents.
type walk struct {
	reader objectReader
	cut    map[plumbing.Hash]bool
}

func (w *walk) lastChange(ctx context.Context, c *commit, name string) (*commit, error) {
	deadline := time.Now().Add(maxWalkTime)
	at, err := w.entry(c, name)
	if err != nil {
		return nil, err
	}
	for range maxWalk {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			break
		}
		if w.cut[c.hash] && len(c.parents) > 0 {
			return nil, errCut
		}
		same, err := w.sameParent(c, name, at)
		if err != nil {
			return nil, err
		}
		if same == nil && len(c.parents) == 0 && at == (entry{}) {
			return nil, fmt.Errorf("%w: no commit ever had it", ErrHistoryEnds)
		}
		if same == nil {
			return c, nil
		}
		c = same
	}
	return nil, fmt.Errorf("%w: the last %d commits did not change it", ErrHistoryEnds, maxWalk)
}

// sameParent is the first parent in which the path is as it is in the commit.
func (w *walk) sameParent(c *commit, name string, at entry) (*commit, error) {
	for _, h := range c.parents {
		parent, err := readCommit(w.reader, h)
		if err != nil {
			return nil, err
		}
		was, err := w.entry(parent, name)
		if err != nil {
			return nil, err
		}
		if was == at {
			return parent, nil
		}
	}
	return nil, nil
}

// entry is what stands at a path of a commit, zero if nothing does.
func (w *walk) entry(c *commit, name string) (entry, error) {
	if name == "." {
		return entry{name: name, mode: fs.ModeDir, hash: c.tree}, nil
	}
	tree := c.tree
	parts := strings.Split(name, "/")
	for i, part := range parts {
		entries, err := readTree(w.reader, tree)
		if err != nil {
			return entry{}, err
		}
		e, ok := lookup(entries, part)
		if !ok || i+1 < len(parts) && !e.mode.IsDir() {
			return entry{}, nil
		}
		if i+1 == len(parts) {
			return e, nil
		}
		tree = e.hash
	}
	return entry{}, nil
}

// reaches searches the ancestors of a commit, newest first, for another.
func (w *walk) reaches(ctx context.Context, c *commit, h plumbing.Hash) (bool, error) {
	queue, seen, cut := []*commit{c}, map[plumbing.Hash]bool{c.hash: true}, false
	for len(queue) > 0 {
		newest := slices.MaxFunc(queue, func(a, b *commit) int { return a.when.Compare(b.when) })
		if newest.hash == h {
			return true, nil
		}
		i := slices.Index(queue, newest)
		queue = slices.Delete(queue, i, i+1)
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if len(seen) > maxAncestry {
			return false, fmt.Errorf("%w: it is not among the last %d commits", ErrHistoryEnds, maxAncestry)
		}
		if w.cut[newest.hash] && len(newest.parents) > 0 { // nothing was cut off before a first commit
			cut = true
			continue
		}
		for _, p := range newest.parents {
			if seen[p] {
				continue
			}
			seen[p] = true
			parent, err := readCommit(w.reader, p)
			if err != nil {
				return false, err
			}
			queue = append(queue, parent)
		}
	}
	if cut {
		return false, errCut
	}
	return false, nil
}
