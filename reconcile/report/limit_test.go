package report_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// much is a plan with very many changes, some of them long.
func much() *reconcile.Plan {
	p := gate()
	for i := range 300 {
		c := known(reconcile.Key(fmt.Sprintf("Container/many-%03d", i)), fmt.Sprintf("many/%03d.yaml", i))
		c.Known = nil
		if i%7 == 0 {
			c.Fields = append(c.Fields, reconcile.FieldChange{Path: "env.variables.NGINX", From: strings.Repeat(nginx("1", "2"), 10), To: strings.Repeat(nginx("3", "4"), 10), Label: reconcile.Drifted})
		}
		p.Steps = append(p.Steps, c)
		p.Unmanaged = append(p.Unmanaged, &reconcile.Resource{Kind: "Container", ID: fmt.Sprintf("u-%03d", i), Name: fmt.Sprintf("lost-%03d", i)})
	}
	return hashed(p)
}

var leftOut = regexp.MustCompile(`Left out, as there is no room for more: (?:the details of (\d+) entr(?:y|ies))?(?:, )?(?:(\d+) entr(?:y|ies))?\.`)

// entries are how many there are in all, and how many of them in full.
func entries(text string) (all, inFull int) {
	for _, block := range strings.Split(text, "\n\n") {
		switch {
		case strings.Contains(block, "** ") && strings.HasPrefix(block, "`"):
			all++
		case strings.HasPrefix(block, "```diff"), strings.HasPrefix(block, "<details><summary>") && strings.Contains(block, "differ"):
			inFull++
		}
	}
	return all, inFull
}

// Whatever the limit is: it is kept, nothing is cut in the middle, and what is left
// out is counted.
func TestMarkdownKeepsItsLimit(t *testing.T) {
	d := document(much(), true)
	whole := written(t, "markdown", d)
	rows := func(text string) int { return strings.Count(text, "\n| ") }
	wholeEntries, _ := entries(whole)
	if leftOut.MatchString(whole) || utf8.RuneCountInString(whole) < 100_000 {
		t.Fatalf("without a limit there are %d characters", utf8.RuneCountInString(whole))
	}
	for limit := 10_000; limit < 220_000; limit += 9_973 {
		d.Limit = limit
		text := written(t, "markdown", d)
		if n := utf8.RuneCountInString(text); n > limit || n < limit*3/4 && n < utf8.RuneCountInString(whole) && limit > 30_000 {
			t.Errorf("limit %d: %d characters", limit, n)
		}
		if err := markdownRule(text); err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
		found := leftOut.FindStringSubmatch(text)
		if found == nil {
			if text != whole {
				t.Errorf("limit %d: something is left out, and it does not say so", limit)
			}
			continue
		}
		gone, _ := strconv.Atoi(found[2])
		heads := strings.Count(whole, "\n|---") - strings.Count(text, "\n|---") // those of whole tables
		missing := rows(whole) - rows(text) - heads
		if there, _ := entries(text); wholeEntries-there+missing != gone {
			t.Errorf("limit %d: %d entries and %d rows are left out, and it says %d", limit, wholeEntries-there, missing, gone)
		}
	}
}

// A limit that nothing fits in leaves what stands above and below.
func TestLeastMarkdown(t *testing.T) {
	d := document(poisoned(strings.Repeat("`", 400)), true)
	d.Limit = 1
	text := written(t, "markdown", d)
	if n := utf8.RuneCountInString(text); n > 10_000 || !strings.HasPrefix(text, "### ") || !leftOut.MatchString(text) {
		t.Errorf("%d characters:\n%s", n, text)
	}
}

func TestNoteKeepsItsLimit(t *testing.T) {
	in := report.NoteInput{Head: much(), Base: base(), Branch: "main", Limit: 20_000}
	text := note(t, in)
	if n := utf8.RuneCountInString(text); n > in.Limit || !leftOut.MatchString(text) {
		t.Errorf("%d characters", n)
	}
	if err := markdownRule(text); err != nil {
		t.Error(err)
	}
}

