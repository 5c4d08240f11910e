package manifest

import (
	"bytes"
	"sort"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// lineStarts are the offsets at which lines begin, as yaml.v3 counts them.
func lineStarts(text []byte) []int {
	starts := make([]int, 1, 1+bytes.Count(text, []byte("\n")))
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		i += size
		if endsLine(r) && !(r == '\r' && i < len(text) && text[i] == '\n') {
			starts = append(starts, i)
		}
	}
	return starts
}

func endsLine(r rune) bool {
	return r == '\n' || r == '\r' || r == 0x85 || r == 0x2028 || r == 0x2029
}

// line is a line's text, counted from 1, without its end; "" if there is none.
func line(text []byte, starts []int, number int) string {
	if number < 1 || number > len(starts) {
		return ""
	}
	end := len(text)
	if number < len(starts) {
		end = starts[number]
	}
	return string(bytes.TrimRightFunc(text[starts[number-1]:end], endsLine))
}

// posOf is the place of an offset.
func posOf(file string, text []byte, offset int) reconcile.Pos {
	starts := lineStarts(text)
	n := sort.SearchInts(starts, offset+1)
	return reconcile.Pos{File: file, Line: n, Col: 1 + utf8.RuneCount(text[starts[n-1]:offset])}
}
