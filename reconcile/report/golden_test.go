package report_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

var update = flag.Bool("update", false, "write the golden files")

// A view is one rendering of a plan: a section of its golden file.
type view struct {
	name  string
	write func(io.Writer, *reconcile.Plan) error
}

func text(f func(io.Writer, *reconcile.Plan, report.Style) error, s report.Style) func(io.Writer, *reconcile.Plan) error {
	return func(w io.Writer, p *reconcile.Plan) error { return f(w, p, s) }
}

func planJSON(w io.Writer, p *reconcile.Plan) error {
	return report.PlanJSON(w, p, report.JSONOptions{Version: "1.0.0"})
}

var (
	plan100   = view{"plan", text(report.Plan, report.Style{Width: 100})}
	plan80    = view{"plan in 80 columns", text(report.Plan, report.Style{Width: 80})}
	plan60    = view{"plan in 60 columns", text(report.Plan, report.Style{Width: 60})}
	plan40    = view{"plan in 40 columns", text(report.Plan, report.Style{Width: 40})}
	planWide  = view{"plan without a limit", text(report.Plan, report.Style{})}
	planV     = view{"plan -v", text(report.Plan, report.Style{Width: 100, Verbose: true})}
	planColor = view{"plan in colour", text(report.Plan, report.Style{Width: 100, Color: true})}
	planJ     = view{"plan -o json", planJSON}
	drift100  = view{"drift", text(report.Drift, report.Style{Width: 100})}
	drift40   = view{"drift in 40 columns", text(report.Drift, report.Style{Width: 40})}
	drift80   = view{"drift in 80 columns", text(report.Drift, report.Style{Width: 80})}
	drift60   = view{"drift in 60 columns", text(report.Drift, report.Style{Width: 60})}
	driftV    = view{"drift -v", text(report.Drift, report.Style{Width: 100, Verbose: true})}
	driftJ    = view{"drift -o json", report.DriftJSON}
)

func TestGolden(t *testing.T) {
	for _, g := range []struct {
		name  string
		plan  func() *reconcile.Plan
		views []view
	}{
		{"shop", shop, []view{plan100, plan80, plan40, planV, planColor, drift100, planJ}},
		{"every", every, []view{plan100, plan80, plan40, planWide, planV, planColor, drift100, planJ}},
		{"nothing", base, []view{plan100, drift100, planV, planJ, driftJ}},
		{"unread", unread, []view{plan100, plan40, drift100, planV, planJ, driftJ}},
		{"settling", settling, []view{plan100, drift100}},
		{"drifting", drifting, []view{drift100, drift40, driftV, driftJ, planJ}},
		{"disputed", disputed, []view{drift100, drift80, drift60, drift40, driftV, plan100, plan60, driftJ}},
		{"hostile", hostile, []view{plan100, planV, drift100, planJ, driftJ}},
		{"broad", broad, []view{plan100, plan40, drift100}},
	} {
		t.Run(g.name, func(t *testing.T) {
			golden(t, g.name, render(t, g.plan, g.views))
		})
	}
}

// render writes the views one after the other, in txtar's form. Escape
// characters of colours are written as ^[.
func render(t *testing.T, plan func() *reconcile.Plan, views []view) string {
	var out strings.Builder
	for _, v := range views {
		var b bytes.Buffer
		if err := v.write(&b, plan()); err != nil {
			t.Fatal(err)
		}
		out.WriteString("-- " + v.name + " --\n" + strings.ReplaceAll(b.String(), "\x1b", "^["))
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txtar")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s:%d differs (go test -update writes it anew):\n got %q\nwant %q", file, i+1, g[i], w[min(i, len(w)-1)])
		}
	}
	t.Fatalf("%s has %d lines more", file, len(w)-len(g))
}
