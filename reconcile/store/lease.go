package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/gofrs/flock"
)

// Lease takes a stack for a holder, or refuses with a *reconcile.Leased without
// waiting. The right is a lock on a file, so it ends with the process however
// that ends; the row beside it is for whoever is refused.
func (s *Store) Lease(ctx context.Context, stack, holder string) (reconcile.Lease, error) {
	if err := makeFolder(filepath.Join(s.dir, locks)); err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, locks, lockName(stack))
	if err := checkOne(path, false); err != nil {
		return nil, err
	}
	lock := flock.New(path)
	taken, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("take stack %s: %w", stack, err)
	}
	if !taken {
		return nil, s.leased(ctx, stack)
	}
	epoch, err := s.noteLease(ctx, stack, cmp.Or(holder, anotherRun))
	if err != nil {
		return nil, fmt.Errorf("take stack %s: %w", stack, errors.Join(s.explain(err), lock.Unlock()))
	}
	return &lease{store: s, stack: stack, epoch: epoch, lock: lock, ended: make(chan struct{})}, nil
}

// anotherRun is a holder of whom no more is known.
const anotherRun = "another run"

// A lease is a lock on a file, which ends with the process, and a row whose
// epoch fences writers that have lost their lock otherwise: to a person who
// removed the file, or to a disk that does not keep locks.
type lease struct {
	store *Store
	stack string
	epoch int64
	lock  *flock.Flock

	end      sync.Once
	ended    chan struct{}
	release  sync.Once
	released error
}

func (l *lease) Epoch() int64 { return l.epoch }

// Context returns a context that ends when the lease is released, or is found
// to be another's.
func (l *lease) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-l.ended:
			cancel(l.fenced())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// Journal is the stack's journal, which takes records until the lease ends.
func (l *lease) Journal() reconcile.Journal { return &journal{l.store, l.stack, l} }

func (l *lease) fenced() error { return &reconcile.Fenced{Stack: l.stack, Epoch: l.epoch} }

// check refuses what is written under a lease that has ended.
func (l *lease) check(w *writing) error {
	var valid bool
	err := w.tx.QueryRowContext(w.ctx, "SELECT EXISTS (SELECT 1 FROM leases WHERE stack = ? AND epoch = ? AND holder <> '')",
		l.stack, l.epoch).Scan(&valid)
	if err == nil && !valid {
		l.end.Do(func() { close(l.ended) })
		err = refusal{l.fenced()}
	}
	return err
}

// Release gives the stack back. A second call does nothing.
func (l *lease) Release() error {
	l.release.Do(func() {
		l.end.Do(func() { close(l.ended) })
		// The row goes first: after the lock it may be the next holder's.
		err := l.store.write(context.Background(), func(w *writing) error {
			return w.exec("UPDATE leases SET holder = '' WHERE stack = ? AND epoch = ?", l.stack, l.epoch)
		})
		l.released = errors.Join(l.store.explain(err), l.lock.Unlock())
	})
	return l.released
}

// Prober holds a lease while somebody looks whether its holder lives. Whoever is
// refused for it tries again.
const Prober = "somebody who looks whether it is free"

// Holders are the leases that are held now, by stack. A holder whose process is
// gone has none: to see that the lease is taken, for a moment.
func (s *Store) Holders(ctx context.Context) (all []reconcile.Leased, err error) {
	stacks, err := readWords(ctx, s.db, "SELECT stack FROM leases WHERE holder <> '' ORDER BY stack")
	if err != nil {
		return nil, fmt.Errorf("read who has which stack: %w", s.explain(err))
	}
	for _, stack := range stacks {
		lease, err := s.Lease(ctx, stack, Prober)
		var leased *reconcile.Leased
		if errors.As(err, &leased) {
			all = append(all, *leased)
			continue
		}
		if err == nil {
			err = lease.Release()
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *Store) noteLease(ctx context.Context, stack, holder string) (epoch int64, err error) {
	err = s.write(ctx, func(w *writing) error {
		return w.tx.QueryRowContext(w.ctx, `INSERT INTO leases (stack, holder, since, epoch) VALUES (?, ?, ?, 1)
			ON CONFLICT DO UPDATE SET holder = excluded.holder, since = excluded.since, epoch = epoch + 1 RETURNING epoch`,
			stack, holder, s.now().UnixMicro()).Scan(&epoch)
	})
	return epoch, err
}

// leased makes the refusal. The holder may have come so lately that its row is
// not there yet.
func (s *Store) leased(ctx context.Context, stack string) error {
	leased := &reconcile.Leased{Stack: stack, Holder: anotherRun, Since: s.now().UTC()}
	var since int64
	err := s.db.QueryRowContext(ctx, "SELECT holder, since FROM leases WHERE stack = ? AND holder <> ''", stack).Scan(&leased.Holder, &since)
	if err == nil {
		leased.Since = time.UnixMicro(since).UTC()
	} else if !errors.Is(err, sql.ErrNoRows) {
		return s.explain(err)
	}
	return leased
}

var plainWord = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,99}$`)

// lockName is a file name for any stack word. Words that are no plain file
// name become their hash; the different endings keep the two apart.
func lockName(stack string) string {
	if plainWord.MatchString(stack) {
		return stack + ".stack"
	}
	sum := sha256.Sum256([]byte(stack))
	return hex.EncodeToString(sum[:16]) + ".hash"
}
