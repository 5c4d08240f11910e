package report_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// terraform is what readers of Terraform's plans rely on, as they declare it.
type terraform struct {
	FormatVersion   string              `json:"format_version"`
	ResourceChanges []terraformResource `json:"resource_changes"`
	ResourceDrift   []terraformResource `json:"resource_drift"`
	Timestamp       string              `json:"timestamp"`
	Complete        *bool               `json:"complete"`
	Errored         *bool               `json:"errored"`
	Applyable       *bool               `json:"applyable"`
}

type terraformResource struct {
	Address      string `json:"address"`
	Mode         string `json:"mode"`
	Type         string `json:"type"`
	Name         string `json:"name"`
	ProviderName string `json:"provider_name"`
	Deposed      string `json:"deposed"`
	Change       struct {
		Actions         []string `json:"actions"`
		Before          any      `json:"before"`
		After           any      `json:"after"`
		AfterUnknown    any      `json:"after_unknown"`
		BeforeSensitive any      `json:"before_sensitive"`
		AfterSensitive  any      `json:"after_sensitive"`
		ReplacePaths    [][]any  `json:"replace_paths"`
		Importing       *struct {
			ID string `json:"id"`
		} `json:"importing"`
	} `json:"change"`
	ActionReason string `json:"action_reason"`
	Reconcile    struct {
		Held []struct{ Guard string }
	} `json:"reconcile"`
}

