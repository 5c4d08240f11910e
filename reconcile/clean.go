package reconcile

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text of others (manifests, names that an API lists, authors of
// commits) safe to print on one line: control characters, those that turn the
// direction of writing, those that cannot be seen and broken UTF-8 become
// visible escapes such as \x1b and \u202e. All else stays as it is.
func Clean(s string) string {
	first := strings.IndexFunc(s, unsafeToPrint)
	if first < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else if unsafeToPrint(r) {
			b.WriteString(visible(r))
		} else {
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

func unsafeToPrint(r rune) bool { return !unicode.IsPrint(r) }

func visible(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
