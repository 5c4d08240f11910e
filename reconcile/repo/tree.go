package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// These bound what is read of one tree. A tree object can name one subtree many
// times over, and so unfold without end.
const (
	maxFolders = 20_000
	maxNames   = 200_000
)

// A treeFS is one folder of a commit as an fs.FS, read from tree objects as it
// is asked for. It is safe for concurrent use.
type treeFS struct {
	reader objectReader
	root   plumbing.Hash
	when   time.Time // the commit's, given as each file's

	mu    sync.Mutex
	dirs  map[string][]entry
	names int
}

var (
	_ fs.ReadFileFS = (*treeFS)(nil)
	_ fs.ReadDirFS  = (*treeFS)(nil)
	_ fs.StatFS     = (*treeFS)(nil)
)

// openTree opens a folder of a commit. What is not there is fs.ErrNotExist.
func openTree(r objectReader, c *commit, folder string) (*treeFS, error) {
	top := &treeFS{reader: r, root: c.tree, when: c.when, dirs: map[string][]entry{}}
	e, err := top.find("open", folder)
	if err != nil {
		return nil, fmt.Errorf("folder of commit %s: %w", short(c.hash.String()), err)
	}
	if !e.mode.IsDir() {
		return nil, fmt.Errorf("folder of commit %s: %w", short(c.hash.String()), pathError("open", folder, errNotDir))
	}
	if _, err := top.dir(folder, e.hash); err != nil {
		return nil, err
	}
	return &treeFS{reader: r, root: e.hash, when: c.when, dirs: map[string][]entry{}}, nil
}

var errNotDir = errors.New("not a directory")

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// find walks from the top to a name. It judges every name on its way, and no
// others: what lies elsewhere in the repository is not ours.
func (t *treeFS) find(op, name string) (entry, error) {
	at := entry{name: ".", mode: fs.ModeDir | 0o555, hash: t.root}
	if !fs.ValidPath(name) {
		return at, pathError(op, name, fs.ErrInvalid)
	}
	if name == "." {
		return at, nil
	}
	dir := "."
	for _, part := range strings.Split(name, "/") {
		if !at.mode.IsDir() {
			return at, pathError(op, name, errNotDir)
		}
		entries, err := t.dir(dir, at.hash)
		if err != nil {
			return at, pathError(op, name, err)
		}
		dir = join(dir, part)
		i, ok := slices.BinarySearchFunc(entries, part, func(e entry, name string) int { return strings.Compare(e.name, name) })
		if !ok {
			return at, pathError(op, name, fs.ErrNotExist)
		}
		at = entries[i]
		reason := nameFlaw(at.name)
		if reason == "" && i+1 < len(entries) && entries[i+1].name == at.name {
			reason = "the name stands twice in its folder"
		}
		if reason != "" {
			return at, pathError(op, name, &RefusedEntry{Path: dir, Mode: at.mode, Reason: reason})
		}
	}
	return at, nil
}

// dir gives the entries of the folder at a path, sorted by name.
func (t *treeFS) dir(path string, h plumbing.Hash) ([]entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if entries, ok := t.dirs[path]; ok {
		return entries, nil
	}
	if len(t.dirs) >= maxFolders || t.names > maxNames {
		return nil, fmt.Errorf("%w: more than %d folders or %d names", ErrLimit, maxFolders, maxNames)
	}
	entries, err := readTree(t.reader, h)
	if err != nil {
		return nil, err
	}
	t.dirs[path] = entries
	t.names += len(entries)
	return entries, nil
}

func readTree(r objectReader, h plumbing.Hash) ([]entry, error) {
	raw, err := r.read(h, plumbing.TreeObject)
	if err != nil {
		return nil, err
	}
	entries, err := decodeTree(raw)
	if err != nil {
		return nil, fmt.Errorf("read tree %s: %w", h, err)
	}
	return entries, nil
}

// Open gives a file, read whole, or a folder.
func (t *treeFS) Open(name string) (fs.File, error) {
	e, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.mode.IsDir() {
		entries, err := t.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openDir{info: t.info(name, e), entries: entries}, nil
	}
	body, err := t.body("open", name, e)
	if err != nil {
		return nil, err
	}
	return newFile(t.info(name, e), body), nil
}

// ReadFile reads a file whole.
func (t *treeFS) ReadFile(name string) ([]byte, error) {
	e, err := t.find("read", name)
	if err != nil {
		return nil, err
	}
	return t.body("read", name, e)
}

func (t *treeFS) body(op, name string, e entry) ([]byte, error) {
	if reason := kindFlaw(e.mode); reason != "" {
		return nil, pathError(op, name, &RefusedEntry{Path: name, Mode: e.mode, Reason: reason})
	}
	if e.mode.IsDir() {
		return nil, pathError(op, name, errors.New("is a directory"))
	}
	body, err := t.reader.read(e.hash, plumbing.BlobObject)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	return body, nil
}

// ReadDir lists a folder. A hostile name in it fails the whole listing;
// symbolic links and submodules are listed by their mode, and refused when read.
func (t *treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !e.mode.IsDir() {
		return nil, pathError("readdir", name, errNotDir)
	}
	entries, err := t.dir(name, e.hash)
	if err == nil {
		err = checkNames(name, entries)
	}
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	out := make([]fs.DirEntry, len(entries))
	for i, child := range entries {
		path := join(name, child.name)
		out[i] = info{name: child.name, mode: child.mode, stat: func() (fs.FileInfo, error) { return t.Stat(path) }}
	}
	return out, nil
}

// Stat describes a file or folder. A file's length is what its header says.
func (t *treeFS) Stat(name string) (fs.FileInfo, error) {
	e, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	i := t.info(name, e)
	if e.mode.IsRegular() {
		if i.size, err = t.reader.size(e.hash); err != nil {
			return nil, pathError("stat", name, err)
		}
	}
	return i, nil
}

func (t *treeFS) info(name string, e entry) info {
	return info{name: name[strings.LastIndexByte(name, '/')+1:], mode: e.mode, when: t.when}
}
