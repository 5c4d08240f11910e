package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// tree is where files are read. Nothing outside of it is, and no link is followed.
type tree struct {
	fs       fs.FS
	files    []string
	problems reconcile.Problems
}

func (t *tree) add(file, hint, message string) {
	t.problems = append(t.problems, reconcile.Problem{Pos: reconcile.Pos{File: file}, Message: message, Hint: hint})
}

// walk lists the YAML files below a folder, sorted, until there are too many.
func (t *tree) walk(folder string) (goOn bool) {
	entries, err := fs.ReadDir(t.fs, folder)
	if err != nil {
		t.add(folder, "", "the folder cannot be read: "+reason(err))
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."), name == CasesFile:
		case e.IsDir():
			if !t.walk(name) {
				return false
			}
		case !e.Type().IsRegular():
			t.irregular(name, e.Type())
		case !isYAML(e.Name()):
		case len(t.files) == MaxFiles:
			t.add(name, "split the stack", fmt.Sprintf("more than %d YAML files, the most that one stack may have", MaxFiles))
			return false
		default:
			t.files = append(t.files, name)
		}
	}
	return true
}

func (t *tree) irregular(name string, mode fs.FileMode) {
	if mode&fs.ModeSymlink != 0 {
		t.add(name, "put the file itself there", "a symbolic link, and links are never followed")
		return
	}
	t.add(name, "take it out", fmt.Sprintf("neither a file nor a folder (%v), so it cannot be read", mode.Type()))
}

func isYAML(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}

// pick takes just the files that were asked for.
func (t *tree) pick(names []string) {
	for _, name := range names {
		name = path.Clean(name)
		mode, err := t.mode(name)
		switch {
		case err != nil:
			t.add(name, "", "the file cannot be read: "+reason(err))
		case mode.IsDir():
			t.add(name, "", "a folder, and a file is wanted")
		case !mode.IsRegular():
			t.irregular(name, mode)
		case !slices.Contains(t.files, name):
			t.files = append(t.files, name)
		}
	}
	slices.Sort(t.files)
}

// mode is what a name is, or the first link on the way to it.
func (t *tree) mode(name string) (mode fs.FileMode, err error) {
	if !fs.ValidPath(name) {
		return 0, errOutside
	}
	for i := range len(name) + 1 {
		if i < len(name) && name[i] != '/' {
			continue
		}
		info, err := fs.Lstat(t.fs, name[:i])
		if err != nil {
			return 0, err
		}
		if mode = info.Mode(); mode&fs.ModeSymlink != 0 {
			return mode, nil
		}
	}
	return mode, nil
}

var errOutside = errors.New("it is outside of the stack's folder")

// read reads a file, one byte over the budget at most.
func (t *tree) read(name string) ([]byte, error) {
	f, err := t.fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	data := make([]byte, 0, min(max(info.Size(), 0), MaxFileBytes)+1)
	for len(data) <= MaxFileBytes {
		if len(data) == cap(data) {
			data = slices.Grow(data, min(cap(data)+512, MaxFileBytes+1-len(data)))
		}
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return data, nil
}

// readFile is a Source's ReadFile: any file of the tree that a value may come from.
func (t *tree) readFile(name string) ([]byte, error) {
	data, err := t.readValue(path.Clean(name))
	if err != nil {
		return nil, fmt.Errorf("read file %s: %s", name, reason(err))
	}
	return data, nil
}

func (t *tree) readValue(name string) ([]byte, error) {
	if hasPrivatePart(name) {
		return nil, errors.New("values cannot come from .git or .reconcile")
	}
	mode, err := t.mode(name)
	if err != nil {
		return nil, err
	}
	if mode&fs.ModeSymlink != 0 {
		return nil, errors.New("it is a symbolic link, and links are never followed")
	}
	data, err := t.read(name)
	if err == nil && len(data) > MaxFileBytes {
		return nil, errors.New("it is larger than 1 MiB (1048576 bytes), the most that is read")
	}
	return data, err
}

// hasPrivatePart tells whether a path leads into Git's folder, where the
// credentials of a remote may stand, or into our own.
func hasPrivatePart(name string) bool {
	for part := range strings.SplitSeq(strings.ToLower(name), "/") {
		if part == ".git" || part == ".reconcile" {
			return true
		}
	}
	return false
}

// reason is an error without the name of the call and the path, which its place tells.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
