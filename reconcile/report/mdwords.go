package report

import "strings"

// Prose is a text of others in Markdown: as it is where that is safe, else as
// code. GitLab finds no command, mention or link in it.
func Prose(text string) string { return prose(text) }

// Code is a text of others as code in a line of Markdown.
func Code(text string) string { return code(text) }

// Fenced is a text of others as a block of code in Markdown. Each of its lines is
// set off, so that none can end the block or be one that GitLab obeys.
func Fenced(text string) string {
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	var out strings.Builder
	out.WriteString(fence + "text\n")
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		out.WriteString(" " + strings.TrimRight(line, "\r\n") + "\n")
	}
	return out.String() + fence + "\n"
}
