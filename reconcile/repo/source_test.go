package repo_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

func read(t testing.TB, files fs.FS, name string) string {
	t.Helper()
	text, err := fs.ReadFile(files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tree is Tree where no error is expected.
func tree(t testing.TB, s *repo.Source) (fs.FS, repo.Revision) {
	t.Helper()
	files, rev, err := s.Tree(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return files, rev
}

// A work tree is read as it is, and says whether it differs from its commit.
func TestFolder(t *testing.T) {
	g := newGit(t)
	head := g.commit("First", "stacks/prod/a.yaml", "a: 1\n", "stacks/prod/sub/b.yaml", "b: 1\n",
		".gitignore", "*.log\nout/\n", "stacks/prod/.gitignore", "/private\n!keep.log\n")
	in := func(name string) string { return filepath.Join(g.dir, "stacks/prod", name) }
	cases := []struct {
		name  string
		do    func()
		dirty bool
	}{
		{"clean", func() {}, false},
		{"ignored files", func() { g.write("stacks/prod/x.log", "x"); g.write("stacks/prod/out/y", "y") }, false},
		{"ignored by its own rules", func() { g.write("stacks/prod/private", "x") }, false},
		{"ignored by info/exclude", func() { g.write(".git/info/exclude", "*.tmp\n"); g.write("stacks/prod/x.tmp", "x") }, false},
		{"not ignored after all", func() { g.write("stacks/prod/keep.log", "x") }, true},
		{"changes elsewhere", func() { g.write("README", "x") }, false},
		{"executable bit", func() { os.Chmod(in("a.yaml"), 0o755) }, false},
		{"touched", func() { g.write("stacks/prod/a.yaml", "a: 1\n") }, false},
		{"our own folder", func() { g.write("stacks/prod/.reconcile/x", "x") }, false},
		{"empty folder", func() { os.Mkdir(in("empty"), 0o755) }, false},
		{"untracked", func() { g.write("stacks/prod/c.yaml", "c: 1\n") }, true},
		{"changed", func() { g.write("stacks/prod/sub/b.yaml", "b: 2\n") }, true},
		{"removed", func() { os.Remove(in("sub/b.yaml")) }, true},
		{"staged only", func() { g.write("stacks/prod/a.yaml", "a: 3\n"); g.git("add", "-A") }, true},
		{"file for folder", func() { os.RemoveAll(in("sub")); g.write("stacks/prod/sub", "") }, true},
		{"folder for file", func() { os.Remove(in("a.yaml")); g.write("stacks/prod/a.yaml/x", "x") }, true},
		{"link for file", func() { os.Remove(in("a.yaml")); os.Symlink("sub/b.yaml", in("a.yaml")) }, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g.git("reset", "-q", "--hard")
			g.git("clean", "-q", "-d", "-f", "-x")
			c.do()
			s := open(t, in("."), repo.Options{})
			_, rev := tree(t, s)
			if rev.Dirty != c.dirty || rev.Hash != head || (rev.Digest != "") != c.dirty {
				t.Errorf("got %+v, want dirty %v of %s", rev, c.dirty, head)
			}
			if want := head + map[bool]string{true: "+"}[c.dirty]; rev.ID() != want {
				t.Errorf("got ID %s, want %s", rev.ID(), want)
			}
			if s.Root() != g.dir || s.Rel() != "stacks/prod" {
				t.Errorf("got root %s and folder %s", s.Root(), s.Rel())
			}
		})
	}
}

// Outside Git the digest of the content stands for the commit.
func TestFolderOutsideGit(t *testing.T) {
	dir := realPath(t, t.TempDir())
	writeFile(t, dir+"/stack/a.yaml", "a: 1\n")
	writeFile(t, dir+"/stack/sub/b.yaml", "b: 1\n")
	s := open(t, dir+"/stack", repo.Options{})
	files, one := tree(t, s)
	if one.Hash != "" || one.Dirty || len(one.Digest) != 64 || one.ID() != one.Digest+"+" {
		t.Fatalf("got %+v", one)
	}
	if err := fstest.TestFS(files, "a.yaml", "sub/b.yaml"); err != nil {
		t.Error(err)
	}
	writeFile(t, dir+"/stack/.reconcile/db", "x")
	if _, same := tree(t, s); same.Digest != one.Digest {
		t.Error("our own files changed the digest")
	}
	writeFile(t, dir+"/stack/a.yaml", "a: 2\n")
	if _, two := tree(t, s); two.Digest == one.Digest {
		t.Error("a changed file left the digest as it was")
	}
	if s.Root() != "" {
		t.Errorf("got root %s", s.Root())
	}
	if ok, err := s.Contains(context.Background(), strings.Repeat("a", 40)); ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	if _, err := s.At(context.Background(), strings.Repeat("a", 40)); !errors.Is(err, repo.ErrUnknownCommit) {
		t.Errorf("got %v", err)
	}
}

// A repository without a commit is like a folder outside Git.
func TestFolderWithoutCommit(t *testing.T) {
	g := newGit(t)
	g.write("a.yaml", "a: 1\n")
	s := open(t, g.dir, repo.Options{})
	files, rev := tree(t, s)
	if rev.Hash != "" || rev.Digest == "" || read(t, files, "a.yaml") != "a: 1\n" || s.Root() != g.dir {
		t.Errorf("got %+v", rev)
	}
	if head, err := s.Head(context.Background()); head != "" || err != nil {
		t.Errorf("got head %q, %v", head, err)
	}
}

// A folder that no commit has is dirty whatever the ignore rules say of it.
func TestFolderNew(t *testing.T) {
	g := newGit(t)
	g.commit("First", "a", "a", ".gitignore", "build/\n")
	g.write("build/stack/a.yaml", "a: 1\n")
	_, rev := tree(t, open(t, g.dir+"/build/stack", repo.Options{}))
	if !rev.Dirty || rev.Digest == "" {
		t.Errorf("got %+v", rev)
	}
}

// Linked work trees, submodules and borrowed objects are found where Git puts
// them, and the environment does not mislead us.
func TestFolderLayouts(t *testing.T) {
	g := newGit(t)
	head := g.commit("First", "s/a.yaml", "a: 1\n")
	base := realPath(t, t.TempDir())
	g.git("worktree", "add", "-q", base+"/linked", "-b", "other")
	g.git("clone", "-q", "--shared", g.dir, base+"/shared")
	outer := newGit(t)
	outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", g.dir, "mod")
	outer.commit("Outer", "o.yaml", "o: 1\n")
	other := newGit(t)
	other.commit("Other", "x", "x")
	t.Setenv("GIT_DIR", other.dir+"/.git")
	t.Setenv("GIT_WORK_TREE", other.dir)
	t.Setenv("GIT_OBJECT_DIRECTORY", other.dir+"/.git/objects")
	g.git("pack-refs", "--all")
	g.git("gc", "-q")
	for _, dir := range []string{g.dir, base + "/linked", base + "/shared", outer.dir + "/mod"} {
		s := open(t, dir+"/s", repo.Options{})
		files, rev := tree(t, s)
		if rev.Hash != head || rev.Dirty || read(t, files, "a.yaml") != "a: 1\n" || s.Root() != dir {
			t.Errorf("%s: got %+v", dir, rev)
		}
	}
	// The submodule is no part of the repository around it.
	files, rev := tree(t, open(t, outer.dir, repo.Options{}))
	if rev.Dirty {
		t.Errorf("a submodule makes the folder dirty: %+v", rev)
	}
	var refused *repo.RefusedEntry
	if _, err := fs.ReadFile(files, "mod/s/a.yaml"); !errors.As(err, &refused) || refused.Path != "mod" {
		t.Errorf("got %v", err)
	}
}

// A link is refused wherever it stands in a path, also one that stays inside.
func TestFolderLinks(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/secret", "canary")
	writeFile(t, dir+"/s/real/a.yaml", "a: 1\n")
	for name, target := range map[string]string{"out": "../secret", "abs": dir + "/secret", "in": "real/a.yaml", "dir": "real", "up": "..", "loop": "loop"} {
		if err := os.Symlink(target, dir+"/s/"+name); err != nil {
			t.Skip("links cannot be made here: ", err)
		}
	}
	files, _ := tree(t, open(t, dir+"/s", repo.Options{}))
	for _, name := range []string{"out", "abs", "in", "dir/a.yaml", "up/secret", "loop"} {
		var refused *repo.RefusedEntry
		if text, err := fs.ReadFile(files, name); !errors.As(err, &refused) {
			t.Errorf("%s: read %q, %v", name, text, err)
		}
	}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if (e.Name() == "real") != e.IsDir() || e.Type().IsRegular() {
			t.Errorf("%s is listed as %v", e.Name(), e.Type())
		}
	}
	for _, name := range []string{"../secret", "/etc/passwd", "real/../real/a.yaml", ".git/config"} {
		if _, err := fs.ReadFile(files, name); err == nil {
			t.Errorf("read %s", name)
		}
	}
	if _, err := repo.Open(context.Background(), dir, repo.Options{Path: "../x"}); err == nil {
		t.Error("a path led out of the location")
	}
}

// A file that changes after the folder was surveyed is not passed off as the
// revision that was named.
func TestFolderChangesWhileRead(t *testing.T) {
	g := newGit(t)
	g.commit("First", "a.yaml", "a: 1\n", ".gitignore", "out/\n")
	g.write("out/ignored", "x")
	files, _ := tree(t, open(t, g.dir, repo.Options{}))
	g.write("a.yaml", "a: 2\n")
	g.write("b.yaml", "b: 1\n")
	for _, name := range []string{"a.yaml", "b.yaml"} {
		if text, err := fs.ReadFile(files, name); !errors.Is(err, repo.ErrChanged) {
			t.Errorf("%s: read %q, %v", name, text, err)
		}
	}
	if text, err := fs.ReadFile(files, "out/ignored"); string(text) != "x" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
}

// A folder is surveyed within limits: the home directory is no stack.
func TestFolderLimits(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		writeFile(t, dir+"/"+name, strings.Repeat("x", 1000))
	}
	for _, o := range []repo.Options{{MaxObjects: 2}, {MaxPack: 2000}} {
		if _, _, err := open(t, dir, o).Tree(context.Background()); !errors.Is(err, repo.ErrLimit) {
			t.Errorf("%+v: got %v", o, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := open(t, dir, repo.Options{}).Tree(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A local repository is also read by its commits, as a server's would be.
func TestLocalCommits(t *testing.T) {
	g := newGit(t)
	first := g.commit("First", "s/a.yaml", "a: 1\n", "base/b.yaml", "b: 1\n")
	g.git("tag", "-a", "v1", "-m", "Version 1")
	second := g.commit("Second\nof two lines\n\nbody", "s/a.yaml", "a: 2\n")
	g.git("branch", "side", first)
	g.write("s/a.yaml", "a: 3\n")
	bare := t.TempDir() + "/bare.git"
	g.git("clone", "-q", "--bare", g.dir, bare)
	for _, c := range []struct {
		location, ref, path, hash, text string
	}{
		{g.dir + "/s", "main", "", second, "a: 2\n"},
		{g.dir, "refs/heads/main", "s", second, "a: 2\n"},
		{g.dir, "v1", "s", first, "a: 1\n"},
		{g.dir, "side", "s", first, "a: 1\n"},
		{g.dir, first, "s", first, "a: 1\n"},
		{g.dir, "HEAD", "s", second, "a: 2\n"},
		{bare, "", "s", second, "a: 2\n"},
		{bare, "v1", "./s/", first, "a: 1\n"},
	} {
		s := open(t, c.location, repo.Options{Ref: c.ref, Path: c.path})
		files, rev := tree(t, s)
		if rev.Hash != c.hash || rev.ID() != c.hash || read(t, files, "a.yaml") != c.text {
			t.Errorf("%s %s: got %+v", c.location, c.ref, rev)
		}
		if err := fstest.TestFS(files, "a.yaml"); err != nil {
			t.Error(err)
		}
	}
	s := open(t, g.dir+"/s", repo.Options{Ref: "main"})
	_, rev := tree(t, s)
	if rev.Subject != "Second of two lines" || rev.Author != "Ada <ada@example.com>" || rev.When.Unix() != 1700000000 {
		t.Errorf("got %+v", rev)
	}
	beside, err := s.Beside("../base")
	if err != nil {
		t.Fatal(err)
	}
	g.commit("Third", "base/b.yaml", "b: 3\n")
	if files, rev := tree(t, beside); rev.Hash != second || read(t, files, "b.yaml") != "b: 1\n" {
		t.Errorf("a neighbour is read at another commit: %+v", rev)
	}
	if _, err := s.Beside("../../x"); err == nil {
		t.Error("a neighbour lay outside the repository")
	}
	if _, _, err := open(t, g.dir+"/s", repo.Options{Ref: "main", Path: "gone"}).Tree(context.Background()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, _, err := open(t, g.dir, repo.Options{Ref: "mian"}).Tree(context.Background()); !errors.Is(err, repo.ErrUnknownRef) {
		t.Errorf("got %v", err)
	}
}

// The neighbour of a folder is surveyed for itself.
func TestFolderBeside(t *testing.T) {
	g := newGit(t)
	g.commit("First", "s/prod/a.yaml", "a: 1\n", "base/b.yaml", "b: 1\n")
	g.write("base/b.yaml", "b: 2\n")
	s := open(t, g.dir+"/s/prod", repo.Options{})
	if _, rev := tree(t, s); rev.Dirty {
		t.Errorf("got %+v", rev)
	}
	base, err := s.Beside("../../base")
	if err != nil {
		t.Fatal(err)
	}
	if files, rev := tree(t, base); !rev.Dirty || read(t, files, "b.yaml") != "b: 2\n" {
		t.Errorf("got %+v", rev)
	}
	if _, err := s.Beside("../../../x"); err == nil {
		t.Error("a neighbour lay outside the repository")
	}
}

// The files of an earlier commit are found by its hash, as marks hold it.
func TestLocalAt(t *testing.T) {
	g := newGit(t)
	first := g.commit("First", "s/a.yaml", "a: 1\n")
	g.commit("Second", "s/a.yaml", "a: 2\n")
	other := newGit(t)
	foreign := other.commit("Foreign", "x", "x")
	s := open(t, g.dir+"/s", repo.Options{})
	for _, hash := range []string{first, first + "+"} {
		files, err := s.At(context.Background(), hash)
		if err != nil {
			t.Fatal(err)
		}
		if read(t, files, "a.yaml") != "a: 1\n" {
			t.Error("another commit was read")
		}
	}
	for hash, want := range map[string]bool{first: true, first + "+": true, foreign: false, "": false, "main": false, first[:10]: false, g.git("rev-parse", "HEAD^{tree}"): false} {
		if got, err := s.Contains(context.Background(), hash); got != want {
			t.Errorf("%q: got %v, %v", hash, got, err)
		}
		if _, err := s.At(context.Background(), hash); (err == nil) != want {
			t.Errorf("%q: got %v", hash, err)
		}
	}
}

// What a shallow clone lacks is asked of its origin, and the clone stays as it is.
func TestShallowClone(t *testing.T) {
	g := newGit(t)
	first := g.commit("First", "s/a.yaml", "a: 1\n")
	g.commit("Second", "s/a.yaml", "a: 2\n")
	g.commit("Third", "s/a.yaml", "a: 3\n")
	g.git("config", "uploadpack.allowAnySHA1InWant", "true")
	srv := serve(t, filepath.Dir(g.dir))
	clone := &gitRepo{t, realPath(t, t.TempDir())}
	clone.git("clone", "-q", "--depth", "1", srv.url(g), ".")
	clone.git("config", "remote.origin.url", strings.Replace(srv.url(g), "://", "://ci:canary@", 1))
	before := snapshot(t, clone.dir)

	s := open(t, clone.dir+"/s", repo.Options{Store: store(t)})
	files, err := s.At(context.Background(), first)
	if err != nil {
		t.Fatal(err)
	}
	if read(t, files, "a.yaml") != "a: 1\n" {
		t.Error("another commit was read")
	}
	if ok, err := s.Contains(context.Background(), strings.Repeat("1", 40)); ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	if snapshot(t, clone.dir) != before {
		t.Error("the user's clone was written to")
	}
	alone := open(t, clone.dir+"/s", repo.Options{})
	_, err = alone.At(context.Background(), first)
	if !errors.Is(err, repo.ErrUnknownCommit) || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
	if ok, err := alone.Contains(context.Background(), first); ok || err == nil {
		t.Errorf("nobody can tell, and yet: %v, %v", ok, err)
	}
	if _, err := alone.LastChange(context.Background(), "a.yaml"); !errors.Is(err, repo.ErrHistoryEnds) {
		t.Errorf("got %v", err)
	}
}
