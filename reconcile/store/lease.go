package store

import (
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
	if err := s.noteLease(ctx, stack, holder); err != nil {
		lock.Unlock()
		return nil, fmt.Errorf("take stack %s: %w", stack, s.explain(err))
	}
	return &lease{store: s, stack: stack, lock: lock}, nil
}

type lease struct {
	store *Store
	stack string
	lock  *flock.Flock
	once  sync.Once
	err   error
}

// Release gives the stack back. A second call does nothing.
func (l *lease) Release() error {
	l.once.Do(func() {
		// The row goes first: after the lock it may be the next holder's.
		_, err := l.store.db.ExecContext(context.Background(), "DELETE FROM leases WHERE stack = ?", l.stack)
		l.err = errors.Join(l.store.explain(err), l.lock.Unlock())
	})
	return l.err
}

func (s *Store) noteLease(ctx context.Context, stack, holder string) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO leases VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET holder = excluded.holder, since = excluded.since`, stack, holder, time.Now().UnixMicro())
	return err
}

// leased makes the refusal. The holder may have come so lately that its row is
// not there yet.
func (s *Store) leased(ctx context.Context, stack string) error {
	refusal := &reconcile.Leased{Stack: stack, Holder: "another run", Since: time.Now().UTC()}
	var since int64
	err := s.db.QueryRowContext(ctx, "SELECT holder, since FROM leases WHERE stack = ?", stack).Scan(&refusal.Holder, &since)
	if err == nil {
		refusal.Since = time.UnixMicro(since).UTC()
	} else if !errors.Is(err, sql.ErrNoRows) {
		return s.explain(err)
	}
	return refusal
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
