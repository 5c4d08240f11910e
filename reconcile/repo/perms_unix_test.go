//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package repo_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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

// Only one process at a time writes to a store; the others wait no longer than
// they may.
func TestStoreLock(t *testing.T) {
	g, srv, o := served(t)
	g.commit("First", "a.yaml", "a: 1\n")
	tree(t, open(t, srv.url(g), o))
	lock, err := os.OpenFile(only(t, o.Store+"/*.lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	o.Timeout = 120 * time.Millisecond
	_, _, err = open(t, srv.url(g), o).Tree(context.Background())
	if !errors.Is(err, repo.ErrUnavailable) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v", err)
	}
	lock.Close() // as the kernel does for a process that is killed
	o.Timeout = 0
	tree(t, open(t, srv.url(g), o))
}