func read(t *testing.T, p *reconcile.Plan, o report.JSONOptions) terraform {
	t.Helper()
	var out bytes.Buffer
	if err := report.PlanJSON(&out, p, o); err != nil {
		t.Fatal(err)
	}
	var doc terraform
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestPlanJSONHasTerraformsShape(t *testing.T) {
	allowed := [][]string{{"no-op"}, {"create"}, {"update"}, {"delete"}, {"forget"}, {"delete", "create"}, {"create", "delete"}}
	for name, plan := range allPlans {
		doc := read(t, plan(), report.JSONOptions{})
		if doc.FormatVersion != "1.2" || doc.Timestamp != "2026-11-21T14:03:00Z" || doc.Complete == nil || doc.Errored == nil || doc.Applyable == nil {
			t.Errorf("%s: top is %+v", name, doc)
		}
		for _, r := range append(doc.ResourceChanges, doc.ResourceDrift...) {
			if r.Address == "" || r.Mode != "managed" || r.Type == "" || r.ProviderName != "scaleway" {
				t.Errorf("%s: %+v", name, r)
			}
			if !slices.ContainsFunc(allowed, func(a []string) bool { return slices.Equal(a, r.Change.Actions) }) {
				t.Errorf("%s: %s: Terraform has no actions %q", name, r.Address, r.Change.Actions)
			}
		}
	}
}

// before and after are null just where Terraform has them null.
func TestPlanJSONNulls(t *testing.T) {
	for _, r := range read(t, every(), report.JSONOptions{}).ResourceChanges {
		before, after := true, true
		switch {
		case slices.Equal(r.Change.Actions, []string{"create"}):
			before = false
		case slices.Equal(r.Change.Actions, []string{"delete"}), slices.Equal(r.Change.Actions, []string{"forget"}):
			after = false
		}
		if (r.Change.Before != nil) != before || (r.Change.After != nil) != after {
			t.Errorf("%s %q: before %v, after %v", r.Address, r.Change.Actions, r.Change.Before, r.Change.After)
		}
		if _, ok := r.Change.AfterUnknown.(map[string]any); !ok {
			t.Errorf("%s: after_unknown is %v", r.Address, r.Change.AfterUnknown)
		}
	}
}

func TestPlanJSONOfEachAction(t *testing.T) {
	want := map[string][]string{
		"Container/checkout":               {"create"},
		"Container/billing":                {"update"},
		"Container/report/Trigger/nightly": {"create"},
		"Container/web/Namespace":          {"delete", "create"},
		"Container/web":                    {"create", "delete"},
		"BareMetalPool/workers/Server/2":   {"delete", "create"},
		"Container/twice":                  {"delete"},
		"Container/handed-over":            {"forget"},
		"Container/gone":                   {"delete"},
		"Container/legacy":                 {"no-op"},
	}
	doc := read(t, every(), report.JSONOptions{})
	for _, r := range doc.ResourceChanges {
		if !slices.Equal(r.Change.Actions, want[r.Address]) {
			t.Errorf("%s: %q, want %q", r.Address, r.Change.Actions, want[r.Address])
		}
		if (r.Deposed != "") != (r.Address == "Container/twice") {
			t.Errorf("%s: deposed is %q", r.Address, r.Deposed)
		}
		if (r.Change.Importing != nil) != (r.Address == "Container/legacy") {
			t.Errorf("%s: importing is %v", r.Address, r.Change.Importing)
		}
	}
	if len(doc.ResourceChanges) != len(want) {
		t.Errorf("%d changes, want %d", len(doc.ResourceChanges), len(want))
	}
}

// The documented policy: what is deleted, and not held.
func TestPlanJSONForPolicies(t *testing.T) {
	p := every()
	p.Held = []reconcile.Change{oldAPI()}
	var all, now []string
	for _, r := range read(t, p, report.JSONOptions{}).ResourceChanges {
		if slices.Contains(r.Change.Actions, "delete") {
			all = append(all, r.Address)
			if len(r.Reconcile.Held) == 0 {
				now = append(now, r.Address)
			}
		}
	}
	if len(all) != report.Has(p).Destroy+1 || len(now) != report.Has(p).Destroy {
		t.Errorf("deleted %q, and now %q; the summary says %d", all, now, report.Has(p).Destroy)
	}
}

func TestPlanJSONMarks(t *testing.T) {
	c := read(t, every(), report.JSONOptions{}).ResourceChanges[0].Change
	wantUnknown := map[string]any{"env": map[string]any{"variables": map[string]any{"DATABASE_URL": true}}}
	if !reflect.DeepEqual(c.AfterUnknown, wantUnknown) {
		t.Errorf("after_unknown is %v", c.AfterUnknown)
	}
	if env := c.After.(map[string]any)["env"].(map[string]any); !reflect.DeepEqual(env, map[string]any{
		"variables": map[string]any{"GREETING": "line one\nline two"}, "secrets": map[string]any{"TOKEN": "(secret)"},
	}) {
		t.Errorf("after.env is %v", env)
	}
	wantSecret := map[string]any{
		"env":   map[string]any{"secrets": map[string]any{"TOKEN": true}},
		"disks": []any{map[string]any{"key": true}, map[string]any{"key": true}},
	}
	if !reflect.DeepEqual(c.AfterSensitive, wantSecret) {
		t.Errorf("after_sensitive is %v", c.AfterSensitive)
	}
	if _, expansion := c.After.(map[string]any)["triggers"]; expansion {
		t.Error("after has a field that only feeds expansion")
	}
}

func TestPlanJSONFlags(t *testing.T) {
	for _, c := range []struct {
		plan                         *reconcile.Plan
		err                          string
		complete, errored, applyable bool
	}{
		{base(), "", true, false, false},
		{shop(), "", true, false, true},
		{unread(), "", false, false, false},
		{shop(), "the journal cannot be read", false, true, false},
	} {
		doc := read(t, c.plan, report.JSONOptions{Error: c.err})
		if *doc.Complete != c.complete || *doc.Errored != c.errored || *doc.Applyable != c.applyable {
			t.Errorf("complete %v, errored %v, applyable %v; want %+v", *doc.Complete, *doc.Errored, *doc.Applyable, c)
		}
	}
}

// What is escaped for terminals reads back as it was.
func TestJSONLosesNothing(t *testing.T) {
	const text = "a\x1b\u009b\u202e\u2028\U000e0001é世<&>"
	p := base()
	p.Notices = []string{text}
	var out bytes.Buffer
	if err := report.PlanJSON(&out, p, report.JSONOptions{}); err != nil {
		t.Fatal(err)
	}
	var doc struct{ Reconcile struct{ Notices []string } }
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if got := doc.Reconcile.Notices[0]; got != text {
		t.Errorf("got %q, want %q", got, text)
	}
}

func TestDriftJSONHasDriftctlsNames(t *testing.T) {
	var out bytes.Buffer
	if err := report.DriftJSON(&out, drifting()); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Summary  map[string]int
		Managed  []any
		Missing  []struct{ ID, Type string }
		Changed  []struct{ Cause string }
		Coverage int
		Alerts   map[string]any
		Date     string
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"total_resources": 11, "total_unmanaged": 2, "total_missing": 1, "total_managed": 8,
		"total_changed": 3, "total_surplus": 1, "total_pending": 2, "total_known": 0, "total_ignored": 0, "total_inventory": 0, "total_iac_source_count": 1}
	if !reflect.DeepEqual(doc.Summary, want) {
		t.Errorf("summary is %v, want %v", doc.Summary, want)
	}
	if doc.Coverage != 80 || doc.Managed == nil || len(doc.Missing) != 1 || doc.Missing[0].ID != "Container/lost" || len(doc.Changed) != 3 || doc.Date == "" {
		t.Errorf("got %+v", doc)
	}
}
