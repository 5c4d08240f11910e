package manifest

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// scalarWays are the ways to write a scalar on one line, the best first: in the
// quotes that it had, if they do. old is nil for a new value.
func scalarWays(old *yaml.Node, value *reconcile.Node, flow bool) []string {
	switch {
	case value.Kind == reconcile.NullNode:
		return []string{"null"}
	case value.Kind != reconcile.StringNode:
		return []string{value.Text}
	}
	double, single := doubleQuoted(value.Text), singleQuoted(value.Text)
	style := yaml.Style(0)
	if old != nil && old.Kind == yaml.ScalarNode {
		style = old.Style
	}
	var ways []string
	switch {
	case style == yaml.SingleQuotedStyle && single != "":
		ways = append(ways, single)
	case style != yaml.SingleQuotedStyle && style != yaml.DoubleQuotedStyle && plainDoes(value.Text, flow):
		ways = append(ways, value.Text)
	}
	return append(ways, double)
}

// misread are texts that need no quotes by YAML 1.2, but that readers of 1.1
// take for booleans, dates, times and numbers in base 60.
var misread = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|=|<<|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([t \t].*)?|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)$`)

// plainDoes tells whether a text may stand without quotes and stays text.
func plainDoes(text string, flow bool) bool {
	kind, unclear := plainKind(text)
	switch {
	case kind != reconcile.StringNode || unclear || misread.MatchString(text):
		return false
	case strings.TrimSpace(text) != text || strings.ContainsFunc(text, unprintable):
		return false
	case strings.ContainsRune(",[]{}#&*!|>'\"%@`", rune(text[0])):
		return false
	case strings.ContainsRune("-?:", rune(text[0])) && (len(text) == 1 || text[1] == ' '):
		return false
	case strings.HasPrefix(text, "---") || strings.HasPrefix(text, "..."):
		return false
	case flow && strings.ContainsAny(text, ",[]{}?"):
		return false
	}
	return !strings.Contains(text, ": ") && !strings.Contains(text, " #") && !strings.HasSuffix(text, ":")
}

// unprintable are characters that only double quotes can write safely.
func unprintable(r rune) bool { return r != ' ' && !unicode.IsPrint(r) || r == unicode.ReplacementChar }

func singleQuoted(text string) string {
	if strings.ContainsFunc(text, unprintable) {
		return ""
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

func doubleQuoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !unprintable(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// keyText is a key as it can be written.
func keyText(key string, flow bool) string {
	if plainDoes(key, flow) && !strings.Contains(key, ":") {
		return key
	}
	return doubleQuoted(key)
}

// blockText is a text as a | scalar: its header, and its lines without their
// indentation. It is not ok for texts that such a scalar cannot hold, or that
// are clearer on one line.
func blockText(text string) (header string, lines []string, ok bool) {
	body := strings.TrimRight(text, "\n")
	switch {
	case !strings.Contains(body, "\n") && !strings.HasSuffix(text, "\n"), body == "" || body[0] == ' ' || body[0] == '\n':
		return "", nil, false
	case strings.ContainsFunc(body, func(r rune) bool { return r != '\n' && r != '\t' && unprintable(r) }):
		return "", nil, false
	}
	lines = strings.Split(body, "\n")
	switch ends := len(text) - len(body); ends {
	case 0:
		return "|-", lines, true
	case 1:
		return "|", lines, true
	default:
		return "|+", append(lines, make([]string, ends-1)...), true
	}
}

// flowText is a value on one line, as it stands in brackets.
func flowText(value *reconcile.Node) string {
	var parts []string
	switch value.Kind {
	case reconcile.MapNode:
		for _, e := range value.Entries {
			parts = append(parts, keyText(e.Key, true)+": "+flowText(e.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case reconcile.ListNode:
		for _, item := range value.Items {
			parts = append(parts, flowText(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return scalarWays(nil, value, true)[0]
}

// blockLines writes values over several lines.
type blockLines struct {
	indent int // of what stands below a key
	dash   int // of a list below its key
}

// entry is a key and its value.
func (b blockLines) entry(key string, value *reconcile.Node) []string {
	head := keyText(key, false) + ":"
	if header, lines, ok := blockText(value.Text); ok && value.Kind == reconcile.StringNode {
		return append([]string{head + " " + header}, deeper(lines, b.indent)...)
	}
	switch {
	case value.Kind == reconcile.MapNode && len(value.Entries) > 0:
		return append([]string{head}, deeper(b.lines(value), b.indent)...)
	case value.Kind == reconcile.ListNode && len(value.Items) > 0:
		return append([]string{head}, deeper(b.lines(value), b.dash)...)
	case value.Kind >= reconcile.MapNode:
		return []string{head + " " + flowText(value)}
	}
	return []string{head + " " + scalarWays(nil, value, false)[0]}
}

// lines are those of a map or list that is not empty.
func (b blockLines) lines(value *reconcile.Node) []string {
	var out []string
	for _, e := range value.Entries {
		out = append(out, b.entry(e.Key, e.Value)...)
	}
	for _, item := range value.Items {
		out = append(out, b.item(item)...)
	}
	return out
}

// item is an element of a list.
func (b blockLines) item(value *reconcile.Node) []string {
	if value.Kind != reconcile.MapNode || len(value.Entries) == 0 {
		text := flowText(value)
		if value.Kind < reconcile.MapNode {
			text = scalarWays(nil, value, false)[0]
		}
		return []string{"- " + text}
	}
	lines := deeper(b.lines(value), 2)
	lines[0] = "- " + lines[0][2:]
	return lines
}

// deeper indents lines; empty ones stay empty.
func deeper(lines []string, by int) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		if line != "" {
			line = strings.Repeat(" ", by) + line
		}
		out[i] = line
	}
	return out
}
