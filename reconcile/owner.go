package reconcile

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// sort tells whose each live resource is.
func (d *differ) sort() {
	moved := d.moves()
	adopted := d.adoptions()
	mine, unmarked := 0, 0
	for r := range d.stack.mine(d.world) {
		mine++
		if key := adopted[r.ID]; key != "" {
			d.adopt(key, r)
			continue
		}
		if r.Mark.Key == "" { // a person put it there for the stack: no manifest asks for it, and nothing is done to it
			continue
		}
		d.file(moved(r.Mark.Key), r)
		d.noteMove(moved(r.Mark.Key), r)
	}
	for r := range d.world.Live.unmarked() {
		unmarked++
		if key := adopted[r.ID]; key != "" {
			d.adopt(key, r)
			continue
		}
		d.Unmanaged = append(d.Unmanaged, r)
	}
	d.Foreign = d.world.Live.count("") - mine - unmarked
	for _, live := range d.ours {
		slices.SortFunc(live, func(a, b *Resource) int {
			return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
		})
	}
}

func (d *differ) file(key Key, r *Resource) {
	d.Managed++
	if d.wish.ByKey[key] == nil {
		key = d.undigest(key)
	}
	d.ours[key] = append(d.ours[key], r)
}

// noteMove lists what has its mark's key no more. Like an adoption it is no change.
func (d *differ) noteMove(key Key, r *Resource) {
	if w := d.wish.ByKey[key]; w != nil && key != r.Mark.Key && !r.Mark.Key.isDigest() {
		d.Adopted = append(d.Adopted, Change{Key: key, Kind: r.Kind, Scope: r.Scope, Action: Adopt, Live: r, Want: w,
			Origins: w.Origins, Reason: "was " + string(r.Mark.Key) + "; nothing is written until its next change"})
	}
}

// undigest finds the key that a mark too small for it holds the digest of.
func (d *differ) undigest(key Key) Key {
	if !key.isDigest() {
		return key
	}
	for _, w := range d.wish.Ordered {
		if w.Key.Digest() == key {
			return w.Key
		}
	}
	return key
}

// owns tells whether a mark is this stack's. The uid decides. A stack that has
// gained a uid also owns what bears its bare name, if the revision is known.
func (s *Stack) owns(m Mark, world *World) bool {
	uid := s.ShortUID()
	if m.IsZero() {
		return false
	}
	if m.UID != "" || uid == "" {
		return m.UID == uid && (uid != "" || m.Stack == s.Name)
	}
	return m.Stack == s.Name && !s.BareTaken && world.known(m.Rev)
}

// mine are the live resources that the stack owns by their marks.
func (s *Stack) mine(world *World) iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		for _, uid := range slices.Compact([]string{s.ShortUID(), ""}) {
			for r := range world.Live.marked(uid, s.Name) {
				if s.owns(r.Mark, world) && !yield(r) {
					return
				}
			}
		}
	}
}

func (w *World) known(rev string) bool { return w.Known[strings.TrimSuffix(rev, "+")] }

// adoptions are the live IDs that manifests take over.
func (d *differ) adoptions() map[string]Key {
	out := map[string]Key{}
	for _, w := range d.wish.Ordered {
		if w.Adopt != "" {
			out[w.Adopt] = w.Key
		}
	}
	return out
}

func (d *differ) adopt(key Key, r *Resource) {
	w := d.wish.ByKey[key]
	if r.Kind != w.Kind.Name {
		d.Unmanaged = append(d.Unmanaged, r)
		return
	}
	d.Managed++
	d.ours[key] = append(d.ours[key], r)
	if r.Mark.Key != key {
		d.Adopted = append(d.Adopted, Change{Key: key, Kind: r.Kind, Scope: r.Scope, Action: Adopt, Live: r, Want: w,
			Origins: w.Origins, Reason: "takes over " + r.Name + " (" + r.ID + "); nothing is written until its next change"})
	}
}

// moves maps the keys that manifests had before to those they have now, with all below them.
func (d *differ) moves() func(Key) Key {
	type move struct{ from, to Key }
	var moves []move
	for _, w := range d.wish.Ordered {
		for _, from := range w.Moved {
			if d.wish.ByKey[from] == nil {
				moves = append(moves, move{from, w.Key})
			}
		}
	}
	return func(key Key) Key {
		for _, m := range moves {
			if key.Below(m.from) {
				return m.to + key[len(m.from):]
			}
		}
		return key
	}
}
