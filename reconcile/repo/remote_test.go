package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// served is a repository, its server, and options with a fresh store.
func served(t testing.TB) (*gitRepo, *gitServer, repo.Options) {
	g := newGit(t)
	return g, serve(t, filepath.Dir(g.dir)), repo.Options{Store: store(t), Auth: noAuth()}
}

// packs are the pack files in a store.
func packs(t testing.TB, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(dir + "/*.git/objects/pack/*.pack")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A server's repository is fetched without its history, then only what is new,
// and not at all where nothing is.
func TestRemote(t *testing.T) {
	g, srv, o := served(t)
	for i := range 20 {
		g.commit(fmt.Sprint("Commit ", i), "s/a.yaml", strings.Repeat(fmt.Sprintf("line %d\n", i), 200), "other/big", strings.Repeat("x", 5000))
	}
	head := g.commit("Head", "s/a.yaml", "a: 1\n", "s/sub/b.yaml", "b: 1\n")
	o.Path = "s"
	s := open(t, srv.url(g), o)
	files, rev := tree(t, s)
	if rev.Hash != head || rev.Subject != "Head" || rev.Dirty || rev.Digest != "" {
		t.Errorf("got %+v", rev)
	}
	if err := fstest.TestFS(files, "a.yaml", "sub/b.yaml"); err != nil {
		t.Error(err)
	}
	if s.Root() != "" || s.Rel() != "s" || s.String() != srv.url(g) {
		t.Errorf("got root %q, folder %q of %s", s.Root(), s.Rel(), s)
	}
	if n := objectsIn(t, o.Store); n != 8 {
		t.Errorf("the first fetch brought %d objects, want the 8 of one commit", n)
	}
	before := srv.requests.Load()
	if _, again := tree(t, s); again != rev || srv.requests.Load() != before+1 {
		t.Errorf("nothing is new, and yet %d requests were made", srv.requests.Load()-before)
	}
	next := g.commit("Next", "s/a.yaml", "a: 2\n")
	if files, rev := tree(t, s); rev.Hash != next || read(t, files, "a.yaml") != "a: 2\n" {
		t.Errorf("got %+v", rev)
	}
	if n := objectsIn(t, o.Store); n != 8+4 {
		t.Errorf("the second fetch left %d objects, want 4 more", n)
	}
	srv.Close()
	if files, err := s.At(context.Background(), head); err != nil || read(t, files, "a.yaml") != "a: 1\n" {
		t.Errorf("a commit that was fetched needs no server: %v", err)
	}
	_, _, err := s.Tree(context.Background())
	if !errors.Is(err, repo.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// objectsIn counts the objects of a store, as git sees them: that git reads the
// store is part of the test.
func objectsIn(t testing.TB, dir string) int {
	t.Helper()
	found, err := filepath.Glob(dir + "/*.git")
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	g := &gitRepo{t, found[0]}
	g.git("fsck", "--strict")
	return len(strings.Split(g.git("cat-file", "--batch-check", "--batch-all-objects"), "\n"))
}

// Branches, tags and hashes name commits; what is neither or both is an error.
func TestRemoteRefs(t *testing.T) {
	t.Parallel()
	g, srv, o := served(t)
	first := g.commit("First", "a.yaml", "a: 1\n")
	g.git("tag", "light")
	g.git("tag", "-a", "v1", "-m", "Version 1")
	g.git("tag", "-a", "v1again", "-m", "Version 1 again", "v1")
	g.git("tag", "both")
	g.git("update-ref", "refs/merge-requests/1/head", "HEAD")
	g.git("tag", "atree", "HEAD^{tree}")
	second := g.commit("Second", "a.yaml", "a: 2\n")
	g.git("branch", "both")
	for ref, want := range map[string]string{
		"": second, "HEAD": second, "main": second, "refs/heads/main": second, second: second,
		"light": first, "v1": first, "v1again": first, "refs/tags/v1": first,
		"refs/merge-requests/1/head": first, "refs/heads/both": second, "refs/tags/both": first,
		"both": "", "gone": "", "refs/heads/gone": "", "atree": "", strings.Repeat("1", 40): "",
	} {
		o.Ref, o.Store = ref, store(t)
		_, rev, err := open(t, srv.url(g), o).Tree(context.Background())
		if rev.Hash != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %s, %v; want %s", ref, rev.Hash, err, want)
		}
		if err != nil && !errors.Is(err, repo.ErrUnknownRef) && !errors.Is(err, repo.ErrUnknownCommit) {
			t.Errorf("%q: got %v", ref, err)
		}
	}
}

// Commits of the past are had by their hash: one by one where the server allows
// it, else by fetching the whole branch.
func TestRemoteAt(t *testing.T) {
	t.Parallel()
	for _, allow := range []string{"true", "false"} {
		t.Run("any="+allow, func(t *testing.T) {
			g, srv, o := served(t)
			g.git("config", "uploadpack.allowAnySHA1InWant", allow)
			var hashes []string
			for i := range 10 {
				hashes = append(hashes, g.commit(fmt.Sprint(i), "a.yaml", fmt.Sprint(i)))
			}
			s := open(t, srv.url(g), o)
			tree(t, s)
			for _, i := range []int{3, 0, 3, 8} {
				files, err := s.At(context.Background(), hashes[i])
				if err != nil {
					t.Fatal(err)
				}
				if got := read(t, files, "a.yaml"); got != fmt.Sprint(i) {
					t.Errorf("got %s of commit %d", got, i)
				}
			}
			before := srv.requests.Load()
			if ok, err := s.Contains(context.Background(), hashes[3]); !ok || err != nil || srv.requests.Load() != before {
				t.Errorf("got %v, %v", ok, err)
			}
			absent := strings.Repeat("1", 40)
			if ok, err := s.Contains(context.Background(), absent); ok || err != nil {
				t.Errorf("got %v, %v", ok, err)
			}
			if _, err := s.At(context.Background(), absent); !errors.Is(err, repo.ErrUnknownCommit) {
				t.Errorf("got %v", err)
			}
			// The store still grows by what is new, and is still whole.
			head := g.commit("Head", "a.yaml", "head")
			if files, rev := tree(t, s); rev.Hash != head || read(t, files, "a.yaml") != "head" {
				t.Errorf("got %+v", rev)
			}
			objectsIn(t, o.Store)
		})
	}
}

// A branch that is rewritten is followed, and is seen not to descend from what
// was there before.
func TestRemoteRewritten(t *testing.T) {
	g, srv, o := served(t)
	g.git("config", "uploadpack.allowAnySHA1InWant", "true")
	root := g.commit("Root", "a.yaml", "0")
	old := g.commit("Old", "a.yaml", "1")
	o.Ref = "main"
	s := open(t, srv.url(g), o)
	tree(t, s)
	forward := g.commit("Forward", "a.yaml", "2")
	tree(t, s)
	check := func(hash string, want bool) {
		t.Helper()
		if got, err := s.Descends(context.Background(), hash); got != want || err != nil {
			t.Errorf("descends from %s: got %v, %v; want %v", hash, got, err, want)
		}
	}
	check(old, true)
	check(root, true) // beyond where the first fetch was cut
	check(forward, true)
	g.git("reset", "-q", "--hard", root)
	tree(t, s)
	check(old, false)
	check(root, true)
	g.git("checkout", "-q", "--orphan", "fresh")
	fresh := g.commit("Unrelated", "a.yaml", "9")
	g.git("branch", "-f", "main", "fresh")
	files, rev := tree(t, s)
	if rev.Hash != fresh || read(t, files, "a.yaml") != "9" {
		t.Errorf("got %+v", rev)
	}
	check(forward, false)
	if ok, err := s.Contains(context.Background(), forward); !ok || err != nil {
		t.Errorf("a commit that was accepted once is ours: %v, %v", ok, err)
	}
	objectsIn(t, o.Store)
}

// An increment that is over the limit is taken without its history.
func TestRemoteIncrementTooLarge(t *testing.T) {
	g, srv, o := served(t)
	g.commit("First", "a.yaml", "1")
	o.MaxObjects = 40
	s := open(t, srv.url(g), o)
	tree(t, s)
	for i := range 30 {
		g.commit(fmt.Sprint(i), "a.yaml", fmt.Sprint(i))
	}
	if files, _ := tree(t, s); read(t, files, "a.yaml") != "29" {
		t.Error("the newest commit was not read")
	}
	if n := len(packs(t, o.Store)); n != 2 {
		t.Errorf("got %d packs, want one for each fetch", n)
	}
}

// After many fetches the store is made anew, so that it does not grow for ever.
func TestRemoteStoreStaysSmall(t *testing.T) {
	t.Parallel()
	g, srv, o := served(t)
	s := open(t, srv.url(g), o)
	for i := range 70 {
		g.commit(fmt.Sprint(i), "a.yaml", fmt.Sprint(i))
		if files, _ := tree(t, s); read(t, files, "a.yaml") != fmt.Sprint(i) {
			t.Fatal("another commit was read")
		}
	}
	if n := len(packs(t, o.Store)); n > 64 {
		t.Errorf("%d packs are in the store", n)
	}
}

// A store is only a cache: whoever removes it loses nothing.
func TestRemoteStoreRemoved(t *testing.T) {
	g, srv, o := served(t)
	g.git("config", "uploadpack.allowAnySHA1InWant", "true")
	old := g.commit("Old", "a.yaml", "old")
	g.commit("New", "a.yaml", "new")
	s := open(t, srv.url(g), o)
	files, _ := tree(t, s)
	os.RemoveAll(o.Store)
	if text := read(t, files, "a.yaml"); text != "new" {
		t.Errorf("read %q", text)
	}
	if files, err := s.At(context.Background(), old); err != nil || read(t, files, "a.yaml") != "old" {
		t.Error(err)
	}
	os.RemoveAll(o.Store)
	if files, _ := tree(t, s); read(t, files, "a.yaml") != "new" {
		t.Error("another commit was read")
	}
}

// Many sources may share a store, in one process or several.
func TestRemoteConcurrently(t *testing.T) {
	g, srv, o := served(t)
	g.git("config", "uploadpack.allowAnySHA1InWant", "true")
	old := g.commit("Old", "a.yaml", "old")
	g.commit("New", "a.yaml", "new", "sub/b.yaml", "b")
	shared := open(t, srv.url(g), o)
	var group sync.WaitGroup
	for i := range 8 {
		s := shared
		if i%2 == 0 {
			s = open(t, srv.url(g), o)
		}
		group.Go(func() {
			files, _, err := s.Tree(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			if text, err := fs.ReadFile(files, "a.yaml"); string(text) != "new" {
				t.Errorf("read %q, %v", text, err)
			}
			before, err := s.At(context.Background(), old)
			if err != nil {
				t.Error(err)
				return
			}
			if text, err := fs.ReadFile(before, "a.yaml"); string(text) != "old" {
				t.Errorf("read %q, %v", text, err)
			}
		})
	}
	group.Wait()
	if n := len(packs(t, o.Store)); n != 2 {
		t.Errorf("got %d packs, want 2: each commit is fetched once", n)
	}
}

// An empty repository, a folder that is gone and a place that is no repository
// are three different things.
func TestRemoteNothingThere(t *testing.T) {
	g, srv, o := served(t)
	if _, _, err := open(t, srv.url(g), o).Tree(context.Background()); !errors.Is(err, repo.ErrUnknownRef) {
		t.Errorf("empty repository: got %v", err)
	}
	head := g.commit("First", "a.yaml", "1")
	o.Path = "gone"
	_, rev, err := open(t, srv.url(g), o).Tree(context.Background())
	if !errors.Is(err, fs.ErrNotExist) || rev.Hash != head {
		t.Errorf("no folder: got %+v, %v", rev, err)
	}
	if _, _, err := open(t, srv.URL+"/none/.git", o).Tree(context.Background()); !errors.Is(err, repo.ErrDenied) {
		t.Errorf("no repository: got %v", err)
	}
}

// The command lines of a machine are no place for addresses or credentials, and
// we start no process at all. The test reads what the kernel shows of us.
func TestS19NoChildren(t *testing.T) {
	if _, err := os.ReadDir("/proc/self/task"); err != nil {
		t.Skip("there is no /proc to look into: ", err)
	}
	text, err := os.ReadFile("/proc/self/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"://", "token", "canary"} {
		if strings.Contains(string(text), word) {
			t.Errorf("the command line holds %s", word)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	scanned := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		scanned++
		if strings.Contains(string(source), `"os/exec"`) || strings.Contains(string(source), "StartProcess") {
			t.Errorf("%s starts processes", name)
		}
	}
	t.Logf("S19: %d source files, 0 start a process", scanned)
}
