package report

import (
	"fmt"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// manyLines of a difference are folded away until somebody wants them.
const manyLines = 16

// step is a change as a plan has it: from what is live to what Git says.
func (s *scribe) step(c *reconcile.Change) passage {
	first := s.firstLine(c)
	var lines []string
	for i := range c.Fields {
		if f := &c.Fields[i]; !c.ByDefault(f) {
			lines = append(lines, s.fieldLines(c, f, c.Action == reconcile.Create)...)
		}
	}
	notes := slices.Concat([]string{meaning(c), s.t.reason(c)}, c.Notes, c.Waits)
	points := bullets("", notes...)
	if behind(c) {
		points += s.authors(c)
	}
	return passage{first + folded(lines) + points + s.ends(c) + "\n", first}
}

// pending is a change that drift only mentions.
func (s *scribe) pending(c *reconcile.Change) passage { return passage{full: s.firstLine(c)} }

// deviation is a change as drift has it: from what Git says to what is live.
func (s *scribe) deviation(c *reconcile.Change) passage {
	g := groupOf(c)
	first := s.firstLine(c)
	var lines []string
	if g.cause != missing && g.cause != surplus {
		for i := range c.Fields {
			lines = append(lines, s.sideLines(c, &c.Fields[i])...)
		}
	}
	points := bullets("", s.t.reason(c)) + s.authors(c) + bullets("repair: ", repair(c)) + bullets("accept: ", g.accept(c))
	return passage{first + folded(lines) + points + s.ends(c) + "\n", first}
}

// firstLine is a change in one line.
func (s *scribe) firstLine(c *reconcile.Change) string {
	who, until := "", ""
	if len(c.By) > 0 {
		who = proseIn("by "+brief(&c.By[0], s.t.plan.At), shortProse)
	}
	if known(c) {
		until = proseIn("known until "+c.Known.Until, shortProse)
	}
	action := string(c.Action)
	if why := c.Cause(); behind(c) {
		action = string(why) + ", " + action
	}
	if len(c.Held) > 0 {
		action += ", held"
	}
	line := said(" · ", code(Symbol(c))+" **"+code(clip(string(c.Key), shortProse))+"** "+action, s.whereabouts(c), who, until, prose(billed(c)))
	return line + "\n\n"
}

// whereabouts is the line that asks for a change, and how many more do.
func (s *scribe) whereabouts(c *reconcile.Change) string {
	switch len(c.Origins) {
	case 0:
		return proseIn(c.Reason, shortProse) // such as the commit that took it out
	case 1:
		return s.at(c.Origins[0])
	}
	return fmt.Sprintf("%s and %d more", s.at(c.Origins[0]), len(c.Origins)-1)
}

// ends are what holds a change, and that it is known.
func (s *scribe) ends(c *reconcile.Change) string {
	var out string
	for _, h := range c.Held {
		out += "- held (" + proseIn(h.Guard, shortProse) + "): " + said(" · ", prose(orUnknown(h.Reason)), s.at(h.Pos)) + "\n"
	}
	if known(c) {
		out += "- " + said(" · ", prose(knownUntil(c.Known)), s.at(c.Known.Pos)) + "\n"
	}
	return out
}

func (s *scribe) authors(c *reconcile.Change) string {
	return bullets("changed by: ", blameLines(s.t.plan, c)...)
}

// bullets are points of a list, each with the same words before it.
func bullets(lead string, texts ...string) string {
	var out string
	for _, text := range texts {
		if text != "" {
			out += "- " + lead + prose(text) + "\n"
		}
	}
	return out
}

// folded is a difference, folded away if it is long.
func folded(lines []string) string {
	switch {
	case len(lines) == 0:
		return ""
	case len(lines) <= manyLines:
		return fenced(lines) + "\n"
	}
	return fmt.Sprintf("<details><summary>%s that differ</summary>\n\n%s\n</details>\n\n", count(len(lines), "line", "lines"), fenced(lines))
}

// fieldLines are a field as a plan has it.
func (s *scribe) fieldLines(c *reconcile.Change, f *reconcile.FieldChange, fresh bool) []string {
	label := s.remark(c, f)
	name := fieldName(c, f.Path)
	from, to, long := multiline(f)
	if long {
		return slices.Concat([]string{signedLine("#", name+": "+strings.Join(sizes(f), " -> ")+label)}, longText("-", from), longText("+", to))
	}
	parts := values(f, fresh)
	if len(parts) == 1 {
		return []string{signedLine(changeSign(fresh), name+": "+parts[0]+label)}
	}
	return []string{signedLine("-", name+": "+parts[0]), signedLine("+", name+": "+parts[1]+label)}
}

// remark is what a line ends with that says which side moved, "" if there is nothing to say.
func (s *scribe) remark(c *reconcile.Change, f *reconcile.FieldChange) string {
	label, _ := s.t.label(c, f)
	if label == "" {
		return ""
	}
	return "   # " + label
}

// changeSign marks a line with both sides in it.
func changeSign(fresh bool) string {
	if fresh {
		return "+"
	}
	return "!"
}

// sideLines are a field as Git has it and as it is live.
func (s *scribe) sideLines(c *reconcile.Change, f *reconcile.FieldChange) []string {
	label := s.remark(c, f)
	name := fieldName(c, f.Path)
	live, git, long := multiline(f)
	if long {
		return slices.Concat([]string{signedLine("#", name+", Git and live"+label)}, longText("-", git), longText("+", live))
	}
	parts := values(f, false)
	if len(parts) == 1 {
		return []string{signedLine("!", name+": "+parts[0]+label)}
	}
	return []string{signedLine("-", name+" in Git: "+parts[1]), signedLine("+", name+" live:   "+parts[0]+label)}
}

// longText are lines of a text, as many as are worth reading.
func longText(sign string, lines []string) []string {
	var out []string
	for i, line := range lines {
		if i == 4*fewLines {
			return append(out, signedLine("#", count(len(lines)-i, "line", "lines")+" more"))
		}
		out = append(out, signedLine(sign, line))
	}
	return out
}
