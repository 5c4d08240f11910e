package repo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// A bareStore is one repository as we keep it on disk: packs, the commits whose
// trees are complete (tips), and where its history was cut. It is laid out as
// Git lays it out, so that git can look into it. All writing is confined to
// the store's directory, and every file appears whole or not at all.
type bareStore struct {
	root *os.Root // of all repositories
	dir  string   // the same, absolute
	name string
}

// maxTips bounds the commits that we tell a server we have.
const maxTips = 16

// maxPacks is how many fetches are kept before the store is made anew.
const maxPacks = 64

var slugForm = regexp.MustCompile(`[^a-z0-9.]+`)

// storeName is a repository's directory: readable, and distinct for each address.
func storeName(ep endpoint) string {
	sum := sha256.Sum256([]byte(ep.String()))
	slug := slugForm.ReplaceAllString(strings.ToLower(path.Base(strings.TrimSuffix(ep.path, ".git"))), "-")
	return strings.Trim(slug[:min(len(slug), 40)], "-.") + fmt.Sprintf("-%x.git", sum[:8])
}

// openBare opens or makes a repository's directory. A directory that others
// could write to, or that leads elsewhere, is refused: what stands in it decides
// what is deployed.
func openBare(dir string, ep endpoint) (*bareStore, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := makePrivate(abs); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	b := &bareStore{root: root, dir: abs, name: storeName(ep)}
	if at, err := root.Lstat(b.name); err == nil {
		return b, privateFlaw(filepath.Join(abs, b.name), at)
	}
	return b, nil
}

// makePrivate makes the store's directory, and .reconcile above it if that is
// where it lies. What is there already is looked at before anything is written.
func makePrivate(dir string) error {
	above := filepath.Dir(dir)
	if filepath.Base(above) == ".reconcile" {
		if err := makePrivate(above); err != nil {
			return err
		}
	} else if err := os.MkdirAll(above, 0o700); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("open store: %w", err)
	}
	at, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	return privateFlaw(dir, at)
}

func privateFlaw(dir string, at fs.FileInfo) error {
	switch {
	case at.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("open store: %s is a symbolic link; put a directory of your own there", dir)
	case !at.IsDir():
		return fmt.Errorf("open store: %s is not a directory", dir)
	case at.Mode().Perm()&0o022 != 0 && runtime.GOOS != "windows":
		return fmt.Errorf("open store: others may write to %s; run chmod 700 on it", dir)
	}
	return nil
}

// make lays an empty repository out, if there is none.
func (b *bareStore) make() error {
	for _, dir := range []string{"", "objects", "objects/pack", "refs"} {
		if err := b.root.Mkdir(path.Join(b.name, dir), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make store: %w", err)
		}
	}
	files := map[string]string{
		"HEAD":   "ref: refs/heads/none\n",
		"config": "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
	}
	for name, text := range files {
		if _, err := b.root.Lstat(path.Join(b.name, name)); err == nil {
			continue
		}
		if err := b.write(name, []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// there tells whether the directory that was opened is still the one of its name.
func (b *bareStore) there() bool {
	opened, err := b.root.Stat(".")
	if err != nil {
		return false
	}
	named, err := os.Stat(b.dir)
	return err == nil && os.SameFile(opened, named)
}

// objects opens the object store. It borrows from nobody.
func (b *bareStore) objects(where string) *objectStore {
	return openObjects(filepath.Join(b.dir, b.name, "objects"), where, false)
}

// wipe removes the repository. The next fetch makes it anew.
func (b *bareStore) wipe() error {
	if err := b.root.RemoveAll(b.name); err != nil {
		return fmt.Errorf("remove damaged store: %w", err)
	}
	return b.make()
}

// create opens a new file next to where it will be moved.
func (b *bareStore) create(dir string) (*os.File, string, error) {
	name := path.Join(b.name, dir, "tmp_"+rand.Text())
	file, err := b.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, "", fmt.Errorf("write store: %w", err)
	}
	return file, name, nil
}

// write replaces a file at once.
func (b *bareStore) write(name string, text []byte) error {
	file, tmp, err := b.create("")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = b.root.Rename(tmp, path.Join(b.name, name))
	}
	if err != nil {
		b.root.Remove(tmp)
		return fmt.Errorf("write store: %w", err)
	}
	return nil
}

// packs counts the packs, and sweeps away what a killed fetch left behind.
func (b *bareStore) packs() (int, error) {
	dir := path.Join(b.name, "objects", "pack")
	entries, err := listDir(b.root, dir)
	if err != nil {
		return 0, fmt.Errorf("read store: %w", err)
	}
	n := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "tmp_") {
			b.root.Remove(path.Join(dir, e.Name()))
		}
		if strings.HasSuffix(e.Name(), ".pack") {
			n++
		}
	}
	return n, nil
}

const tipPrefix = "refs/reconcile/"

// tips are the commits of which everything is here, oldest fetch first. They
// stand in packed-refs, where git sees them too.
func (b *bareStore) tips() ([]plumbing.Hash, error) {
	lines, err := b.lines("packed-refs")
	var out []plumbing.Hash
	for _, line := range lines {
		hash, name, _ := strings.Cut(line, " ")
		if !isHash(hash) || name != tipPrefix+hash {
			return nil, fmt.Errorf("%w: packed-refs of the store", ErrDamaged)
		}
		out = append(out, plumbing.NewHash(hash))
	}
	return out, err
}

func (b *bareStore) addTip(h plumbing.Hash) error {
	tips, err := b.tips()
	if err != nil {
		return err
	}
	tips = append(slices.DeleteFunc(tips, func(t plumbing.Hash) bool { return t == h }), h)
	var text strings.Builder
	for _, t := range tips[max(0, len(tips)-maxTips):] {
		fmt.Fprintf(&text, "%s %s%s\n", t, tipPrefix, t)
	}
	return b.write("packed-refs", []byte(text.String()))
}

// shallow are the commits at which the history here was cut.
func (b *bareStore) shallow() (map[plumbing.Hash]bool, error) {
	lines, err := b.lines("shallow")
	cut := map[plumbing.Hash]bool{}
	for _, line := range lines {
		if !isHash(line) {
			return nil, fmt.Errorf("%w: list of shallow commits of the store", ErrDamaged)
		}
		cut[plumbing.NewHash(line)] = true
	}
	return cut, err
}

func (b *bareStore) setShallow(cut map[plumbing.Hash]bool) error {
	var lines []string
	for h := range cut {
		lines = append(lines, h.String()+"\n")
	}
	slices.Sort(lines)
	return b.write("shallow", []byte(strings.Join(lines, "")))
}

func (b *bareStore) lines(name string) ([]string, error) {
	text, err := b.root.ReadFile(path.Join(b.name, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' }), nil
}

// lockWait is how often a lock that others hold is tried again.
const lockWait = 50 * time.Millisecond

// lock keeps other processes from writing to the repository, until unlock. A
// killed process gives its lock back.
func (b *bareStore) lock(ctx context.Context) (unlock func(), err error) {
	file, err := b.root.OpenFile(strings.TrimSuffix(b.name, ".git")+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	for {
		ok, err := tryLock(file)
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("lock store: %w", err)
		}
		if ok {
			return func() { file.Close() }, nil
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, faultf(errors.Join(ErrUnavailable, ctx.Err()), "try again later", "another process is fetching into the same store")
		case <-time.After(lockWait):
		}
	}
}
