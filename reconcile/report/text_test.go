package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

var allPlans = map[string]func() *reconcile.Plan{
	"shop": shop, "every": every, "nothing": base, "unread": unread, "settling": settling,
	"drifting": drifting, "hostile": hostile, "broad": broad,
}

var formats = map[string]func(io.Writer, *reconcile.Plan, report.Style) error{
	"plan":  report.Plan,
	"drift": report.Drift,
	"plan -o json": func(w io.Writer, p *reconcile.Plan, _ report.Style) error {
		return report.PlanJSON(w, p, report.JSONOptions{})
	},
	"drift -o json": func(w io.Writer, p *reconcile.Plan, _ report.Style) error { return report.DriftJSON(w, p) },
}

// each calls f with every format of every plan.
func each(t *testing.T, s report.Style, f func(t *testing.T, format, text string)) {
	for name, plan := range allPlans {
		for format, write := range formats {
			t.Run(fmt.Sprintf("%s of %s at %d", format, name, s.Width), func(t *testing.T) {
				var out bytes.Buffer
				if err := write(&out, plan(), s); err != nil {
					t.Fatal(err)
				}
				f(t, format, out.String())
			})
		}
	}
}

// A line that is longer than the terminal holds one word that must not be
// broken (a key, a place in a file), or is the line that programs look for.
func TestNothingIsWiderThanTheTerminal(t *testing.T) {
	for width := 40; width <= 130; width += 9 {
		each(t, report.Style{Width: width}, func(t *testing.T, format, text string) {
			if strings.HasSuffix(format, "json") {
				return
			}
			for line := range strings.Lines(text) {
				line = strings.TrimSuffix(line, "\n")
				words := strings.Fields(strings.TrimLeft(line, " ~+-/!.=*"))
				if columns(line) > width && len(words) > 1 && !strings.HasPrefix(line, "Plan: ") && !strings.Contains(line, `\x1b`) {
					t.Errorf("%d columns: %q", columns(line), line)
				}
			}
		})
	}
}

// columns counts as the simplest of terminals does, for the characters of these plans.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r == '、' || r == 'ー':
			n += 2
		default:
			n++
		}
	}
	return n
}

