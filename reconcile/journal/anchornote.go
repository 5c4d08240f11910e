package journal

import (
	"bytes"
	"context"
	"slices"
	"strings"
)

// Notes are the notes on commits of one repository, under one ref: by a commit's
// full hash, lines of text.
type Notes interface {
	// Read returns the notes as they are in the repository now.
	Read(ctx context.Context) (map[string][]byte, error)
	// Add adds lines to notes. Lines that a note has already are not added again,
	// and none that it has is ever taken out, whoever else writes at the same time.
	Add(ctx context.Context, lines map[string][]byte) error
}

// NoteAnchor keeps checkpoints as notes on the commits that were applied.
type NoteAnchor struct {
	Label string // the repository, without its secrets
	Notes Notes
}

var _ Anchor = NoteAnchor{}

// noCommit is the empty tree, which every repository has: what belongs to no
// commit is noted there.
const noCommit = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// Name is the repository.
func (n NoteAnchor) Name() string { return n.Label }

// Put notes each checkpoint on its commit.
func (n NoteAnchor) Put(ctx context.Context, checkpoints []Signed) error {
	lines := map[string][]byte{}
	for _, c := range checkpoints {
		on := commitOf(c.Revision)
		lines[on] = append(append(lines[on], c.Line()...), '\n')
	}
	return n.Notes.Add(ctx, lines)
}

// commitOf is the commit of a revision; a folder's digest names none.
func commitOf(revision string) string {
	hash := strings.TrimSuffix(revision, "+")
	if len(hash) != 40 || strings.Trim(hash, "0123456789abcdef") != "" {
		return noCommit
	}
	return hash
}

// All reads the checkpoints in all notes.
func (n NoteAnchor) All(ctx context.Context) ([]Signed, error) {
	notes, err := n.Notes.Read(ctx)
	if err != nil {
		return nil, err
	}
	var out []Signed
	for on, text := range notes {
		found, err := readCheckpoints(bytes.NewReader(text), "the note on "+on)
		if err != nil {
			return out, err
		}
		out = append(out, found...)
	}
	slices.SortFunc(out, func(a, b Signed) int { return bytes.Compare(a.Line(), b.Line()) })
	return out, nil
}
