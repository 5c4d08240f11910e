//go:build unix

// Package pgtest starts PostgreSQL for tests: an instance of the test's own in a
// temporary folder, reached through a socket there, that ends with the test
// process however that ends.
package pgtest

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Required is the variable that makes tests fail, not skip, where there is no PostgreSQL.
const Required = "RECONCILE_REQUIRE_POSTGRES"

const (
	user     = "reconcile"
	patience = 30 * time.Second
)

// A Server is a running PostgreSQL. Its methods may be called concurrently.
type Server struct {
	dir   string
	leash io.Closer // whoever waits for its end ends the server

	mu        sync.Mutex
	process   *process // nil if it is stopped
	databases int
}

var shared = sync.OnceValues(launch)

// Start returns the instance that all tests of this process share. Without
// PostgreSQL on this machine the test is skipped, or fails if Required is set.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := shared()
	return present(t, s, err)
}

// New starts an instance for one test, which may stop it. It is gone after the test.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := launch()
	s = present(t, s, err)
	t.Cleanup(s.remove)
	return s
}

func present(t testing.TB, s *Server, err error) *Server {
	t.Helper()
	switch {
	case err == nil:
		return s
	case isMissing(err) && os.Getenv(Required) == "":
		t.Skipf("%v; the tests with it are left out", err)
	}
	t.Fatal(err)
	return nil
}

// DSN makes a new database and returns its address.
func (s *Server) DSN(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	s.databases++
	name := fmt.Sprintf("test%d", s.databases)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return s.address(name)
}

// Exec runs a statement in a database of the server.
func (s *Server) Exec(t testing.TB, dsn, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

// Socket is the path of the socket that the server listens on.
func (s *Server) Socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

func (s *Server) address(database string) string {
	return fmt.Sprintf("host=%s user=%s dbname=%s sslmode=disable", s.dir, user, database)
}

// Kill ends the server as a crash does, without waiting for anybody.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.end(t, crash)
}

// Stop ends the server as an administrator does who does not wait for its clients.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.end(t, shutdown)
}

func (s *Server) end(t testing.TB, how os.Signal) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	if err := s.process.end(how); err != nil {
		t.Fatal(err)
	}
	s.process = nil
}

// Start starts a server again that was stopped or killed, with what it held.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return nil
	}
	process, err := run(s.dir)
	if err != nil {
		return err
	}
	s.process = process
	return s.ready()
}

// ready waits until the server answers.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.address("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, s.process.log())
		case <-s.process.gone:
			return fmt.Errorf("PostgreSQL ended: %s", s.process.log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		_ = s.process.end(crash)
		s.process = nil
	}
	_ = s.leash.Close()
	_ = os.RemoveAll(s.dir)
}
