package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What every store does alike with records stands here, so that no two differ
// in what they take, refuse and find out.

// JIDOf returns the job id of a time: Salt's %Y%m%d%H%M%S%f, 20 digits, UTC.
func JIDOf(t time.Time) string {
	return strings.Replace(t.UTC().Format("20060102150405.000000"), ".", "", 1)
}

// Complete fills in what the caller of Append left out, all but a record's place
// in its chain, and refuses what cannot be written to the journal of stack:
// records of others, and intents of who has no lease.
func Complete(records []Record, stack string, leased bool) error {
	for i := range records {
		r := &records[i]
		if r.Stack == "" {
			r.Stack = stack
		}
		if r.Stack != stack {
			return fmt.Errorf("a record of stack %s does not belong there", r.Stack)
		}
		if r.Event == Intent && !leased {
			return fmt.Errorf("the intent about %s needs the stack's lease", r.Key)
		}
		if r.Tag == "" {
			r.Tag = TagOf(*r)
		}
		if err := Seal(r, ""); err != nil {
			return err
		}
	}
	return nil
}

// Unwritten says what a failed Append means: before a call that nothing was
// changed, after one that its trace is missing.
func Unwritten(records []Record, stack string, err error) error {
	before := func(r Record) bool { return r.Event == Intent || r.Event == RunStarted }
	if !slices.ContainsFunc(records, before) {
		return fmt.Errorf("cannot write the journal of %s: %w; what was done is not recorded; the next run finds it by its mark", stack, err)
	}
	var fenced *Fenced
	if errors.As(err, &fenced) {
		return fenced
	}
	return fmt.Errorf("cannot write the journal of %s: %w; nothing was changed", stack, err)
}

// Kept is a record as a store keeps it: the canonical form that its hash covers,
// and what it is found by.
type Kept struct {
	Stack string
	Seq   int64
	Stamp time.Time
	JID   string
	Key   string
	Event string
	Sum   string
	Body  []byte
}

// Record decodes it and checks that it is as it was written. The error is a *Break.
func (k Kept) Record() (Record, error) {
	var r Record
	if err := json.Unmarshal(k.Body, &r); err != nil {
		return r, k.broken("it is not readable")
	}
	r.Sum = k.Sum
	if sum, err := Digest(r.Prev, k.Body); err != nil || sum != k.Sum {
		return r, k.broken("its hash does not fit")
	}
	if column := k.disagrees(r); column != "" {
		return r, k.broken("its column " + column + " is not what it says")
	}
	return r, nil
}

// disagrees names the columns that are not what the record says, if there are any.
func (k Kept) disagrees(r Record) string {
	var wrong []string
	for _, column := range []struct {
		name string
		same bool
	}{
		{"stack", k.Stack == r.Stack}, {"seq", k.Seq == r.Seq}, {"stamp", k.Stamp.Equal(r.Stamp)},
		{"jid", k.JID == r.JID}, {"key", k.Key == string(r.Key)}, {"event", k.Event == string(r.Event)},
	} {
		if !column.same {
			wrong = append(wrong, column.name)
		}
	}
	return strings.Join(wrong, ", ")
}

func (k Kept) broken(how string) error {
	return breakOf(k.Stack, k.Seq, "record %d (%s %s of run %s) was changed: %s", k.Seq, k.Event, k.Key, k.JID, how)
}

func breakOf(stack string, seq int64, format string, args ...any) *Break {
	b := breakAt(seq, format, args...)
	b.Stack = stack
	return b
}
