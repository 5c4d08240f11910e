package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// hostileNames are names that mean something else to some system.
func hostileNames() []string {
	return []string{
		"..", ".", "../x", "../../x", "/etc/passwd", "a/b", ".git", ".GIT", ".Git", "git~1", "GIT~1", "git~12",
		".git ", ".git.", ".git. .", ".git::$INDEX_ALLOCATION", ".git:x", "git~1::$DATA", ".g\u200cit", "\ufeff.git",
		`a\b`, `..\x`, `.git\config`, "C:", "c:x", "", "a\nb", "a\rb", "\x1b[2J", "a\x7f", "\u009b31m", "\xff\xfe",
		strings.Repeat("a", 4096), strings.Repeat("a", 256),
	}
}

// A hostile tree is one folder entry, or several, that no git would write.
type hostile struct {
	name  string
	entry func(r *rawRepo, blob string) string // added to a folder
	read  string                               // what an attacker hopes to have read
}

func hostileTrees() (cases []hostile) {
	for _, name := range hostileNames() {
		cases = append(cases,
			hostile{fmt.Sprintf("file %.30q", name), func(_ *rawRepo, blob string) string { return line("100644", name, blob) }, name},
			hostile{fmt.Sprintf("folder %.30q", name), func(r *rawRepo, blob string) string {
				return line("40000", name, r.put("tree", line("100644", "config", blob)))
			}, name + "/config"})
	}
	for _, target := range []string{"../../secret", "/etc/passwd", "chain2", ".", "..", ".git/config", "loop"} {
		cases = append(cases, hostile{"link to " + target, func(r *rawRepo, _ string) string {
			return line("120000", "chain2", r.put("blob", "../../../secret")) + line("120000", "loop", r.put("blob", target))
		}, "loop"})
	}
	return append(cases,
		hostile{"submodule", func(*rawRepo, string) string { return line("160000", "mod", strings.Repeat("1", 40)) }, "mod"},
		hostile{"file within link", func(r *rawRepo, _ string) string { return line("120000", "l", r.put("blob", "..")) }, "l/secret"},
		hostile{"one name twice", func(r *rawRepo, blob string) string {
			return line("100644", "twice", blob) + line("40000", "twice", r.put("tree", line("100644", "x", blob)))
		}, "twice"},
		hostile{"device", func(_ *rawRepo, blob string) string { return line("20000", "dev", blob) }, "dev"},
		hostile{"no mode", func(_ *rawRepo, blob string) string { return line("", "m", blob) }, "m"},
		hostile{"cut short", func(*rawRepo, string) string { return "100644 cut\x00abc" }, "cut"},
	)
}

// A tree that no git would write harms nobody: no name leaves the store, no link
// is followed, and what lies beside it is still read. Each tree is read from
// disk and through a server.
func TestS1HostileTrees(t *testing.T) {
	t.Parallel()
	outside := realPath(t, t.TempDir())
	writeFile(t, outside+"/secret", "canary")
	escapes, cases := 0, hostileTrees()
	for _, c := range cases {
		r := newRaw(t)
		blob := r.put("blob", "fine")
		evil := r.put("tree", c.entry(r, blob)+line("100644", "zz", blob))
		good := r.put("tree", line("100644", "a.yaml", blob))
		r.head(r.put("tree", line("40000", "evil", evil)+line("40000", "good", good)))
		before := snapshot(t, r.dir)
		server := (&fakeServer{tip: r.tip}).sends(r.pack())
		for _, location := range []string{r.dir, server.start(t)} {
			escapes += readHostile(t, c, location, outside)
		}
		if snapshot(t, r.dir) != before {
			escapes++
			t.Errorf("%s: the repository was written to", c.name)
		}
	}
	t.Logf("S1: %d cases, %d escapes", len(cases), escapes)
}

// readHostile reads a hostile tree with its store below a folder, and counts
// what came out of it.
func readHostile(t *testing.T, c hostile, location, outside string) (escapes int) {
	t.Helper()
	defer os.RemoveAll(filepath.Join(outside, "store"))
	files, _ := tree(t, open(t, location, repo.Options{Store: filepath.Join(outside, "store", "git")}))
	if text := read(t, files, "good/a.yaml"); text != "fine" {
		t.Errorf("%s: the neighbour reads %q", c.name, text)
	}
	if text, err := fs.ReadFile(files, "evil/"+c.read); err == nil {
		escapes++
		t.Errorf("%s: read %q", c.name, text)
	}
	entries, err := os.ReadDir(outside)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "secret" && e.Name() != "store" {
			escapes++
			t.Errorf("%s: %s was written outside the store", c.name, e.Name())
		}
	}
	return escapes + walkHostile(t, c.name, files)
}

