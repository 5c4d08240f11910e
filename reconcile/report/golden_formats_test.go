package report_test

import (
	"bytes"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// written is a document in a format.
func written(t *testing.T, format string, d report.Document) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.Formats()[format](&out, d); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return out.String()
}

// The page has its own tests; JSON has them in TestGolden.
func TestGoldenFormats(t *testing.T) {
	short := []string{"markdown", "junit", "codequality", "gitlab-terraform", "dotenv"}
	all := append([]string{"text", "json"}, short...)
	for _, g := range []struct {
		name    string
		doc     report.Document
		formats []string
	}{
		{"formats-gate-plan", document(gate(), false), all},
		{"formats-gate-drift", document(gate(), true), all},
		{"formats-known", document(onlyKnown(), true), all},
		{"formats-disputed-drift", document(disputed(), true), short},
		{"formats-disputed-plan", document(disputed(), false), short},
		{"formats-every", document(every(), false), short},
		{"formats-nothing", document(base(), true), short},
		{"formats-unread", document(unread(), true), short},
		{"formats-hostile", document(hostile(), false), short},
		{"formats-failed-plan", failed(false), all},
		{"formats-failed-drift", failed(true), all},
	} {
		t.Run(g.name, func(t *testing.T) {
			var out strings.Builder
			for _, format := range g.formats {
				out.WriteString("-- " + format + " --\n" + written(t, format, g.doc))
			}
			golden(t, g.name, out.String())
		})
	}
}

func note(t *testing.T, in report.NoteInput) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.Note(&out, in); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// branch is the plan of the branch that a merge request with the plan gate goes
// to: it has all of it but one change and one drift that the merge request touches,
// and one that the merge request makes needless.
func branch() *reconcile.Plan {
	p := gate()
	hashed(p)
	p.Steps[1].Hash = "of another schedule"
	p.Steps[0].Hash = "of less memory"
	p.Steps = append(p.Steps, reconcile.Change{Key: "Container/reverted", Kind: "Container", Action: reconcile.Create, Hash: "r", Origins: origin("r.yaml", 1)})
	p.Total.To.Least -= 3 * reconcile.Euro
	p.Total.To.Most -= 3 * reconcile.Euro
	return p
}

// hashed gives each change a hash.
func hashed(p *reconcile.Plan) *reconcile.Plan {
	for _, changes := range [][]reconcile.Change{p.Steps, p.Held} {
		for i := range changes {
			changes[i].Hash = "of " + string(changes[i].Key)
		}
	}
	return p
}

func TestGoldenNotes(t *testing.T) {
	links := report.NoteInput{Branch: "main", Folder: "prod", Program: "1.0.0", Blob: "https://gitlab.com/acme/infra/-/blob/" + thisRev,
		Job: "https://gitlab.com/acme/infra/-/jobs/4711", Report: "https://gitlab.com/acme/infra/-/jobs/4711/artifacts/file/report.html"}
	with := func(change func(*report.NoteInput)) report.NoteInput {
		in := links
		change(&in)
		return in
	}
	for name, in := range map[string]report.NoteInput{
		"note-three-parts": with(func(in *report.NoteInput) { in.Head, in.Base = hashed(gate()), branch() }),
		"note-alone":       with(func(in *report.NoteInput) { in.Head, in.Orders = hashed(gate()), true }),
		"note-nothing":     with(func(in *report.NoteInput) { in.Head, in.Base = base(), base() }),
		"note-failed":      with(func(in *report.NoteInput) { in.Err, in.Stack = failed(false).Err, "shop-prod" }),
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, "-- note --\n"+note(t, in)) })
	}
}
