package daemon

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// longInError is for how long a failed resource is left to the next tries before
// people are told of it by name.
const longInError = 12 * time.Hour

// messages are what people are told after a look: once for each change, again
// when a reminder is due, and once when it is over. What was told is kept in the
// standing.
func (f *finding) messages() []reconcile.Message {
	told := maps.Clone(f.was.Told)
	if told == nil {
		told = map[string]time.Time{}
	}
	f.is.Told = told
	out := f.repaired()
	if f.is.Condition == reconcile.Moving {
		return out // wait and see
	}
	topics := f.topics()
	for _, m := range topics {
		last, known := told[m.Again]
		switch remind := f.remindEvery(); {
		case !known:
		case remind > 0 && f.now.Sub(last) >= remind:
			m.Reminder, m.Told = true, last
		default:
			continue
		}
		out = append(out, m)
		told[m.Again] = f.now
	}
	return append(out, f.settled(topics)...)
}

// topics are what is wrong now.
func (f *finding) topics() []reconcile.Message {
	var out []reconcile.Message
	if f.is.Condition != reconcile.InSync {
		event, severity := f.occasion()
		m := f.message(event, severity, f.is.Sentence)
		m.Again = f.entry.Name + " " + string(event)
		if event == reconcile.PlanWaits {
			m.Again += " " + f.plan.Hash[:12]
		}
		out = append(out, m)
	}
	for _, item := range f.items {
		if item.State != failedState || item.Action != "" || f.now.Sub(item.Since) < longInError {
			continue
		}
		sentence := fmt.Sprintf("%s is in error since %s: %s", item.Key, clockTime(item.Since), reasonText(item))
		if item.Key.Kind() == "Container" {
			sentence += "; its old revision serves at most 24 h"
		}
		m := f.message(reconcile.ResourceFailed, reconcile.Critical, sentence)
		m.Again, m.Since = f.entry.Name+" "+string(m.Event)+" "+string(item.Key), item.Since
		out = append(out, m)
	}
	return out
}

// occasion is what a condition is to people.
func (f *finding) occasion() (reconcile.Occasion, reconcile.Severity) {
	switch {
	case f.choice.unreachable != nil:
		return reconcile.Unreachable, reconcile.Critical
	case f.is.Condition == reconcile.Unread:
		return reconcile.StepsFailed, reconcile.Critical
	case f.is.Condition == reconcile.Broken:
		return reconcile.StepsFailed, reconcile.Critical
	case f.choice.held != "" && f.is.Condition == reconcile.OnHold:
		return reconcile.HistoryMoved, reconcile.Critical
	case f.is.Condition == reconcile.Drifting:
		return reconcile.DriftFound, reconcile.Warning
	case f.is.Condition == reconcile.Awaiting:
		return reconcile.PlanWaits, reconcile.Info
	case f.is.Condition == reconcile.Suspended:
		return reconcile.StateChanged, reconcile.Info
	}
	return reconcile.StateChanged, reconcile.Warning
}

// settled says once that what was told is over, when all is well; what has given
// way to something else is told by that.
func (f *finding) settled(topics []reconcile.Message) []reconcile.Message {
	still := map[string]bool{}
	for _, t := range topics {
		still[t.Again] = true
	}
	over := 0
	for again := range f.is.Told {
		if strings.HasPrefix(again, untilWord) || still[again] {
			continue
		}
		delete(f.is.Told, again)
		over++
	}
	if over == 0 || f.is.Condition != reconcile.InSync || len(topics) > 0 {
		return nil
	}
	m := f.message(reconcile.Recovered, reconcile.Info, f.is.Sentence)
	m.Recovery, m.Again = true, f.entry.Name
	m.Details = []string{"before: " + f.was.Sentence}
	return []reconcile.Message{m}
}

// repaired tells of drift that this look found and undid.
func (f *finding) repaired() []reconcile.Message {
	if f.out == nil || f.looking.plan == nil {
		return nil
	}
	var keys, lines []string
	for _, s := range f.out.Steps {
		if s.State != "done" || !drifted(&s.Change) {
			continue
		}
		keys = append(keys, string(s.Change.Key))
		for i := range s.Change.Fields {
			lines = append(lines, string(s.Change.Key)+" "+fieldLine(&s.Change.Fields[i], false))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	m := f.message(reconcile.DriftFound, reconcile.Info, "changed outside Git, and changed back: "+some(keys))
	m.Details, m.Again = lines, f.entry.Name+" repaired "+f.run.JID
	return []reconcile.Message{m}
}

// message has what all messages about the stack have.
func (f *finding) message(event reconcile.Occasion, severity reconcile.Severity, sentence string) reconcile.Message {
	m := reconcile.Message{
		Event: event, Stack: f.entry.Name, Condition: f.is.Condition, Severity: severity, Sentence: reconcile.Clean(sentence),
		Link: "/stacks/" + f.entry.Name, Run: f.is.Run, Revision: f.is.Revision.ID, At: f.now, Since: f.is.Since,
	}
	if f.run.JID != "" {
		m.Run = f.run.JID
		m.Link = "/runs/" + f.run.JID
	}
	for _, item := range f.items {
		if item.State == unmanagedState {
			continue
		}
		m.Details = append(m.Details, string(item.Key)+" "+item.State+": "+reasonText(item))
		if len(m.Details) == 20 {
			break
		}
	}
	if len(f.items) == 0 {
		m.Details = f.is.Problems
	}
	return m
}

// remindEvery is the shortest time after which somebody wants to be reminded; 0 is never.
func (f *finding) remindEvery() time.Duration {
	var shortest time.Duration
	for _, n := range f.Config().Notify {
		if n.Remind > 0 && Matches(n.Stacks, f.entry.Name) && (shortest == 0 || n.Remind < shortest) {
			shortest = n.Remind
		}
	}
	return shortest
}

// untilWord begins what is kept of orders that end by themselves.
const untilWord = "until "

// expire tells of suspensions, holds and freezes whose time is over. That they
// are in force is kept among what was told.
func (f *finding) expire(ctx context.Context) {
	told := maps.Clone(f.was.Told)
	if told == nil {
		told = map[string]time.Time{}
	}
	inForce := map[string]bool{}
	for _, o := range f.orders.of(reconcile.Suspend, reconcile.HoldKey, reconcile.Freeze) {
		if !o.Until.IsZero() {
			told[untilWord+o.ID], inForce[untilWord+o.ID] = o.Until, true
		}
	}
	for word := range told {
		if !strings.HasPrefix(word, untilWord) || inForce[word] {
			continue
		}
		delete(told, word)
		f.tellExpired(ctx, strings.TrimPrefix(word, untilWord))
	}
	f.was.Told, f.is.Told = told, told
}

func (f *finding) tellExpired(ctx context.Context, id string) {
	all, err := f.store.Orders(ctx, f.owner(), true)
	if err != nil {
		return // it is no longer in force, told or not
	}
	for _, o := range all {
		if o.ID == id && o.Ended.IsZero() {
			m := f.message(reconcile.OrderExpired, reconcile.Info, "over: "+tellOrder(o))
			m.Again = f.entry.Name + " " + id
			f.notify(m)
		}
	}
}
