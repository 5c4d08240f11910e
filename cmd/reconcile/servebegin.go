package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/store"
	"gitlab.com/reconciled/reconciled/reconcile/web"
)

// serving is a daemon at work.
type serving struct {
	*app
	f         serveFlags
	log       *slog.Logger
	masks     *masks
	clock     reconcile.Clock
	config    atomic.Pointer[daemon.Config] // as the operator's file has it
	folder    string                        // of the local store, and of bare repositories
	store     keeper
	line      *line
	daemon    *daemon.Daemon
	web       *web.Server
	leases    *leasing
	messages  *messenger
	gitlabs   *desks
	hints     *hints
	shared    bool           // several machines share the store
	under     sync.WaitGroup // what goes on beside the looks
	listener  net.Listener
	token     reconcile.Secret
	simulated []string // variables that lead to the embedded simulator
	closers   []func()

	file    string            // the operator's, "" if there is none
	sum     [sha256.Size]byte // of what was last read of it
	refused error             // why that could not be used
}

func newServing(a *app, f serveFlags, level slog.Level) *serving {
	s := &serving{app: a, f: f, masks: newMasks(), clock: a.clock}
	s.gitlabs, s.hints = newDesks(s), newHints(s)
	s.log = logger(a.err, s.masks, f.format, level)
	if s.clock == nil {
		s.clock = reconcile.RealClock{}
	}
	return s
}

func (s *serving) onClose(f func()) { s.closers = append(s.closers, f) }

func (s *serving) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
}

// begin gets everything ready: the configuration, the store, Scaleway, the
// address. What fails first is said; nothing is half begun then.
func (s *serving) begin(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.configure, s.open, s.simulate, s.listen, s.wire, s.admit} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// configure reads the operator's file, or makes do with the flags.
func (s *serving) configure(context.Context) error {
	if s.f.config == "" {
		config, err := oneStack(s.f)
		s.config.Store(&config)
		return err
	}
	file, err := filepath.Abs(s.f.config)
	if err != nil {
		return err
	}
	config, sum, err := readConfig(file)
	if err == nil {
		err = s.settingsOf(&config).Check()
	}
	s.file, s.sum = file, sum
	s.config.Store(&config)
	s.warnExposed(&config)
	return err
}

// usualFolder is where the store is kept if nobody says.
func (s *serving) usualFolder() string {
	if s.f.config == "" {
		return s.localFolder(s.f.location)
	}
	return filepath.Join(s.dir, ".reconcile")
}

// simulate starts the embedded simulator, whose clock is then everybody's.
func (s *serving) simulate(context.Context) error {
	if !s.flags.simulator {
		return nil
	}
	if _, err := store.Prepare(s.folder); err != nil {
		return err
	}
	sim, err := simulator.New(simulator.Options{StateFile: filepath.Join(s.folder, "sim.json")})
	if err != nil {
		return err
	}
	url, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.onClose(func() { sim.Close() })
	s.onClose(stop)
	s.clock, s.simulated = passing{sim}, sim.Environment(url)
	if local, ok := s.store.(*store.Store); ok {
		local.Follow(s.clock)
	}
	return nil
}

// passing is the simulator's time: it passes as it does here, and jumps when
// somebody moves the simulator's clock.
type passing struct{ sim *simulator.Server }

func (p passing) Now() time.Time { return p.sim.Now() }

// Sleep waits until the simulator's time has come.
func (p passing) Sleep(ctx context.Context, d time.Duration) error {
	const glance = 50 * time.Millisecond
	for until := p.Now().Add(d); ; {
		left := until.Sub(p.Now())
		if left <= 0 {
			return ctx.Err()
		}
		if err := (reconcile.RealClock{}).Sleep(ctx, min(left, glance)); err != nil {
			return err
		}
	}
}

// scaleway is the environment that leads to Scaleway.
func (s *serving) scaleway() func(string) string {
	if s.simulated == nil {
		return s.getenv
	}
	return leading(s.simulated, s.getenv)
}

// listen takes the address.
func (s *serving) listen(ctx context.Context) error {
	at := orElse(s.f.listen, s.config.Load().Listen)
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", at)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("serve: %s is taken by another program, which may be another daemon; choose another address with --listen (port 0 takes a free one)", at)
	}
	if err != nil {
		return fmt.Errorf("serve: listen on %s: %w", at, err)
	}
	s.listener = listener
	s.onClose(func() { listener.Close() })
	return nil
}

// admit makes the token of this start, for whoever sees it printed. A unit's
// standard error is a log that many may read, so it gets none.
func (s *serving) admit(ctx context.Context) (err error) {
	if s.file != "" && !terminal(s.err) {
		return nil
	}
	s.token, err = startToken(ctx, s.store, s.actor(), s.clock.Now())
	s.masks.add(s.token)
	return err
}

func (s *serving) greet() {
	config := s.config.Load()
	secured := config.TLS != daemon.TLS{}
	url := address(config.URL, secured, s.listener.Addr())
	if at, ok := s.listener.Addr().(*net.TCPAddr); ok && !secured && !at.IP.IsLoopback() {
		s.log.Warn("tokens come in clear to whoever is between: set tls in the operator's file, or see that only a proxy with TLS reaches this address", "address", at.String())
	}
	s.log.Info("serving", "version", version(), "url", url, "stacks", len(config.Stacks), "store", s.folder)
	if s.token.IsZero() {
		if len(s.simulated) > 0 {
			s.log.Info("the embedded simulator", "SCW_API_URL", s.scaleway()("SCW_API_URL"))
		}
		return
	}
	greet(s.err, strings.Join(config.Names(), ", "), url, s.token, s.simulated)
}
