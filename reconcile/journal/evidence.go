package journal

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Evidence is what is known of chains outside of their store.
type Evidence struct {
	Keys   []ed25519.PublicKey // whose signatures count
	Places []Place

	partial bool // places may lack checkpoints: what they vouch for is all that is asked
}

// A Place is an anchor with what it holds.
type Place struct {
	Name string
	Held []Signed
}

// A Verdict is what a check came to.
type Verdict struct {
	Heads   []Head
	First   map[string]int64 // number of a stack's first record, where earlier ones were removed after export
	Matched map[string]int64 // last record of a stack that an anchor vouches for
	Checked int              // checkpoints that were compared with records
	Removed int              // checkpoints of records that were removed after export, and could not be compared
	Unknown []string         // stacks that no anchor knows, and whose records name no checkpoint
}

// Check checks that records, by stack and number, are the chains that were
// written, and the ones that left the machine: whoever can write to the store
// can make a new chain, but no signatures that anchors already hold. The error
// joins a *Break for each thing that does not hold, the first of each stack
// first. Without places it checks the chains alone.
func (e Evidence) Check(records iter.Seq2[reconcile.Record, error]) (Verdict, error) {
	v := &verifier{evidence: e, claims: map[string]map[int64][]claim{},
		verdict: Verdict{First: map[string]int64{}, Matched: map[string]int64{}}}
	v.collect()
	if err := v.read(records); err != nil {
		return v.verdict, errors.Join(append(v.breaks, err)...)
	}
	v.finish()
	return v.verdict, errors.Join(v.breaks...)
}

// A claim is what a place says about a record.
type claim struct {
	head  string
	where string
	at    Signed
}

type verifier struct {
	evidence Evidence
	claims   map[string]map[int64][]claim // by stack and number
	verdict  Verdict
	breaks   []error
	chain    *course // being read
	done     map[string]*course
}

// collect takes what the places hold, as far as its signatures hold.
func (v *verifier) collect() {
	for _, place := range v.evidence.Places {
		for _, c := range place.Held {
			if err := VerifyCheckpoint(c, v.evidence.Keys...); err != nil {
				v.bad(err, place.Name)
				continue
			}
			if v.claims[c.Stack] == nil {
				v.claims[c.Stack] = map[int64][]claim{}
			}
			v.claims[c.Stack][c.Count] = append(v.claims[c.Stack][c.Count], claim{c.Head, place.Name, c})
		}
	}
}

func (v *verifier) bad(err error, where string) {
	var b *Break
	if errors.As(err, &b) {
		told := *b
		told.Reason = where + ": " + b.Reason
		err = &told
	}
	v.breaks = append(v.breaks, err)
}

// read follows the chains. Its error is one of reading.
func (v *verifier) read(records iter.Seq2[reconcile.Record, error]) error {
	v.done = map[string]*course{}
	for r, err := range records {
		if err != nil {
			return err
		}
		if v.chain == nil || v.chain.head.Stack != r.Stack {
			v.next(r)
		}
		if v.chain.broken {
			continue
		}
		if err := v.chain.add(r); err != nil {
			v.breaks, v.chain.broken = append(v.breaks, err), true
			continue
		}
		v.compare(r)
	}
	return nil
}

// next begins a chain. One that does not begin with record 1 has to say later
// on that what was before was removed, and what that was.
func (v *verifier) next(r reconcile.Record) {
	if seen := v.done[r.Stack]; seen != nil {
		v.chain = seen // a stack's records are not all together: its next record breaks the chain
		return
	}
	v.chain = &course{head: Head{Stack: r.Stack}}
	if r.Seq > 1 {
		v.chain.base = Head{Stack: r.Stack, Count: r.Seq - 1, Sum: r.Prev}
		v.chain.head = v.chain.base
		v.verdict.First[r.Stack] = r.Seq
	}
	v.done[r.Stack] = v.chain
	v.match(v.chain.base)
}

// compare holds a record against the claims about it, and notes what it says itself.
func (v *verifier) compare(r reconcile.Record) {
	v.match(v.chain.head)
	if end, ok := r.Removed(); ok && end == v.chain.base {
		v.chain.removed = true
	}
	if c, ok := CheckpointOf(r); ok && VerifyCheckpoint(c, v.evidence.Keys...) == nil {
		v.chain.recorded = append(v.chain.recorded, c)
	}
}

