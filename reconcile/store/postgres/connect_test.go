package postgres

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"
)

// TestNoPassword has addresses fail in every way: no error holds the password.
func TestNoPassword(t *testing.T) {
	t.Parallel()
	const password = "hunter2canary"
	for dsn, want := range map[string]string{
		"": "the address of the PostgreSQL store is not readable",
		"postgres://me:" + password + "@127.0.0.1:1/db":                              "is PostgreSQL running there",
		"postgres://me:" + password + "@host.invalid/db?connect_timeout=2":           "host.invalid",
		"host=127.0.0.1 port=1 user=me password=" + password + " dbname=db":          "PostgreSQL store 127.0.0.1:1/db: ",
		"postgres://me:" + password + "#1@127.0.0.1:1/db":                            "PostgreSQL store 127.0.0.1:1/db: ",
		"postgres://me:" + password + "%zz@127.0.0.1/db":                             "not readable",
		"postgres://me@127.0.0.1:" + password + "/db":                                "not readable",
		"host=127.0.0.1 port=" + password:                                            "not readable",
		"host=127.0.0.1 password='" + password:                                       "not readable",
		"postgres://me:" + password + "@127.0.0.1/db?sslmode=" + password:            "not readable",
		"postgres://me:" + password + "@127.0.0.1:1/db?pool_max_conns=" + password:   "not readable",
		"postgres://me:" + password + "@127.0.0.1:1/db?default_query_exec_mode=nope": "not readable",
	} {
		_, err := Open(t.Context(), dsn, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", dsn, err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), password) {
				t.Errorf("%q: the password shows in %v", dsn, e)
			}
		}
	}
}

// TestAdvice says what to do about what an administrator has to mend.
func TestAdvice(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	dsn := server.DSN(t)
	mustExec(t, dsn, "CREATE ROLE guest_"+database(dsn)+" LOGIN")
	mustOpen(t, dsn, Options{}).Close()
	for address, want := range map[string]string{
		strings.ReplaceAll(dsn, database(dsn), "nowhere"):                      "create that database first",
		strings.ReplaceAll(dsn, "user=reconcile", "user=nobody_knows"):         "check the user and the password",
		strings.ReplaceAll(dsn, "user=reconcile", "user=guest_"+database(dsn)): "the store's user needs to own the schema reconcile",
		dsn + " options='-c default_transaction_read_only=on'":                 "",
	} {
		s, err := Open(t.Context(), address, Options{})
		if err == nil { // a database that is there is opened for reading too
			_, err = s.Journal(stack).NextJID(t.Context(), noon)
			s.Close()
			want = "this is a standby"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func database(dsn string) string {
	_, rest, _ := strings.Cut(dsn, "dbname=")
	name, _, _ := strings.Cut(rest, " ")
	return name
}

// TestLostAnswers breaks the connection at a commit, before or after it arrived.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	for _, arrive := range []bool{true, false} {
		dsn, way := server.DSN(t), lay(t, server)
		s := opened(t, way.through(dsn), Options{})
		way.set(&trap{bytes: "commit", arrive: arrive})
		l, err := s.Lease(t.Context(), stack, "me")
		if err != nil || l.Epoch() != 1 {
			t.Fatalf("arrive %v: lease %+v: %v", arrive, l, err)
		}
		for want := range 2 {
			records := []reconcile.Record{storetest.Intent("Container/a", "h", noon)}
			way.set(&trap{bytes: "commit", arrive: arrive})
			err := l.Journal().Append(t.Context(), records...)
			if arrive && (err != nil || records[0].Seq != int64(want+1)) || !arrive && err == nil {
				t.Errorf("arrive %v: record %d: %v", arrive, records[0].Seq, err)
			}
		}
		way.set(nil)
		mustAppend(t, l.Journal(), storetest.Intent("Container/b", "h", noon))
		heads, err := s.Verify(t.Context())
		if want := map[bool]int64{true: 3, false: 1}[arrive]; err != nil || heads[0].Count != want {
			t.Errorf("arrive %v: %+v: %v", arrive, heads, err)
		}
	}
}

func mustAppend(t *testing.T, j reconcile.Journal, records ...reconcile.Record) {
	t.Helper()
	if err := j.Append(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
}

// TestQuiet passes on River's warnings, and as no more than that.
func TestQuiet(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &Store{log: slog.New(slog.NewTextHandler(&out, nil))}
	log := s.quiet().With("a", 1).WithGroup("b")
	log.Info("a fetch")
	log.Error("a failure", "c", 2)
	if text := out.String(); strings.Contains(text, "a fetch") || !strings.Contains(text, `level=WARN msg="a failure" a=1 b.c=2`) {
		t.Error(text)
	}
}
