package postgres

import (
	"context"
	"flag"
	"os"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"

	"github.com/jackc/pgx/v5"
)

const stack = "shop.5b0c1f2e"

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// TestMain lets some tests go on side by side: they wait more than they work.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// suiteTTL is short, because the schedule is read thirty times in a TTL.
const suiteTTL = 6 * time.Second

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, stores(pgtest.Start(t), Options{TTL: suiteTTL}))
}

// TestStorePollOnly is the suite as it is passed behind a pooler of transactions.
func TestStorePollOnly(t *testing.T) {
	t.Parallel()
	storetest.Run(t, stores(pgtest.Start(t), Options{TTL: suiteTTL, PollOnly: true}))
}

// stores are a database for each place of the suite.
func stores(server *pgtest.Server, o Options) storetest.Stores {
	var places sync.Map
	dsn := func(t *testing.T, place string) string {
		made, _ := places.LoadOrStore(place, sync.OnceValue(func() string { return server.DSN(t) }))
		return made.(func() string)()
	}
	return storetest.Stores{
		Open: func(t *testing.T, place string) reconcile.Store { return mustOpen(t, dsn(t, place), o) },
		Expire: func(t *testing.T, place, stack string) {
			mustExec(t, dsn(t, place), "UPDATE reconcile.stack_lease SET expires_at = now() WHERE stack = $1", stack)
		},
	}
}

func mustExec(t testing.TB, dsn, query string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// mustOpen opens a store. Whoever opens it closes it.
func mustOpen(t testing.TB, dsn string, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
