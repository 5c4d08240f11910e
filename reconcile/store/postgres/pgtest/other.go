//go:build !unix

// Package pgtest starts PostgreSQL for tests; here there is none.
package pgtest

import "testing"

// A Server is never there on this system.
type Server struct{}

// Start skips the test.
func Start(t testing.TB) *Server { return skip(t) }

// New skips the test.
func New(t testing.TB) *Server { return skip(t) }

func skip(t testing.TB) *Server {
	t.Helper()
	t.Skip("PostgreSQL is not started on this system; the tests with it are left out")
	return nil
}

// DSN is never reached.
func (s *Server) DSN(testing.TB) string { return "" }

// Dump is never reached.
func (s *Server) Dump(testing.TB, string) []byte { return nil }

// Exec is never reached.
func (s *Server) Exec(testing.TB, string, string) {}

// Socket is never reached.
func (s *Server) Socket() string { return "" }

// Kill is never reached.
func (s *Server) Kill(testing.TB) {}

// Stop is never reached.
func (s *Server) Stop(testing.TB) {}

// Start is never reached.
func (s *Server) Start(testing.TB) {}
