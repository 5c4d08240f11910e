package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// history makes a repository with deltas, tags and folders to damage.
func history(g *gitRepo) (head string) {
	for i := range 12 {
		head = g.commit(fmt.Sprint("Commit ", i),
			"s/a.yaml", strings.Repeat("line\n", 50+i), "s/sub/b.yaml", fmt.Sprint("b: ", i, "\n"),
			"s/sub/c.yaml", "c: 1\n", "other/d.yaml", strings.Repeat(fmt.Sprint(i), 30))
	}
	return head
}

// contents reads everything there is.
func contents(files fs.FS) (map[string]string, error) {
	out := map[string]string{}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		out[path] = string(text)
		return err
	})
	return out, err
}

// A damager damages one file below a folder, and makes it whole again.
type damager struct {
	t      testing.TB
	random *rand.Rand
	whole  map[string][]byte
	paths  []string
}

func newDamager(t testing.TB, dir string) *damager {
	t.Helper()
	d := &damager{t: t, random: rand.New(rand.NewPCG(7, 7)), whole: map[string][]byte{}}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasSuffix(path, ".lock") || strings.HasSuffix(path, "/config") {
			return err
		}
		d.whole[path], err = os.ReadFile(path)
		d.paths = append(d.paths, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// flip changes one random byte of a random file, every byte being as likely.
func (d *damager) flip() (path string) {
	total := 0
	for _, text := range d.whole {
		total += len(text)
	}
	at := d.random.IntN(total)
	for _, path := range d.paths {
		text := slices.Clone(d.whole[path])
		if at < len(text) {
			text[at] ^= byte(1 + d.random.IntN(255))
			d.write(path, text)
			return path
		}
		at -= len(text)
	}
	return ""
}

func (d *damager) write(path string, text []byte) {
	d.t.Helper()
	os.Chmod(path, 0o600) // git writes its objects read-only
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// mend makes all files what they were, also those that went meanwhile.
func (d *damager) mend() {
	for path, text := range d.whole {
		if now, err := os.ReadFile(path); err != nil || string(now) != string(text) {
			d.write(path, text)
		}
	}
}

// A damaged disk never gives a wrong tree: what is read is right, or an error.
func TestS7Damage(t *testing.T) {
	t.Parallel()
	g, srv, o := served(t)
	head := history(g)
	o.Path, o.Ref = "s", head
	files, _ := tree(t, open(t, srv.url(g), o))
	want, err := contents(files)
	if err != nil || len(want) != 3 {
		t.Fatal(want, err)
	}
	flips := 1000
	if testing.Short() {
		flips = 100
	}
	url := srv.url(g)
	srv.Close() // nothing is mended while damage is counted
	wrong, noticed := 0, 0
	try := func(d *damager, location, what string, o repo.Options) {
		t.Helper()
		files, rev, err := open(t, location, o).Tree(context.Background())
		var got map[string]string
		if err == nil {
			got, err = contents(files)
		}
		switch {
		case err != nil:
			noticed++
		case rev.Hash != head || fmt.Sprint(got) != fmt.Sprint(want):
			wrong++
			t.Errorf("damage to %s gives another tree", what)
		}
		d.mend()
	}
	d := newDamager(t, o.Store)
	for range flips {
		try(d, url, d.flip(), o)
	}
	for _, path := range d.paths {
		for _, n := range []int{0, 1, 19, len(d.whole[path]) / 2, len(d.whole[path]) - 1} {
			d.write(path, d.whole[path][:max(0, min(n, len(d.whole[path])))])
			try(d, url, path+" cut short", o)
		}
		os.Remove(path)
		try(d, url, path+" removed", o)
		for _, other := range d.paths {
			d.write(path, d.whole[other])
			try(d, url, path+" with the content of "+other, o)
		}
	}
	inStore := noticed
	g.git("repack", "-q", "-a", "-d", "--depth=10")
	g.commit("Loose", "s/a.yaml", want["a.yaml"], "x", "y")
	g.git("update-ref", "refs/heads/main", head)
	local := newDamager(t, g.dir+"/.git/objects")
	for range flips / 2 {
		try(local, g.dir, local.flip(), repo.Options{Ref: head, Path: "s"})
	}
	t.Logf("S7: %d bytes flipped in a store (%d noticed), %d in a repository, %d wrong trees", flips, inStore, flips/2, wrong)
}

// A store that is damaged is made anew while it is read, once.
func TestS7Mending(t *testing.T) {
	t.Parallel()
	g, srv, o := served(t)
	g.git("config", "uploadpack.allowAnySHA1InWant", "true")
	head := history(g)
	o.Path = "s"
	files, _ := tree(t, open(t, srv.url(g), o))
	want, err := contents(files)
	if err != nil {
		t.Fatal(err)
	}
	mended := 0
	d := newDamager(t, o.Store)
	for i := range 40 {
		path := d.flip()
		if i%4 == 0 { // lost altogether
			path = d.paths[d.random.IntN(len(d.paths))]
			os.Remove(path)
		}
		before := srv.requests.Load()
		s := open(t, srv.url(g), o)
		files, rev, err := s.Tree(context.Background())
		if err != nil {
			t.Errorf("damage to %s: %v", path, err)
			continue
		}
		got, err := contents(files)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || rev.Hash != head {
			t.Errorf("damage to %s: read %.200v, %v", path, got, err)
		}
		if srv.requests.Load() > before+1 {
			mended++
			objectsIn(t, o.Store)
		}
		os.RemoveAll(only(t, o.Store+"/*.git"))
		d.mend()
	}
	if mended == 0 {
		t.Error("no damage led to a new store: the test tries nothing")
	}
	t.Logf("S7: 40 damaged stores read right, %d of them made anew", mended)
}

// A damaged local repository is the user's to mend, and the error says what is
// wrong where.
func TestS7LocalDamage(t *testing.T) {
	g := newGit(t)
	head := g.commit("First", "a.yaml", "a: 1\n")
	blob := g.git("rev-parse", "HEAD:a.yaml")
	path := filepath.Join(g.dir, ".git/objects", blob[:2], blob[2:])
	os.Chmod(path, 0o600)
	writeFile(t, path, "garbage")
	files, _ := tree(t, open(t, g.dir, repo.Options{Ref: head}))
	if _, err := fs.ReadFile(files, "a.yaml"); !errors.Is(err, repo.ErrDamaged) || !strings.Contains(err.Error(), blob) || !strings.Contains(err.Error(), g.dir) {
		t.Errorf("got %v", err)
	}
	os.Remove(path)
	if _, err := fs.ReadFile(files, "a.yaml"); !errors.Is(err, repo.ErrMissing) {
		t.Errorf("got %v", err)
	}
}

// A store that others could write to, or that leads elsewhere, is not used.
func TestS22ForeignStore(t *testing.T) {
	g, srv, _ := served(t)
	g.commit("First", "a.yaml", "a: 1\n")
	outside := t.TempDir()
	cases := map[string]func(top string){
		"store is a link":        func(top string) { os.MkdirAll(top+"/.reconcile", 0o700); os.Symlink(outside, top+"/.reconcile/git") },
		"parent is a link":       func(top string) { os.Symlink(outside, top+"/.reconcile") },
		"store for all":          func(top string) { mkdir(t, top+"/.reconcile/git", 0o777) },
		"store for the group":    func(top string) { mkdir(t, top+"/.reconcile/git", 0o770) },
		"parent for all":         func(top string) { mkdir(t, top+"/.reconcile/git", 0o700); os.Chmod(top+"/.reconcile", 0o777) },
		"store is a file":        func(top string) { writeFile(t, top+"/.reconcile/git", "x") },
		"repository is a link":   func(top string) { fetchInto(t, srv.url(g), top); relink(t, top, outside) },
		"repository for all":     func(top string) { fetchInto(t, srv.url(g), top); chmodOnly(t, top+"/.reconcile/git/*.git", 0o777) },
		"objects lead elsewhere": func(top string) { fetchInto(t, srv.url(g), top); packsElsewhere(t, top, outside) },
	}
	refused := 0
	for name, prepare := range cases {
		top := realPath(t, t.TempDir())
		prepare(top)
		before := snapshot(t, outside)
		g.commit("Next", "a.yaml", name)
		_, _, err := open(t, srv.url(g), repo.Options{Store: top + "/.reconcile/git"}).Tree(context.Background())
		if err == nil {
			t.Errorf("%s: it was used", name)
			continue
		}
		if snapshot(t, outside) != before {
			t.Errorf("%s: something was written outside", name)
		}
		refused++
	}
	t.Logf("S22: %d of %d foreign stores refused", refused, len(cases))
}

func mkdir(t testing.TB, dir string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
}

func fetchInto(t testing.TB, url, top string) {
	t.Helper()
	tree(t, open(t, url, repo.Options{Store: top + "/.reconcile/git"}))
}

func only(t testing.TB, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

func chmodOnly(t testing.TB, pattern string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(only(t, pattern), mode); err != nil {
		t.Fatal(err)
	}
}

func relink(t testing.TB, top, outside string) {
	t.Helper()
	dir := only(t, top+"/.reconcile/git/*.git")
	if err := errors.Join(os.RemoveAll(dir), os.Symlink(outside, dir)); err != nil {
		t.Fatal(err)
	}
}

func packsElsewhere(t testing.TB, top, outside string) {
	t.Helper()
	dir := only(t, top+"/.reconcile/git/*.git/objects/pack")
	if err := errors.Join(os.RemoveAll(dir), os.Symlink(outside, dir)); err != nil {
		t.Fatal(err)
	}
}
