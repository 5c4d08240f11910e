package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// app is what a command runs with: the process's surroundings and the flags
// that all verbs share.
type app struct {
	in       io.Reader
	out, err io.Writer // results; everything for people
	getenv   func(string) string
	lookup   func(string) (string, bool)
	home     string
	dir      string          // where it runs
	clock    reconcile.Clock // nil is the real one

	// Tests put faults between the program and its surroundings; nil is none.
	transport func(http.RoundTripper) http.RoundTripper
	journal   func(reconcile.Journal) reconcile.Journal

	flags flags
	code  exitCode
}

// flags are those that several verbs have.
type flags struct {
	simulator bool
	store     string
	server    string
	noColor   bool
	verbose   bool
}

// process is the surroundings of this process.
func process() *app {
	home, _ := os.UserHomeDir()
	dir, _ := os.Getwd()
	return &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, lookup: os.LookupEnv, home: home, dir: dir}
}

// exitCode is a command's exit status; the help of each verb says what it means there.
type exitCode int

const (
	exitDone       exitCode = 0
	exitError      exitCode = 1
	exitDiffers    exitCode = 2
	exitIncomplete exitCode = 3
	exitHeld       exitCode = 4
	exitStale      exitCode = 5
	exitLocked     exitCode = 6
)

// run runs the command line and returns its exit status.
func run(a *app, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	if err := root.ExecuteContext(context.Background()); err != nil {
		return int(a.fail(err))
	}
	return int(a.code)
}

// fail tells people about an error, and finds its exit status.
func (a *app) fail(err error) exitCode {
	var said saidError
	if errors.As(err, &said) {
		return said.code
	}
	fmt.Fprintln(a.err, reconcile.Clean(err.Error()))
	var refused *reconcile.Error
	if errors.As(err, &refused) && refused.Fix != "" {
		fmt.Fprintln(a.err, "   fix: "+reconcile.Clean(refused.Fix))
	}
	var leased *reconcile.Leased
	if errors.As(err, &leased) {
		fmt.Fprintln(a.err, "   fix: wait until it is done, or see what it is (reconcile runs --status running) and end it (reconcile runs cancel JID)")
		return exitLocked
	}
	return exitError
}

// saidError is an error that people have been told about.
type saidError struct{ code exitCode }

func (e saidError) Error() string { return "exit " + strconv.Itoa(int(e.code)) }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "reconcile",
		Short: "Make Scaleway look like a Git repository says",
		Long: `Reconcile makes Scaleway look like a Git repository says, and keeps a
tamper-evident journal of every step. There is no state file: Git is what shall
be, Scaleway is what is, and each resource carries its owner and the commit at
which it last changed.

Exit status: 0 done; 1 error; 2 differences (drift, plan --detailed-exitcode);
3 something could not be read; 4 the rest is held; 5 the saved plan is stale;
6 another run holds the stack.`,
		SilenceErrors: true, SilenceUsage: true,
	}
	pf := root.PersistentFlags()
	pf.BoolVar(&a.flags.simulator, "simulator", false, "run against the embedded simulator, whose state is kept in .reconcile/sim.json")
	pf.StringVar(&a.flags.store, "store", "", "folder of the store (default .reconcile at the top of the manifests' work tree)")
	pf.StringVar(&a.flags.server, "server", "", "address of the daemon that keeps the store (default RECONCILE_URL)")
	pf.BoolVar(&a.flags.noColor, "no-color", false, "no colours; NO_COLOR does the same")
	pf.BoolVarP(&a.flags.verbose, "verbose", "v", false, "also show receipts, IDs, defaults and hashes")
	root.AddCommand(a.commands()...)
	a.refuseMistakes(root)
	return root
}

// style is how text on a stream looks: as wide as its terminal, in colour if it has any.
func (a *app) style(w io.Writer) report.Style {
	s := report.Style{Width: 100, Verbose: a.flags.verbose}
	if columns, err := strconv.Atoi(a.getenv("COLUMNS")); err == nil && columns > 0 {
		s.Width = columns
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			s.Width = width
		}
		s.Color = !a.flags.noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
	}
	return s
}

// terminal tells whether a person can be asked, or shown something that moves.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// interrupts returns a channel that is closed at the first signal to stop, and
// a context that ends at the second.
func (a *app) interrupts(ctx context.Context) (context.Context, <-chan struct{}, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		select {
		case <-signals:
		case <-over:
			return
		}
		fmt.Fprintln(a.err, "Stopping: running calls may end, no more begin. Once more ends at once.")
		close(stop)
		select {
		case <-signals:
			os.Exit(int(exitError))
		case <-over:
		}
	}()
	end := sync.OnceFunc(func() { signal.Stop(signals); close(over); cancel() })
	return ctx, stop, end
}
