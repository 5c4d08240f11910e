package manifest

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// wide is the width that messages and source lines are kept within.
const wide = 110

// Format writes problems as people read them, in the order of the files: where
// and what, the source line, a mark below the place, and what to do. A summary
// ends them; without problems nothing is written. text gives the line at a place
// and may be nil; files is how many were read. All that is written is clean.
func Format(w io.Writer, problems reconcile.Problems, text func(reconcile.Pos) string, files int) {
	if len(problems) == 0 {
		return
	}
	if text == nil {
		text = func(reconcile.Pos) string { return "" }
	}
	problems = slices.Clone(problems)
	sortByPlace(problems)
	out := bufio.NewWriter(w)
	defer out.Flush()
	for _, p := range problems {
		writeProblem(out, p, text(p.Pos))
	}
	fmt.Fprintln(out, summary(problems, files))
}

func writeProblem(w io.Writer, p reconcile.Problem, source string) {
	head := p.Message
	if p.Warning {
		head = "warning: " + head
	}
	if !p.Pos.IsZero() {
		head = p.Pos.String() + ": " + head
	}
	writeWrapped(w, reconcile.Clean(head))
	hint := reconcile.Clean(p.Hint)
	if strings.TrimSpace(source) != "" {
		hint = writeSource(w, p.Pos, source, hint)
	}
	if hint != "" {
		writeWrapped(w, "   "+hint)
	}
}

// writeSource writes the source line and the mark below it. It returns the hint
// if there was no room for it beside the mark.
func writeSource(w io.Writer, at reconcile.Pos, source, hint string) string {
	shown, caret := excerpt(source, at.Col)
	fmt.Fprintf(w, "%5d | %s\n", at.Line, shown)
	if caret < 0 {
		return hint
	}
	mark := strings.Repeat(" ", caret) + "^"
	if hint != "" && len(mark)+len(hint) < wide {
		mark, hint = mark+" "+hint, ""
	}
	fmt.Fprintf(w, "%5s | %s\n", "", mark)
	return hint
}

// excerpt is a source line as it can be printed, cut around the column if it is
// long, and where the column came to be; -1 if there is none.
func excerpt(source string, col int) (shown string, caret int) {
	runes := []rune(strings.ReplaceAll(source, "\t", " "))
	at := min(max(col-1, 0), len(runes))
	from := 0
	if at > wide-30 {
		from = at - wide/2
	}
	to := min(len(runes), from+wide)
	before, after := reconcile.Clean(string(runes[from:at])), reconcile.Clean(string(runes[at:to]))
	if from > 0 {
		before = "..." + before
	}
	if to < len(runes) {
		after += "..."
	}
	if col < 1 {
		return before + after, -1
	}
	return before + after, len([]rune(before))
}

// writeWrapped breaks a long text between words; the rest is indented.
func writeWrapped(w io.Writer, text string) {
	for {
		end := breakAt(text)
		fmt.Fprintln(w, text[:end])
		if end == len(text) {
			return
		}
		text = "   " + text[end+1:]
	}
}

// breakAt is the last space within the width, or else the first beyond it.
func breakAt(text string) int {
	if len(text) <= wide {
		return len(text)
	}
	if i := strings.LastIndexByte(text[:wide], ' '); i > 3 {
		return i
	}
	if i := strings.IndexByte(text[wide:], ' '); i >= 0 {
		return wide + i
	}
	return len(text)
}

// summary counts the problems and the files that they are in.
func summary(problems reconcile.Problems, files int) string {
	errs := len(problems.Errors(false))
	warnings := len(problems) - errs
	var parts []string
	if errs > 0 {
		parts = append(parts, counted(errs, "error"))
	}
	if warnings > 0 {
		parts = append(parts, counted(warnings, "warning"))
	}
	in := map[string]bool{}
	for _, p := range problems {
		if p.Pos.File != "" {
			in[p.Pos.File] = true
		}
	}
	line := strings.Join(parts, " and ")
	if len(in) > 0 {
		line += fmt.Sprintf(" in %d of %s", len(in), counted(max(files, len(in)), "file"))
	}
	if errs > 0 {
		return line + "; nothing was read or changed."
	}
	return line + "."
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
