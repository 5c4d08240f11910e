package journal

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// WriteText writes the account for reading on a terminal.
func (a *Account) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	line := func(format string, args ...any) {
		fmt.Fprintln(out, reconcile.Clean(strings.TrimRight(fmt.Sprintf(format, args...), " ")))
	}
	line("What was done from %s to %s (UTC), %s", stamp(a.From), stamp(a.To), count(len(a.Stacks), "stack"))
	line("")
	line("Runs: %d", len(a.Runs))
	for _, run := range a.Runs {
		run.text(line)
	}
	a.outsideText(line)
	section(line, "Refused", len(a.Refusals()))
	for _, c := range a.Refusals() {
		line("  %s  %-7s %s  %s", stamp(c.At), c.Action, c.Key, c.Comment)
	}
	section(line, "Orders", len(a.Orders))
	for _, o := range a.Orders {
		line("  %s  %s  %s by %s", stamp(o.At), o.Stack, o.Sentence, o.By)
	}
	section(line, "The journal itself", len(a.Journal))
	for _, n := range a.Journal {
		line("  %s  %s  %s", stamp(n.At), n.Stack, n.Sentence)
	}
	line("")
	line("%s", a.Verdict())
	for _, verdict := range a.Chain.Lines {
		line("  %s", verdict)
	}
	return out.Flush()
}

type lineFunc func(format string, args ...any)

func section(line lineFunc, name string, n int) {
	line("")
	line("%s: %d", name, n)
}

func (r AccountRun) text(line lineFunc) {
	line("  %s  %s  %s  %.7s %s", stamp(r.At), r.Stack, r.JID, r.Revision, r.Subject)
	line("      asked     %s%s", r.Asked, inBrackets(r.Why))
	if len(r.Approved) > 0 {
		line("      approved  %s", strings.Join(r.Approved, ", "))
	}
	line("      executed  %s %s", r.Executed, r.Job)
	if r.Status != "" {
		line("      came to   %s", r.Status)
	}
	for _, c := range r.Changes {
		line("      %-9s %-7s %s%s%s", c.Outcome, c.Action, c.Key, inSquare(c.Resource), inBrackets(c.Manifest))
		for _, f := range c.Fields {
			line("          %s  %s -> %s", f.Path, orNothing(f.Old), orNothing(f.New))
		}
	}
}

// outsideText lists what people had changed behind Git's back.
func (a *Account) outsideText(line lineFunc) {
	outside := a.Outside()
	section(line, "Changed outside Git", len(outside))
	for _, c := range outside {
		line("  %s  %s%s  %s; the repair is %s", stamp(c.At), c.Key, inSquare(c.Resource), strings.Join(c.Outside, ", "), c.Outcome)
	}
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func inSquare(s string) string {
	if s == "" {
		return ""
	}
	return " [" + s + "]"
}

func orNothing(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return s
}
