package daemon_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// scene is a daemon over fakes, in virtual time.
type scene struct {
	*testing.T
	*line
	cloud  *cloud
	store  *memory
	daemon *daemon.Daemon
	config daemon.Config
	grace  time.Duration

	mu       sync.Mutex
	messages []reconcile.Message
	ended    []reconcile.Run
}

// play runs a test in a bubble in which time passes only when all wait.
func play(t *testing.T, f func(s *scene), entries ...daemon.Entry) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		s := &scene{T: t, line: newLine(c), cloud: c, store: newMemory(), config: daemon.Config{Stacks: entries}}
		s.begin()
		f(s)
	})
}

// begin makes a daemon, as its process would at its start.
func (s *scene) begin() {
	s.daemon = daemon.New(daemon.Options{
		Config: s.config, Line: s.line, Store: s.store, Schedule: s.store, Clock: wallClock{}, Actor: reconcile.Actor{Kind: "daemon", Host: "box"}, Grace: s.grace,
		Hooks: daemon.Hooks{
			Notify: func(m reconcile.Message) { s.mu.Lock(); defer s.mu.Unlock(); s.messages = append(s.messages, m) },
			Ended: func(_ context.Context, _ daemon.Entry, r reconcile.Run) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.ended = append(s.ended, r)
			},
		},
	})
}

// entry is a stack with the defaults of the operator's file.
func entry(name string, set ...func(*daemon.Entry)) daemon.Entry {
	at := reconcile.Pos{}
	config, problems := daemon.Decode(reconcile.Map(at, reconcile.Entry{Key: "stacks", Value: reconcile.List(at, reconcile.Map(at,
		reconcile.Entry{Key: "name", Value: reconcile.String(name, at)},
		reconcile.Entry{Key: "url", Value: reconcile.String("/repos/"+name, at)}))}))
	if len(problems) > 0 {
		panic(problems)
	}
	e := config.Stacks[0]
	e.Splay = 0
	for _, f := range set {
		f(&e)
	}
	return e
}

// look lets the daemon look at a stack once.
func (s *scene) look(name string, why reconcile.Launch) (again time.Duration) {
	return s.daemon.Turn(s.Context(), reconcile.Turn{Name: name, Why: why, Nudged: make(chan struct{})})
}

// goOn runs the daemon until stop is called.
func (s *scene) goOn() (stop func()) {
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan error)
	go func() { done <- s.daemon.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			s.Errorf("run: %v", err)
		}
	}
}

func (s *scene) standing(name string) reconcile.Standing {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.store.standings[name]
}

// want checks how a stack stands.
func (s *scene) want(name string, condition reconcile.Condition, sentence string) {
	s.Helper()
	got := s.standing(name)
	if got.Condition != condition || sentence != "" && got.Sentence != sentence {
		s.Errorf("%s is %s: %q\nwant %s: %q", name, got.Condition, got.Sentence, condition, sentence)
	}
}

// item is what the standing says of a key.
func (s *scene) item(name string, key reconcile.Key) reconcile.Item {
	for _, item := range s.standing(name).Items {
		if item.Key == key {
			return item
		}
	}
	return reconcile.Item{}
}

// sizes checks what is live in a stack's project.
func (s *scene) sizes(name string, want map[string]int) {
	s.Helper()
	got := s.cloud.sizes(name)
	if len(got) != len(want) {
		s.Errorf("%s: live is %v, want %v", name, got, want)
		return
	}
	for item, size := range want {
		if got[item] != size {
			s.Errorf("%s: live is %v, want %v", name, got, want)
			return
		}
	}
}

// told gives the messages since the last time, as "occasion: sentence".
func (s *scene) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, m := range s.messages {
		text := string(m.Event) + ": " + m.Sentence
		if m.Reminder {
			text = "again: " + text
		}
		out = append(out, text)
	}
	s.messages = nil
	return out
}

// runs are the stack's runs, the newest first.
func (s *scene) runs(name string) []reconcile.Run {
	out, _ := s.store.Runs(s.Context(), reconcile.RunFilter{Stack: owner(name)})
	return out
}
