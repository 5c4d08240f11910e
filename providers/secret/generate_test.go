package secret

import (
	"strings"
	"testing"
)

func TestMakeUp(t *testing.T) {
	for _, g := range []Generate{
		{Length: 32, AtLeast: 1, Special: "!-_"},
		{Length: 8, AtLeast: 2, Special: "!-_"},
		{Length: 16, AtLeast: 0, Special: ""},
		{Length: 256, AtLeast: 8, Special: "%"},
	} {
		seen := map[string]bool{}
		for range 200 {
			value := g.makeUp()
			if len(value) != g.Length || seen[value] || strings.Contains(g.Special, value[:1]) {
				t.Fatalf("%+v: of %d characters, seen %v", g, len(value), seen[value])
			}
			seen[value] = true
			rest := value
			for _, class := range g.classes() {
				before := len(rest)
				rest = strings.Map(func(r rune) rune {
					if strings.ContainsRune(class, r) {
						return -1
					}
					return r
				}, rest)
				if before-len(rest) < g.AtLeast {
					t.Fatalf("%+v: %d characters of %q", g, before-len(rest), class)
				}
			}
			if rest != "" {
				t.Fatalf("%+v: %d characters are of no class", g, len(rest))
			}
		}
	}
}

// Each character of a class is about as likely as any other.
func TestMakeUpIsEven(t *testing.T) {
	g := Generate{Length: 256, AtLeast: 0}
	count := map[rune]int{}
	for range 400 {
		for _, r := range g.makeUp() {
			count[r]++
		}
	}
	for r, n := range count { // 1651 of each are due; 6 standard deviations are 240
		if n < 1400 || n > 1900 {
			t.Errorf("%q came %d times", r, n)
		}
	}
	if len(count) != 62 {
		t.Errorf("%d different characters came", len(count))
	}
}

func TestEncode(t *testing.T) {
	for _, g := range []Generate{
		{Length: 32, AtLeast: 1, Special: "!-_"},
		{Length: 8, Special: "&=%$ +", Rotation: "a b&special=x ü"},
	} {
		word := g.encode()
		got, ok := decodeGenerate(word)
		if !ok || *got != g || strings.ContainsAny(word, " $\n") {
			t.Errorf("%+v is encoded as %q, which is %+v", g, word, got)
		}
	}
	for _, word := range []string{"", "length=x&atLeast=1", "%zz"} {
		if g, ok := decodeGenerate(word); ok {
			t.Errorf("%q is %+v", word, g)
		}
	}
}