// match compares the chain at one record with what the places say of it.
func (v *verifier) match(at Head) {
	for _, claim := range v.claims[at.Stack][at.Count] {
		if claim.head != at.Sum {
			v.breaks = append(v.breaks, &Break{Stack: at.Stack, Seq: at.Count, Reason: fmt.Sprintf(
				"record %d is not the one that was signed on %s, as %s says: it, or one after record %d, was rewritten",
				at.Count, claim.at.Time.Format("2006-01-02 15:04:05"), claim.where, v.verdict.Matched[at.Stack])})
			v.chain.broken = true // what follows is no news
			return
		}
		v.verdict.Checked++
		v.verdict.Matched[at.Stack] = at.Count
	}
}

// course is one stack's chain as far as it was read.
type course struct {
	head     Head
	base     Head // before the first record, if that is not number 1
	removed  bool // a record says that base was the end of a removed segment
	broken   bool
	recorded []Signed // checkpoints that the chain says were made
}

func (c *course) add(r reconcile.Record) error {
	canonical, err := reconcile.Canonical(r)
	if err != nil {
		return err
	}
	c.head, err = c.head.Next(r, canonical)
	return err
}

// finish looks for what is missing.
func (v *verifier) finish() {
	for _, stack := range slices.Sorted(maps.Keys(v.done)) {
		c := v.done[stack]
		v.verdict.Heads = append(v.verdict.Heads, c.head)
		if !c.broken && c.base.Count > 0 && !c.removed {
			v.missing(stack, 1, c.base.Count, "no record says that they were exported before")
		}
	}
	for _, stack := range slices.Sorted(maps.Keys(v.claims)) {
		v.beyond(stack)
	}
	if len(v.evidence.Places) > 0 && !v.evidence.partial {
		for _, stack := range slices.Sorted(maps.Keys(v.done)) {
			v.places(stack, v.done[stack].recorded)
		}
	}
}

func (v *verifier) missing(stack string, first, last int64, why string) {
	b := &Break{Stack: stack, Seq: first}
	b.Reason = fmt.Sprintf("record %d is missing: %s", first, why)
	if last > first {
		b.Reason = fmt.Sprintf("records %d to %d are missing: %s", first, last, why)
	}
	v.breaks = append(v.breaks, b)
}

// beyond finds claims about records that are not there.
func (v *verifier) beyond(stack string) {
	c := v.done[stack]
	if c == nil {
		c = &course{}
	}
	if c.broken {
		return
	}
	for _, count := range slices.Sorted(maps.Keys(v.claims[stack])) {
		claim := v.claims[stack][count][0]
		switch {
		case count < c.base.Count:
			v.verdict.Removed++
		case count > c.head.Count:
			v.missing(stack, c.head.Count+1, count, fmt.Sprintf("the chain ends before, and %s holds a checkpoint of record %d, signed on %s",
				claim.where, count, claim.at.Time.Format("2006-01-02 15:04:05")))
			return // one that is further off says the same
		}
	}
}

// places looks whether the places that know a stack hold all of its checkpoints.
func (v *verifier) places(stack string, recorded []Signed) {
	knows := 0
	for _, place := range v.evidence.Places {
		held := map[string]bool{}
		newest := int64(0)
		for _, c := range place.Held {
			if c.Stack == stack {
				held[c.Signature], newest = true, max(newest, c.Count)
			}
		}
		if len(held) == 0 {
			continue
		}
		knows++
		lacks := slices.DeleteFunc(slices.Clone(recorded), func(c Signed) bool { return held[c.Signature] })
		v.lacks(place.Name, stack, lacks, newest)
	}
	switch {
	case knows > 0:
	case len(recorded) > 0:
		v.lacks("every anchor that was named", stack, recorded, 0)
	default:
		v.verdict.Unknown = append(v.verdict.Unknown, stack)
	}
}

// lacks tells of checkpoints that were made and are not in a place.
func (v *verifier) lacks(where, stack string, lacks []Signed, newest int64) {
	if len(lacks) == 0 {
		return
	}
	first := slices.MinFunc(lacks, func(a, b Signed) int { return cmp.Compare(a.Count, b.Count) })
	why := "it was taken out"
	if first.Count > newest {
		why = "what is there is an older state of it, or it was out of reach since; then the next run brings it there, or reconcile audit checkpoint"
	}
	v.breaks = append(v.breaks, &Break{Stack: stack, Seq: first.Count, Reason: fmt.Sprintf(
		"the checkpoint of record %d, signed on %s, is missing from %s: %s", first.Count, first.Time.Format("2006-01-02 15:04:05"), where, why)})
}
