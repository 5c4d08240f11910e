package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// The names in the folder.
const (
	database = "store.db"
	count    = "store.count"
	locks    = "locks"
	ignore   = ".gitignore"
)

// Unsafe is the refusal of a folder or file that is not ours alone.
type Unsafe struct {
	Path   string
	Reason string
	Fix    string // what to do
}

func (u *Unsafe) Error() string {
	return fmt.Sprintf("%s %s, so what is in it cannot be trusted; %s", u.Path, u.Reason, u.Fix)
}

// Prepare makes the folder of a store, private and ignored by Git, or checks
// the one that is there. It returns its absolute path.
func Prepare(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the store's folder: %w", err)
	}
	if err := check(dir); err != nil {
		return "", err
	}
	if err := makeFolder(filepath.Join(dir, locks)); err != nil {
		return "", err
	}
	if err := hide(filepath.Join(dir, ignore)); err != nil {
		return "", fmt.Errorf("make the store's folder: %w", err)
	}
	return dir, nil
}

// hide makes the file that keeps the folder out of Git, unless there is one.
func hide(path string) error {
	made, err := makeFile(path)
	if err != nil || !made {
		return err
	}
	return os.WriteFile(path, []byte("*\n"), 0o600)
}

// makeFolder makes a private folder where there is none.
func makeFolder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the store: %w", err)
	}
	return nil
}

// makeFile makes an empty private file where there is none. It never opens one
// that is there: closing it would end SQLite's locks on it.
func makeFile(path string) (made bool, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("make the store: %w", err)
	}
	return true, f.Close()
}

// check refuses a folder, and files of ours in it, that are links or that
// others may read or write. What is not there is fine.
func check(dir string) error {
	if err := checkOne(dir, true); err != nil {
		return err
	}
	if err := checkOne(filepath.Join(dir, locks), true); err != nil {
		return err
	}
	files := []string{database, database + "-wal", database + "-shm", database + "-journal", count, ignore}
	for _, name := range files {
		if err := checkOne(filepath.Join(dir, name), false); err != nil {
			return err
		}
	}
	return nil
}

func checkOne(path string, folder bool) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at the store: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return &Unsafe{path, "is a symbolic link", "name the folder itself with --store, or remove the link"}
	case folder != info.IsDir(), !folder && !info.Mode().IsRegular():
		return &Unsafe{path, "is not what the store makes", "move it away"}
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return exposed(path, info)
	}
	return nil
}

func exposed(path string, info fs.FileInfo) error {
	mode := "600"
	if info.IsDir() {
		mode = "700"
	}
	return &Unsafe{path, fmt.Sprintf("is open to other users (mode %04o)", info.Mode().Perm()),
		fmt.Sprintf("if it is yours: chmod %s %s", mode, path)}
}
