//go:build unix

package repo_test

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// Whatever the umask, nobody else reads or writes what we keep. The umask is the
// whole process's, so that this test runs alone.
func TestS29Permissions(t *testing.T) {
	g, srv, _ := served(t)
	g.commit("First", "a.yaml", "a: 1\n")
	top := realPath(t, t.TempDir())
	defer syscall.Umask(syscall.Umask(0))
	s := open(t, srv.url(g), repo.Options{Store: top + "/.reconcile/git"})
	tree(t, s)
	g.commit("Second", "a.yaml", "a: 2\n")
	tree(t, s)
	n := 0
	err := filepath.WalkDir(top+"/.reconcile", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("S29: %d files and folders, 0 for others", n)
}
