package gitlab

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// NoteLimit is how long a note may be, in characters. GitLab's own limit leaves
// a little room for what it adds.
const NoteLimit = 1_000_000 - 100

// Marker is the hidden first line by which a note or issue of ours is found
// again: what it tells of, and of which stack, by its owner word.
func Marker(what, stack string) string {
	return "<!-- reconcile " + what + " " + strings.ReplaceAll(reconcile.Clean(stack), "--", "- -") + " -->"
}

// Note says what the one note with a marker on a merge request says. It is made
// if there is none, and not written if it says so already. Further ones, as jobs
// that ran at the same time may have made, are removed. Only notes of the token's
// user are touched. The body gets the marker as its first line.
func (c *Client) Note(ctx context.Context, project string, merge int64, marker, body string) error {
	ctx, done := c.begin(ctx)
	defer done()
	what := fmt.Sprintf("write the note on merge request !%d", merge)
	if body = marker + "\n" + body; utf8.RuneCountInString(body) > NoteLimit {
		return fmt.Errorf("%s: it has more than %d characters", what, NoteLimit)
	}
	return settled(what, func() error { return c.note(ctx, project, merge, marker, body) })
}

func (c *Client) note(ctx context.Context, project string, merge int64, marker, body string) error {
	ours, err := c.notes(ctx, project, merge, marker)
	switch {
	case err != nil:
		return err
	case len(ours) == 0:
		_, _, err = c.api.Notes.CreateMergeRequestNote(project, merge, &api.CreateMergeRequestNoteOptions{Body: &body}, api.WithContext(ctx))
		return err
	}
	if !same(ours[0].Body, body) {
		if _, _, err = c.api.Notes.UpdateMergeRequestNote(project, merge, ours[0].ID, &api.UpdateMergeRequestNoteOptions{Body: &body}, api.WithContext(ctx)); err != nil {
			return err
		}
	}
	for _, more := range ours[1:] {
		if _, err := c.api.Notes.DeleteMergeRequestNote(project, merge, more.ID, api.WithContext(ctx)); err != nil && reconcile.ClassOf(err) != reconcile.NotFound {
			return err
		}
	}
	return nil
}

// notes are ours with a marker, the oldest first.
func (c *Client) notes(ctx context.Context, project string, merge int64, marker string) ([]*api.Note, error) {
	me, err := c.user(ctx)
	if err != nil {
		return nil, err
	}
	found, err := all(func(page api.ListOptions) ([]*api.Note, *api.Response, error) {
		return c.api.Notes.ListMergeRequestNotes(project, merge, &api.ListMergeRequestNotesOptions{ListOptions: page, OrderBy: new("created_at"), Sort: new("asc")}, api.WithContext(ctx))
	})
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(n *api.Note) bool { return n.System || n.Author.ID != me || !marked(n.Body, marker) })
	slices.SortFunc(found, func(a, b *api.Note) int { return cmp.Compare(a.ID, b.ID) })
	return found, nil
}

// marked tells whether a text begins with a marker.
func marked(text, marker string) bool {
	first, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(first) == marker
}

// same tells whether two texts say the same: GitLab may trim them, and end lines its own way.
func same(a, b string) bool {
	norm := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return norm(a) == norm(b)
}
