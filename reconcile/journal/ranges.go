package journal

import (
	"fmt"
	"strings"
)

// ranges are numbers that increase. As text they are 1-40,42.
type ranges []span

type span struct{ first, last int64 }

func (r *ranges) add(n int64) {
	if last := len(*r) - 1; last >= 0 && (*r)[last].last == n-1 {
		(*r)[last].last = n
		return
	}
	*r = append(*r, span{n, n})
}

// MarshalText is the short form, in which a whole chain is one range.
func (r ranges) MarshalText() ([]byte, error) {
	words := make([]string, len(r))
	for i, s := range r {
		words[i] = s.String()
	}
	return []byte(strings.Join(words, ",")), nil
}

// UnmarshalText reads what MarshalText writes and nothing else.
func (r *ranges) UnmarshalText(text []byte) error {
	*r = nil
	for word := range strings.SplitSeq(string(text), ",") {
		var s span
		if word == "" {
			continue
		}
		if _, err := fmt.Sscanf(word, "%d-%d", &s.first, &s.last); err != nil {
			if _, err := fmt.Sscanf(word, "%d", &s.first); err != nil {
				return fmt.Errorf("%q is no range of numbers", word)
			}
			s.last = s.first
		}
		*r = append(*r, s)
	}
	return nil
}

func (s span) String() string {
	if s.first == s.last {
		return fmt.Sprint(s.first)
	}
	return fmt.Sprintf("%d-%d", s.first, s.last)
}

// firstDifference is the smallest number that is in one of the two only, and
// whether it is in a; 0 if there is none.
func firstDifference(a, b ranges) (n int64, inA bool) {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return b[i].first, false
		case i >= len(b):
			return a[i].first, true
		case a[i].first != b[i].first:
			return min(a[i].first, b[i].first), a[i].first < b[i].first
		case a[i].last != b[i].last:
			return min(a[i].last, b[i].last) + 1, a[i].last > b[i].last
		}
	}
	return 0, false
}
