package repo

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// A folderFS is a folder on disk as an fs.FS. Nothing outside the folder is
// reached, symbolic links are refused wherever they stand in a path, and a file
// that is not as it was surveyed is ErrChanged: what is read is what the
// revision names. It is safe for concurrent use.
type folderFS struct {
	root   *os.Root // the folder
	seen   map[string][sha256.Size]byte
	passed map[string]bool // not surveyed, with all below it
}

var (
	_ fs.ReadFileFS = (*folderFS)(nil)
	_ fs.ReadDirFS  = (*folderFS)(nil)
	_ fs.StatFS     = (*folderFS)(nil)
)

// hidden are names that are not part of any folder's content: Git's own files,
// and ours.
func hidden(name string) bool { return name == ".git" || name == ".reconcile" }

// plain describes what stands at a path, and refuses all that is reached
// through a link or lies in another repository.
func (f *folderFS) plain(op, name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, pathError(op, name, fs.ErrInvalid)
	}
	var at fs.FileInfo
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		path := name[:i]
		if path != "." && hidden(path[strings.LastIndexByte(path, '/')+1:]) {
			return nil, pathError(op, name, fs.ErrNotExist)
		}
		var err error
		if at, err = f.root.Lstat(path); err != nil {
			return nil, pathError(op, name, cause(err))
		}
		mode := kindOf(f.root, path, at.Mode())
		if reason := kindFlaw(mode); reason != "" {
			return nil, pathError(op, name, &RefusedEntry{Path: path, Mode: mode, Reason: reason})
		}
	}
	return at, nil
}

// kindOf is a mode as a commit would have it: a folder with a .git of its own
// is another repository.
func kindOf(root *os.Root, path string, mode fs.FileMode) fs.FileMode {
	if !mode.IsDir() || path == "." {
		return mode
	}
	if _, err := root.Lstat(path + "/.git"); err == nil {
		return fs.ModeIrregular
	}
	return mode
}

// cause drops the path that an os error carries, which names the machine's folders.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Open gives a file, read whole, or a folder.
func (f *folderFS) Open(name string) (fs.File, error) {
	at, err := f.plain("open", name)
	if err != nil {
		return nil, err
	}
	if at.IsDir() {
		entries, err := f.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openDir{info: describe(name, at), entries: entries}, nil
	}
	body, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return newFile(describe(name, at), body), nil
}

// ReadFile reads a file whole.
func (f *folderFS) ReadFile(name string) ([]byte, error) {
	at, err := f.plain("read", name)
	switch {
	case err != nil:
		return nil, err
	case at.IsDir():
		return nil, pathError("read", name, errors.New("is a directory"))
	case at.Size() > maxObject:
		return nil, pathError("read", name, checkSize(at.Size()))
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, pathError("read", name, cause(err))
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, maxObject+1))
	if err != nil {
		return nil, pathError("read", name, cause(err))
	}
	if len(body) > maxObject || !f.asSurveyed(name, body) {
		return nil, pathError("read", name, fmt.Errorf("%w; run again", ErrChanged))
	}
	return body, nil
}

// asSurveyed tells whether a file is what the revision was made of. Ignored
// files are no part of it.
func (f *folderFS) asSurveyed(name string, body []byte) bool {
	if want, ok := f.seen[name]; ok {
		return sha256.Sum256(body) == want
	}
	for i := range len(name) + 1 {
		if (i == len(name) || name[i] == '/') && f.passed[name[:i]] {
			return true
		}
	}
	return false
}

// ReadDir lists a folder. Links and other repositories are listed by their
// mode, and refused when read.
func (f *folderFS) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := f.plain("readdir", name)
	if err != nil {
		return nil, err
	}
	if !at.IsDir() {
		return nil, pathError("readdir", name, errNotDir)
	}
	entries, err := listDir(f.root, name)
	if err != nil {
		return nil, pathError("readdir", name, cause(err))
	}
	out := make([]fs.DirEntry, 0, len(entries))
	for _, e := range entries {
		if hidden(e.Name()) {
			continue
		}
		path := join(name, e.Name())
		mode := kindOf(f.root, path, e.Type())
		if reason := nameFlaw(e.Name()); reason != "" {
			return nil, pathError("readdir", name, &RefusedEntry{Path: path, Mode: mode, Reason: reason})
		}
		out = append(out, info{name: e.Name(), mode: mode, stat: func() (fs.FileInfo, error) { return f.lstat(path) }})
	}
	return out, nil
}

// lstat describes an entry itself, also one that is refused when read.
func (f *folderFS) lstat(path string) (fs.FileInfo, error) {
	at, err := f.root.Lstat(path)
	if err != nil {
		return nil, pathError("stat", path, cause(err))
	}
	i := describe(path, at)
	i.mode = kindOf(f.root, path, i.mode)
	return i, nil
}

// Stat describes a file or folder.
func (f *folderFS) Stat(name string) (fs.FileInfo, error) {
	at, err := f.plain("stat", name)
	if err != nil {
		return nil, err
	}
	return describe(name, at), nil
}

func describe(name string, at fs.FileInfo) info {
	return info{name: name[strings.LastIndexByte(name, '/')+1:], mode: at.Mode(), size: at.Size(), when: at.ModTime()}
}

// listDir lists a folder of root, sorted by name.
func listDir(root *os.Root, path string) ([]fs.DirEntry, error) {
	dir, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}
