package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab"
)

func TestCommandIn(t *testing.T) {
	for text, want := range map[string]string{
		"reconcile plan": "reconcile plan",
		"reconcile":      "reconcile",
		"Looks good.\r\n\r\nreconcile apply shop\r\nx": "reconcile apply shop",
		"reconcile plan\nreconcile apply":              "reconcile plan",
		"please reconcile plan":                        "",
		" reconcile plan":                              "",
		"> reconcile apply":                            "",
		"reconciled plan":                              "",
		"Reconcile plan":                               "",
		"```\nreconcile apply\n```":                    "",
		"````\n```\nreconcile apply\n````\n":           "",
		"~~~\nreconcile apply\n~~~\nreconcile help":    "reconcile help",
		"```sh\nreconcile apply":                       "",
		"    ```\nreconcile apply":                     "reconcile apply",
		"":                                             "",
	} {
		if line, found := commandIn(text); line != want || found != (want != "") {
			t.Errorf("%q: %q, %t", text, line, found)
		}
	}
}

func TestParseCommand(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	const hash = "6e0bd7a41c3f"
	for line, want := range map[string]command{
		"reconcile":                                         {verb: "help"},
		"reconcile help":                                    {verb: "help"},
		"reconcile dance":                                   {verb: "dance"},
		"reconcile plan":                                    {verb: "plan"},
		"reconcile plan  shop ":                             {verb: "plan", stack: "shop"},
		"reconcile plan shops":                              {verb: "plan", wrong: "there is no stack or plan shops here"},
		"reconcile apply shop " + hash:                      {verb: "apply", stack: "shop", plan: hash},
		"reconcile apply " + hash:                           {verb: "apply", plan: hash},
		"reconcile apply 6e0bd7a":                           {verb: "apply", wrong: "there is no stack or plan 6e0bd7a here"},
		"reconcile hold shop Container/a 2h a release":      {verb: "hold", stack: "shop", key: "Container/a", until: now.Add(2 * time.Hour), reason: "a release"},
		"reconcile hold Container/a because":                {verb: "hold", key: "Container/a", reason: "because"},
		"reconcile hold Container/a 2026-11-22T09:00:00Z x": {verb: "hold", key: "Container/a", until: now.AddDate(0, 0, 1), reason: "x"},
		"reconcile hold Container/a":                        {verb: "hold", key: "Container/a", wrong: "it says no reason, for those who find it later"},
		"reconcile hold Container/a 2h":                     {verb: "hold", key: "Container/a", until: now.Add(2 * time.Hour), wrong: "it says no reason, for those who find it later"},
		"reconcile hold Container/a 2026-11-20T09:00:00Z x": {verb: "hold", key: "Container/a", until: now.AddDate(0, 0, -1), reason: "x", wrong: "its end is past"},
		"reconcile hold":                                    {verb: "hold", wrong: "it names no key, such as Container/api"},
		"reconcile hold ../x reason":                        {verb: "hold", wrong: "it names no key, such as Container/api"},
	} {
		if got := parseCommand(line, []string{"net", "shop"}, now); got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", line, got, want)
		}
	}
	long := parseCommand("reconcile hold Container/a "+strings.Repeat("x", 1001), nil, now)
	if long.wrong == "" {
		t.Error("a reason of 1001 bytes is taken")
	}
}

func TestStateOf(t *testing.T) {
	for condition, want := range map[reconcile.Condition]gitlab.State{
		reconcile.InSync: gitlab.Success, reconcile.OnHold: gitlab.Success, reconcile.Moving: gitlab.Running, reconcile.Awaiting: gitlab.Pending,
		reconcile.Suspended: gitlab.Pending, reconcile.Broken: gitlab.Failed, reconcile.Unread: gitlab.Failed, reconcile.Unclear: gitlab.Failed, reconcile.Drifting: gitlab.Failed,
	} {
		if got := stateOf(condition); got != want {
			t.Errorf("%s is %s, want %s", condition, got, want)
		}
	}
}

// relayClock does not wait: it counts, and ends the work after some pauses.
type relayClock struct {
	mu     sync.Mutex
	now    time.Time
	slept  []time.Duration
	pauses func(n int)
}

func (c *relayClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *relayClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.now, c.slept = c.now.Add(d), append(c.slept, d)
	n := len(c.slept)
	c.mu.Unlock()
	if c.pauses != nil {
		c.pauses(n)
	}
	return ctx.Err()
}

// relayed is a relay, and what it did.
type relayed struct {
	*relay
	clock *relayClock
	log   strings.Builder
	done  []string
	away  bool
	stop  context.CancelFunc
}

func newRelayed(most int) (*relayed, context.Context) {
	r := &relayed{clock: &relayClock{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}}
	r.relay = newRelay("lab", most, r.clock, slog.New(slog.NewTextHandler(&r.log, nil)), nil)
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	return r, ctx
}

