package reconcile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// RecordVersion is the version of the records that Seal completes. Fields that
// later versions add to a Record are left out where they are empty: the
// canonical form of a record that was ever written never changes.
const RecordVersion = 1

// sumPrefix names the hash function in front of a hash.
const sumPrefix = "sha256:"

// Canonical returns the bytes of a record that its hash covers: JSON as RFC 8785
// writes it, without the hash itself.
func Canonical(r Record) ([]byte, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("record %d: %w", r.Seq, err)
	}
	return CanonicalJSON(line, "hash")
}

// Digest returns the hash of a record whose canonical bytes and predecessor's
// hash are given: "sha256:" and the hex digits of SHA-256 over the 32 bytes of
// the hash before, of which the first record has none, and the canonical bytes.
func Digest(prev string, canonical []byte) (string, error) {
	before, err := sumBytes(prev)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	h.Write(before)
	h.Write(canonical)
	return sumPrefix + hex.EncodeToString(h.Sum(nil)), nil
}

// Seal makes a record the successor of the one whose hash is prev, "" for the
// first: it sets Prev and Sum, and brings the rest into the form in which a
// record is kept (times in UTC and to the microsecond).
func Seal(r *Record, prev string) error {
	if r.Version == 0 {
		r.Version = RecordVersion
	}
	r.Stamp = stampOf(r.Stamp)
	if r.Return != nil {
		kept := *r.Return
		kept.StartedAt = stampOf(kept.StartedAt)
		r.Return = &kept
	}
	r.Prev = prev
	canonical, err := Canonical(*r)
	if err != nil {
		return err
	}
	r.Sum, err = Digest(prev, canonical)
	return err
}

func stampOf(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func sumBytes(sum string) ([]byte, error) {
	if sum == "" {
		return nil, nil
	}
	digits, ok := strings.CutPrefix(sum, sumPrefix)
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != sha256.Size || strings.ToLower(digits) != digits {
		return nil, fmt.Errorf("%q is no hash", sum)
	}
	return raw, nil
}

// A Break is the place where a chain of records does not hold.
type Break struct {
	Stack  string
	Seq    int64 // of the record; 0 where it is not about one
	Line   int   // in an export, from 1; 0 in a store
	Reason string
}

func (b *Break) Error() string {
	where := ""
	if b.Line > 0 {
		where = fmt.Sprintf("line %d: ", b.Line)
	}
	if b.Stack == "" {
		return where + b.Reason
	}
	return where + "stack " + b.Stack + ": " + b.Reason
}

// A Head is the end of a stack's chain: how many records there are, and the
// hash of the last one. The zero value with a stack is a chain without records.
type Head struct {
	Stack string `json:"stack"`
	Count int64  `json:"count"`
	Sum   string `json:"head"`
}

// Next checks that r, whose canonical bytes are given, is whole and follows the
// head, and returns the head that it makes. The error is a *Break.
func (h Head) Next(r Record, canonical []byte) (Head, error) {
	if b := h.against(r, canonical); b != nil {
		b.Stack = h.Stack
		return h, b
	}
	return Head{Stack: h.Stack, Count: r.Seq, Sum: r.Sum}, nil
}

func (h Head) against(r Record, canonical []byte) *Break {
	switch sum, err := Digest(r.Prev, canonical); {
	case err != nil || sum != r.Sum:
		return breakAt(r.Seq, "%s was changed: its hash does not fit", named(r))
	case r.Stack != h.Stack:
		return breakAt(r.Seq, "%s belongs to stack %s", named(r), r.Stack)
	case r.Seq <= h.Count:
		return breakAt(r.Seq, "%s was inserted or moved: it stands after record %d", named(r), h.Count)
	case r.Seq > h.Count+1:
		return breakAt(h.Count+1, "%s: %s stands in its place", missing(h.Count+1, r.Seq-1), named(r))
	case r.Prev != h.Sum:
		return breakAt(r.Seq, "%s was inserted, or the one before it was replaced: it was not written after that one", named(r))
	}
	return nil
}

// removed is the name under which a Segment record holds the end of what was removed.
const removed = "removed"

// Removes completes a Segment record: the records up to the end are removed.
// What is kept of the chain begins with the one after, whose Prev the end names.
func (r Record) Removes(end Head) Record {
	var kept Return
	if r.Return != nil {
		kept = *r.Return
	}
	kept.Changes = maps.Clone(kept.Changes)
	if kept.Changes == nil {
		kept.Changes = map[string]OldNew{}
	}
	kept.Changes[removed] = OldNew{Old: strconv.FormatInt(end.Count, 10), New: end.Sum}
	r.Event, r.Return = Segment, &kept
	return r
}

// Removed is the end of the records that a Segment record says were removed.
func (r Record) Removed() (end Head, ok bool) {
	if r.Event != Segment || r.Return == nil {
		return Head{}, false
	}
	named := r.Return.Changes[removed]
	count, err := strconv.ParseInt(named.Old, 10, 64)
	return Head{Stack: r.Stack, Count: count, Sum: named.New}, err == nil && count > 0
}

func breakAt(seq int64, format string, args ...any) *Break {
	return &Break{Seq: seq, Reason: fmt.Sprintf(format, args...)}
}

// Ends checks that the chain ends in the head that was noted for it, so that
// nothing is missing at its end. The error is a *Break.
func (h Head) Ends(noted Head) error {
	var b *Break
	switch {
	case h.Count < noted.Count:
		b = breakAt(h.Count+1, "%s: the chain ends before it should", missing(h.Count+1, noted.Count))
	case h.Count > noted.Count:
		b = breakAt(noted.Count+1, "record %d was inserted: the chain should end with record %d", noted.Count+1, noted.Count)
	case h.Sum != noted.Sum:
		b = breakAt(h.Count, "record %d is not the one that the chain's head was made of: one of the two was changed", h.Count)
	default:
		return nil
	}
	b.Stack = h.Stack
	return b
}

func named(r Record) string { return fmt.Sprintf("record %d (%s)", r.Seq, r.Tag) }

func missing(first, last int64) string {
	if first == last {
		return fmt.Sprintf("record %d was removed or moved", first)
	}
	return fmt.Sprintf("records %d to %d were removed or moved", first, last)
}

// CanonicalJSON rewrites one JSON value as RFC 8785 does: members sorted, no
// white space, nothing escaped that need not be. Numbers must be integers.
// Members of the outermost object that are named in without are left out.
func CanonicalJSON(data []byte, without ...string) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("something follows the JSON value")
	}
	if object, ok := value.(map[string]any); ok {
		for _, name := range without {
			delete(object, name)
		}
	}
	return appendCanonical(make([]byte, 0, len(data)), value)
}

// TagOf returns the tag of a record: reconcile/job/<jid>/<event>, and for a
// step /<key>/<run_num> after it.
func TagOf(r Record) string {
	tag := "reconcile/job/" + r.JID + "/" + string(r.Event)
	if r.Key == "" {
		return tag
	}
	return fmt.Sprintf("%s/%s/%d", tag, r.Key, r.RunNum)
}
