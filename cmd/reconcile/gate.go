package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// gateFlags say what plan and drift fail on, what drift is known, and what drift
// writes into files.
type gateFlags struct {
	drift    bool // the verb is drift
	failOn   []string
	baseline string
	accept   acceptance
	write    bool

	left *reconcile.Plan // what remains to be judged, once some of it was written into the manifests
}

func (f *gateFlags) flags(cmd *cobra.Command) {
	words := "comma-separated, out of " + strings.Join(slices.Concat(gateWords(), []string{"none"}), ", ")
	otherwise := " (default: nothing)"
	if f.drift {
		otherwise = " (default " + strings.Join(usualGate, ",") + ")"
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.failOn, "fail-on", nil, "exit 2 if there is any of these: "+words+otherwise)
	fl.StringVar(&f.baseline, "baseline", "", "file of the drift that is known (default "+baselineName+" in the stack's folder, if it is there); none reads none")
	if !f.drift {
		return
	}
	fl.StringArrayVar(&f.accept.keys, "accept", nil, "write this key's drift, as it is live now, into the baseline (repeatable); of what is unmanaged Kind/name or the ID. Needs --until and --reason")
	fl.StringVar(&f.accept.until, "until", "", "the last day that it is accepted, as 2026-12-31; a year from now at most")
	fl.StringVar(&f.accept.reason, "reason", "", "why it is accepted, for those who find it later")
	fl.BoolVar(&f.write, "write", false, "edit the folder's manifests so that they say what is live")
}

// usualGate is what drift fails on if nobody says otherwise.
var usualGate = []string{"drift", "conflict", "missing", "inventory"}

// finding is one thing that a plan may be failed for: its word, and what is said
// of one resource and of several.
type finding struct {
	word, one, many string
	count           func(*reconcile.Plan, report.Counts) int
}

// findings are in the order in which they are told.
var findings = []finding{
	{"drift", "was changed behind Git", "were changed behind Git",
		func(_ *reconcile.Plan, c report.Counts) int { return c.Drift }},
	{"drift", "differs, and which side moved cannot be told", "differ, and which side moved cannot be told",
		func(_ *reconcile.Plan, c report.Counts) int { return c.Unclear }},
	{"conflict", "was changed on both sides", "were changed on both sides",
		func(_ *reconcile.Plan, c report.Counts) int { return c.Conflict }},
	{"missing", "is missing", "are missing",
		func(_ *reconcile.Plan, c report.Counts) int { return c.Missing }},
	{"inventory", "is in dispute with NetBox", "are in dispute with NetBox",
		func(_ *reconcile.Plan, c report.Counts) int { return c.Inventory }},
	{"surplus", "is surplus", "are surplus",
		func(_ *reconcile.Plan, c report.Counts) int { return c.Surplus }},
	{"pending", "waits to be applied", "wait to be applied", pendings},
	{"unmanaged", "is unmanaged", "are unmanaged",
		func(p *reconcile.Plan, c report.Counts) int { return c.Unmanaged - len(p.KnownLive) }},
}

// pendings are the changes that Git asks for, those beside accepted drift too.
func pendings(p *reconcile.Plan, c report.Counts) int {
	n := c.Pending
	for _, change := range p.Changes() {
		if change.Known != nil && slices.ContainsFunc(change.Fields, func(f reconcile.FieldChange) bool { return f.Label == reconcile.Pending }) {
			n++
		}
	}
	return n
}

func gateWords() []string {
	var words []string
	for _, f := range findings {
		words = append(words, f.word)
	}
	return slices.Compact(words)
}

// check refuses flags that mean nothing, before anything is read.
func (f *gateFlags) check(where scope) error {
	if err := f.accept.check(); err != nil {
		return err
	}
	if len(f.accept.keys) > 0 && f.baseline == "" {
		if err := inFolderOnly("drift --accept without --baseline FILE", where); err != nil {
			return err
		}
	}
	if f.write {
		if err := inFolderOnly("drift --write", where); err != nil {
			return err
		}
		if len(f.accept.keys) > 0 {
			return errors.New("--write and --accept are two ways out; choose one at a time")
		}
	}
	for _, word := range f.failOn {
		if word == "none" && len(f.failOn) > 1 {
			return fmt.Errorf("--fail-on %s: none stands alone", strings.Join(f.failOn, ","))
		}
		if word == "none" || slices.Contains(gateWords(), word) {
			continue
		}
		return fmt.Errorf("--fail-on %s: %s", reconcile.Clean(word), gateHint(word))
	}
	return nil
}

func gateHint(word string) string {
	switch near := reconcile.Nearest(word, append(gateWords(), "none")); {
	case word == "unknown":
		return "what could not be read always ends with exit status 3"
	case word == "unclear":
		return "differences of which nobody can tell which side moved count as drift"
	case near != "":
		return "did you mean " + near + "?"
	}
	return "there are " + strings.Join(gateWords(), ", ") + ", and none"
}

// fails are the findings that the plan is failed for.
func (f *gateFlags) fails() []string {
	switch {
	case len(f.failOn) > 0:
		return f.failOn
	case f.drift:
		return usualGate
	}
	return nil
}

// judge is the exit status of a plan; otherwise is what it would be without flags.
// The order is that of all exit statuses: 3 before 4 before 2.
func (f *gateFlags) judge(plan *reconcile.Plan, otherwise exitCode) exitCode {
	counts := report.Has(plan)
	switch {
	case counts.Unknown > 0:
		return exitIncomplete
	case otherwise != exitDone:
		return otherwise
	case len(f.found(f.rest(plan))) > 0:
		return exitDiffers
	}
	return otherwise
}

// rest is what there is to judge.
func (f *gateFlags) rest(plan *reconcile.Plan) *reconcile.Plan {
	if f.left != nil {
		return f.left
	}
	return plan
}

// found says in words what the plan is failed for.
func (f *gateFlags) found(plan *reconcile.Plan) []string {
	counts := report.Has(plan)
	var out []string
	for _, one := range findings {
		switch n := one.count(plan, counts); {
		case n == 0 || !slices.Contains(f.fails(), one.word):
		case len(out) == 0:
			out = append(out, plural(n, "resource "+one.one, "resources "+one.many))
		default:
			out = append(out, plural(n, one.one, one.many))
		}
	}
	return out
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// explain says in words why the exit status is not 0: a CI job shows the last
// line, and of the status only its number.
func (f *gateFlags) explain(a *app, plan *reconcile.Plan) {
	if sentence := f.sentence(a.code, plan); sentence != "" {
		fmt.Fprintf(a.err, "exit %d: %s\n", a.code, sentence)
	}
}

func (f *gateFlags) sentence(code exitCode, plan *reconcile.Plan) string {
	counts := report.Has(plan)
	switch code {
	case exitIncomplete:
		return plural(counts.Unknown, "thing in scope could not be read, so the answer is incomplete.", "things in scope could not be read, so the answer is incomplete.")
	case exitHeld:
		return plural(counts.Held, "change is held, and there is nothing else to do.", "changes are held, and there is nothing else to do.")
	case exitDiffers:
		parts := f.found(f.rest(plan))
		if len(parts) == 0 {
			return "there are changes, or some are under way; " + counts.Summary()
		}
		return strings.Join(parts, "; ") + beside(counts) + "."
	}
	return ""
}

// beside is what was accepted and so does not count.
func beside(c report.Counts) string {
	if c.Known == 0 {
		return ""
	}
	return "; " + plural(c.Known, "more is known and accepted", "more are known and accepted")
}
