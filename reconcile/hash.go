package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// seal computes the change's hash, which has two halves: what is asked for (its
// key, place and action, the desired spec with references unresolved and without secret
// values), and the live state that it starts from. Two changes with one hash ask
// for the same of the same.
func (c *Change) seal() {
	wish := map[string]any{"key": c.Key, "scope": c.Scope}
	if w := c.unresolved; w != nil {
		refs := map[string]string{}
		for path, from := range w.Unknown {
			refs[path] = from
		}
		for _, ref := range w.Refs {
			refs[ref.Path] = ref.Text
		}
		wish["sourced"] = sortedKeys(w.Sourced)                 // of these only that they are there,
		wish["sources"], wish["revision"] = w.sources, w.pinned // and where they come from
		wish["name"], wish["fields"], wish["refs"], wish["labels"] = w.Name, hashed(w.Kind.Fields, w.Spec, w.Sourced), refs, w.Tags
	}
	start := map[string]any{"first": c.First, "surplus": c.Surplus}
	if c.Live != nil {
		start["id"], start["tags"], start["rev"] = c.Live.ID, slices.Sorted(slices.Values(c.ignores.others(c.Live.Tags))), c.Live.Mark.Rev
		if w := c.unresolved; w != nil {
			start["fields"] = c.ignores.without(hashed(w.Kind.Fields, c.Live.Spec, w.Sourced))
		} else {
			start["fields"] = c.Live.Spec // secrets are masked by their type
		}
	}
	if w := c.unresolved; w != nil && w.Kind.Noted != "" {
		start["noted"] = w.Kind.Noted // what was noted is still to be written
	}
	c.wish = digest(wish)
	wish["action"] = c.Action
	c.Hash = digest(wish)[:32] + digest(start)[:32]
}

// sameWish tells whether two changes' hashes ask for the same, whatever they start from.
func sameWish(a, b string) bool { return len(a) == 64 && len(b) == 64 && a[:32] == b[:32] }

func hashed(fields []Field, spec any, sourced map[string]bool) map[string]any {
	out := map[string]any{}
	for _, l := range leaves(fields, spec) {
		if sourced[l.path] {
			continue // a short value could be guessed from a digest
		}
		out[l.path] = l.plain()
		if s, ok := out[l.path].(Secret); ok {
			out[l.path] = s.Digest() // of a value we know nothing is hashed: a digest of a short secret would give it away
		}
	}
	return out
}

// digest hashes data whose JSON form is unambiguous.
func digest(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("hash of %T: %v", v, err))
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
