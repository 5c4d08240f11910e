package gitlab

import (
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/gitlab/gitlabtest"
)

var marker = Marker("plan", stack)

func (r *rig) note(t *testing.T, body string) {
	t.Helper()
	ok(t, r.Note(t.Context(), project, 7, marker, body))
}

func (r *rig) bodies() (out []string) {
	for _, n := range r.look().MergeRequests[0].Notes {
		out = append(out, n.Body)
	}
	return out
}

func TestOneNoteUpdatedInPlace(t *testing.T) {
	r := newRig(t)
	r.note(t, "one")
	r.note(t, "one")
	first := r.look().MergeRequests[0].Notes[0].ID
	if w := r.writes(); len(w) != 1 {
		t.Errorf("what says so already was written: %q", w)
	}
	r.note(t, "two")
	if got := r.bodies(); !slices.Equal(got, []string{marker + "\ntwo"}) {
		t.Errorf("got %q", got)
	}
	if now := r.look().MergeRequests[0].Notes[0].ID; now != first {
		t.Errorf("note %d became %d: it was not updated in place", first, now)
	}
}

func TestNotesOfOthersStay(t *testing.T) {
	r := newRig(t)
	theirs := []string{marker + "\nI write like you", "nice", "> " + marker + "\n\nquoted"}
	for _, body := range theirs {
		r.AddNote(projectID, 7, r.other, body)
	}
	r.AddNote(projectID, 7, r.bot, "I am the same bot, and write of something else:\n"+marker)
	r.note(t, "ours")
	r.note(t, "ours, again")
	got := r.bodies()
	if len(got) != 5 || !slices.Equal(got[:3], theirs) || got[4] != marker+"\nours, again" {
		t.Errorf("got %q", got)
	}
}

func TestOneNoteForEachStack(t *testing.T) {
	r := newRig(t)
	r.note(t, "of shop")
	ok(t, r.Note(t.Context(), project, 7, Marker("plan", "shop-prod-2.00000000"), "of another"))
	if got := r.bodies(); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

// Jobs that ran at the same time may each have made a note.
func TestFurtherNotesAreRemoved(t *testing.T) {
	r := newRig(t)
	for _, body := range []string{"a", "b", "c"} {
		r.AddNote(projectID, 7, r.bot, marker+"\n"+body)
	}
	r.note(t, "now")
	if got := r.bodies(); !slices.Equal(got, []string{marker + "\nnow"}) {
		t.Errorf("got %q", got)
	}
}

// A note stands on a later page: pages are followed.
func TestNotesOnLaterPages(t *testing.T) {
	r := newRig(t)
	for range 230 {
		r.AddNote(projectID, 7, r.other, "talk")
	}
	r.AddNote(projectID, 7, r.bot, marker+"\nold")
	r.note(t, "new")
	if n := r.count("POST", "/notes"); n != 0 {
		t.Errorf("%d notes were made, although there was one on page 3", n)
	}
	if n := r.count("GET", "/notes"); n != 3 {
		t.Errorf("%d pages were read, want 3", n)
	}
}

// The note is made, and the answer gets lost: it is found, not made twice.
func TestALostAnswerMakesOneNote(t *testing.T) {
	for _, fault := range []gitlabtest.Fault{{Lost: true}, {Status: 502}, {Status: 409}} {
		r := newRig(t)
		fault.Method, fault.Path, fault.Times = "POST", "/notes", 1
		r.Break(fault)
		r.note(t, "once")
		if got := r.bodies(); len(got) != 1 {
			t.Errorf("%+v: got %q", fault, got)
		}
	}
}

// A person deletes the note between our look and our writing.
func TestANoteThatWasTakenAwayIsMadeAnew(t *testing.T) {
	r := newRig(t)
	r.note(t, "one")
	r.Break(gitlabtest.Fault{Method: "PUT", Path: "/notes", Status: 404, Times: 1})
	r.note(t, "two")
	if got := r.bodies(); !slices.Equal(got, []string{marker + "\ntwo"}) {
		t.Errorf("got %q", got)
	}
}

func TestLongNotes(t *testing.T) {
	r := newRig(t)
	fits := strings.Repeat("ü", NoteLimit-len(marker)-1)
	r.note(t, fits)
	if err := r.Note(t.Context(), project, 7, marker, fits+"!"); err == nil || !strings.Contains(err.Error(), "more than 999900 characters") {
		t.Errorf("got %v", err)
	}
}

func TestMarkersStayHidden(t *testing.T) {
	for _, word := range []string{"a.b", "a--> <b>", "x\n/close", "--"} {
		m := Marker("plan", word)
		if inner := strings.TrimSuffix(strings.TrimPrefix(m, "<!--"), "-->"); strings.Contains(inner, "--") || strings.Contains(m, "\n") {
			t.Errorf("%q makes %q", word, m)
		}
	}
}
