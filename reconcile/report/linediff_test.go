package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// drawn is a comparison as text.
func drawn(lines []diffLine) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Sign+l.Text)
	}
	return strings.Join(out, "|")
}

func TestLineDiff(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"a b c", "a x c", " a|-b|+x| c"},
		{"", "a b", "+a|+b"},
		{"a b", "", "-a|-b"},
		{"1 2 3 4 5 6 7 8 9", "1 2 3 4 x 6 7 8 9", "…2 lines that both have| 3| 4|-5|+x| 6| 7|…2 lines that both have"},
		{"1 2 3 4", "1 2 3 y", " 1| 2| 3|-4|+y"},
		{"a b c d", "b c d e", "-a| b| c| d|+e"},
		{"a", "a", " a"},
	} {
		if got := drawn(lineDiff(strings.Fields(c.a), strings.Fields(c.b))); got != c.want {
			t.Errorf("from %q to %q it is %q, want %q", c.a, c.b, got, c.want)
		}
	}
}

// TestLineDiffLosesNothing holds that both texts can be read off all lines, and
// that no line that both have stands twice where it need not.
func TestLineDiffLosesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	text := func() []string {
		out := make([]string, random.IntN(12))
		for i := range out {
			out[i] = fmt.Sprint(random.IntN(4))
		}
		return out
	}
	for range 2000 {
		a, b := text(), text()
		var left, right []string
		shared := 0
		for _, l := range allLines(a, b) {
			if l.Sign != "+" {
				left = append(left, l.Text)
			}
			if l.Sign != "-" {
				right = append(right, l.Text)
			}
			if l.Sign == " " {
				shared++
			}
		}
		if !slices.Equal(left, a) || !slices.Equal(right, b) {
			t.Fatalf("from %q to %q it is %q", a, b, drawn(allLines(a, b)))
		}
		if most := int(sharedLines(a, b)[0][0]); shared != most {
			t.Fatalf("from %q to %q share %d lines, of %d", a, b, shared, most)
		}
	}
	long := make([]string, 3000)
	for i := range long {
		long[i] = fmt.Sprint(i)
	}
	other := slices.Clone(long)
	slices.Reverse(other)
	if got := allLines(long, other); len(got) < 3000 || len(got) > 6000 {
		t.Errorf("%d lines", len(got))
	}
}
