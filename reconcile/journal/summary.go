package journal

import (
	"fmt"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// summary counts results as Salt does.
type summary struct {
	succeeded, failed, unchanged int // results True, False and None
	changed, warned              int
	micros                       int64
}

func (s *summary) add(r reconcile.Return) {
	switch {
	case r.Result == nil:
		s.unchanged++
	case *r.Result:
		s.succeeded++
	default:
		s.failed++
	}
	if len(r.Changes) > 0 {
		s.changed++
	}
	if len(r.Warnings) > 0 {
		s.warned++
	}
	s.micros += r.Duration
}

// write lays the counts out as wide as the greatest of them needs. Salt takes
// the width from the counts by result, though it shows True and None as one.
func (s *summary) write(out *strings.Builder, target string) {
	width := len("Succeeded: ") + len(fmt.Sprint(max(s.succeeded, s.failed, s.unchanged, s.warned)))
	dashes := strings.Repeat("-", width)
	count := func(label string, n int, more string) {
		fmt.Fprintf(out, "%s: %*d%s\n", label, width-len(label)-2, n, more)
	}
	fmt.Fprintf(out, "\nSummary for %s\n%s\n", target, dashes)
	count("Succeeded", s.succeeded+s.unchanged, s.parts())
	count("Failed", s.failed, "")
	if s.warned > 0 {
		count("Warnings", s.warned, "")
	}
	number, unit := total(s.micros)
	fmt.Fprintf(out, "%s\nTotal states run: %*d\n", dashes, width-7, s.succeeded+s.failed+s.unchanged)
	fmt.Fprintf(out, "Total run time: %*s %s\n", width-5, number, unit)
}

// parts are the counts behind the successes, those that are not 0.
func (s *summary) parts() string {
	var parts []string
	if s.unchanged > 0 {
		parts = append(parts, fmt.Sprintf("unchanged=%d", s.unchanged))
	}
	if s.changed > 0 {
		parts = append(parts, fmt.Sprintf("changed=%d", s.changed))
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
