package report

import (
	"fmt"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Symbol is how a plan marks a change: as Terraform does, and with "=" for adopt,
// "." for forget and "!" for a reinstall, which erases disks.
func Symbol(c *reconcile.Change) string {
	switch c.Action {
	case reconcile.Create:
		return "+"
	case reconcile.Update:
		return "~"
	case reconcile.Replace:
		if c.First == reconcile.Create {
			return "+/-"
		}
		return "-/+"
	case reconcile.Delete:
		return "-"
	case reconcile.Adopt:
		return "="
	case reconcile.Forget:
		return "."
	case reconcile.Reinstall:
		return "!"
	}
	return "?"
}

// tintOf is the colour that goes with a symbol.
func tintOf(symbol string) tint {
	switch symbol {
	case "+":
		return green
	case "~":
		return yellow
	case "-", "+/-", "-/+", "!":
		return red
	case "=", ".":
		return cyan
	}
	return none
}

// count is a number of things: "1 place", "2 places".
func count(n int, one, many string) string { return fmt.Sprintf("%d %s", n, verb(n, one, many)) }

// verb is the form that goes with a number.
func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func pronoun(n int) string { return verb(n, "it", "them") }

// some names the first of several and counts the rest.
func some(names []string, show int) string {
	if len(names) <= show {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:show], ", "), len(names)-show)
}

// took is a duration as people say it: "0.2 s", "48 s", "2 min 5 s", "3 h 20 min".
func took(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// ago is how long before now a time was; after a month it is the date. A clock
// that was ahead, as a simulator's may be, is said to be.
func ago(then, now time.Time) string {
	d := now.Sub(then)
	switch {
	case d < -30*24*time.Hour || d >= 30*24*time.Hour:
		return then.UTC().Format(time.DateOnly)
	case d < -5*time.Minute:
		return took(-d) + " ahead"
	case d < 2*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// shortRev is a revision as people read it. A mark's may be any text.
func shortRev(id string) string { return reconcile.Revision{ID: id}.Short() }

// places names the first of several places in the source and counts the rest.
func places(at []reconcile.Pos) string {
	switch len(at) {
	case 0:
		return ""
	case 1:
		return at[0].Short()
	}
	return fmt.Sprintf("%s and %d more", at[0].Short(), len(at)-1)
}
