// Package postgres keeps what reconcile.Store keeps in PostgreSQL, for several
// replicas of the daemon, CI jobs and laptops at once, and shares the work
// between the replicas with River.
//
// Everything is in the schema "reconcile" of one database, and every time that
// matters is the database's. River's tables only say which stack to look at now:
// losing them loses nothing.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// Options of a store. Useful zero values.
type Options struct {
	// TTL is how long a lease or a turn outlives its last renewal; 0 is 30 seconds.
	// It is renewed about four times in that, and not relied on in its last sixth.
	TTL time.Duration
	// PollOnly does without LISTEN and prepared statements, which poolers of
	// transactions do not carry. Turns then begin a little later.
	PollOnly bool
	// Log gets what goes wrong while nobody waits for an answer; nil is nowhere.
	Log *slog.Logger
}

// Store is an open store. It may be used concurrently.
type Store struct {
	pool    *pgxpool.Pool
	river   *river.Client[pgx.Tx] // inserts only
	address address
	holder  string // of this process, and of this Store in it: nobody else has it
	ttl     time.Duration
	poll    bool
	log     *slog.Logger

	life    context.Context // of all that is relied on; ends with Close
	end     context.CancelFunc
	hiring  context.Context // ends before that
	dismiss context.CancelFunc
	workers sync.WaitGroup
	holders sync.WaitGroup // of leases

	mu     sync.Mutex
	leases map[*lease]bool
	closed bool
}

var (
	_ reconcile.Store    = (*Store)(nil)
	_ reconcile.Schedule = (*Store)(nil)
)

// Open connects to a database, named by a URL or key=value words as libpq takes
// them, and brings its schema up to date. It refuses a schema that a newer
// version made, unless that says that this version may use it too. No error
// holds the password.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	config, err := configure(dsn, o)
	if err != nil {
		return nil, err
	}
	s := &Store{address: addressOf(config.ConnConfig), holder: random(), ttl: o.TTL, poll: o.PollOnly, log: o.Log, leases: map[*lease]bool{}}
	if s.ttl == 0 {
		s.ttl = 30 * time.Second
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.hiring, s.dismiss = context.WithCancel(s.life)
	if err := s.connect(ctx, config); err != nil {
		s.end()
		return nil, fmt.Errorf("open the store: %w", s.explain(err))
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context, config *pgxpool.Config) (err error) {
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	driver := riverpgxv5.New(s.pool)
	if s.river, err = river.NewClient(driver, &river.Config{
		Schema: schema, Logger: s.quiet(), FetchCooldown: river.FetchCooldownMin, // for so long it would tell workers once only
	}); err == nil {
		err = s.migrate(ctx, migrations)
	}
	if err != nil {
		s.pool.Close()
	}
	return err
}

// Close ends the work on the schedule and waits for it, gives back what leases
// there are, and ends the connections. A second call does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.dismiss()
	s.workers.Wait()
	var errs []error
	for _, l := range s.open() {
		errs = append(errs, l.Release())
	}
	s.end()
	s.holders.Wait()
	ended := make(chan struct{})
	go func() {
		s.pool.Close()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(lastWords): // connections that hang end by themselves
	}
	return errors.Join(errs...)
}

func (s *Store) open() []*lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.leases))
}

// Heads are the ends of all chains, by stack.
func (s *Store) Heads(ctx context.Context) ([]reconcile.Head, error) {
	heads, err := readHeads(ctx, s.pool)
	return heads, s.explain(err)
}

// A queryer is the pool or a transaction.
type queryer interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

func readHeads(ctx context.Context, q queryer) ([]reconcile.Head, error) {
	rows, err := q.Query(ctx, "SELECT stack, count, sum FROM reconcile.heads ORDER BY stack")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (h reconcile.Head, err error) {
		return h, row.Scan(&h.Stack, &h.Count, &h.Sum)
	})
}
