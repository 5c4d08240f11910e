package manifest

import "gitlab.com/reconciled/reconciled/reconcile"

// seen finds keys that a map has twice, at a linear cost: by looking at all
// that came before in small maps, by hashing in large ones.
type seen map[string]reconcile.Pos

func newSeen(keys int) seen {
	if keys <= 12 {
		return nil
	}
	return make(seen, keys)
}

func (s seen) add(e reconcile.Entry, before []reconcile.Entry) (first reconcile.Pos, twice bool) {
	if s != nil {
		if first, twice = s[e.Key]; !twice {
			s[e.Key] = e.Pos
		}
		return first, twice
	}
	for i := range before {
		if before[i].Key == e.Key {
			return before[i].Pos, true
		}
	}
	return reconcile.Pos{}, false
}

// words holds one copy of each short word, as keys and values are the same in
// many manifests.
type words map[string]string

const (
	longestWord = 40
	mostWords   = 20_000
)

func (w words) keep(word string) string {
	if len(word) > longestWord {
		return word
	}
	if kept, ok := w[word]; ok {
		return kept
	}
	if len(w) < mostWords {
		w[word] = word
	}
	return word
}
