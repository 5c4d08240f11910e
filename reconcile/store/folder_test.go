package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestS29_Modes looks at everything that a store makes under umask 000.
func TestS29_Modes(t *testing.T) {
	t.Parallel()
	_, lines := child(t, "umask", filepath.Join(t.TempDir(), "made", ".reconcile"))
	modes := map[string]string{}
	for lines.Scan() {
		name, mode, _ := strings.Cut(lines.Text(), " ")
		modes[name] = mode
	}
	for _, name := range []string{"store.db", "store.db-wal", "store.db-shm", "store.count", ".gitignore", "locks/store", "locks/" + stack + ".stack"} {
		if modes[name] != "0600" {
			t.Errorf("%s has mode %q", name, modes[name])
		}
		delete(modes, name)
	}
	if len(modes) != 2 || modes["."] != "0700" || modes["locks"] != "0700" {
		t.Errorf("folders and others: %v", modes)
	}
	t.Log("S29: 7 files with mode 0600, 2 folders with 0700, under umask 000")
}

// unsafeThings are what others, or a repository, may have put in our place.
var unsafeThings = map[string]struct {
	arrange func(dir string) error
	want    string
}{
	"an open folder":       {func(dir string) error { return os.Chmod(dir, 0o750) }, "chmod 700 "},
	"a writable folder":    {func(dir string) error { return os.Chmod(dir, 0o777) }, "chmod 700 "},
	"an open database":     {func(dir string) error { return os.Chmod(dir+"/store.db", 0o644) }, "chmod 600 "},
	"a writable lock area": {func(dir string) error { return os.Chmod(dir+"/locks", 0o770) }, "chmod 700 "},
	"an open count":        {func(dir string) error { return os.Chmod(dir+"/store.count", 0o640) }, "chmod 600 "},
	"a linked database":    {func(dir string) error { return link(dir+"/store.db", dir+"/../elsewhere") }, "symbolic link"},
	"a linked log":         {func(dir string) error { return link(dir+"/store.db-wal", dir+"/../elsewhere") }, "symbolic link"},
	"linked locks":         {func(dir string) error { return link(dir+"/locks", dir+"/../elsewhere") }, "symbolic link"},
	"a linked folder":      {func(dir string) error { return link(dir, dir+"-elsewhere") }, "symbolic link"},
	"a folder as database": {func(dir string) error {
		return replace(dir+"/store.db", func(p string) error { return os.Mkdir(p, 0o700) })
	}, "move it away"},
	"a file as locks": {func(dir string) error {
		return replace(dir+"/locks", func(p string) error { return os.WriteFile(p, nil, 0o600) })
	}, "move it away"},
	"a file as folder": {func(dir string) error {
		return replace(dir, func(p string) error { return os.WriteFile(p, nil, 0o600) })
	}, ""},
}

func replace(path string, with func(string) error) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return with(path)
}

// link moves what is at path to another place and leaves a link to it.
func link(path, to string) error {
	if err := os.Rename(path, to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(to, path)
}

func TestS22_UnsafeFolders(t *testing.T) {
	t.Parallel()
	for name, test := range unsafeThings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := t.TempDir()
			if err := mustOpen(t, place).Close(); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(place, ".reconcile")
			if err := test.arrange(dir); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir)
			var refused *Unsafe
			if test.want != "" && !errors.As(err, &refused) || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it was opened: %v", err)
			}
			if _, ok, err := OpenExisting(dir); test.want != "" && (ok || err == nil) {
				t.Errorf("it was opened for reading: %v %v", ok, err)
			}
		})
	}
}

func TestS22_LinkedLock(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	s := mustOpen(t, place)
	defer s.Close()
	precious := filepath.Join(place, "precious")
	if err := os.Symlink(precious, filepath.Join(s.dir, locks, lockName(stack))); err != nil {
		t.Fatal(err)
	}
	var refused *Unsafe
	if _, err := s.Lease(t.Context(), stack, "me"); !errors.As(err, &refused) {
		t.Errorf("the lock was taken through a link: %v", err)
	}
	if _, err := os.Lstat(precious); err == nil {
		t.Error("a file elsewhere was made")
	}
}

func TestOpenExisting(t *testing.T) {
	t.Parallel()
	place := t.TempDir()
	dir := filepath.Join(place, "a", ".reconcile")
	if s, ok, err := OpenExisting(dir); s != nil || ok || err != nil {
		t.Errorf("%v %v %v", s, ok, err)
	}
	if entries, _ := os.ReadDir(place); len(entries) != 0 {
		t.Errorf("it made %v", entries)
	}
	mustOpen(t, filepath.Join(place, "a")).Close()
	s, ok, err := OpenExisting(dir)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, ".gitignore")); err != nil || string(text) != "*\n" {
		t.Errorf("%q %v", text, err)
	}
}

// TestOpenPlaces opens stores in folders whose names mean something elsewhere.
func TestOpenPlaces(t *testing.T) {
	for _, name := range []string{"a b", "a?mode=memory", "50%25", "#x", "a&b=c", "ü"} {
		t.Run(name, func(t *testing.T) {
			place := filepath.Join(t.TempDir(), name)
			s := mustOpen(t, place)
			fill(t, s, 3, 1)
			s.Close()
			info, err := os.Stat(filepath.Join(place, ".reconcile", database))
			if err != nil || info.Size() == 0 {
				t.Errorf("the database is elsewhere: %v", err)
			}
		})
	}
	t.Chdir(t.TempDir())
	s, err := Open(".reconcile")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("/")
	fill(t, s, 3, 1)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
