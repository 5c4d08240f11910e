package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	location string
	branch   string
	path     string
	listen   string
	config   string
	format   string
	level    string
	allowEnv []string
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve [PATH|GIT-URL]",
		Short: "Watch repositories, and keep live what they say",
		Long: `Serve looks at stacks until it is stopped: what is pushed to their branches is
applied, and what was changed behind Git is found and repaired, as far as
policies, windows and approvals allow.

With PATH or GIT-URL it serves that stack, with what stands on the branch: what
is not committed does not count. It prints its address, with a token, on standard
error. With --config it serves the stacks of an operator's file, which it reads
again on SIGHUP and when it changes. It has one store; other commands reach it
through --server or RECONCILE_URL, or from the same folder.

The first signal to stop lets running calls end, for at most 30 seconds, and none
begin; the second ends at once. What was under way is looked up again by the next
start.

Exit status: 0 it was stopped; 1 it could not begin, or go on; 6 another daemon
serves from this store.`,
		Example: `  reconcile serve --simulator examples/quickstart
  reconcile serve https://gitlab.com/acme/infra.git --branch main --path prod
  reconcile serve --config /etc/reconcile/reconcile.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.serve(cmd.Context(), f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.branch, "branch", "", "branch that is followed (default: that of the repository)")
	fs.StringVar(&f.path, "path", "", "folder of the stack inside the repository (default: its top)")
	fs.StringVar(&f.listen, "listen", "", "address to listen on (default 127.0.0.1:7373, or what the operator's file says)")
	fs.StringVar(&f.config, "config", "", "the operator's file, with all that is served")
	fs.StringArrayVar(&f.allowEnv, "allow-env", nil, "name or pattern of variables that manifests may read (repeatable); none are, unless named here or in RECONCILE_ALLOW_ENV")
	fs.StringVar(&f.format, "log-format", "", "text or json (default: text on a terminal, else json)")
	fs.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

// check refuses flags that do not go together, and fills in the rest.
func (f *serveFlags) check(a *app) (level slog.Level, err error) {
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return level, fmt.Errorf("--log-level %s: there are debug, info, warn and error", f.level)
	}
	switch {
	case f.format == "" && terminal(a.err):
		f.format = "text"
	case f.format == "":
		f.format = "json"
	case f.format != "text" && f.format != "json":
		return level, fmt.Errorf("--log-format %s: there are text and json", f.format)
	}
	switch {
	case f.config != "" && (f.location != "" || f.branch != "" || f.path != "" || len(f.allowEnv) > 0):
		return level, errors.New("serve: --config says what is served; leave PATH, --branch, --path and --allow-env out, or --config")
	case f.config == "" && f.location == "":
		return level, errors.New("serve: name a folder or a Git URL, or an operator's file with --config")
	}
	f.allowEnv = append(f.allowEnv, words(a.getenv("RECONCILE_ALLOW_ENV"))...)
	return level, nil
}

// graceful is how long the daemon may take to stop.
const graceful = 30 * time.Second

func (a *app) serve(ctx context.Context, f serveFlags) error {
	level, err := f.check(a)
	if err != nil {
		return err
	}
	s := newServing(a, f, level)
	defer s.close()
	if err := s.begin(ctx); err != nil {
		var bad *badConfig
		if errors.As(err, &bad) {
			bad.tell(a.err)
			return saidError{exitError}
		}
		return err
	}
	return s.work(ctx)
}

// work serves until a signal stops it.
func (s *serving) work(ctx context.Context) error {
	ctx, stop := s.stopped(ctx)
	defer stop()
	over, end := context.WithCancel(context.Background())
	defer end()
	context.AfterFunc(ctx, func() { s.force(over) })
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	if err := s.messages.use(ctx, s.config.Load()); err != nil {
		return err
	}
	told := s.gitlabs.start(s.daemon.Subscribe())
	ended := make(chan error, 2)
	go func() { ended <- s.web.Serve(ctx, s.listener) }()
	go func() { ended <- s.daemon.Run(ctx) }()
	s.under.Go(func() { s.follow(ctx, hup) })
	s.under.Go(func() { watchdog(ctx, s.log, s.alive) })
	s.under.Go(func() { s.tidy(ctx) })
	s.under.Go(func() { s.hints.run(ctx) })
	s.greet()
	tellUnit(s.log, unitReady)
	err := <-ended
	stop() // neither goes on without the other
	err = errors.Join(err, <-ended)
	told()
	s.under.Wait()
	s.log.Info("stopped")
	return err
}

// force ends the process if it is not over in time.
func (s *serving) force(over context.Context) {
	if (reconcile.RealClock{}).Sleep(over, graceful) == nil {
		s.log.Error("what was under way did not end in time, and is broken off; the next start looks it up", "after", graceful)
		os.Exit(int(exitError))
	}
}

// stopped returns a context that ends at the first signal to stop. The second
// ends the process.
func (s *serving) stopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			s.log.Info("stopping: running calls may end, no more begin; once more ends at once", "signal", sig.String())
			tellUnit(s.log, unitStopping)
			cancel()
		}
		<-signals
		os.Exit(int(exitError))
	}()
	return ctx, func() { cancel(); signal.Stop(signals) }
}

// alive tells whether the daemon can do its work.
func (s *serving) alive(ctx context.Context) error {
	_, err := s.store.Orders(ctx, reconcile.EveryStack, false)
	return err
}
