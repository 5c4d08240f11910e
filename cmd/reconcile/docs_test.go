package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Each verb stands in docs/commands.md with all of its flags.
func TestVerbsAreDocumented(t *testing.T) {
	text := readText(t, "../../docs/commands.md")
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if !strings.Contains(text, c.Name()) {
			t.Errorf("%s is not in docs/commands.md", c.CommandPath())
		}
		if !strings.Contains(c.CommandPath(), " audit ") && c.RunE != nil && !strings.Contains(text, "`"+c.Name()) {
			t.Errorf("%s has no line of its own in docs/commands.md", c.CommandPath())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(text, "--"+f.Name) && f.Name != "output" && f.Name != "format" {
				t.Errorf("%s --%s is not in docs/commands.md", c.CommandPath(), f.Name)
			}
		})
		for _, below := range c.Commands() {
			visit(below)
		}
	}
	visit((&app{}).root())
}

// markdown are the project's documents.
func markdown(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir("../..", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "testdata" || d.Name() == "bin" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		if filepath.Ext(name) == ".md" {
			out = append(out, name)
		}
		return err
	})
	if err != nil || len(out) < 15 {
		t.Fatalf("%d documents: %v", len(out), err)
	}
	return out
}

// A link to a file of the project leads to one, and one to a heading as well.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, name := range markdown(t) {
		for _, found := range link.FindAllStringSubmatch(readText(t, name), -1) {
			file, heading, _ := strings.Cut(found[1], "#")
			if strings.Contains(file, "://") || file == "" {
				continue
			}
			file = filepath.Join(filepath.Dir(name), file)
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %s leads nowhere", name, found[1])
				continue
			}
			if heading != "" && !slices.Contains(anchors(readText(t, file)), heading) {
				t.Errorf("%s: %s has no such heading", name, found[1])
			}
		}
	}
}

// anchors are the headings as links name them.
func anchors(text string) []string {
	var out []string
	odd := regexp.MustCompile(`[^a-z0-9 -]`)
	for line := range strings.Lines(text) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			out = append(out, strings.ReplaceAll(odd.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), ""), " ", "-"))
		}
	}
	return out
}

// docs/security.md promises what tests keep, and names them: they exist.
func TestPromisesNameTheirTests(t *testing.T) {
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("../..", func(name string, _ fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasSuffix(name, "_test.go"):
			for _, found := range function.FindAllStringSubmatch(readText(t, name), -1) {
				names[found[1]] = true
			}
		case strings.HasSuffix(name, ".txtar"):
			names[filepath.Base(name)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	promised := regexp.MustCompile("`((?:Test|Fuzz)\\w+|\\w+\\.txtar)`").FindAllStringSubmatch(readText(t, "../../docs/security.md"), -1)
	if len(promised) < 30 {
		t.Fatalf("only %d tests are named", len(promised))
	}
	for _, found := range promised {
		if !names[found[1]] {
			t.Errorf("docs/security.md names %s, which does not exist", found[1])
		}
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
