package report_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What GitLab's parsers ask of each format, as they are documented or written.

// broken is what a parser would complain about, "" if that is nothing.
type rule func(text string) error

var rules = map[string]rule{
	"text": printable, "json": jsonRule, "markdown": markdownRule, "html": htmlRule, "junit": junitRule,
	"codequality": codequalityRule, "gitlab-terraform": terraformRule, "dotenv": dotenvRule,
}

// printable allows nothing that steers a terminal, hides or turns text.
func printable(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("it is not UTF-8")
	}
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			return fmt.Errorf("it has %U", r)
		}
	}
	return nil
}

func jsonRule(text string) error {
	if !json.Valid([]byte(text)) {
		return fmt.Errorf("it is not JSON")
	}
	return printable(text)
}

// terraformRule: create, update and delete are there, each a number up to 999999.
func terraformRule(text string) error {
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return fmt.Errorf("invalid_json_format: %w", err)
	}
	for _, key := range []string{"create", "update", "delete"} {
		switch n, ok := doc[key].(float64); {
		case doc["error"] != nil && doc[key] == nil:
			continue // the widget then says that the report failed
		case doc[key] == nil:
			return fmt.Errorf("missing_json_keys: %s", key)
		case !ok || n != float64(int(n)) || n < 0 || n > 999_999:
			return fmt.Errorf("invalid_resource_count: %v", doc[key])
		}
	}
	return nil
}

type quality struct {
	Description, Check, Fingerprint, Severity, Path string
	Line                                            int
}

func readQuality(text string) ([]quality, error) {
	var doc []struct {
		Description *string `json:"description"`
		Check       *string `json:"check_name"`
		Fingerprint *string `json:"fingerprint"`
		Severity    *string `json:"severity"`
		Location    *struct {
			Path  *string `json:"path"`
			Lines *struct {
				Begin *int `json:"begin"`
			} `json:"lines"`
		} `json:"location"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, err
	}
	out := []quality{}
	for i, d := range doc {
		if d.Description == nil || d.Check == nil || d.Fingerprint == nil || d.Severity == nil || d.Location == nil || d.Location.Path == nil || d.Location.Lines == nil || d.Location.Lines.Begin == nil {
			return nil, fmt.Errorf("entry %d lacks a key", i)
		}
		out = append(out, quality{*d.Description, *d.Check, *d.Fingerprint, *d.Severity, *d.Location.Path, *d.Location.Lines.Begin})
	}
	return out, nil
}

// codequalityRule: an array without a byte order mark; all keys; a known severity;
// a fingerprint of its own; a path below the top of the repository.
func codequalityRule(text string) error {
	if !strings.HasPrefix(text, "[") {
		return fmt.Errorf("it begins with %q", text[:min(3, len(text))])
	}
	entries, err := readQuality(text)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, e := range entries {
		switch {
		case e.Description == "" || e.Check == "" || e.Fingerprint == "":
			return fmt.Errorf("something of %+v is empty", e)
		case !slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, e.Severity):
			return fmt.Errorf("there is no severity %q", e.Severity)
		case seen[e.Fingerprint]:
			return fmt.Errorf("%s has the fingerprint of another entry", e.Description)
		case e.Path == "" || strings.HasPrefix(e.Path, "/") || strings.HasPrefix(e.Path, "./") || strings.HasPrefix(e.Path, "../") || e.Line < 1:
			return fmt.Errorf("%s:%d is no place in the repository", e.Path, e.Line)
		}
		seen[e.Fingerprint] = true
	}
	return printable(text)
}

type junitDoc struct {
	XMLName xml.Name `xml:"testsuites"`
	junitNumbers
	Suites []struct {
		Name string `xml:"name,attr"`
		junitNumbers
		Cases []junitCase `xml:"testcase"`
	} `xml:"testsuite"`
}

type junitNumbers struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type junitCase struct {
	Suite   string  `xml:"classname,attr"`
	Name    string  `xml:"name,attr"`
	File    string  `xml:"file,attr"`
	Failure *string `xml:"failure"`
	Error   *string `xml:"error"`
	Skipped *string `xml:"skipped"`
}

func readJUnit(text string) (junitDoc, error) {
	var doc junitDoc
	d := xml.NewDecoder(strings.NewReader(strings.TrimSpace(text)))
	if err := d.Decode(&doc); err != nil {
		return doc, err
	}
	if rest, err := d.Token(); err != io.EOF {
		return doc, fmt.Errorf("something follows: %v %v", rest, err)
	}
	return doc, nil
}

// junitRule: well-formed XML, no name twice (GitLab takes the first), a text where
// something did not pass, and numbers that are right.
func junitRule(text string) error {
	doc, err := readJUnit(text)
	if err != nil {
		return err
	}
	var sum junitNumbers
	for _, s := range doc.Suites {
		seen := map[string]bool{}
		for _, c := range s.Cases {
			if c.Name == "" || c.Suite != s.Name || seen[c.Name] {
				return fmt.Errorf("testcase %q of %q: no name, or one that is there already", c.Name, c.Suite)
			}
			seen[c.Name] = true
			sum.Tests++
			for text, n := range map[*string]*int{c.Failure: &sum.Failures, c.Error: &sum.Errors, c.Skipped: &sum.Skipped} {
				if text != nil {
					*n++
				}
				if text != nil && strings.TrimSpace(*text) == "" {
					return fmt.Errorf("testcase %q did not pass, and does not say why", c.Name)
				}
			}
		}
	}
	if len(doc.Suites) != 1 || doc.junitNumbers != sum || doc.Suites[0].junitNumbers != sum {
		return fmt.Errorf("there are %+v, and it says %+v", sum, doc.junitNumbers)
	}
	return printable(text)
}

var variable = regexp.MustCompile(`^[A-Za-z0-9_]+=[A-Za-z0-9._-]*$`)

// dotenvRule: at most 5 KB and 20 variables, each once, no empty lines, no quotes.
func dotenvRule(text string) error {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(text) > 5<<10 || len(lines) > 20 {
		return fmt.Errorf("%d lines, %d bytes", len(lines), len(text))
	}
	seen := map[string]bool{}
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		if !variable.MatchString(line) || !strings.HasPrefix(name, "RECONCILE_") || seen[name] {
			return fmt.Errorf("%q", line)
		}
		seen[name] = true
	}
	return nil
}

var (
	fence    = regexp.MustCompile("^(`{3,})diff$")
	ourLink  = regexp.MustCompile(`\[([^\[\]]*)\]\(<https://gitlab\.com/acme/infra/[^<>\s]*>\)`)
	ourBold  = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	ourStart = regexp.MustCompile(`^(#{3,4} |- )`)
	codeMark = regexp.MustCompile("\x01\\|*")
	ourHTML  = []string{"</details>", "<details><summary>", "</summary>"}
)

