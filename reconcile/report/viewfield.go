package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// fields are what differs. Of what is gone, or one too many, there is nothing to
// compare; what a new resource has by default goes without saying.
func (v *viewer) fields(c *reconcile.Change) []fieldRow {
	if why := c.Cause(); v.d.Drift && (why == missing || why == surplus) {
		return nil
	}
	var out []fieldRow
	for i := range c.Fields {
		if f := &c.Fields[i]; !c.ByDefault(f) {
			out = append(out, v.field(c, f))
		}
	}
	return out
}

func (v *viewer) field(c *reconcile.Change, f *reconcile.FieldChange) fieldRow {
	bare := *f
	bare.Pos = reconcile.Pos{} // it has a place of its own
	nameless := *c
	nameless.By = nil // the card says who, once
	label, colour := v.teller.label(&nameless, &bare)
	row := fieldRow{Name: fieldName(c, f.Path), Label: label, Tone: tones[colour], At: v.spot(f.Pos)}
	if f.Pos.Line > 0 && !elsewhere(c, f.Pos) {
		row.At.Text = fmt.Sprintf("line %d", f.Pos.Line)
	}
	if _, _, long := multiline(f); long {
		row.Lines = v.lines(f)
		row.Unfold = len(row.Lines) <= mostLines
		row.Size = strings.Join(sizes(f), " -> ")
		if c.Action == reconcile.Create {
			row.Size = size(f.To)
		}
		return row
	}
	switch parts := values(f, c.Action == reconcile.Create); {
	case len(parts) == 2:
		row.Live, row.Git = pairOf(parts[0], parts[1])
	case c.Action == reconcile.Create:
		row.Git = valueOf(parts[0])
	default:
		row.Both = parts[0]
	}
	return row
}

// valueOf is a value with what is shown of it at first.
func valueOf(text string) value {
	out := value{Text: text, Quiet: text == unset || text == reconcile.Masked || strings.HasPrefix(text, "(known after ")}
	if width(text) > longValue {
		out.Short = fold(text, shortValue)
	}
	return out
}

// pairOf are two values; where they have most in common, what differs is told apart.
func pairOf(a, b string) (value, value) {
	one, other := valueOf(a), valueOf(b)
	if one.Short != "" && other.Short != "" {
		one.Short, other.Short = foldApart(a, b, shortValue, shortValue)
		return one, other
	}
	head := differ(a, b)
	tail := 0
	for x, y := a[head:], b[head:]; ; {
		r, size := utf8.DecodeLastRuneInString(x)
		if size == 0 || !strings.HasSuffix(y, string(r)) {
			break
		}
		x, y, tail = x[:len(x)-size], y[:len(y)-size], tail+size
	}
	if head+tail >= muchShared && 2*(head+tail) >= min(len(a), len(b)) {
		one.Head, one.Apart, one.Tail = a[:head], a[head:len(a)-tail], a[len(a)-tail:]
		other.Head, other.Apart, other.Tail = b[:head], b[head:len(b)-tail], b[len(b)-tail:]
	}
	return one, other
}

// lines are how a text differs: for a plan from what is live, for drift from
// what Git says.
func (v *viewer) lines(f *reconcile.FieldChange) []diffLine {
	live, _ := f.From.(string)
	git, _ := f.To.(string)
	if v.d.Drift {
		return lineDiff(split(git), split(live))
	}
	return lineDiff(split(live), split(git))
}
