package gitlab_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wants is what a pipeline has to come to.
func (p *project) wants(name, source, branch string, code int, words ...string) (dir string) {
	p.t.Helper()
	dir, out, got := p.jobs(source, branch)
	if got != code {
		p.t.Errorf("%s: exit %d, want %d\n%s", name, got, code, out)
	}
	for _, word := range words {
		if !strings.Contains(out, word) {
			p.t.Errorf("%s: the jobs do not say %q\n%s", name, word, out)
		}
	}
	return dir
}

func (p *project) report(dir, name string) string {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "reconcile-reports", name))
	if err != nil {
		p.t.Error(err)
	}
	return string(data)
}

// The way of a change: a merge request, the default branch, drift by night.
func TestJobs(t *testing.T) {
	p := newProject(t, "")

	p.must(p.dir, "git", "checkout", "-q", "-b", "more-memory")
	p.write("stacks/shop/shop.yaml", strings.Replace(manifests, "256", "512", 1))
	p.commit("Give it more memory")
	dir := p.wants("merge request", "merge_request_event", "more-memory", 0, "Plan: 2 to add, 0 to change, 0 to destroy.")
	var widget map[string]int
	if err := json.Unmarshal([]byte(p.report(dir, "tfplan.json")), &widget); err != nil || widget["create"] != 2 {
		t.Errorf("the widget gets %v, %v", widget, err)
	}
	if p.memory(0) != 0 {
		t.Fatal("a merge request has made something")
	}

	p.must(p.dir, "git", "checkout", "-q", "main")
	p.must(p.dir, "git", "merge", "-q", "--ff-only", "more-memory")
	p.must(p.dir, "git", "push", "-q", "origin", "main")
	dir = p.wants("default branch", "push", "main", 0, "Applied 2 of 2. 0 failed.")
	if got := p.memory(0); got != 512e6 {
		t.Errorf("the container has %d bytes", got)
	}
	if journal := p.report(dir, "journal.jsonl"); !strings.Contains(journal, "Container/api") {
		t.Errorf("the journal is %q", journal)
	}

	p.wants("nothing drifted", "schedule", "main", 0)
	p.memory(1024e6)
	dir = p.wants("drift", "schedule", "main", 1, "memoryLimitMb", "FAIL 2")
	for _, file := range []string{"drift.txt", "drift.html", "drift.md", "drift.xml", "codequality.json"} {
		if !strings.Contains(p.report(dir, file), "memoryLimitMb") {
			t.Errorf("%s does not tell of memoryLimitMb", file)
		}
	}
	p.gates()
}

// gates are what --fail-on and the baseline make of drift, as the inputs hand them on.
func (p *project) gates() {
	p.t.Helper()
	inputs, err := os.ReadFile(filepath.Join(p.dir, ".gitlab-ci.yml"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, gate := range []struct {
		name, inputs string
		code         int
	}{
		{"fails on missing only", "      fail_on: missing\n", 0},
		{"fails on drift and missing", "      fail_on: drift,missing\n", 1}, // as the runner says it; the job's own status is 2
		{"warns only", "      warning_on_drift: true\n", 0},
		{"is known", "      baseline: stacks/shop/known.yaml\n", 0},
	} {
		if gate.name == "is known" {
			p.accept()
		}
		p.write(".gitlab-ci.yml", string(inputs)+gate.inputs)
		p.commit(gate.name)
		p.wants(gate.name, "schedule", "main", gate.code)
	}
}

// accept writes the drift into a baseline, as somebody on a laptop would.
func (p *project) accept() {
	p.t.Helper()
	cmd := append([]string{}, "reconcile", "drift", "--accept", "Container/api", "--until", "2027-06-30", "--reason", "load test", "--baseline", "stacks/shop/known.yaml", "stacks/shop")
	run := shell(p, cmd...)
	if run != 0 && run != 2 {
		p.t.Errorf("accept: exit %d", run)
	}
}

// Where the plan job runs on the default branch, too, apply applies its plan and
// no other.
func TestJobsApplyThePlan(t *testing.T) {
	p := newProject(t, "      plan_rules:\n        - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n")
	p.wants("default branch", "push", "main", 0, "Applying the plan of this pipeline, ", "Applied 2 of 2. 0 failed.")
	if got := p.memory(0); got != 256e6 {
		t.Errorf("the container has %d bytes", got)
	}
}
