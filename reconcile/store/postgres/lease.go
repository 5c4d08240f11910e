package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
)

// A lease is a row whose epoch and expiry fence writers. The word in holder is
// the lease's own, so that no other process or lease renews it.
type lease struct {
	store  *Store
	stack  string
	holder string
	epoch  int64
	ttl    time.Duration
	term   *term

	once sync.Once
	err  error
}

// Lease takes a stack for a holder, or refuses with a *reconcile.Leased without
// waiting. From then on it is renewed until it is released, or the database
// cannot be reached for so long that another may take it.
func (s *Store) Lease(ctx context.Context, stack, holder string) (reconcile.Lease, error) {
	if err := s.enter(&s.holders); err != nil {
		return nil, fmt.Errorf("take stack %s: %w", stack, err)
	}
	l := s.newLease(stack)
	asked := time.Now()
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return l.take(ctx, tx, holder) })
	var unsure *uncertain
	if errors.As(err, &unsure) { // it finds its own row, or takes the lease now
		err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error { return l.take(ctx, tx, holder) })
	}
	if err != nil {
		s.holders.Done()
		return nil, l.refusal(err)
	}
	l.term = s.begin(asked, l.ttl, l.fenced())
	s.keep(l, true)
	go func() {
		defer s.holders.Done()
		l.renew()
	}()
	return l, nil
}

// newLease is a lease that is still to be taken. One whose name begins with "~",
// which no stack's does, is for a part that one process plays for all, such as
// polling: nothing has to be waited out before another plays it, so it is short.
func (s *Store) newLease(stack string) *lease {
	l := &lease{store: s, stack: stack, holder: random(), ttl: s.ttl}
	if strings.HasPrefix(stack, "~") {
		l.ttl = s.ttl / 2
	}
	return l
}

// Holders are the leases that are held now, by stack.
func (s *Store) Holders(ctx context.Context) ([]reconcile.Leased, error) {
	rows, err := s.pool.Query(ctx, "SELECT stack, person, since FROM reconcile.stack_lease WHERE expires_at > clock_timestamp() ORDER BY stack")
	if err != nil {
		return nil, s.failed("read who has which stack", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l reconcile.Leased, err error) {
		err = row.Scan(&l.Stack, &l.Holder, &l.Since)
		l.Since = l.Since.UTC()
		return l, err
	})
	return all, s.failed("read who has which stack", err)
}

func (l *lease) refusal(err error) error {
	var leased *reconcile.Leased
	if errors.As(err, &leased) {
		return leased
	}
	return fmt.Errorf("take stack %s: %w", l.stack, l.store.explain(err))
}

const anotherRun = "another run" // a holder of whom no more is known

// take makes the row the lease's own, unless it is another's.
func (l *lease) take(ctx context.Context, tx pgx.Tx, person string) error {
	if err := l.store.checkVersion(ctx, tx); err != nil {
		return err
	}
	err := tx.QueryRow(ctx, `INSERT INTO reconcile.stack_lease AS l (stack, holder, person, epoch, since, expires_at)
		VALUES ($1, $2, $3, 1, now(), now() + make_interval(secs => $4))
		ON CONFLICT (stack) DO UPDATE SET holder = excluded.holder, person = excluded.person, epoch = l.epoch + 1,
			since = excluded.since, expires_at = excluded.expires_at
			WHERE l.expires_at <= clock_timestamp()
		RETURNING epoch`, l.stack, l.holder, cmp.Or(person, anotherRun), seconds(l.ttl)).Scan(&l.epoch)
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	leased := &reconcile.Leased{Stack: l.stack}
	var holder string
	var epoch int64
	err = tx.QueryRow(ctx, "SELECT holder, person, since, epoch FROM reconcile.stack_lease WHERE stack = $1", l.stack).
		Scan(&holder, &leased.Holder, &leased.Since, &epoch)
	if err != nil {
		return err
	}
	if holder == l.holder { // the answer to the first attempt was lost
		l.epoch = epoch
		return nil
	}
	leased.Since = leased.Since.UTC()
	return leased
}

// renew keeps the lease until its term ends.
func (l *lease) renew() {
	s := l.store
	for wait := renewEvery(l.ttl); pause(l.term.ctx, wait); {
		asked := time.Now()
		held, err := l.renewOnce()
		switch {
		case err != nil:
			wait = s.retryAfter()
		case held:
			l.term.extend(asked)
			wait = renewEvery(l.ttl)
		default:
			l.term.end(l.fenced())
		}
	}
}

func (l *lease) renewOnce() (held bool, err error) {
	ctx, cancel := context.WithTimeout(l.term.ctx, renewWithin(l.ttl))
	defer cancel()
	tag, err := l.store.pool.Exec(ctx, `UPDATE reconcile.stack_lease SET expires_at = now() + make_interval(secs => $3)
		WHERE stack = $1 AND holder = $2 AND expires_at > clock_timestamp()`, l.stack, l.holder, seconds(l.ttl))
	return tag.RowsAffected() == 1, err
}

// Epoch is greater than that of every earlier lease of the stack.
func (l *lease) Epoch() int64 { return l.epoch }

// Context returns a context that ends some time before another may take the
// lease, with a *reconcile.Fenced as its cause.
func (l *lease) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.term.ctx, func() { cancel(l.fenced()) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// Journal is the stack's journal, which takes records until the lease ends.
func (l *lease) Journal() reconcile.Journal { return &journal{l.store, l.stack, l} }

func (l *lease) fenced() error { return &reconcile.Fenced{Stack: l.stack, Epoch: l.epoch} }

// over tells whether the lease has ended. No lease does not end.
func (l *lease) over() bool { return l != nil && l.term.ctx.Err() != nil }

// check refuses what is written under a lease that has ended, and sees to it
// that nobody takes the lease before the transaction ends. No lease is none to check.
func (l *lease) check(ctx context.Context, tx pgx.Tx) error {
	if l == nil {
		return nil
	}
	if l.over() {
		return l.fenced()
	}
	var live bool
	err := tx.QueryRow(ctx, `SELECT expires_at > clock_timestamp() FROM reconcile.stack_lease
		WHERE stack = $1 AND holder = $2 AND epoch = $3 FOR UPDATE`, l.stack, l.holder, l.epoch).Scan(&live)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if !live {
		l.term.end(l.fenced())
		return l.fenced()
	}
	return nil
}

// Release gives the stack back. A second call does nothing; nor is there
// anything to give back once the lease's time was over.
func (l *lease) Release() error {
	l.once.Do(func() {
		over := l.over()
		l.term.end(l.fenced())
		l.store.keep(l, false)
		if over {
			return
		}
		_, err := l.store.exec(context.Background(), "UPDATE reconcile.stack_lease SET expires_at = now() WHERE stack = $1 AND holder = $2", l.stack, l.holder)
		if err != nil {
			l.err = fmt.Errorf("give stack %s back: %w; it is free %v after its last renewal", l.stack, l.store.explain(err), l.ttl)
		}
	})
	return l.err
}

func (s *Store) keep(l *lease, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if open {
		s.leases[l] = true
	} else {
		delete(s.leases, l)
	}
}

var errClosed = errors.New("the store is closed")

// enter counts one more that Close waits for.
func (s *Store) enter(group *sync.WaitGroup) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	group.Add(1)
	return nil
}
