package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

// heeded is a session of a stack without manifests, in a store of its own.
func heeded(t *testing.T) (*session, reconcile.Store) {
	t.Helper()
	st, err := store.Open(t.TempDir() + "/store")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := &session{app: &app{err: io.Discard, getenv: func(string) string { return "" }}, store: st, clock: reconcile.RealClock{}, engine: &reconcile.Engine{}}
	s.src = &reconcile.Source{Revision: reconcile.Revision{ID: "c0ffee5eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"}, Stack: reconcile.Stack{Name: "shop", UID: "5b0c1f2e"}}
	if err := s.heed(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, st
}

func give(t *testing.T, st reconcile.Store, o reconcile.Order) {
	t.Helper()
	if o.Stack == "" {
		o.Stack = "shop.5b0c1f2e"
	}
	if _, err := st.Order(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// held are the guards that hold a change of a key.
func (s *session) heldBy(key reconcile.Key) (guards string) {
	for _, guard := range s.engine.Guards {
		if h := guard(&reconcile.Change{Key: key}, &reconcile.World{Now: time.Now()}); h != nil {
			guards += h.Guard + " "
		}
	}
	return strings.TrimSpace(guards)
}

// What is ordered while a run goes on counts from its next look at the orders.
func TestOrdersAreGuards(t *testing.T) {
	shut := reconcile.Window{Kind: "deny", Schedule: "* * * * *", Duration: time.Hour}
	for name, test := range map[string]struct {
		orders  []reconcile.Order
		windows []reconcile.Window
		over    bool
		want    string
	}{
		"nothing":                     {},
		"suspended":                   {orders: []reconcile.Order{{Verb: reconcile.Suspend}}, want: "suspend"},
		"suspended, overridden":       {orders: []reconcile.Order{{Verb: reconcile.Suspend}}, over: true},
		"all suspended":               {orders: []reconcile.Order{{Stack: reconcile.EveryStack, Verb: reconcile.Suspend}}, want: "suspend"},
		"another stack":               {orders: []reconcile.Order{{Stack: "blog.00c0ffee", Verb: reconcile.Freeze}}},
		"frozen, overridden":          {orders: []reconcile.Order{{Verb: reconcile.Freeze}}, over: true, want: "freeze"},
		"rolled back":                 {orders: []reconcile.Order{{Verb: reconcile.Rollback, Value: "0ddba11"}}, want: "rollback"},
		"rolled back, overridden":     {orders: []reconcile.Order{{Verb: reconcile.Rollback, Value: "0ddba11"}}, over: true},
		"rolled back to this":         {orders: []reconcile.Order{{Verb: reconcile.Rollback, Value: "c0ffee5"}}},
		"held":                        {orders: []reconcile.Order{{Verb: reconcile.HoldKey, Key: "Container/a"}}, want: "hold"},
		"held, what it expands to":    {orders: []reconcile.Order{{Verb: reconcile.HoldKey, Key: "Container"}}, want: "hold"},
		"another is held":             {orders: []reconcile.Order{{Verb: reconcile.HoldKey, Key: "Container/b"}}},
		"outside the window":          {windows: []reconcile.Window{shut}, want: "window"},
		"windows do not count":        {windows: []reconcile.Window{shut}, orders: []reconcile.Order{{Verb: reconcile.Override}}},
		"windows do not count, once":  {windows: []reconcile.Window{shut}, over: true},
		"an override does not resume": {orders: []reconcile.Order{{Verb: reconcile.Suspend}, {Verb: reconcile.Override}}, want: "suspend"},
	} {
		t.Run(name, func(t *testing.T) {
			s, st := heeded(t)
			s.src.Stack.Policy.Windows = test.windows
			if err := s.heed(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.orders.over = test.over
			for _, o := range test.orders {
				give(t, st, o)
			}
			if err := s.orders.read(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := s.heldBy("Container/a"); got != test.want {
				t.Errorf("held by %q, not %q", got, test.want)
			}
		})
	}
}

// An order stops the very next write that it forbids; what was done is recorded all the same.
func TestOrdersStopTheNextWrite(t *testing.T) {
	for verb, want := range map[reconcile.Verb]string{
		reconcile.Freeze: "everything is frozen by jane: incident", reconcile.Suspend: "the stack is suspended by jane: incident",
		reconcile.HoldKey: "Container/a is held by jane: incident",
	} {
		t.Run(string(verb), func(t *testing.T) {
			s, st := heeded(t)
			ctx, release, err := s.lease(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			record := func(key reconcile.Key, event reconcile.Event) error {
				return s.engine.Journal.Append(ctx, reconcile.Record{Event: event, JID: "20261121090000000000", Key: key, Stamp: time.Now()})
			}
			if err := record("Container/a", reconcile.Intent); err != nil {
				t.Fatal(err)
			}
			o := reconcile.Order{Verb: verb, Reason: "incident", By: reconcile.Actor{User: "jane"}}
			switch verb {
			case reconcile.Freeze:
				o.Stack = reconcile.EveryStack
			case reconcile.HoldKey:
				o.Key = "Container/a"
			}
			give(t, st, o)
			if err := record("Container/a", reconcile.Intent); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("an intent: %v", err)
			}
			if err := record("Container/b", reconcile.Intent); (err == nil) != (verb == reconcile.HoldKey) {
				t.Errorf("an intent about another key: %v", err)
			}
			if err := record("Container/a", reconcile.Result); err != nil {
				t.Errorf("a result: %v", err)
			}
		})
	}
}

// A run ends at the first order that says so, and for no other reason but a signal.
func TestWatching(t *testing.T) {
	for name, act := range map[string]func(reconcile.Store, chan struct{}){
		"a freeze": func(st reconcile.Store, _ chan struct{}) { give(t, st, reconcile.Order{Verb: reconcile.Freeze}) },
		"a cancellation": func(st reconcile.Store, _ chan struct{}) {
			give(t, st, reconcile.Order{Verb: reconcile.Cancel, Value: "7"})
		},
		"a signal": func(_ reconcile.Store, stop chan struct{}) { close(stop) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, st := heeded(t)
			give(t, st, reconcile.Order{Verb: reconcile.Cancel, Value: "6"})
			stop := make(chan struct{})
			first, end := s.orders.watch(context.Background(), stop, "7")
			defer end()
			act(st, stop)
			select {
			case <-first:
			case <-time.After(20 * time.Second):
				t.Error("it goes on")
			}
		})
	}
}
