package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// twoDrafts are edits of two files in a folder.
func twoDrafts(t *testing.T) (string, *drafts) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"a.yaml": "v: 1\n", "sub/b.yaml": "v: 1\n", "c.yaml": "v: 1\n"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	d := newDrafts(os.DirFS(dir))
	for _, name := range []string{"a.yaml", "sub/b.yaml", "c.yaml"} {
		e, err := d.of(name)
		if err != nil {
			t.Fatal(err)
		}
		value := reconcile.Int(2, reconcile.Pos{})
		if name == "c.yaml" {
			value = reconcile.Int(1, reconcile.Pos{}) // as it is
		}
		if _, err := e.Set(manifest.Place{At: reconcile.Pos{File: name, Line: 1, Col: 4}}, value); err != nil {
			t.Fatal(err)
		}
	}
	return dir, d
}

func TestDraftsAreWrittenTogether(t *testing.T) {
	dir, d := twoDrafts(t)
	if got := d.changed(); !slices.Equal(got, []string{"a.yaml", "sub/b.yaml"}) {
		t.Errorf("changed are %v", got)
	}
	if text, err := fs.ReadFile(d.edited(), "sub/b.yaml"); err != nil || string(text) != "v: 2\n" {
		t.Errorf("the draft reads %q, %v", text, err)
	}
	if err := d.commit(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.yaml", "sub/b.yaml"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o640 || readText(t, filepath.Join(dir, name)) != "v: 2\n" {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// One file that somebody changed meanwhile, and none is written.
func TestDraftsOfChangedFilesAreNotWritten(t *testing.T) {
	dir, d := twoDrafts(t)
	if err := os.WriteFile(filepath.Join(dir, "sub", "b.yaml"), []byte("v: 7\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := d.commit(dir); err == nil || !strings.Contains(err.Error(), "sub/b.yaml") || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("got %v", err)
	}
	if got := readText(t, filepath.Join(dir, "a.yaml")); got != "v: 1\n" {
		t.Errorf("a.yaml is %q", got)
	}
}

// One file beside which nothing can be written, and none is; nor is what is
// read-only replaced.
func TestDraftsAreAllWrittenOrNone(t *testing.T) {
	for name, spoil := range map[string]func(file string) string{
		"no room": func(file string) string { // for a name that is longer still: it stands for a full disk
			long := filepath.Join(filepath.Dir(file), strings.Repeat("b", 250)+".yaml")
			if err := os.Rename(file, long); err != nil {
				t.Fatal(err)
			}
			return "sub/" + filepath.Base(long)
		},
		"read-only": func(file string) string {
			if err := os.Chmod(file, 0o440); err != nil {
				t.Fatal(err)
			}
			return "sub/b.yaml"
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, d := twoDrafts(t)
			before, editor := d.before["sub/b.yaml"], d.editors["sub/b.yaml"]
			delete(d.before, "sub/b.yaml")
			delete(d.editors, "sub/b.yaml")
			file := spoil(filepath.Join(dir, "sub", "b.yaml"))
			d.before[file], d.editors[file] = before, editor
			if err := d.commit(dir); err == nil || !strings.Contains(err.Error(), "nothing was written") {
				t.Errorf("got %v", err)
			}
			if got := readText(t, filepath.Join(dir, "a.yaml")); got != "v: 1\n" {
				t.Errorf("a.yaml is %q", got)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestNodesOfValues(t *testing.T) {
	type spec struct {
		Text    string        `yaml:"text"`
		Number  int           `yaml:"number"`
		Flag    bool          `yaml:"flag"`
		Part    float64       `yaml:"part"`
		Wait    time.Duration `yaml:"wait"`
		Ordered []string      `yaml:"ordered"`
		Set     []string      `yaml:"set" plan:"set"`
		Ports   []int         `yaml:"ports"`
		Empty   *struct{}     `yaml:"empty"`
	}
	tests := map[string]struct {
		live, git any
		want      string
	}{
		"text":    {"5", "x", `"5"`},
		"number":  {-5, 1, "-5"},
		"flag":    {true, nil, "true"},
		"part":    {0.25, 1.0, "0.25"},
		"wait":    {90 * time.Minute, time.Second, "1h30m"},
		"ordered": {[]string{"b", "a"}, []string{"a", "b"}, "[b, a]"},
		"set":     {[]string{"c", "b", "a"}, []string{"a", "x", "b"}, "[a, b, c]"},
		"ports":   {[]int{80, 443}, nil, "[80, 443]"},
		"empty":   {true, nil, "{}"},
	}
	for path, tt := range tests {
		_, field := manifest.Down(reconcile.SettingsFields[spec](), path)
		e, err := manifest.NewEditor("f.yaml", []byte("v: {a: x}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Set(manifest.Place{At: reconcile.Pos{Line: 1, Col: 4}, Below: []manifest.Step{{Name: "b"}}}, nodeOf(field, tt.live, tt.git)); err != nil {
			t.Fatal(err)
		}
		if got := string(e.Bytes()); got != "v: {a: x, b: "+tt.want+"}\n" {
			t.Errorf("%s: %s, want %s", path, got, tt.want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", time.Minute: "1m", time.Hour: "1h", time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s", 10 * time.Second: "10s"} {
		if got := durationText(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
