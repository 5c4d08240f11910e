package daemon

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// sentence is the condition for people.
func (f *finding) sentence() string {
	text := f.plainSentence()
	if f.choice.pinned != "" && f.is.Condition != reconcile.Unread {
		text += "; rolled back to " + short(f.choice.pinned) + " until the branch moves on"
	}
	if !f.choice.young.IsZero() {
		text += "; " + short(f.choice.head) + " is applied once it is old enough, at " + clockTime(f.choice.young)
	}
	return reconcile.Clean(text)
}

func (f *finding) plainSentence() string {
	at := f.is.Revision.Short()
	switch f.is.Condition {
	case reconcile.Unread:
		return f.unreadSentence()
	case reconcile.Broken:
		return f.brokenSentence()
	case reconcile.Unclear:
		return f.unclearSentence()
	case reconcile.Suspended:
		return f.stopSentence()
	case reconcile.Drifting:
		return f.driftSentence()
	case reconcile.Awaiting:
		return fmt.Sprintf("%s for %s %s for approval, plan %s", counted(len(f.awaiting()), "change"), at, waitWord(len(f.awaiting())), f.plan.Hash[:12]) + f.tally()
	case reconcile.OnHold:
		if f.choice.held != "" {
			return f.choice.held
		}
		return f.heldSentence()
	case reconcile.Moving:
		return f.movingSentence()
	}
	return "matches Git at " + at
}

// tally is how far the approval of the first change that waits has come, where it
// takes more than one person.
func (f *finding) tally() string {
	_, tally, _ := strings.Cut(f.awaiting()[0].Held[0].Reason, ": ")
	if tally == "" {
		return ""
	}
	return ": " + tally
}

func waitWord(n int) string {
	if n == 1 {
		return "waits"
	}
	return "wait"
}

func (f *finding) stopSentence() string {
	text := tellOrder(*f.stopping())
	if n := f.is.Counts.Drifted; n > 0 {
		text += "; " + counted(n, "resource") + " changed outside Git"
	}
	return text
}

func (f *finding) unreadSentence() string {
	var wrong reconcile.Problems
	switch {
	case errors.As(f.failure, &wrong):
		errs := wrong.Errors(false)
		return fmt.Sprintf("%s of %s: %s", counted(len(errs), "problem in the manifests"), short(f.choice.commit), errs[0])
	case f.failure != nil && f.choice.unreachable == nil:
		return f.failure.Error()
	case f.choice.unreachable != nil && f.plan != nil:
		return fmt.Sprintf("the repository cannot be read since %s: %v; %s is kept true meanwhile", clockTime(f.unreachableSince()), f.choice.unreachable, short(f.choice.commit))
	case f.choice.unreachable != nil:
		return fmt.Sprintf("the repository cannot be read since %s: %v", clockTime(f.unreachableSince()), f.choice.unreachable)
	}
	return "it could not be planned"
}

// unclearSentence says what could not be read, and since when if that is not new.
func (f *finding) unclearSentence() string {
	word := "could not be read"
	for _, item := range f.items {
		if item.State == unknownState {
			if item.Since.Before(f.now) {
				word += " since " + clockTime(item.Since)
			}
			break
		}
	}
	text := f.first(unknownState, word)
	if slices.ContainsFunc(f.plan.Receipts, func(r reconcile.Receipt) bool { return r.Complete }) {
		text += "; all else goes on"
	}
	return text
}

// unreachableSince is when the repository was last found not to be readable anew.
func (f *finding) unreachableSince() time.Time {
	if at, ok := f.was.Seen[unreachableWord]; ok {
		f.seen[unreachableWord] = at
		return at
	}
	at := f.choice.since
	if at.IsZero() {
		at = f.looking.now
	}
	f.seen[unreachableWord] = at
	return at
}

// unreachableWord is where it is kept since when a repository cannot be read.
const unreachableWord = "unreachable"

func (f *finding) brokenSentence() string {
	switch {
	case f.failure != nil:
		return f.failure.Error()
	case f.out != nil && f.out.Err != nil:
		return f.out.Err.Error()
	case f.out != nil && f.out.TimedOut && f.out.Failed() == 0:
		return fmt.Sprintf("not settled within %s; tried again at %s", f.entry.Timeout, clockTime(f.now.Add(backOff(f.is.Failures))))
	}
	return f.first(failedState, "failed")
}

func (f *finding) driftSentence() string {
	var keys []string
	why := ""
	for _, item := range f.items {
		if item.State != driftState {
			continue
		}
		keys = append(keys, string(item.Key))
		if why == "" && len(item.Reasons) > 0 {
			why = ": " + item.Reasons[0].Text
		}
	}
	return counted(f.is.Counts.Drifted, "resource") + " changed outside Git (" + some(keys) + ")" + why
}

func (f *finding) heldSentence() string {
	for _, item := range f.items {
		if item.State == heldState {
			return counted(f.is.Counts.Held, "change") + " held: " + string(item.Key) + ": " + reasonText(item)
		}
	}
	return counted(f.is.Counts.Held, "change") + " held"
}

func (f *finding) movingSentence() string {
	var keys []string
	for _, item := range f.items {
		if item.State == progressingState || item.State == waitingState || item.State == dueState {
			keys = append(keys, string(item.Key))
		}
	}
	return "on the way to " + f.is.Revision.Short() + ": " + some(keys)
}

// first is the first item of a state, and how many more there are.
func (f *finding) first(state, word string) string {
	text, more := "", 0
	for _, item := range f.items {
		switch {
		case item.State != state:
		case text == "":
			text = string(item.Key) + " " + word
			if len(item.Reasons) > 0 {
				text += ": " + item.Reasons[0].Text
			}
			if !item.Next.IsZero() {
				text += "; tried again at " + clockTime(item.Next)
			}
		default:
			more++
		}
	}
	if more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

func counted(n int, what string) string {
	first, rest, _ := strings.Cut(what, " ")
	if n != 1 {
		first += "s"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", n, first, rest))
}

// some names at most three.
func some(keys []string) string {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if len(keys) > 3 {
		return strings.Join(keys[:3], ", ") + fmt.Sprintf(" and %d more", len(keys)-3)
	}
	return strings.Join(keys, ", ")
}
