package repo

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// A tree of notes has a file for each object, named by its hash; folders may
// take the first digits of it, two at a time. Whatever else stands in the tree
// is left as it is.

// A noteEntry is one name in such a tree, as it is written.
type noteEntry struct {
	mode string
	name string
	hash plumbing.Hash
}

const (
	noteFile   = "100644"
	noteFolder = "40000"
)

// decodeNotes reads the raw bytes of a tree object, and keeps them so that they
// can be written again.
func decodeNotes(raw []byte) ([]noteEntry, error) {
	var entries []noteEntry
	for len(raw) > 0 {
		mode, rest, found := bytes.Cut(raw, []byte{' '})
		name, rest, ended := bytes.Cut(rest, []byte{0})
		if !found || !ended || len(rest) < len(plumbing.Hash{}) || len(name) == 0 {
			return nil, fmt.Errorf("%w: tree entry %d is malformed", ErrDamaged, len(entries)+1)
		}
		if len(entries) == maxEntries {
			return nil, fmt.Errorf("%w: more than %d notes in one folder", ErrLimit, maxEntries)
		}
		e := noteEntry{mode: string(mode), name: string(name)}
		copy(e.hash[:], rest)
		entries, raw = append(entries, e), rest[len(plumbing.Hash{}):]
	}
	return entries, nil
}

// encodeNotes writes a tree object. Git orders folders as if their names ended in a slash.
func encodeNotes(entries []noteEntry) []byte {
	order := func(e noteEntry) string {
		if e.mode == noteFolder {
			return e.name + "/"
		}
		return e.name
	}
	slices.SortFunc(entries, func(a, b noteEntry) int { return strings.Compare(order(a), order(b)) })
	var out bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&out, "%s %s\x00", e.mode, e.name)
		out.Write(e.hash[:])
	}
	return out.Bytes()
}

// isFanOut tells whether a name is that of a folder of notes.
func isFanOut(e noteEntry) bool {
	return e.mode == noteFolder && len(e.name) == 2 && strings.Trim(e.name, "0123456789abcdef") == ""
}

// noteWalk collects all notes of a tree.
type noteWalk struct {
	reader objectReader
	notes  map[string][]byte
	bytes  int
}

// maxNotes bounds what is read of notes, in bytes.
const maxNotes = 256 << 20

// tree reads the notes in a folder, whose names begin with the prefix.
func (w *noteWalk) tree(h plumbing.Hash, prefix string) error {
	raw, err := w.reader.read(h, plumbing.TreeObject)
	if err != nil {
		return err
	}
	entries, err := decodeNotes(raw)
	if err != nil {
		return err
	}
	for _, e := range entries {
		on := prefix + e.name
		switch {
		case isFanOut(e) && len(on) < 40:
			err = w.tree(e.hash, on)
		case e.mode != noteFolder && isHash(on):
			err = w.note(on, e.hash)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *noteWalk) note(on string, h plumbing.Hash) error {
	text, err := w.reader.read(h, plumbing.BlobObject)
	if err != nil {
		return err
	}
	if w.bytes += len(text); w.bytes > maxNotes {
		return fmt.Errorf("%w: more than %d MiB of notes", ErrLimit, maxNotes>>20)
	}
	w.notes[on] = joinLines(w.notes[on], text)
	return nil
}

// noteEdit makes the objects of a changed tree.
type noteEdit struct {
	reader  objectReader
	objects []newObject
}

func (e *noteEdit) put(kind plumbing.ObjectType, body []byte) plumbing.Hash {
	o := newObjectOf(kind, body)
	e.objects = append(e.objects, o)
	return o.hash
}

// add adds lines to the notes of a tree, the zero hash for an empty one.
func (e *noteEdit) add(tree plumbing.Hash, lines map[string][]byte) (plumbing.Hash, error) {
	for on := range lines {
		if !isHash(on) {
			return tree, fmt.Errorf("%s is no full hash to note something on", quote(on))
		}
	}
	return e.folder(tree, lines, true)
}

// folder adds lines to the notes of one folder, by what is left of their names.
// New notes stand one folder deep, as Git itself keeps many of them.
func (e *noteEdit) folder(tree plumbing.Hash, lines map[string][]byte, top bool) (plumbing.Hash, error) {
	entries, err := e.entries(tree)
	if err != nil {
		return tree, err
	}
	below := map[string]map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		at := slices.IndexFunc(entries, func(n noteEntry) bool { return n.name == name && n.mode != noteFolder })
		deeper := slices.ContainsFunc(entries, func(n noteEntry) bool { return isFanOut(n) && len(name) > 2 && n.name == name[:2] })
		switch {
		case at >= 0:
			err = e.extend(&entries[at], lines[name])
		case deeper || top:
			if below[name[:2]] == nil {
				below[name[:2]] = map[string][]byte{}
			}
			below[name[:2]][name[2:]] = lines[name]
		default:
			entries = append(entries, noteEntry{noteFile, name, e.put(plumbing.BlobObject, joinLines(nil, lines[name]))})
		}
		if err != nil {
			return tree, err
		}
	}
	if entries, err = e.deeper(entries, below); err != nil {
		return tree, err
	}
	return e.tree(tree, entries), nil
}

// tree writes a folder, if it is another one now.
func (e *noteEdit) tree(was plumbing.Hash, entries []noteEntry) plumbing.Hash {
	body := encodeNotes(entries)
	if plumbing.ComputeHash(plumbing.TreeObject, body) == was {
		return was
	}
	return e.put(plumbing.TreeObject, body)
}

func (e *noteEdit) entries(tree plumbing.Hash) ([]noteEntry, error) {
	if tree.IsZero() {
		return nil, nil
	}
	raw, err := e.reader.read(tree, plumbing.TreeObject)
	if err != nil {
		return nil, err
	}
	return decodeNotes(raw)
}

// deeper adds lines to the notes of the folders below.
func (e *noteEdit) deeper(entries []noteEntry, below map[string]map[string][]byte) ([]noteEntry, error) {
	for _, name := range slices.Sorted(maps.Keys(below)) {
		at := slices.IndexFunc(entries, func(n noteEntry) bool { return isFanOut(n) && n.name == name })
		if at < 0 {
			entries = append(entries, noteEntry{mode: noteFolder, name: name})
			at = len(entries) - 1
		}
		tree, err := e.folder(entries[at].hash, below[name], false)
		if err != nil {
			return nil, err
		}
		entries[at].hash = tree
	}
	return entries, nil
}

// extend adds lines to a note that is there.
func (e *noteEdit) extend(at *noteEntry, more []byte) error {
	note, err := e.reader.read(at.hash, plumbing.BlobObject)
	if err != nil {
		return err
	}
	if joined := joinLines(note, more); !bytes.Equal(joined, note) {
		at.hash = e.put(plumbing.BlobObject, joined)
	}
	return nil
}
