package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// longestOpen bounds how long a window may be open at a time.
const longestOpen = 31 * 24 * time.Hour

// CheckWindow says what is wrong with a window, nil if nothing is.
func CheckWindow(w reconcile.Window) error {
	switch {
	case w.Kind != "allow" && w.Kind != "deny":
		return fmt.Errorf("kind %q is none of allow, deny", w.Kind)
	case w.Duration < time.Minute || w.Duration > longestOpen:
		return fmt.Errorf("duration %s: wants 1m to 31d", w.Duration)
	}
	_, err := parseCron(w.Schedule, w.TimeZone)
	return err
}

// Windows is the guard of change windows: within one that denies, nothing runs
// that it is about; and what windows that allow are about runs within one of
// them. now is when the run looks; the guard asks the world's own time, and now
// where there is none.
func Windows(windows []reconcile.Window, now time.Time) (reconcile.Guard, error) {
	all, err := parseWindows(windows)
	if err != nil {
		return nil, err
	}
	return func(c *reconcile.Change, world *reconcile.World) *reconcile.Hold {
		at := now
		if world != nil && !world.Now.IsZero() {
			at = world.Now
		}
		return all.closed(c.Key, at).hold()
	}, nil
}

// WindowProblems are those of a policy's windows, each with its place.
func WindowProblems(windows []reconcile.Window) (problems reconcile.Problems) {
	for _, w := range windows {
		if err := CheckWindow(w); err != nil {
			problems = append(problems, reconcile.Problem{Pos: w.Pos, Message: "policy.windows: " + err.Error()})
		}
	}
	return problems
}

// window is a Window whose schedule was read.
type window struct {
	reconcile.Window
	ticks ticks
}

type windowSet []window

func parseWindows(windows []reconcile.Window) (windowSet, error) {
	out := make(windowSet, len(windows))
	for i, w := range windows {
		if err := CheckWindow(w); err != nil {
			return nil, fmt.Errorf("window at %s: %w", w.Pos, err)
		}
		parsed, _ := parseCron(w.Schedule, w.TimeZone) // checked just now
		out[i] = window{w, parsed}
	}
	return out, nil
}

// owners are the windows of the operator and those of the repository. Both must
// let a change through: what one opens, the other may keep closed.
type owners []windowSet

func parseOwners(lists ...[]reconcile.Window) (out owners, err error) {
	for _, list := range lists {
		one, err := parseWindows(list)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// closed is why a key's changes may not run at a time; of several reasons the
// one that lasts longest.
func (o owners) closed(key reconcile.Key, now time.Time) (longest Closing) {
	for _, all := range o {
		one := all.closed(key, now)
		if one.Window.Kind != "" && (longest.Window.Kind == "" || one.Until.IsZero() || one.Until.After(longest.Until) && !longest.Until.IsZero()) {
			longest = one
		}
	}
	return longest
}

func (w *window) about(key reconcile.Key) bool {
	return len(w.Keys) == 0 || slices.ContainsFunc(w.Keys, key.Below)
}

// open tells whether the window is open, and when it ends if no further opening
// goes on from it.
func (w *window) open(now time.Time) (until time.Time, open bool) {
	last := w.opened(now)
	if last.IsZero() {
		return time.Time{}, false
	}
	until = last.Add(w.Duration)
	return until, until.After(now)
}

// opened is the last opening within the window's duration, zero if there was
// none. It looks further and further back, so that a window that opens every
// minute costs no more than one that opens once a year.
func (w *window) opened(now time.Time) (last time.Time) {
	for _, back := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour, longestOpen} {
		for at := w.ticks.next(now.Add(-min(back, w.Duration))); !at.IsZero() && !at.After(now); at = w.ticks.next(at) {
			last = at
		}
		if !last.IsZero() || back >= w.Duration {
			return last
		}
	}
	return last
}

// Closing is why nothing runs, and until when. Its zero value is none.
type Closing struct {
	Window reconcile.Window // the one that denies, or the next one that allows
	Until  time.Time        // when it may be over; zero if that is not known
	Denied bool
}

// Closed tells whether windows keep changes from running now, and until when.
// Windows that do not parse are left out; CheckWindow finds them.
func Closed(windows []reconcile.Window, now time.Time) (Closing, bool) {
	var all windowSet
	for _, w := range windows {
		if one, err := parseWindows([]reconcile.Window{w}); err == nil && len(w.Keys) == 0 {
			all = append(all, one...)
		}
	}
	closing := all.closed("", now)
	return closing, closing.Window.Kind != ""
}

// closed is why a key's changes may not run at a time. Of windows that deny the
// one that ends last counts.
func (all windowSet) closed(key reconcile.Key, now time.Time) Closing {
	var denied, next Closing
	allowed, bound := false, false
	for i := range all {
		w := &all[i]
		if !w.about(key) {
			continue
		}
		until, open := w.open(now)
		switch {
		case w.Kind == "deny":
			if open && until.After(denied.Until) {
				denied = Closing{Window: w.Window, Until: until, Denied: true}
			}
		case open:
			allowed, bound = true, true
		default:
			bound = true
			if opens := w.ticks.next(now); !opens.IsZero() && (next.Until.IsZero() || opens.Before(next.Until)) {
				next = Closing{Window: w.Window, Until: opens}
			}
		}
	}
	switch {
	case denied.Denied:
		return denied
	case bound && !allowed:
		return next
	}
	return Closing{}
}

func (c Closing) hold() *reconcile.Hold {
	if c.Window.Kind == "" {
		return nil
	}
	return &reconcile.Hold{Guard: "window", Reason: c.String(), Pos: c.Window.Pos}
}

// String says why, and until when, in the window's own time zone.
func (c Closing) String() string {
	text := "outside the window " + c.Window.Schedule + " (" + cmp.Or(c.Window.TimeZone, "UTC") + ")"
	if c.Denied {
		text = "a window keeps changes off until " + c.clock()
	} else if !c.Until.IsZero() {
		text += "; the next one opens at " + c.clock()
	}
	if c.Window.Reason != "" {
		text += ": " + reconcile.Clean(c.Window.Reason)
	}
	return text
}

func (c Closing) clock() string {
	at := c.Until
	if place, err := time.LoadLocation(c.Window.TimeZone); err == nil {
		at = at.In(place)
	}
	return at.Format("2006-01-02 15:04 MST")
}