// hand hands over an errand that fails while GitLab is away, and else as told.
func (r *relayed) hand(key, text string, err error) bool {
	return r.take(errand{key: key, what: "a status", do: func(context.Context) error {
		if r.away {
			return &reconcile.Error{Class: reconcile.Unavailable, Message: "GitLab is out of reach"}
		}
		r.done = append(r.done, text)
		if text == "last" {
			r.stop()
		}
		return err
	}})
}

func TestRelay(t *testing.T) {
	r, ctx := newRelayed(3)
	r.away = true
	for _, one := range []struct {
		key, text string
		want      bool
	}{{"a", "a1", true}, {"b", "b1", true}, {"a", "a2", true}, {"c", "last", true}, {"d", "d1", false}} {
		if got := r.hand(one.key, one.text, nil); got != one.want {
			t.Errorf("%s is taken: %t", one.text, got)
		}
	}
	r.clock.pauses = func(n int) {
		switch n {
		case 3:
			r.hand("a", "a3", nil) // while the former waits to be tried again
		case 9:
			r.away = false
		}
	}
	r.run(ctx)
	if want := []string{"a3", "b1", "last"}; !slices.Equal(r.done, want) {
		t.Errorf("did %q, want %q: the latest of each, in their order", r.done, want)
	}
	if want := "[2s 4s 8s 16s 32s 1m4s 2m0s 2m0s 2m0s]"; fmt.Sprint(r.clock.slept) != want {
		t.Errorf("paused %s, want %s", r.clock.slept, want)
	}
	if log := r.log.String(); strings.Count(log, "told nothing for now") != 1 || strings.Count(log, "told again") != 1 || !strings.Contains(log, "left_out=1") {
		t.Errorf("the log: %s", log)
	}
}

// What GitLab refuses is not tried again, is told of once, and is in nobody's way.
func TestRelayRefused(t *testing.T) {
	r, ctx := newRelayed(10)
	no := &reconcile.Error{Class: reconcile.Forbidden, Message: "GitLab answers 403", Fix: "give it the role"}
	r.hand("a", "a1", no)
	r.hand("b", "b1", nil)
	r.hand("c", "last", nil)
	r.run(ctx)
	r.ended = false
	again, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.hand("a", "a2", no)
	r.hand("c", "last", nil)
	r.run(again)
	if want := []string{"a1", "b1", "last", "a2", "last"}; !slices.Equal(r.done, want) || len(r.clock.slept) != 0 {
		t.Errorf("did %q, paused %s", r.done, r.clock.slept)
	}
	if log := r.log.String(); strings.Count(log, "GitLab was not told") != 1 || !strings.Contains(log, "give it the role") {
		t.Errorf("the log: %s", log)
	}
}

// What waits when the daemon stops is told once more, unless GitLab is away.
func TestRelayFinishes(t *testing.T) {
	r, ctx := newRelayed(10)
	r.hand("a", "a1", nil)
	r.hand("b", "b1", nil)
	r.stop()
	r.run(ctx)
	if want := []string{"a1", "b1"}; !slices.Equal(r.done, want) {
		t.Errorf("did %q, want %q", r.done, want)
	}
	if r.hand("c", "c1", nil) {
		t.Error("it takes over what nobody will do")
	}
}

// Nobody approves what is their own, whatever the commit calls them.
func TestBarred(t *testing.T) {
	revision := reconcile.Revision{ID: strings.Repeat("a", 40), Author: "Robin Leone <robin@acme.example>", Committer: "GitLab <noreply@gitlab.example.com>"}
	for _, test := range []struct {
		name   string
		quorum *reconcile.Quorum
		by     gitlab.Person
		author int64
		want   string
	}{
		{"nobody asks", nil, gitlab.Person{ID: 1, Username: "rl42"}, 1, ""},
		{"somebody else", &reconcile.Quorum{NotAuthor: true}, gitlab.Person{ID: 2, Username: "j.doe", Name: "Jane Doe"}, 1, ""},
		{"who opened it", &reconcile.Quorum{NotAuthor: true}, gitlab.Person{ID: 1, Username: "rl42"}, 1, "rl42 opened the merge request"},
		{"by the user's name", &reconcile.Quorum{NotAuthor: true}, gitlab.Person{ID: 3, Username: "rl42", Name: "Robin Leone"}, 1, "Robin Leone wrote the commit"},
		{"by the address", &reconcile.Quorum{NotAuthor: true}, gitlab.Person{ID: 3, Username: "rl42", Name: "R", Email: "robin@acme.example"}, 1, "robin@acme.example wrote the commit"},
		{"by the user name", &reconcile.Quorum{NotAuthor: true}, gitlab.Person{ID: 3, Username: "robin"}, 1, "robin wrote the commit"},
		{"two people", &reconcile.Quorum{Count: 2}, gitlab.Person{ID: 1, Username: "rl42"}, 1, ""},
	} {
		a := &asking{note: gitlab.Comment{By: test.by}, merge: gitlab.Merge{Author: test.author}}
		if got := a.barred(reconcile.Standing{Quorum: test.quorum, Revision: revision}); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
