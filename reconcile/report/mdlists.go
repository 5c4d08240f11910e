package report

import (
	"fmt"
)

// listing is a chapter that is a table.
func listing(title string, titles ...string) chapter {
	return chapter{open: "#### " + title + "\n\n" + tableHead(titles...), close: "\n"}
}

// closed is a table that is folded away until somebody wants it.
func closed(title string, titles ...string) chapter {
	return chapter{open: "<details><summary>" + title + "</summary>\n\n" + tableHead(titles...), close: "\n</details>\n\n"}
}

func (c *chapter) row(cells ...string) {
	c.entries = append(c.entries, passage{full: tableRow(cells...)})
}

func (s *scribe) settling() chapter {
	c := listing(fmt.Sprintf("Not ready: %d", len(s.t.plan.Settling)), "resource", "is", "line")
	for _, status := range s.t.plan.Settling {
		line := ""
		if len(status.Origins) > 0 {
			line = s.at(status.Origins[0])
		}
		c.row(code(clip(string(status.Key), shortProse)), prose(said(": ", string(status.Phase), status.Detail)), line)
	}
	return c
}

func (s *scribe) unread() chapter {
	c := listing(fmt.Sprintf("Could not be read: %d", s.t.counts.Unknown), "what", "why")
	for i := range s.t.plan.Receipts {
		if r := &s.t.plan.Receipts[i]; failed(r) {
			c.row(prose(place(r.Kind, r.Scope)), prose(orUnknown(r.Reason)))
		}
	}
	return c
}

func (s *scribe) unmanaged() chapter {
	c := listing(fmt.Sprintf("Unmanaged: %d", len(s.t.plan.Unmanaged)), "kind", "name", "ID", "place", "made", "")
	for _, r := range s.t.plan.Unmanaged {
		made, accepted := "", ""
		if !r.Created.IsZero() {
			made = ago(r.Created, s.t.plan.At)
		}
		if k, ok := s.t.plan.KnownLive[r.ID]; ok {
			accepted = knownUntil(&k)
		}
		c.row(prose(r.Kind), code(clip(r.Name, shortProse)), code(clip(r.ID, shortProse)), prose(r.Scope.Place), made, prose(accepted))
	}
	return c
}

func (s *scribe) ignored() chapter {
	c := listing(fmt.Sprintf("Ignored by rules: %d", s.t.counts.Ignored), "field", "Git", "live", "because", "rule")
	for i := range s.t.plan.Ignored {
		g := &s.t.plan.Ignored[i]
		c.row(code(clip(string(g.Key)+" "+g.Path, shortProse)), code(clip(show(g.Git, false), longest)), code(clip(show(g.Live, false), longest)),
			prose(orUnknown(g.Rule.Reason)), s.at(g.Rule.Pos))
	}
	return c
}

func (s *scribe) expired() chapter {
	c := listing(fmt.Sprintf("Entries of the baseline that are over: %d", len(s.t.plan.Expired)), "entry", "why")
	for i := range s.t.plan.Expired {
		k := &s.t.plan.Expired[i]
		c.row(s.at(k.Pos), prose(overdue(k, s.t.plan.At)))
	}
	return c
}

func (s *scribe) notices() chapter {
	c := chapter{open: "#### Notes\n\n", close: "\n"}
	for _, notice := range s.t.plan.Notices {
		c.entries = append(c.entries, passage{full: "- " + prose(notice) + "\n"})
	}
	return c
}

func (s *scribe) receipts() chapter {
	c := closed(fmt.Sprintf("Receipts: %d", len(s.t.plan.Receipts)), "what", "came of it")
	for i := range s.t.plan.Receipts {
		r := &s.t.plan.Receipts[i]
		c.row(prose(place(r.Kind, r.Scope)), prose(outcome(r)))
	}
	return c
}
