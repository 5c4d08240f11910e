package repo

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// rules are the ignore rules that hold in one folder: those of the folders
// above it and its own. They are read when the first untracked name asks for
// them; a clean folder never does.
type rules struct {
	root  *os.Root // the repository's top
	above *rules
	dir   []string // from the top
	base  []gitignore.Pattern

	loaded   bool
	patterns []gitignore.Pattern // the last that matches decides
}

// newRules are the rules at a folder, given by its path from the top; exclude
// holds the repository's private rules and its user's.
func newRules(root *os.Root, exclude []gitignore.Pattern, folder string) *rules {
	r := &rules{root: root, base: exclude}
	if folder == "." {
		return r
	}
	for _, name := range strings.Split(folder, "/") {
		r = r.below(name)
	}
	return r
}

func (r *rules) below(name string) *rules {
	dir := append(append([]string{}, r.dir...), name)
	return &rules{root: r.root, above: r, dir: dir}
}

// ignores tells whether an untracked name in the folder is ignored.
func (r *rules) ignores(name string, isDir bool) bool {
	path := append(append([]string{}, r.dir...), name)
	return gitignore.NewMatcher(r.load()).Match(path, isDir)
}

func (r *rules) load() []gitignore.Pattern {
	if r.loaded {
		return r.patterns
	}
	above := r.base
	if r.above != nil {
		above = r.above.load()
	}
	own, _ := r.root.ReadFile(filepath.Join(append(append([]string{}, r.dir...), ".gitignore")...))
	r.patterns = append(above[:len(above):len(above)], parseIgnore(own, r.dir)...)
	r.loaded = true
	return r.patterns
}

func parseIgnore(text []byte, dir []string) []gitignore.Pattern {
	var out []gitignore.Pattern
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		out = append(out, gitignore.ParsePattern(line, dir))
	}
	return out
}

// privateRules are the rules that are in no commit: the user's own file at Git's
// usual place, and info/exclude of the repository, "" if there is none.
func privateRules(common string) []gitignore.Pattern {
	var paths []string
	if common != "" {
		paths = append(paths, filepath.Join(common, "info", "exclude"))
	}
	if config := os.Getenv("XDG_CONFIG_HOME"); config != "" {
		paths = append([]string{filepath.Join(config, "git", "ignore")}, paths...)
	} else if home, err := os.UserHomeDir(); err == nil {
		paths = append([]string{filepath.Join(home, ".config", "git", "ignore")}, paths...)
	}
	var out []gitignore.Pattern
	for _, path := range paths {
		if text, err := os.ReadFile(path); err == nil {
			out = append(out, parseIgnore(text, nil)...)
		}
	}
	return out
}
