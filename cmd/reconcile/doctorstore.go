package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// What doctor says of those who share a store: only what the store knows.

// shared looks at who works from the store, and what waits there.
func (d *doctor) shared(ctx context.Context) {
	polls := d.holders(ctx)
	d.queue(ctx, polls)
	d.tokens(ctx)
}

// holders says who has which stack, and whether somebody polls for all.
func (d *doctor) holders(ctx context.Context) (polls bool) {
	known, ok := d.store.(reconcile.Holders)
	if !ok {
		return false
	}
	all, err := known.Holders(ctx)
	if err != nil {
		d.fail("leases", err, "")
		return false
	}
	var texts []string
	for _, l := range all {
		switch part := strings.TrimPrefix(l.Stack, "~"); {
		case part == l.Stack:
			texts = append(texts, fmt.Sprintf("%s by %s, %s", l.Stack, l.Holder, report.Ago(l.Since, time.Now())))
		case part == "poller":
			polls = true
			d.well("daemon", "%s polls, since %s", l.Holder, l.Since.Local().Format("2006-01-02 15:04"))
		}
	}
	d.well("leases", "%s", orElse(strings.Join(texts, "; "), "nobody has a stack"))
	return polls
}

// longQueue is how long a look may be due while a daemon is at work.
const longQueue = 10 * time.Minute

// queue says what is due and has no turn yet.
func (d *doctor) queue(ctx context.Context, polls bool) {
	schedule, ok := d.store.(reconcile.Schedule)
	if !ok {
		return
	}
	depth, err := schedule.Depth(ctx)
	if err != nil {
		d.fail("queue", err, "")
		return
	}
	waiting, oldest := 0, time.Duration(0)
	for _, queue := range depth {
		waiting, oldest = waiting+queue.Waiting, max(oldest, queue.Oldest)
	}
	text := counted(waiting, "look") + " due"
	if waiting > 0 {
		text += ", the first for " + report.Took(oldest)
	}
	switch {
	case waiting > 0 && !polls:
		d.skip("queue", "%s; no daemon works from this store", text)
	case oldest > longQueue:
		d.fail("queue", fmt.Errorf("%s", text), "the daemon's log says what it is busy with; more workers, or another replica, take more at once")
	default:
		d.well("queue", "%s", text)
	}
}

// tokens names those that end soon, while there is time to make others.
func (d *doctor) tokens(ctx context.Context) {
	all, err := d.store.Tokens(ctx)
	switch {
	case reconcile.ClassOf(err) == reconcile.Forbidden:
		d.skip("tokens", "to see them takes a token of role approve")
		return
	case err != nil:
		d.fail("tokens", err, "")
		return
	}
	now := d.clock.Now()
	all = slices.DeleteFunc(all, func(t reconcile.Token) bool { return !t.Lives(now) })
	var soon []string
	for _, t := range all {
		if left := t.Expires.Sub(now); !t.Expires.IsZero() && left < soonOver {
			soon = append(soon, fmt.Sprintf("%s ends on %s", t.Name, t.Expires.Local().Format("2006-01-02 15:04")))
		}
	}
	text := counted(len(all), "token")
	if len(soon) > 0 {
		text += "; " + strings.Join(soon, ", ") + ": make new ones with reconcile token create"
	}
	if len(all) > 0 {
		d.well("tokens", "%s", text)
	}
}
