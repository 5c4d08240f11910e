package repo_test

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// Packed objects are read as git reads them: long chains of deltas, by offset
// and by name, and indexes with long offsets.
func TestPackedObjects(t *testing.T) {
	g := newGit(t)
	text, hashes := "", []string{}
	for i := range 40 {
		text += strings.Repeat(fmt.Sprintf("line %d of the file\n", i), 3)
		hashes = append(hashes, g.commit(fmt.Sprint(i), "s/a.yaml", text, "s/b.yaml", fmt.Sprint(i)))
	}
	for name, pack := range map[string][]string{
		"loose":         {"status"},
		"offset deltas": {"-c", "repack.useDeltaBaseOffset=true", "repack", "-adfq", "--depth=50", "--window=50"},
		"name deltas":   {"-c", "repack.useDeltaBaseOffset=false", "repack", "-adFq", "--depth=50", "--window=50"},
	} {
		g.git(pack...)
		if name != "loose" {
			g.git("index-pack", "--index-version=2,0x40", "-o", only(t, g.dir+"/.git/objects/pack/*.idx"), only(t, g.dir+"/.git/objects/pack/*.pack"))
		}
		s := open(t, g.dir+"/s", repo.Options{Ref: "main"})
		for i, hash := range hashes {
			files, err := s.At(context.Background(), hash)
			if err != nil {
				t.Fatal(name, err)
			}
			want := g.git("show", hash+":s/a.yaml") + "\n"
			if got := read(t, files, "a.yaml"); got != want {
				t.Errorf("%s: commit %d is read wrong", name, i)
			}
			if info, err := fs.Stat(files, "a.yaml"); err != nil || info.Size() != int64(len(want)) {
				t.Errorf("%s: got size %v, %v; want %d", name, info, err, len(want))
			}
		}
		s.Close()
	}
}

// Git may pack a repository anew while we have it open.
func TestPackedMeanwhile(t *testing.T) {
	g := newGit(t)
	old := g.commit("Old", "a.yaml", "old")
	g.git("gc", "-q")
	s := open(t, g.dir, repo.Options{})
	tree(t, s)
	head := g.commit("New", "a.yaml", "new")
	g.git("gc", "-q")
	if _, rev := tree(t, s); rev.Hash != head || rev.Dirty {
		t.Errorf("got %+v", rev)
	}
	if files, err := s.At(context.Background(), old); err != nil || read(t, files, "a.yaml") != "old" {
		t.Error(err)
	}
}

// A clone of a folder on this machine asks that folder for what it lacks. Two
// clones that name each other are asked once each.
func TestLocalOrigin(t *testing.T) {
	g := newGit(t)
	old := g.commit("Old", "a.yaml", "old")
	g.commit("New", "a.yaml", "new")
	clone := &gitRepo{t, realPath(t, t.TempDir())}
	clone.git("clone", "-q", "--depth", "1", "file://"+g.dir, ".")
	clone.git("config", "remote.origin.url", g.dir)
	g.git("config", "remote.origin.url", clone.dir)
	s := open(t, clone.dir, repo.Options{})
	if files, err := s.At(context.Background(), old); err != nil || read(t, files, "a.yaml") != "old" {
		t.Error(err)
	}
	if ok, err := s.Contains(context.Background(), strings.Repeat("1", 40)); ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	relative, err := filepath.Rel(clone.dir, g.dir)
	if err != nil {
		t.Fatal(err)
	}
	clone.git("config", "remote.origin.url", relative)
	if ok, err := open(t, clone.dir, repo.Options{}).Contains(context.Background(), old); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestRevision(t *testing.T) {
	hash, digest := strings.Repeat("4f2a91c", 6)[:40], strings.Repeat("d", 64)
	for _, c := range []struct {
		rev      repo.Revision
		id, text string
	}{
		{repo.Revision{Hash: hash}, hash, "revision 4f2a91c"},
		{repo.Revision{Hash: hash, Dirty: true, Digest: digest}, hash + "+", "revision 4f2a91c + uncommitted changes"},
		{repo.Revision{Digest: digest}, digest + "+", "folder ddddddd (not in Git)"},
	} {
		if c.rev.ID() != c.id || c.rev.String() != c.text {
			t.Errorf("got %s, %s; want %s, %s", c.rev.ID(), c.rev, c.id, c.text)
		}
	}
}
