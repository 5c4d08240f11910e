package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// NotesRef is where notes stand; git log --notes=reconcile shows them.
const NotesRef = "refs/notes/reconcile"

// noteAuthor writes the commits of notes.
const noteAuthor = "reconcile <noreply@reconcile.invalid>"

// Notes are lines of text on commits, kept in the repository under NotesRef.
// They are only added to. It is safe for concurrent use, and others may write
// to the same ref: who comes second goes on from what the first one wrote.
type Notes struct {
	name  string
	place notePlace
	now   func() time.Time
}

// A notePlace is a repository whose ref of notes can be moved.
type notePlace interface {
	// tip is where the ref stands now, the zero hash if there is none.
	tip(ctx context.Context) (plumbing.Hash, objectReader, error)
	// move adds objects and moves the ref, errMoved if it no longer stands at from.
	move(ctx context.Context, from, to plumbing.Hash, objects []newObject) error
	close()
}

// errMoved means that somebody else wrote first.
var errMoved = errors.New("somebody else is writing notes at the same time")

// A newObject is an object to be written.
type newObject struct {
	hash plumbing.Hash
	kind plumbing.ObjectType
	body []byte
}

func newObjectOf(kind plumbing.ObjectType, body []byte) newObject {
	return newObject{plumbing.ComputeHash(kind, body), kind, body}
}

// OpenNotes opens the notes of a repository: a folder in one, or a Git URL, for
// which o.Store is a directory to fetch into. Nothing is read or sent yet.
func OpenNotes(location string, o Options) (*Notes, error) {
	o, err := o.defaulted()
	if err != nil {
		return nil, err
	}
	ep, remote, err := parseLocation(location)
	switch {
	case err != nil:
		return nil, err
	case !remote:
		return localNotesAt(location)
	case o.Store == "":
		return nil, fmt.Errorf("open notes of %s: no store was named to fetch into", ep)
	}
	o.Store = filepath.Join(o.Store, "notes") // apart: what is fetched there is no history
	o.Ref = NotesRef
	return &Notes{name: ep.String(), place: &remoteNotes{newRemoteHistory(ep, o)}, now: time.Now}, nil
}

func localNotesAt(location string) (*Notes, error) {
	real, err := realFolder(location)
	if err != nil {
		return nil, fmt.Errorf("open notes of %s: %w", quote(location), err)
	}
	git, _, found, err := findRepository(real)
	if err == nil && !found {
		err = errors.New("it is not in a Git repository")
	}
	if err != nil {
		return nil, fmt.Errorf("open notes of %s: %w", quote(location), err)
	}
	return &Notes{name: location, place: localNotes{git}, now: time.Now}, nil
}

// Name is the repository, without credentials.
func (n *Notes) Name() string { return n.name }

// Close gives files back; the notes stay usable.
func (n *Notes) Close() { n.place.close() }

// Read returns the notes as they are now, by the hash of what they are on.
func (n *Notes) Read(ctx context.Context) (map[string][]byte, error) {
	notes, err := n.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the notes of %s: %w", n.name, err)
	}
	return notes, nil
}

func (n *Notes) read(ctx context.Context) (notes map[string][]byte, err error) {
	defer guard("read notes", &err)
	tip, reader, err := n.place.tip(ctx)
	if err != nil || tip.IsZero() {
		return nil, err
	}
	c, err := readCommit(reader, tip)
	if err != nil {
		return nil, err
	}
	w := noteWalk{reader: reader, notes: map[string][]byte{}}
	return w.notes, w.tree(c.tree, "")
}

// noteTries bounds how often an addition begins anew because others were first.
const noteTries = 20

// Add adds lines to notes, by the hash of what they are on. Lines that a note
// has already are not added again.
func (n *Notes) Add(ctx context.Context, lines map[string][]byte) error {
	var err error
	for try := range noteTries {
		if err = n.add(ctx, lines); !errors.Is(err, errMoved) {
			break
		}
		if !pause(ctx, rand.N(time.Duration(try+1)*10*time.Millisecond)) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("add notes to %s: %w", n.name, err)
	}
	return nil
}

// pause waits, and tells whether the context still holds.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (n *Notes) add(ctx context.Context, lines map[string][]byte) (err error) {
	defer guard("write notes", &err)
	tip, reader, err := n.place.tip(ctx)
	if err != nil {
		return err
	}
	e := noteEdit{reader: reader}
	tree := plumbing.ZeroHash
	if !tip.IsZero() {
		c, err := readCommit(reader, tip)
		if err != nil {
			return err
		}
		tree = c.tree
	}
	changed, err := e.add(tree, lines)
	if err != nil || changed == tree {
		return err
	}
	commit := e.put(plumbing.CommitObject, noteCommit(changed, tip, n.now()))
	return n.place.move(ctx, tip, commit, e.objects)
}

// noteCommit is a commit of a tree of notes.
func noteCommit(tree, parent plumbing.Hash, at time.Time) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "tree %s\n", tree)
	if !parent.IsZero() {
		fmt.Fprintf(&out, "parent %s\n", parent)
	}
	fmt.Fprintf(&out, "author %[1]s %[2]d +0000\ncommitter %[1]s %[2]d +0000\n\nNotes added by reconcile\n", noteAuthor, at.Unix())
	return out.Bytes()
}

// joinLines adds the lines that a note lacks; nothing that it has is changed.
func joinLines(note, more []byte) []byte {
	have := strings.Split(string(note), "\n")
	out := slices.Clone(note)
	for line := range bytes.Lines(more) {
		line = bytes.TrimSuffix(line, []byte{'\n'})
		if len(line) == 0 || slices.Contains(have, string(line)) {
			continue
		}
		if len(out) > 0 && out[len(out)-1] != '\n' {
			out = append(out, '\n')
		}
		out = append(append(out, line...), '\n')
		have = append(have, string(line))
	}
	return out
}
