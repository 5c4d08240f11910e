package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var eve = time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC)

// accepting writes entries for keys into a baseline's text, and reads it back.
func accepting(t *testing.T, text string, plan *reconcile.Plan, keys ...string) *baseline {
	t.Helper()
	b := &baseline{name: "b.yaml", data: []byte(text)}
	if err := b.decode(&strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	a := acceptance{keys: keys, until: "2026-12-31", reason: "load test: #217"}
	var entries []entered
	for _, key := range keys {
		entries = append(entries, a.entries(plan, key, "r.leone")...)
	}
	data, err := b.with(entries)
	if err != nil {
		t.Fatal(err)
	}
	b.data = data
	var said strings.Builder
	if err := b.decode(&said); err != nil {
		t.Fatalf("%s\n%s", said.String(), data)
	}
	return b
}

// knownOf are the keys and IDs that a baseline makes known in a plan.
func knownOf(b *baseline, plan *reconcile.Plan) []string {
	plan.Expired, plan.KnownLive = nil, nil
	for _, c := range plan.Changes() {
		c.Known = nil
	}
	b.mark(plan, true)
	var out []string
	for _, c := range plan.Changes() {
		if c.Known != nil {
			out = append(out, string(c.Key))
		}
	}
	for id := range plan.KnownLive {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

func broadPlan() *reconcile.Plan {
	a := changed("Container/a", reconcile.Drifted, reconcile.Conflicting, reconcile.Pending, "")
	a.Fields[3].Secret, a.Fields[3].From = true, reconcile.NewSecret("canary")
	return &reconcile.Plan{
		At:    eve,
		Steps: []reconcile.Change{a, {Key: "Container/m", Action: reconcile.Create, Missing: true}},
		Held: []reconcile.Change{
			{Key: "Container/s", Action: reconcile.Delete, Surplus: true, Live: &reconcile.Resource{ID: "s-1"}},
			{Key: "Container/s", Action: reconcile.Delete, Surplus: true, Live: &reconcile.Resource{ID: "s-2"}},
			changed("Container/p", reconcile.Pending),
		},
		Unmanaged: []*reconcile.Resource{{Kind: "Namespace", Name: "by-hand", ID: "u-1"}, {Kind: "Namespace", Name: "other", ID: "u-2"}},
	}
}

func TestBaselineCovers(t *testing.T) {
	plan := broadPlan()
	b := accepting(t, "", plan, "Container/a", "Container/m", "Container/s", "Container/p", "Namespace/by-hand", "u-2")
	if got, want := knownOf(b, plan), []string{"Container/a", "Container/m", "Container/s", "Container/s", "u-1", "u-2"}; !slices.Equal(got, want) {
		t.Errorf("known are %v, want %v\n%s", got, want, b.data)
	}
	if strings.Contains(string(b.data), "canary") || len(plan.Expired) > 0 {
		t.Errorf("over: %v\n%s", plan.Expired, b.data)
	}
	moves := map[string]func(p *reconcile.Plan){
		"live moves further":          func(p *reconcile.Plan) { p.Steps[0].Fields[0].From = 99 },
		"a field is as Git again":     func(p *reconcile.Plan) { p.Steps[0].Fields = p.Steps[0].Fields[1:] },
		"a secret is gone":            func(p *reconcile.Plan) { p.Steps[0].Fields[3].From = nil },
		"one more field moves":        func(p *reconcile.Plan) { p.Steps[0].Fields[2].Label = reconcile.Drifted },
		"it is missing instead":       func(p *reconcile.Plan) { p.Steps[0].Missing = true },
		"Git moves, and live is kept": func(p *reconcile.Plan) { p.Steps[0].Fields[0].Label = reconcile.Conflicting },
		"Git asks for another value":  func(p *reconcile.Plan) { p.Steps[0].Fields[1].To = 77 },
		"the API shows another secret": func(p *reconcile.Plan) {
			p.Steps[0].Fields[3].From = reconcile.VerifiableSecret("another", func(string) bool { return false })
		},
		"the secret is another": func(p *reconcile.Plan) { p.Steps[0].Fields[3].From = reconcile.NewSecret("another") },
	}
	for name, move := range moves {
		plan := broadPlan()
		move(plan)
		still := name == "Git moves, and live is kept" || name == "the secret is another"
		if got := slices.Contains(knownOf(b, plan), "Container/a"); got != still {
			t.Errorf("%s: known is %t", name, got)
		}
		if fits := name == "one more field moves" || still; (len(plan.Expired) == 0) != fits {
			t.Errorf("%s: over are %v", name, plan.Expired)
		}
	}
}

func TestBaselineEnds(t *testing.T) {
	plan := broadPlan()
	b := accepting(t, "", plan, "Container/a")
	for at, known := range map[time.Time]bool{eve: true, eve.Add(time.Minute): false, eve.In(time.FixedZone("ahead", 14*3600)): true} {
		plan.At = at
		if got := len(knownOf(b, plan)) > 0; got != known || (len(plan.Expired) == 0) != known {
			t.Errorf("at %v: known is %t, over are %v", at, got, plan.Expired)
		}
	}
	plan = broadPlan()
	plan.Steps = nil
	if b.mark(plan, false); len(plan.Expired) > 0 {
		t.Error("a part of a plan says that nothing fits an entry")
	}
}

// Entries are written over, and all that people wrote stays.
func TestBaselineIsWrittenInPlace(t *testing.T) {
	const before = "# ours\nversion: 1\naccepted: # until it is over\n  # the test\n  - key: Container/a   # a\n    fields: [fa]\n    was: x\n    reason: old\n    until: 2026-11-30\n  - {key: Container/z, what: missing, reason: r, until: 2026-12-01}\n"
	b := accepting(t, before, broadPlan(), "Container/a", "Container/m")
	text := string(b.data)
	for _, want := range []string{"# ours\nversion: 1\naccepted: # until it is over\n  # the test\n  - key: Container/a   # a\n    fields: [fa, fb, fd]\n", "reason: \"load test: #217\"\n",
		"  - {key: Container/z, what: missing, reason: r, until: 2026-12-01}\n  - key: Container/m\n    what: missing\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if len(b.entries) != 3 || b.entries[0].Until != "2026-12-31" || b.entries[0].By != "r.leone" {
		t.Errorf("%+v", b.entries)
	}
	for _, text := range []string{"version: 1\n", "# nothing yet", "version: 1\naccepted: []\n", "version: 1\r\naccepted:\r\n"} {
		if b := accepting(t, text, broadPlan(), "Container/m"); len(b.entries) != 1 || !strings.HasPrefix(string(b.data), strings.SplitN(text, "[", 2)[0]) {
			t.Errorf("%q became %q", text, b.data)
		}
	}
}

// What is wrong in a baseline is told with its place.
func TestBaselineIsStrict(t *testing.T) {
	entry := "version: 1\naccepted:\n  - "
	for text, want := range map[string]string{
		"version: 2\n":                "b.yaml:1:10",
		"accepted: []\n":              "version: required",
		"version: 1\nacepted: []\n":   "did you mean accepted?",
		"version: 1\n---\nversion: 1": "a second document",
		"- a\n":                       "wants a map",
		entry + "{key: A/b, reason: r, until: soon, was: x, fields: [a]}\n":            "b.yaml:3:34: accepted.0.until: wants a day",
		entry + "{key: A/b, reason: r, until: 2026-12-31, was: x}\n":                   "accepted.0.fields: required",
		entry + "{key: A/b, reason: r, until: 2026-12-31, fields: [a]}\n":              "accepted.0.was: required",
		entry + "{key: A/b, what: surplus, reason: r, until: 2026-12-31}\n":            "accepted.0.id: required",
		entry + "{key: A/b, what: gone, reason: r, until: 2026-12-31}\n":               "b.yaml:3:22",
		entry + "{key: A/b, until: 2026-12-31, was: x, fields: [a]}\n":                 "accepted.0.reason: required",
		entry + "{key: A/b, reason: r, until: {valueFrom: {env: X}}, what: missing}\n": "wants a plain value",
	} {
		_, problems := decodeBaseline("b.yaml", []byte(text))
		if err := problems.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzBaseline(f *testing.F) {
	f.Add([]byte("version: 1\naccepted:\n  - {key: A/b, reason: r, until: 2026-12-31, was: x, fields: [fa]}\n"))
	f.Add([]byte("version: 1\naccepted: [x, {key: A/b}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, problems := decodeBaseline("b.yaml", data)
		if problems.Err() != nil {
			return
		}
		plan := broadPlan()
		b := &baseline{name: "b.yaml", data: data, entries: entries}
		b.mark(plan, true)
		a := acceptance{until: "2026-12-31", reason: "r"}
		if written, err := b.with(a.entries(plan, "Container/m", "")); err == nil {
			if _, problems := decodeBaseline("b.yaml", written); problems.Err() != nil {
				t.Errorf("%q became %q: %v", data, written, problems)
			}
		}
	})
}
