package repo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
)

// localNotes are the notes of a repository on disk, written as Git writes them:
// objects first, and the ref under its lock.
type localNotes struct{ git gitDir }

func (l localNotes) tip(context.Context) (plumbing.Hash, objectReader, error) {
	h, _, err := l.git.ref(NotesRef)
	return h, l.git.objects(), err
}

func (l localNotes) close() {}

func (l localNotes) move(_ context.Context, from, to plumbing.Hash, objects []newObject) error {
	root, err := os.OpenRoot(l.git.common)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, o := range objects {
		if err := writeLoose(root, o); err != nil {
			return fmt.Errorf("write object %s: %w", o.hash, err)
		}
	}
	return l.moveRef(root, from, to)
}

// writeLoose writes one object, unless it is there.
func writeLoose(root *os.Root, o newObject) error {
	hex := o.hash.String()
	name := path.Join("objects", hex[:2], hex[2:])
	if _, err := root.Stat(name); err == nil {
		return nil
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	tmp := path.Join("objects", hex[:2], "tmp_obj_"+rand.Text())
	file, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	w := objfile.NewWriter(file)
	err = w.WriteHeader(o.kind, int64(len(o.body)))
	if err == nil {
		_, err = w.Write(o.body)
	}
	err = errors.Join(err, w.Close(), file.Sync(), file.Close())
	if err == nil {
		err = root.Rename(tmp, name)
	}
	if err != nil {
		root.Remove(tmp)
	}
	return err
}

// moveRef moves the ref under the lock that git itself takes for it.
func (l localNotes) moveRef(root *os.Root, from, to plumbing.Hash) error {
	if err := root.MkdirAll(path.Dir(NotesRef), 0o755); err != nil {
		return err
	}
	lock := NotesRef + ".lock"
	file, err := root.OpenFile(lock, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w (if not, remove the file %s of the repository)", errMoved, lock)
	}
	if err != nil {
		return err
	}
	at, _, err := l.git.ref(NotesRef)
	if err == nil && at != from {
		err = errMoved
	}
	if err == nil {
		_, err = file.WriteString(to.String() + "\n")
	}
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = root.Rename(lock, NotesRef)
	}
	if err != nil {
		root.Remove(lock)
	}
	return err
}