// A commit's subject or a notice cannot pass for the line that programs look for.
func TestNobodyForgesTheSummary(t *testing.T) {
	const forged = "Plan: 0 to add, 0 to change, 0 to destroy."
	p := base()
	p.Steps = []reconcile.Change{nightly()}
	p.Revision.Subject, p.Revision.Author = strings.Repeat("x ", 7)+forged, forged
	p.Notices = []string{forged + strings.Repeat(" x x x "+forged, 20), "\n" + forged}
	p.Steps[0].Notes, p.Steps[0].Key = []string{forged}, forged
	for width := range 130 {
		var out bytes.Buffer
		if err := report.Plan(&out, p, report.Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains("\n"+out.String(), "\n"+forged) {
			t.Fatalf("in %d columns:\n%s", width, out.String())
		}
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	each(t, report.Style{Verbose: true}, func(t *testing.T, _, text string) {
		if strings.Contains(text, "never shown") {
			t.Error("a secret's value is in the text")
		}
	})
}

// Even a secret that came as plain text is masked, as its field says so.
func TestPlainSecretsAreMasked(t *testing.T) {
	p := base()
	p.Steps = []reconcile.Change{{Key: "Container/a", Kind: "Container", Action: reconcile.Update, Origins: origin("a.yaml", 1),
		Fields: []reconcile.FieldChange{{Path: "token", From: "c4n4ry-1", To: "c4n4ry-2", Base: "c4n4ry-3", Label: reconcile.Conflicting, Secret: true}}}}
	for name, write := range formats {
		var out bytes.Buffer
		if err := write(&out, p, report.Style{Verbose: true}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "c4n4ry") {
			t.Errorf("%s shows a secret:\n%s", name, out.String())
		}
	}
}

func TestColourOnlyAdds(t *testing.T) {
	for name, plan := range allPlans {
		var plain, colour bytes.Buffer
		if err := errors.Join(report.Plan(&plain, plan(), report.Style{Width: 80}), report.Plan(&colour, plan(), report.Style{Width: 80, Color: true})); err != nil {
			t.Fatal(err)
		}
		if got := uncoloured(colour.String()); got != plain.String() {
			t.Errorf("%s: without its colours it is\n%s\nnot\n%s", name, got, plain.String())
		}
	}
}

func uncoloured(s string) string {
	return strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[36m", "", "\x1b[0m", "").Replace(s)
}

// A value that is too long is folded so that one still sees what changed.
func TestFoldingKeepsTheDifference(t *testing.T) {
	long := strings.Repeat("x", 60)
	for _, c := range [][2]string{
		{long + "a" + long, long + "b" + long},
		{long + long, long + "b" + long},
		{"a" + long + long, "b" + long + long},
		{long + long + "a", long + long + "b"},
		{long + "世" + long, long + "界" + long},
	} {
		p := base()
		p.Steps = []reconcile.Change{{Key: "Container/a", Kind: "Container", Action: reconcile.Update, Origins: origin("a.yaml", 1),
			Fields: []reconcile.FieldChange{{Path: "image", From: c[0], To: c[1]}}}}
		var out bytes.Buffer
		if err := report.Plan(&out, p, report.Style{Width: 60}); err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(out.String(), "a.yaml:1\n")
		from, to, ok := strings.Cut(body, "-> ")
		from = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(from), "image"))
		to, _, _ = strings.Cut(to, "\n")
		if !ok || from == to || !strings.Contains(from, "…") {
			t.Errorf("%q -> %q shows as\n%s", c[0], c[1], body)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrorsAreReturned(t *testing.T) {
	for name, write := range formats {
		if err := write(full{}, shop(), report.Style{}); err == nil || err.Error() != "disk full" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A report is made from a plan and leaves it as it is.
func TestPlansAreNotChanged(t *testing.T) {
	p, before := drifting(), fmt.Sprintf("%+v", drifting().Steps[0].Fields)
	for _, write := range formats {
		if err := write(io.Discard, p, report.Style{Width: 40}); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprintf("%+v", p.Steps[0].Fields); got != before {
		t.Errorf("got %s, want %s", got, before)
	}
}

func TestAges(t *testing.T) {
	for when, want := range map[string]string{
		"2026-11-21T14:02:59Z":      "just now",
		"2026-11-21T14:04:00Z":      "just now", // the author's clock runs ahead
		"2026-11-21T14:02:20Z":      "40 s ago",
		"2026-11-21T15:00:00+01:00": "3 min ago",
		"2026-11-21T03:03:00Z":      "11 h ago",
		"2026-11-19T03:03:00Z":      "2 days ago",
		"2026-09-01T00:00:00Z":      "2026-09-01",
		"2027-01-01T00:00:00Z":      "2027-01-01",
	} {
		p := base()
		p.Revision.When = when
		var out bytes.Buffer
		if err := report.Plan(&out, p, report.Style{}); err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(out.String(), "\n"); !strings.HasSuffix(first, "R. Leone, "+want) {
			t.Errorf("%s: %s, want %s", when, first, want)
		}
	}
}

// FuzzNothingSteersATerminal: whatever others write into manifests, names and
// commits, only printable characters and our own line ends and colours come out.
func FuzzNothingSteersATerminal(f *testing.F) {
	f.Add("a\x1b[2Jb", "\u202egpj.exe\r", 80)
	f.Add("\x9b31m\xff\xfe", "\u2066\u200b\ufeff\x00", 40)
	f.Add("long "+strings.Repeat("\u00ad", 99), "e\u0301\n\n-> \U000e0001", 0)
	f.Add("0", " ", -4)
	f.Fuzz(func(t *testing.T, a, b string, width int) {
		p := drifting()
		p.Stack, p.Revision.Subject, p.Revision.Author, p.Notices = a, b, a, []string{b}
		c := &p.Steps[0]
		c.Key, c.Notes, c.Waits, c.Origins[0].File = reconcile.Key(a), []string{b}, []string{a + b}, b
		c.Fields[0] = reconcile.FieldChange{Path: a, From: b, To: []string{a, b}, Base: a, Label: reconcile.Conflicting, Pos: line(b, 1)}
		c.Fields[1].Unknown = b
		c.Live.ID, c.Live.Mark.Rev = b, a
		p.Unmanaged[0].Name, p.Settling[0].Detail, p.Receipts[0] = a, b, reconcile.Receipt{Kind: a, Reason: b}
		for name, write := range formats {
			var out bytes.Buffer
			if err := write(&out, p, report.Style{Width: width % 200, Verbose: true, Color: true}); err != nil {
				t.Fatal(err)
			}
			for _, r := range uncoloured(out.String()) {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Fatalf("%s holds %U", name, r)
				}
			}
		}
	})
}
