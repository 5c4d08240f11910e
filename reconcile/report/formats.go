package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// reportWidth are the columns of text that is read later, in a browser mostly.
const reportWidth = 100

// Text writes a document as the terminal shows it, without colours.
func Text(w io.Writer, d Document) error {
	if d.Err != nil {
		if err := d.trouble(w); err != nil || d.Plan == nil {
			return err
		}
	}
	if d.Drift {
		return Drift(w, d.Plan, Style{Width: reportWidth})
	}
	return Plan(w, d.Plan, Style{Width: reportWidth})
}

// trouble says why there is no plan, or no whole one.
func (d Document) trouble(w io.Writer) error {
	var s sheet
	parts := []string{d.stack(), d.Location}
	switch {
	case parts[0] == "":
		parts = parts[1:]
	case parts[1] == ".": // says nothing to who was not there
		parts = parts[:1]
	}
	s.add(row{parts: parts}, row{text: d.failure() + ":"})
	for _, line := range d.problems() {
		s.add(row{depth: detail, text: line})
	}
	s.say("Nothing was changed.")
	if d.Plan != nil {
		s.gap()
	}
	return s.print(w, Style{Width: reportWidth})
}

// JSON writes a plan in the shape of Terraform's, and drift in that of driftctl's.
func JSON(w io.Writer, d Document) error {
	problem := strings.Join(d.problems(), "\n")
	if d.Drift {
		return driftJSON(w, d.plan(), problem)
	}
	return PlanJSON(w, d.plan(), JSONOptions{Version: d.Program, Error: problem})
}

// widest is the largest number that GitLab's widget for Terraform shows.
const widest = 999_999

// GitLabTerraform writes the three numbers of GitLab's widget for Terraform plans.
// A replacement counts as a creation and a deletion, a reinstall as a deletion. If
// there is no plan the numbers are missing, so that the widget says that there is
// no report rather than that there are no changes.
func GitLabTerraform(w io.Writer, d Document) error {
	if d.Err != nil {
		return writeJSON(w, map[string]string{"error": d.failure()})
	}
	c := Has(d.plan())
	return writeJSON(w, struct {
		Create int `json:"create"`
		Update int `json:"update"`
		Delete int `json:"delete"`
	}{min(c.Add, widest), min(c.Change, widest), min(c.Destroy, widest)})
}

// Status is a document in one word: "error"; "incomplete" if something could not
// be read; for drift "drift" or "clean"; for a plan "changes", "held" if there is
// nothing to do but what is held, or "clean".
func Status(d Document) string {
	if d.Err != nil {
		return "error"
	}
	c := Has(d.plan())
	switch {
	case c.Unknown > 0:
		return "incomplete"
	case d.Drift && c.Drifted():
		return "drift"
	case d.Drift:
		return "clean"
	case c.Changes() || c.Settling > 0 || c.Failed > 0:
		return "changes"
	case c.Held > 0:
		return "held"
	}
	return "clean"
}

// Dotenv writes the few facts that later jobs of a pipeline decide by, as
// variables. If there is no plan there is the status alone.
func Dotenv(w io.Writer, d Document) error {
	lines := []string{"STATUS=" + Status(d)}
	if d.Err == nil {
		c := Has(d.plan())
		for _, n := range []struct {
			name string
			n    int
		}{
			{"CREATE", c.Add}, {"UPDATE", c.Change}, {"DELETE", c.Destroy},
			{"DRIFT", c.drifted()}, {"HELD", c.Held},
		} {
			lines = append(lines, n.name+"="+strconv.Itoa(n.n))
		}
		lines = append(lines, "PLAN_HASH="+plainHash(d.plan().Hash))
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "RECONCILE_%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// plainHash is a hash without anything that a hash has not: what makes variables
// is no place for surprises.
func plainHash(hash string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, hash[:min(len(hash), 128)])
}
