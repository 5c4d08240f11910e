package report

import (
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// brief is an author as it stands beside a field: "j.doe, console, 2 h ago".
func brief(a *reconcile.Author, now time.Time) string {
	return said(", ", whose(a), a.Program, ago(a.At, now))
}

// inFull is an author with all that is known: "j.doe, console, from 192.0.2.7,
// 2 h ago (2026-11-21 12:03:00 UTC), UpdateContainer".
func inFull(a *reconcile.Author, now time.Time) string {
	from, at := "", ""
	if a.Address != "" {
		from = "from " + a.Address
	}
	if !a.At.IsZero() {
		at = ago(a.At, now) + " (" + a.At.UTC().Format(time.DateTime) + " UTC)"
	}
	return said(", ", whose(a), a.Program, from, at, a.Call)
}

func whose(a *reconcile.Author) string {
	switch {
	case a.Who == "":
		return "somebody"
	case a.Sort == "application":
		return "application " + a.Who
	}
	return a.Who
}

// said joins what there is to say.
func said(sep string, parts ...string) string {
	var out []string
	for _, part := range parts {
		if part != "" {
			out = append(out, part)
		}
	}
	return strings.Join(out, sep)
}

// changedBy are those who may have made a change's difference, the latest first.
// ok is false if nobody knows; then there is one line, which says why.
func changedBy(p *reconcile.Plan, c *reconcile.Change) (lines []string, ok bool) {
	for i := range c.By {
		lines = append(lines, inFull(&c.By[i], p.At))
	}
	if len(lines) > 0 {
		return lines, true
	}
	if why := untold(p, c); why != "" {
		return []string{"unknown: " + why}, false
	}
	return []string{"unknown"}, false
}

// blameLines are changedBy, but nothing of surplus that nobody is known for: it
// may be ours.
func blameLines(p *reconcile.Plan, c *reconcile.Change) []string {
	lines, ok := changedBy(p, c)
	if !ok && c.Cause() == surplus {
		return nil
	}
	return lines
}

// untold is why the audit trail names nobody for a change, or for any if it is
// nil; "" if nobody asked it.
func untold(p *reconcile.Plan, c *reconcile.Change) string {
	asked := false
	for i := range p.Receipts {
		r := &p.Receipts[i]
		if r.Kind != reconcile.AuditTrail || c != nil && !strings.HasPrefix(c.Scope.Place, r.Scope.Place) && c.Scope.Place != "" {
			continue // it is about other regions
		}
		if !r.Complete {
			return orElse(r.Reason, "the audit trail could not be read, and no reason was given")
		}
		asked = true
	}
	if asked {
		return "the audit trail names nobody"
	}
	return ""
}
