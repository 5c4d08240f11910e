package gitlab_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

var update = flag.Bool("update", false, "write include.yml and the table of inputs anew")

// input is one of the component's.
type input struct {
	name, doc, value string
	rules            *reconcile.Node // of one that is a list
	required         bool
}

// component reads the component: its inputs, and the jobs as text.
func component(t *testing.T) (inputs []input, jobs string) {
	t.Helper()
	data, err := os.ReadFile("templates/reconcile.yml")
	if err != nil {
		t.Fatal(err)
	}
	head, jobs, _ := strings.Cut(string(data), "\n---\n")
	documents, problems := manifest.ParseOwn("templates/reconcile.yml", []byte(head))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	for _, e := range documents[0].Get("spec").Get("inputs").Entries {
		in := input{name: e.Key, doc: e.Value.Get("description").Scalar(), value: e.Value.Get("default").Scalar(), required: e.Value.Get("default") == nil}
		if e.Value.Get("type").Scalar() == "array" {
			in.rules = e.Value.Get("default")
		}
		inputs = append(inputs, in)
	}
	return inputs, jobs
}

// structural are inputs that stand where GitLab takes no variables.
var structural = regexp.MustCompile(`^(job_name_prefix|stage_.*|.*_rules|id_token_audience|warning_on_.*)$`)

// variable is what an input is called where inputs cannot be used.
func (in input) variable() string { return "RECONCILE_" + strings.ToUpper(in.name) }

// classic makes the jobs as they are where inputs cannot be used: set by variables.
func classic(inputs []input, jobs string) string {
	const note = "# The jobs of templates/reconcile.yml for where inputs cannot be used: variables of\n" +
		"# these names take their place. Made from it by go test ./deploy/gitlab -update.\n"
	head := note + "variables:\n"
	for _, in := range inputs {
		at := "$[[ inputs." + in.name + " ]]"
		switch {
		case in.rules != nil:
			jobs = strings.ReplaceAll(jobs, "  rules: "+at+"\n", "  rules:\n"+listed(in.rules))
		case structural.MatchString(in.name):
			jobs = strings.ReplaceAll(jobs, at, in.value)
		default:
			head += "  " + in.variable() + ": " + `"` + in.value + `"` + "\n"
			jobs = regexp.MustCompile(`(?m)^    `+in.variable()+`: .*\n`).ReplaceAllString(jobs, "") // it is its own
			jobs = strings.ReplaceAll(jobs, at, "$"+in.variable())
		}
	}
	return head + "\n" + regexp.MustCompile(`(?m)^  variables:\n(  [a-z])`).ReplaceAllString(jobs, "$1")
}

func listed(rules *reconcile.Node) (out string) {
	for _, rule := range rules.Items {
		for i, e := range rule.Entries {
			out += map[bool]string{true: "    - ", false: "      "}[i == 0] + e.Key + ": " + e.Value.Scalar() + "\n"
		}
	}
	return out
}

// table is the inputs as the page has them.
func table(inputs []input) string {
	out := "| input | default | |\n|---|---|---|\n"
	for _, in := range inputs {
		value := "`" + in.value + "`"
		switch {
		case in.required:
			value = "required"
		case in.rules != nil:
			value = "`if: " + strings.ReplaceAll(strings.TrimSpace(strings.TrimPrefix(listed(in.rules), "    - if: ")), "\n    - if: ", "`, `if: ") + "`"
		case in.value == "":
			value = ""
		}
		out += "| `" + in.name + "` | " + value + " | " + in.doc + " |\n"
	}
	return out
}

func TestGenerated(t *testing.T) {
	inputs, jobs := component(t)
	wants(t, "include.yml", func(string) string { return classic(inputs, jobs) })
	wants(t, "README.md", func(page string) string {
		before, rest, _ := strings.Cut(page, "## Inputs\n")
		_, after, _ := strings.Cut(rest, "\n## ")
		return before + "## Inputs\n\n" + table(inputs) + "\n## " + after
	})
}

// wants compares a file with what it is made to be.
func wants(t *testing.T, name string, made func(was string) string) {
	t.Helper()
	was, err := os.ReadFile(name)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want := made(string(was))
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(was) != want {
		t.Errorf("%s is not as it is made from the component: go test ./deploy/gitlab -run Generated -update", name)
	}
}

// Nothing but the names of inputs is put into a script: what an input holds
// reaches it as a variable, in quotes.
func TestInputsAreNoScript(t *testing.T) {
	_, jobs := component(t)
	script := false
	for line := range strings.Lines(jobs) {
		switch {
		case regexp.MustCompile(`^(  )?[^ ]`).MatchString(line):
			script = strings.Contains(line, "script:")
		case script && strings.Contains(line, "$[["):
			t.Errorf("an input stands in a script: %s", line)
		}
	}
}
