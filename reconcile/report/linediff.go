package report

import "fmt"

// A diffLine is one line of two texts that are compared: "-" if only the first
// has it, "+" if only the second has, " " if both have; "…" counts lines left out.
type diffLine struct{ Sign, Text string }

const (
	aroundLines = 2         // lines that are shown around those that differ
	mostPairs   = 1_000_000 // of lines that are compared; longer texts are shown side after side
)

// lineDiff is how b differs from a, with a few lines around each difference.
func lineDiff(a, b []string) []diffLine {
	return nearLines(allLines(a, b))
}

// allLines are the lines of both texts; those that both have, in the longest
// order that they share, stand once.
func allLines(a, b []string) []diffLine {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	out := marked(" ", a[:head])
	out = append(out, middle(a[head:len(a)-tail], b[head:len(b)-tail])...)
	return append(out, marked(" ", a[len(a)-tail:])...)
}

func marked(sign string, lines []string) []diffLine {
	out := make([]diffLine, len(lines))
	for i, text := range lines {
		out[i] = diffLine{sign, text}
	}
	return out
}

func middle(a, b []string) []diffLine {
	if len(a)*len(b) > mostPairs {
		return append(marked("-", a), marked("+", b)...)
	}
	shared := sharedLines(a, b)
	var out []diffLine
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, diffLine{" ", a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && shared[i+1][j] >= shared[i][j+1]:
			out = append(out, diffLine{"-", a[i]})
			i++
		default:
			out = append(out, diffLine{"+", b[j]})
			j++
		}
	}
	return out
}

// sharedLines are, for each pair of rests of a and b, how many lines they share in order.
func sharedLines(a, b []string) [][]int32 {
	out := make([][]int32, len(a)+1)
	for i := range out {
		out[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				out[i][j] = out[i+1][j+1] + 1
			} else {
				out[i][j] = max(out[i+1][j], out[i][j+1])
			}
		}
	}
	return out
}

// nearLines leaves out lines that both have, but for a few around each difference.
func nearLines(lines []diffLine) []diffLine {
	near := make([]bool, len(lines))
	for i := range lines {
		for k := max(0, i-aroundLines); lines[i].Sign != " " && k <= min(len(lines)-1, i+aroundLines); k++ {
			near[k] = true
		}
	}
	var out []diffLine
	for i := 0; i < len(lines); {
		if near[i] {
			out = append(out, lines[i])
			i++
			continue
		}
		from := i
		for i < len(lines) && !near[i] {
			i++
		}
		if i-from == 1 {
			out = append(out, lines[from])
		} else {
			out = append(out, diffLine{"…", fmt.Sprintf("%d lines that both have", i-from)})
		}
	}
	return out
}
