package web

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// probe keeps what the last probe of the store found: anybody may ask, and each
// probe writes.
type probe struct {
	mu    sync.Mutex
	at    time.Time
	found string
	done  bool
}

const (
	probeFor  = 5 * time.Second
	probeTime = 5 * time.Second
)

func (c *call) healthy() (any, error) { return c.text(200, "ok") }

// text answers in plain text.
func (c *call) text(status int, lines ...string) (any, error) {
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.w.WriteHeader(status)
	fmt.Fprintln(c.w, strings.Join(lines, "\n"))
	return streamed{}, nil
}

// ready says why the daemon cannot work: it cannot write, or has not looked yet.
func (c *call) ready() (any, error) {
	reasons := c.unready(c.ctx)
	if len(reasons) == 0 {
		return c.text(200, "ready")
	}
	return c.text(503, reasons...)
}

func (s *Server) unready(ctx context.Context) []string {
	var reasons []string
	if problem := s.writable(ctx); problem != "" {
		return []string{problem}
	}
	names, err := s.stackNames(ctx, false) // anybody may ask: not anew each time
	if err != nil {
		s.log.Error("ready: the standings cannot be read", "error", err)
		return []string{"the store cannot be read"}
	}
	if names.unlooked > 0 {
		reasons = append(reasons, fmt.Sprintf("%d of %d stacks were not looked at yet", names.unlooked, len(s.settings().Stacks)))
	}
	return reasons
}

// writable tries to write to the store, which taking a job ID does; "" if that
// works. The error itself is for the log: anybody may read the answer.
func (s *Server) writable(ctx context.Context) string {
	s.probe.mu.Lock()
	defer s.probe.mu.Unlock()
	now := s.clock.Now()
	if s.probe.done && now.Sub(s.probe.at) < probeFor && !now.Before(s.probe.at) {
		return s.probe.found
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTime)
	defer cancel()
	_, err := s.store.Journal(reconcile.EveryStack).NextJID(ctx, now)
	s.probe.found, s.probe.at, s.probe.done = "", now, true
	if err != nil {
		s.log.Error("ready: the store cannot be written", "error", err)
		s.probe.found = "the store cannot be written; the log says why"
	}
	return s.probe.found
}
