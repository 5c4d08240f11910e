package manifest

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var byteOrderMark = []byte("\ufeff")

// screen looks at a file's characters before they are parsed. It returns the
// text without its byte order mark, and what cannot be parsed. doubtful is a
// character that YAML 1.1 and 1.2 read differently: it is wrong in manifests.
func screen(file string, data []byte, most int) (text []byte, wrong, doubtful *reconcile.Problem) {
	if wrong = checkSize(file, data, most); wrong != nil {
		return nil, wrong, nil
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, &reconcile.Problem{Pos: reconcile.Pos{File: file, Line: 1, Col: 1},
			Message: "the file is UTF-16, and manifests are UTF-8", Hint: "save it as UTF-8"}, nil
	}
	text = bytes.TrimPrefix(data, byteOrderMark)
	for i := 0; i < len(text); {
		if c := text[i]; c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return nil, charProblem(file, text, i, fmt.Sprintf("byte 0x%02x is not UTF-8", text[i]), "save the file as UTF-8"), nil
		case !allowed(r):
			return nil, charProblem(file, text, i, fmt.Sprintf("control character %U stands in the file", r), escapeHint(r)), nil
		case doubtful == nil && endsLine(r) && !(r == '\r' && i+1 < len(text) && text[i+1] == '\n'):
			doubtful = charProblem(file, text, i, fmt.Sprintf("character %U ends a line for some readers only", r), escapeHint(r))
		}
		i += size
	}
	return text, nil, doubtful
}

func checkSize(file string, data []byte, most int) *reconcile.Problem {
	if len(data) <= most {
		return nil
	}
	line := 1 + bytes.Count(data[:most], []byte("\n"))
	return &reconcile.Problem{Pos: reconcile.Pos{File: file, Line: line, Col: 1},
		Message: fmt.Sprintf("a size of more than %d MiB (%d bytes), the most that one file may have", most>>20, most), Hint: "split the file"}
}

// allowed are the characters that YAML takes as they are.
func allowed(r rune) bool {
	return r == '\r' || r == 0x85 || r >= 0xa0 && r != 0xfeff && r != 0xfffe && r != 0xffff
}

func escapeHint(r rune) string {
	return fmt.Sprintf(`write it as "\u%04X", in double quotes, or leave it out`, r)
}

func charProblem(file string, text []byte, offset int, message, hint string) *reconcile.Problem {
	return &reconcile.Problem{Pos: posOf(file, text, offset), Message: message, Hint: hint}
}
