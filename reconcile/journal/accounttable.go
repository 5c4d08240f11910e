package journal

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// WriteJSON writes the account as one JSON document, with its verdict.
func (a *Account) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Version int `json:"v"`
		*Account
		Outside  []ChangeLine `json:"changed_outside_git"`
		Refusals []ChangeLine `json:"refusals"`
		Verdict  string       `json:"verdict"`
	}{1, a, a.Outside(), a.Refusals(), a.Verdict()})
}

// WriteMarkdown writes the account for a merge request, an issue or a wiki. What
// others wrote stands in code spans, where it mentions and commands nobody.
func (a *Account) WriteMarkdown(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# What was done from %s to %s (UTC)\n\n**%s**\n\n", stamp(a.From), stamp(a.To), a.Verdict())
	for _, line := range a.Chain.Lines {
		fmt.Fprintf(out, "- %s\n", code(line))
	}
	table(out, "Runs", []string{"At", "Stack", "Run", "Revision", "Asked", "Approved", "Executed", "Came to"}, len(a.Runs), func(i int) []string {
		r := a.Runs[i]
		return []string{stamp(r.At), r.Stack, r.JID, fmt.Sprintf("%.7s %s", r.Revision, r.Subject), r.Asked, strings.Join(r.Approved, ", "), r.Executed, r.Status}
	})
	changes := a.only(func(ChangeLine) bool { return true })
	table(out, "Changes", []string{"At", "Key", "Action", "Outcome", "Fields", "Manifest"}, len(changes), func(i int) []string { return changes[i].cells() })
	outside := a.Outside()
	table(out, "Changed outside Git", []string{"At", "Key", "What", "The repair is"}, len(outside), func(i int) []string {
		c := outside[i]
		return []string{stamp(c.At), string(c.Key), strings.Join(c.Outside, ", "), c.Outcome}
	})
	refused := a.Refusals()
	table(out, "Refused", []string{"At", "Key", "Action", "Why"}, len(refused), func(i int) []string {
		c := refused[i]
		return []string{stamp(c.At), string(c.Key), string(c.Action), c.Comment}
	})
	table(out, "Orders", []string{"At", "Stack", "By", "Order"}, len(a.Orders), func(i int) []string {
		o := a.Orders[i]
		return []string{stamp(o.At), o.Stack, o.By, o.Sentence}
	})
	table(out, "The journal itself", []string{"At", "Stack", "What"}, len(a.Journal), func(i int) []string {
		n := a.Journal[i]
		return []string{stamp(n.At), n.Stack, n.Sentence}
	})
	return out.Flush()
}

func (c ChangeLine) cells() []string {
	var fields []string
	for _, f := range c.Fields {
		fields = append(fields, f.Path+": "+orNothing(f.Old)+" -> "+orNothing(f.New))
	}
	return []string{stamp(c.At), string(c.Key), string(c.Action), c.Outcome, strings.Join(fields, "; "), c.Manifest}
}

// table writes rows whose cells are code.
func table(w io.Writer, title string, columns []string, rows int, cells func(i int) []string) {
	fmt.Fprintf(w, "\n## %s: %d\n", title, rows)
	if rows == 0 {
		return
	}
	fmt.Fprintf(w, "\n| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
	for i := range rows {
		var row []string
		for _, cell := range cells(i) {
			row = append(row, code(cell))
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
	}
}

// code is a text as a code span in a table's cell.
func code(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(reconcile.Clean(s), "`", "'"))
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

// WriteCSV writes a line per changed field, per order and per record about the
// journal, and the verdict in the last line.
func (a *Account) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	write := func(cells ...string) {
		for i := range cells {
			cells[i] = inert(cells[i])
		}
		_ = out.Write(cells) // Flush keeps the error
	}
	write("time", "stack", "run", "sort", "asked_by", "approved_by", "executed_by", "revision", "key", "action", "outcome", "field", "old", "new", "outside_git", "text")
	for _, run := range a.Runs {
		approved := strings.Join(run.Approved, ", ")
		write(stamp(run.At), run.Stack, run.JID, "run", run.Asked, approved, run.Executed, run.Revision, "", run.Why, run.Status, "", "", "", "", run.Subject)
		for _, c := range run.Changes {
			row := func(field, was, is string) {
				write(stamp(c.At), run.Stack, run.JID, "change", run.Asked, approved, run.Executed, run.Revision,
					string(c.Key), string(c.Action), c.Outcome, field, was, is, strings.Join(c.Outside, " "), c.Comment)
			}
			if len(c.Fields) == 0 {
				row("", "", "")
			}
			for _, f := range c.Fields {
				row(f.Path, f.Old, f.New)
			}
		}
	}
	for _, o := range a.Orders {
		write(stamp(o.At), o.Stack, o.ID, "order", o.By, "", "", "", string(o.Key), string(o.Verb), ended(o), "", "", "", "", o.Sentence)
	}
	for _, n := range a.Journal {
		write(stamp(n.At), n.Stack, "", string(n.Event), "", "", "", "", "", "", "", "", "", "", "", n.Sentence)
	}
	write(stamp(a.To), "", "", "verdict", "", "", "", "", "", "", "", "", "", "", "", a.Verdict()+" "+strings.Join(a.Chain.Lines, "; "))
	out.Flush()
	return out.Error()
}

func ended(o OrderLine) string {
	if o.Withdrawn {
		return "withdrawn"
	}
	return "given"
}

// inert keeps a spreadsheet from taking a text for a formula.
func inert(s string) string {
	s = reconcile.Clean(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
