package repo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

func openNotes(t testing.TB, location string, o repo.Options) *repo.Notes {
	t.Helper()
	if o.Auth.Env == nil {
		o.Auth = noAuth()
	}
	n, err := repo.OpenNotes(location, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func addNote(t testing.TB, n *repo.Notes, on, text string) {
	t.Helper()
	if err := n.Add(context.Background(), map[string][]byte{on: []byte(text)}); err != nil {
		t.Fatal(err)
	}
}

func readNotes(t testing.TB, n *repo.Notes) map[string]string {
	t.Helper()
	notes, err := n.Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for on, text := range notes {
		out[on] = string(text)
	}
	return out
}

// notePlaces are a repository and its notes, on disk and behind a server.
func notePlaces(t *testing.T) map[string]func(t *testing.T) (*gitRepo, func() *repo.Notes) {
	return map[string]func(t *testing.T) (*gitRepo, func() *repo.Notes){
		"folder": func(t *testing.T) (*gitRepo, func() *repo.Notes) {
			g := newGit(t)
			return g, func() *repo.Notes { return openNotes(t, g.dir, repo.Options{}) }
		},
		"server": func(t *testing.T) (*gitRepo, func() *repo.Notes) {
			g := newGit(t)
			g.git("config", "http.receivepack", "true")
			server := serve(t, filepath.Dir(g.dir))
			return g, func() *repo.Notes { return openNotes(t, server.url(g), repo.Options{Store: store(t)}) }
		},
	}
}

// What is noted is what git shows, whoever wrote first, and nothing that stands
// there is lost.
func TestNotes(t *testing.T) {
	for name, place := range notePlaces(t) {
		t.Run(name, func(t *testing.T) {
			g, open := place(t)
			one, two := g.commit("one", "a", "1"), g.commit("two", "a", "2")
			n := open()
			if got := readNotes(t, n); len(got) != 0 {
				t.Errorf("there are notes before anything was noted: %v", got)
			}
			addNote(t, n, one, "first\n")
			g.git("notes", "--ref=reconcile", "append", "-m", "by a person", one)
			g.git("notes", "--ref=reconcile", "add", "-m", "by a person too", two)
			addNote(t, n, one, "first\nsecond\n")
			addNote(t, open(), two, "third\n")
			shown := g.git("notes", "--ref=reconcile", "show", one)
			if want := "first\n\nby a person\nsecond"; shown != want {
				t.Errorf("git shows %q, want %q", shown, want)
			}
			if got := readNotes(t, open()); got[two] != "by a person too\nthird\n" || len(got) != 2 {
				t.Errorf("read %q", got)
			}
			g.git("fsck", "--strict")
			if author := g.git("log", "-1", "--format=%an <%ae>", "refs/notes/reconcile"); !strings.HasPrefix(author, "reconcile <") {
				t.Errorf("written by %s", author)
			}
			before := g.git("rev-parse", "refs/notes/reconcile")
			addNote(t, n, one, "second\n")
			if g.git("rev-parse", "refs/notes/reconcile") != before {
				t.Error("what is noted already made a commit")
			}
		})
	}
}

// Several write at the same time, and every line is there at the end.
func TestNotesRace(t *testing.T) {
	for name, place := range notePlaces(t) {
		t.Run(name, func(t *testing.T) {
			g, open := place(t)
			on := g.commit("one", "a", "1")
			const writers, lines = 4, 5
			var wait sync.WaitGroup
			for w := range writers {
				n := open()
				wait.Go(func() {
					for i := range lines {
						if err := n.Add(context.Background(), map[string][]byte{on: fmt.Appendf(nil, "%d-%d\n", w, i)}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wait.Wait()
			if got := strings.Count(readNotes(t, open())[on], "\n"); got != writers*lines {
				t.Errorf("%d of %d lines are there", got, writers*lines)
			}
			g.git("fsck", "--strict")
		})
	}
}

// Many notes, in the folders that git makes of them, packed refs, and on what is no commit.
func TestNotesMany(t *testing.T) {
	g := newGit(t)
	g.commit("one", "a", "1")
	n := openNotes(t, g.dir, repo.Options{})
	lines := map[string][]byte{}
	for i := range 500 {
		lines[gitHash("blob", fmt.Sprint(i))] = fmt.Appendf(nil, "note %d\n", i)
	}
	if err := n.Add(context.Background(), lines); err != nil {
		t.Fatal(err)
	}
	g.git("pack-refs", "--all")
	g.git("gc", "-q")
	on := gitHash("blob", "7")
	g.write("b", "7")
	g.git("hash-object", "-w", "b")
	g.git("notes", "--ref=reconcile", "append", "-m", "more", on)
	addNote(t, n, on, "and more\n")
	if shown := g.git("notes", "--ref=reconcile", "show", on); shown != "note 7\n\nmore\nand more" {
		t.Errorf("git shows %q", shown)
	}
	if got := readNotes(t, n); len(got) != 500 {
		t.Errorf("%d of 500 notes", len(got))
	}
	g.git("fsck", "--strict")
}

// A server that takes no pushes, or none to this ref, says so, once and without the token.
func TestNotesRefused(t *testing.T) {
	g := newGit(t)
	on := g.commit("one", "a", "1")
	server := serve(t, filepath.Dir(g.dir))
	auth := repo.Auth{Token: reconcile.NewSecret("canary"), Env: func(string) string { return "" }}
	n := openNotes(t, server.url(g), repo.Options{Store: store(t), Auth: auth})
	err := n.Add(context.Background(), map[string][]byte{on: []byte("x\n")})
	if !errors.Is(err, repo.ErrDenied) || strings.Contains(err.Error(), "canary") {
		t.Errorf("a server without receive-pack: %v", err)
	}
	g.git("config", "http.receivepack", "true")
	hook := filepath.Join(g.dir, ".git", "hooks", "pre-receive")
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	err = n.Add(context.Background(), map[string][]byte{on: []byte("x\n")})
	if !errors.Is(err, repo.ErrDenied) || !strings.Contains(err.Error(), "pre-receive") {
		t.Errorf("a server whose hook refuses: %v", err)
	}
}

// A lock that a killed git left behind is named, and waited for no longer than agreed.
func TestNotesLocked(t *testing.T) {
	g := newGit(t)
	on := g.commit("one", "a", "1")
	n := openNotes(t, g.dir, repo.Options{})
	addNote(t, n, on, "one\n")
	writeFile(t, filepath.Join(g.dir, ".git", "refs", "notes", "reconcile.lock"), "")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := n.Add(ctx, map[string][]byte{on: []byte("two\n")}); err == nil || !strings.Contains(err.Error(), "reconcile.lock") {
		t.Errorf("got %v", err)
	}
}

// FuzzNotes: whatever a tree of notes holds, reading it ends, and adding to it
// loses nothing that could be read.
func FuzzNotes(f *testing.F) {
	blob := gitHash("blob", "x\n")
	f.Add([]byte(line("100644", blob, blob)))
	f.Add([]byte(line("40000", blob[:2], blob)))
	f.Add([]byte("100644 \x00"))
	f.Fuzz(func(t *testing.T, tree []byte) {
		before, after, err := repo.EditNotes(tree, map[string][]byte{blob: []byte("added\n")})
		if err != nil {
			return
		}
		if !strings.Contains(string(after[blob]), "added\n") {
			t.Error("what was added is not there")
		}
		for on, text := range before {
			for line := range strings.Lines(string(text)) {
				if !strings.Contains(string(after[on]), strings.TrimSuffix(line, "\n")) {
					t.Errorf("%q is lost from %s", line, on)
				}
			}
		}
	})
}