// Each change stands in just one part of a note.
func TestNoteParts(t *testing.T) {
	in := report.NoteInput{Head: hashed(gate()), Base: branch(), Branch: "main"}
	parts := map[string]string{}
	var title string
	for line := range strings.Lines(note(t, in)) {
		if rest, ok := strings.CutPrefix(line, "#### "); ok {
			title, _, _ = strings.Cut(rest, ":")
		}
		if key := regexp.MustCompile("^`[^`]+` \\*\\*`([^`]+)`\\*\\*").FindStringSubmatch(line); key != nil {
			if parts[key[1]] != "" {
				t.Errorf("%s stands in %s and in %s", key[1], parts[key[1]], title)
			}
			parts[key[1]] = title
		}
	}
	for key, want := range map[string]string{
		"Container/order-api": "From this merge request", "Container/report/Trigger/nightly": "From this merge request",
		"Container/old-api": "Already pending on main", "Container/billing": "Drift", "Container/lost": "Drift",
		"Container/twice": "Drift", "Container/mailer": "Drift", "Container/canary": "Drift",
	} {
		if parts[key] != want {
			t.Errorf("%s is in %q, want %q", key, parts[key], want)
		}
	}
}

// A fingerprint outlives what moves: lines, people, times, values. It is another's
// for another field, resource, reason or stack.
func TestFingerprints(t *testing.T) {
	prints := func(change func(*reconcile.Plan)) map[string]bool {
		p := gate()
		change(p)
		entries, err := readQuality(written(t, "codequality", document(p, true)))
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, e := range entries {
			out[e.Fingerprint] = true
		}
		return out
	}
	same := func(a, b map[string]bool) int {
		n := 0
		for print := range a {
			if b[print] {
				n++
			}
		}
		return n
	}
	before := prints(func(*reconcile.Plan) {})
	for name, c := range map[string]struct {
		change func(*reconcile.Plan)
		stay   int
	}{
		"lines": {func(p *reconcile.Plan) { p.Steps[0].Fields[1].Pos.Line, p.Steps[3].Origins[0].Line = 99, 98 }, len(before)},
		"people": {func(p *reconcile.Plan) {
			p.Steps[0].By, p.Revision, p.At = nil, reconcile.Revision{}, p.At.AddDate(0, 1, 0)
		}, len(before)},
		"values": {func(p *reconcile.Plan) { p.Steps[0].Fields[1].From = "trace" }, len(before)},
		"file":   {func(p *reconcile.Plan) { p.Steps[0].Fields[1].Pos.File = "moved.yaml" }, len(before)},
		"key":    {func(p *reconcile.Plan) { p.Steps[0].Key = "Container/other" }, len(before) - 1},
		"field":  {func(p *reconcile.Plan) { p.Steps[0].Fields[1].Path = "env.variables.OTHER" }, len(before) - 1},
		"reason": {func(p *reconcile.Plan) { p.Steps[0].Fields[1].Label = reconcile.Conflicting }, len(before) - 1},
		"stack":  {func(p *reconcile.Plan) { p.Owner = "another.5b0c1d2e" }, 0},
	} {
		if after := prints(c.change); same(before, after) != c.stay {
			t.Errorf("%s: %d of %d stay, want %d", name, same(before, after), len(before), c.stay)
		}
	}
}

// A path is from the repository's top, wherever the stack lies in it; what is not in
// the repository has none.
func TestPathsInTheRepository(t *testing.T) {
	for _, c := range []struct{ folder, file, want string }{
		{"", "a.yaml", "a.yaml"}, {".", "a.yaml", "a.yaml"}, {"prod", "a.yaml", "prod/a.yaml"}, {"env/prod", "c/a.yaml", "env/prod/c/a.yaml"},
		{"env/prod", "../../base/a.yaml", "base/a.yaml"}, {"prod", "../../a.yaml", ""}, {"", "../a.yaml", ""},
	} {
		p := base()
		p.Steps = []reconcile.Change{{Key: "Container/a", Kind: "Container", Action: reconcile.Create, Missing: true, Origins: origin(c.file, 3)}}
		entries, err := readQuality(written(t, "codequality", report.Document{Plan: p, Drift: true, Folder: c.folder}))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(entries) == 1 {
			got = entries[0].Path
		}
		if got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.file, c.folder, got, c.want)
		}
	}
}
