package journal

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Highstate writes the states as Salt's highstate outputter does, in full and
// without colours, with its summary. target is the stack's name; Salt calls so
// what a run was about. The states stand in the order in which they are given.
func Highstate(w io.Writer, target string, states []State) error {
	out := &strings.Builder{}
	fmt.Fprintf(out, "%s:\n", plain(target))
	sum := summary{}
	for _, s := range states {
		writeState(out, s)
		sum.add(s.Return)
	}
	sum.write(out, plain(target))
	_, err := io.WriteString(w, out.String())
	return err
}

const indent = "              " // under what stands after the colons

func writeState(out *strings.Builder, s State) {
	line := func(label, value string) { fmt.Fprintf(out, "%12s: %s\n", label, value) }
	out.WriteString("----------\n")
	line("ID", plain(s.ID()))
	line("Function", plain(s.fun()))
	if s.Name() != s.ID() {
		line("Name", plain(s.Name()))
	}
	line("Result", word(s.Return.Result))
	line("Comment", strings.Join(lines(strings.TrimSpace(s.Return.Comment)), "\n"+indent))
	line("Started", timeOfDay(s.Return.StartedAt))
	line("Duration", millis(s.Return.Duration)+" ms")
	line("Changes", "  ") // Salt leaves these blanks, also where nothing follows
	writeChanges(out, s.Return.Changes)
	if len(s.Return.Warnings) > 0 {
		line("Warnings", wrap(s.Return.Warnings))
	}
}

// writeChanges writes what Salt's nested outputter makes of {field: {old, new}}.
func writeChanges(out *strings.Builder, changes map[string]reconcile.OldNew) {
	if len(changes) == 0 {
		return
	}
	fmt.Fprintf(out, "%s----------\n", indent)
	for _, field := range slices.Sorted(maps.Keys(changes)) {
		fmt.Fprintf(out, "%s%s:\n%s    ----------\n", indent, plain(field), indent)
		change := changes[field]
		writeValue(out, "new", change.New)
		writeValue(out, "old", change.Old)
	}
}

func writeValue(out *strings.Builder, name, value string) {
	fmt.Fprintf(out, "%s    %s:\n", indent, name)
	if value == "" {
		return
	}
	for _, line := range lines(value) {
		fmt.Fprintf(out, "%s        %s\n", indent, line)
	}
}

// word is Python's for a result.
func word(result *bool) string {
	switch {
	case result == nil:
		return "None"
	case *result:
		return "True"
	}
	return "False"
}

// wrap fills lines of 80 with the warnings, as one paragraph.
func wrap(warnings []string) string {
	const width = 80 - len(indent)
	var out strings.Builder
	used := 0
	for _, word := range strings.Fields(strings.Join(warnings, " ")) {
		word = plain(word)
		n := len([]rune(word))
		switch {
		case used == 0:
		case used+1+n > width:
			out.WriteString("\n" + indent)
			used = 0
		default:
			out.WriteString(" ")
			used++
		}
		out.WriteString(word)
		used += n
	}
	return out.String()
}

// lines splits text and makes each line plain.
func lines(text string) []string {
	split := strings.Split(strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\r\n", "\n"), "\n")
	for i := range split {
		split[i] = plain(split[i])
	}
	return split
}

// plain shows what could drive a terminal or reorder a line, as an escape:
// names and messages come from outside.
func plain(text string) string {
	if !strings.ContainsFunc(text, harmful) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if harmful(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func harmful(r rune) bool {
	return r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
