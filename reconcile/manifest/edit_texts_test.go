package manifest

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// Texts that look like something else are written so that they stay texts, for us
// and for others who read YAML, wherever they are put.
func TestEditorKeepsTextsTexts(t *testing.T) {
	texts := []string{
		"yes", "No", "ON", "off", "y", "N", "true", "True", "FALSE", "null", "Null", "~", "", " ", "0", "-0", "+5", "007", "0o7", "0x1F", "0b1", "1_000",
		"1e3", "1E3", ".5", "5.", "1.10", ".inf", "-.Inf", ".nan", "NaN", "Inf", "1:30", "12:30:45", "190:20:30", "2026-11-21", "2026-11-21T01:02:03Z", "2026-1-2 3:4:5",
		"=", "<<", "<", "-", "- a", "--", "---", "--- a", "...", "?", "? a", ":", ": a", "a:", "a: b", "a:b", "a #b", "#", "#a", "a#b", "&a", "*a", "!a", "!!str a", "|", ">", "|-", "%a", "@a", "`a", "'", "''", "'a'", "\"", "\"a\"",
		"[", "]", "{", "}", "[a]", "{a: b}", "a, b", "a,b", "a]", "a}", ",", "\\", "\\n", "a\\", "\n", "a\n", "a\n\n", "\na", "a\nb", "a\n  b", "  a\nb", "a \nb", "a\n#b", "a\n---\nb", "a\n...\n", "a\r\nb", "\r", "\t", "a\tb", "\ta", "a\t", " a", "a ",
		"ü", "日本", "😀", "\u00a0", "a\u2028b", "\u0085", "\ufeff", "a\ufeff", "\u200b", "\x00", "\x07", "\x7f", "\ue000", "$a", "${a}", "0 3 * * *", "*/5 * * * *", "1.4.2", "0.0.0.0/0", "http://a:80/b?c=d#e", strings.Repeat("a ", 5000), strings.Repeat("b", 70000),
	}
	places := map[string]struct {
		file string
		path string
	}{
		"plain":         {"v: x # why\nw: 1\n", "v"},
		"single":        {"v: 'x'\nw: 1\n", "v"},
		"double":        {"v: \"x\"\r\nw: 1\r\n", "v"},
		"folded":        {"v: >-\n  x\n  y\nw: 1\n", "v"},
		"block":         {"v: |\n  x\nw: 1\n", "v"},
		"in braces":     {"m: {v: x, u: 2}\nw: 1\n", "m/v"},
		"new":           {"\ufeffw: 1\n", "v"},
		"new in braces": {"m: {u: 2}\nw: 1\n", "m/v"},
		"number":        {"v: 5\nw: 1\n", "v"},
		"nothing":       {"v:\nw: 1\n", "v"},
	}
	for where, p := range places {
		for _, text := range texts {
			e, err := NewEditor("f.yaml", []byte(p.file))
			if err != nil {
				t.Fatal(err)
			}
			if err := (edit{path: p.path, value: text}).apply(e); err != nil {
				t.Errorf("%s, %.40q: %v", where, text, err)
				continue
			}
			var read map[string]any
			if err := yaml.Unmarshal(e.Bytes(), &read); err != nil {
				t.Errorf("%s, %.40q: %v in %.80q", where, text, err, e.Bytes())
				continue
			}
			if m, ok := read["m"].(map[string]any); ok {
				read = m
			}
			if read["v"] != text {
				t.Errorf("%s: %.40q is read as %T %.40q, from %.80q", where, text, read["v"], read["v"], e.Bytes())
			}
		}
	}
}
