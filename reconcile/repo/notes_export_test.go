package repo

import (
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// memoryObjects are objects in memory; every blob that is not there is "x".
type memoryObjects map[plumbing.Hash]newObject

func (m memoryObjects) read(h plumbing.Hash, kind plumbing.ObjectType) ([]byte, error) {
	if o, ok := m[h]; ok && o.kind == kind {
		return o.body, nil
	}
	if kind == plumbing.BlobObject {
		return []byte("x\n"), nil
	}
	return nil, fmt.Errorf("%w: %s", ErrMissing, h)
}

func (m memoryObjects) size(h plumbing.Hash) (int64, error) { return int64(len(m[h].body)), nil }

// EditNotes adds lines to a tree of notes in memory, and reads it before and after.
func EditNotes(tree []byte, lines map[string][]byte) (before, after map[string][]byte, err error) {
	top := newObjectOf(plumbing.TreeObject, tree)
	objects := memoryObjects{top.hash: top}
	w := noteWalk{reader: objects, notes: map[string][]byte{}}
	if err := w.tree(top.hash, ""); err != nil {
		return nil, nil, err
	}
	e := noteEdit{reader: objects}
	changed, err := e.add(top.hash, lines)
	if err != nil {
		return nil, nil, err
	}
	for _, o := range e.objects {
		objects[o.hash] = o
	}
	again := noteWalk{reader: objects, notes: map[string][]byte{}}
	return w.notes, again.notes, again.tree(changed, "")
}