// markdownRule: outside of code, nothing is left that GitLab could read as anything
// but words, besides our own headings, points, tables and links; inside of fences,
// each line has a sign of ours.
func markdownRule(text string) error {
	if err := printable(text); err != nil {
		return err
	}
	open, bars := "", 0
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch found := fence.FindStringSubmatch(line); {
		case open != "" && line == open:
			open = ""
		case open != "" && !slices.Contains([]string{"+ ", "- ", "! ", "# "}, line[:min(2, len(line))]):
			return fmt.Errorf("in a fence: %q", line)
		case open != "":
		case found != nil:
			open = found[1]
		default:
			rest, err := withoutCode(line)
			if err != nil {
				return err
			}
			if bars, err = table(rest, bars); err != nil {
				return fmt.Errorf("%w: %q", err, line)
			}
			if err := harmless(rest); err != nil {
				return fmt.Errorf("%w: %q", err, line)
			}
		}
	}
	if open != "" {
		return fmt.Errorf("a fence stays open")
	}
	return nil
}

// withoutCode leaves a mark where a code span was, and the bars of it that would
// end a cell.
func withoutCode(line string) (string, error) {
	var out strings.Builder
	for {
		at := strings.IndexByte(line, '`')
		if at < 0 {
			return out.String() + line, nil
		}
		n := len(line[at:]) - len(strings.TrimLeft(line[at:], "`"))
		rest := line[at+n:]
		end := closing(rest, n)
		if end < 0 {
			return "", fmt.Errorf("a code span stays open: %q", line)
		}
		inside := rest[:end]
		out.WriteString(line[:at] + "\x01" + strings.Repeat("|", strings.Count(strings.ReplaceAll(inside, `\|`, ""), "|")))
		line = rest[end+n:]
	}
}

// closing is where a run of just n backticks begins.
func closing(text string, n int) int {
	for at := 0; at < len(text); {
		if text[at] != '`' {
			at++
			continue
		}
		run := len(text[at:]) - len(strings.TrimLeft(text[at:], "`"))
		if run == n {
			return at
		}
		at += run
	}
	return -1
}

// table counts the bars of a row, which has as many as the one above.
func table(line string, above int) (int, error) {
	if !strings.HasPrefix(line, "|") {
		return 0, nil
	}
	n := strings.Count(line, "|")
	if above != 0 && n != above {
		return n, fmt.Errorf("a row of %d bars below one of %d", n, above)
	}
	return n, nil
}

func harmless(line string) error {
	if strings.HasPrefix(line, "|---") {
		return nil
	}
	if strings.HasPrefix(line, "|") {
		line = strings.ReplaceAll(line, "|", " ")
	}
	line = codeMark.ReplaceAllString(line, "x")
	line = ourBold.ReplaceAllString(ourLink.ReplaceAllString(line, "$1"), "$1")
	line = ourStart.ReplaceAllString(line, "")
	for _, tag := range ourHTML {
		line = strings.ReplaceAll(line, tag, "")
	}
	if at := strings.IndexAny(line, "@#!~$&*_[]<>|\\`^{}="); at >= 0 {
		return fmt.Errorf("%q outside of code", line[at])
	}
	for _, word := range []string{"://", "www.", ":smile"} {
		if strings.Contains(line, word) {
			return fmt.Errorf("%q outside of code", word)
		}
	}
	if strings.HasPrefix(strings.TrimSpace(line), "/") || strings.HasPrefix(strings.TrimSpace(line), "--") || listItem.MatchString(line) {
		return fmt.Errorf("a quick action, or an item of a list")
	}
	if tracker.MatchString(line) {
		return fmt.Errorf("a ticket outside of code")
	}
	return nil
}

var listItem = regexp.MustCompile(`^\s*([-+]|\d+[.)])(\s|$)`)

var tracker = regexp.MustCompile(`\b[A-Z][A-Z0-9_]+-\d`)