// walkHostile lists all there is, and counts names or contents that should not
// have come out.
func walkHostile(t *testing.T, name string, files fs.FS) int {
	t.Helper()
	escapes := 0
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, evil := range hostileNames() {
			if path != "." && d.Name() == evil {
				escapes++
				t.Errorf("%s: %q is listed", name, path)
			}
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := fs.ReadFile(files, path)
		if string(text) != "fine" && err == nil {
			escapes++
			t.Errorf("%s: %s reads %q", name, path, text)
		}
		return err
	})
	var refused *repo.RefusedEntry
	if errors.As(err, &refused) && !strings.HasPrefix(refused.Path, "evil") {
		t.Errorf("%s: %v names another path", name, err)
	}
	if err != nil && strings.ContainsAny(err.Error(), "\x1b\n\r\u009b") {
		t.Errorf("%s: the error holds control characters: %q", name, err)
	}
	return escapes
}

// A tree that unfolds without end is given up.
func TestS1TreeBomb(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	tree := r.put("tree", line("100644", "a.yaml", r.put("blob", "fine")))
	for range 40 {
		tree = r.put("tree", line("40000", "a", tree)+line("40000", "b", tree))
	}
	r.head(tree)
	files, _, err := open(t, r.dir, repo.Options{}).Tree(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = fs.WalkDir(files, ".", func(_ string, _ fs.DirEntry, err error) error { n++; return err })
	if !errors.Is(err, repo.ErrLimit) {
		t.Errorf("got %v after %d names", err, n)
	}
	t.Logf("S1: a tree of 2^40 files was given up after %d names", n)
}

// hostileRefs are names that lead out of refs/, into options or into expressions.
var hostileRefs = []string{
	"../x", "refs/heads/../../x", "refs/heads/../../../x", "-x", "--upload-pack=touch", "refs/heads/-x/..", "a..b", "a b", "a~1", "a^", "a:b",
	"a?b", "a*", "a[b", `a\b`, "a\nb", "a\x1b[2J", "a.lock", "refs/heads/a.lock/b", ".a", "a/.b", "a//b", "a/", "/a", "a.", "@", "a@{1}",
	"refs/heads/", strings.Repeat("a", 256), strings.Repeat("a", 64), "a\u202eb",
}

// Hostile refs are refused before anything is asked, and those that a server
// lists leave no trace.
func TestS2HostileRefs(t *testing.T) {
	g, srv, o := served(t)
	refused := 0
	for _, ref := range hostileRefs {
		o.Ref = ref
		if _, err := repo.Open(context.Background(), srv.url(g), o); err == nil {
			t.Errorf("%q was accepted", ref)
			continue
		}
		refused++
	}
	for _, ref := range []string{"main", "feature/a-b_c", "v1.2.3", "refs/merge-requests/1/head", "ä", "a@b"} {
		o.Ref = ref
		if _, err := repo.Open(context.Background(), srv.url(g), o); err != nil {
			t.Error(err)
		}
	}
	head := g.commit("First", "a.yaml", "fine")
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		srv.Config.Handler.ServeHTTP(answer, r)
		body := answer.Body.String()
		if strings.HasSuffix(r.URL.Path, "/info/refs") {
			for _, ref := range hostileRefs {
				body = strings.TrimSuffix(body, "0000") + pkt(head+" "+ref+"\n") + "0000"
			}
		}
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		w.Write([]byte(body))
	}))
	defer liar.Close()
	o.Ref, o.Store = "main", filepath.Join(realPath(t, t.TempDir()), "git")
	files, rev := tree(t, open(t, strings.Replace(srv.url(g), srv.URL, liar.URL, 1), o))
	if rev.Hash != head || read(t, files, "a.yaml") != "fine" {
		t.Errorf("got %+v", rev)
	}
	written := snapshot(t, filepath.Dir(o.Store))
	for _, word := range []string{"touch", ".lock/", "heads/a", "heads/main", "/x "} {
		if strings.Contains(written, word) {
			t.Errorf("%q was written to the store", word)
		}
	}
	t.Logf("S2: %d of %d hostile refs refused, 0 of those listed by a server stored", refused, len(hostileRefs))
}
