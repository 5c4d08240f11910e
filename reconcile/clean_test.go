package reconcile_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain text stays", "order-api: 256 -> 512 MB", "order-api: 256 -> 512 MB"},
		{"letters of all scripts stay", "Grüße, 東京 🚀", "Grüße, 東京 🚀"},
		{"clear the screen", "a\x1b[2Jb", `a\x1b[2Jb`},
		{"a link (OSC 8)", "\x1b]8;;http://x\x07y", `\x1b]8;;http://x\x07y`},
		{"overwrite the line", "evil\rgood", `evil\rgood`},
		{"a line of its own", "a\nPlan: 0 to add", `a\nPlan: 0 to add`},
		{"tab", "a\tb", `a\tb`},
		{"eight-bit CSI", "a\u009b2Jb", `a\x9b2Jb`},
		{"writing turned round", "a\u202egnp.exe", `a\u202egnp.exe`},
		{"isolates", "\u2066x\u2069", `\u2066x\u2069`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"invisible", "api\u200b", `api\u200b`},
		{"no-break space", "a\u00a0b", `a\xa0b`},
		{"tag characters", "a\U000e0041", `a\U000e0041`},
		{"broken UTF-8", "a\xffb", `a\xffb`},
		{"delete", "a\x7f", `a\x7f`},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		if got := reconcile.Clean(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[2J\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := reconcile.Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q gives broken UTF-8 %q", s, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q gives %q with %U", s, got, r)
			}
		}
		if again := reconcile.Clean(got); again != got {
			t.Fatalf("cleaning twice changes %q to %q", got, again)
		}
	})
}
