package pgtest

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestStart(t *testing.T) {
	t.Parallel()
	s := Start(t)
	first, second := s.DSN(t), s.DSN(t)
	if first == second || s != Start(t) {
		t.Errorf("%s and %s, %v and %v", first, second, s, Start(t))
	}
	mustExec(t, first, "CREATE TABLE here (n int)")
	mustExec(t, second, "CREATE TABLE here (n int)")
}

func TestNew(t *testing.T) {
	t.Parallel()
	s := New(t)
	dsn := s.DSN(t)
	mustExec(t, dsn, "CREATE TABLE kept (n int)")
	s.Kill(t)
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		conn.Close(t.Context())
		t.Fatal("it was killed and answers")
	}
	s.Start(t)
	mustExec(t, dsn, "INSERT INTO kept VALUES (1)")
	s.Stop(t)
	s.Start(t)
	mustExec(t, dsn, "INSERT INTO kept VALUES (2)")
}

func mustExec(t *testing.T, dsn, query string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}
