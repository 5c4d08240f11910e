package reconcile

import "strings"

// longestGuess bounds the words that are compared, so that a hostile key costs nothing.
const longestGuess = 64

// Nearest returns the word that was probably meant by a misspelt one, "" when
// none is near. Case, dashes and underscores do not count; up to a third of the
// letters, three at most, may be missing, too many, wrong or swapped.
func Nearest(word string, among []string) string {
	if len(word) > longestGuess {
		return ""
	}
	given, best, near := plainWord(word), 4, ""
	for _, candidate := range among {
		meant := plainWord(candidate)
		allowed := min(3, max(len(given), len(meant))/3)
		if d := distance(given, meant, min(allowed, best-1)); d <= allowed && d < best {
			best, near = d, candidate
		}
	}
	return near
}

var dropSeparators = strings.NewReplacer("-", "", "_", "", " ", "")

func plainWord(word string) []rune {
	return []rune(dropSeparators.Replace(strings.ToLower(word)))
}

// distance counts the edits that turn a into b: letters put in, left out,
// changed, or swapped with their neighbour. It gives limit+1 for anything above limit.
func distance(a, b []rune, limit int) int {
	if limit < 0 || len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	width := len(b) + 1
	rows := make([]int, 3*width)
	before, above, row := rows[:width], rows[width:2*width], rows[2*width:]
	for j := range row {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+letterCost(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], limit+1)
}

func letterCost(a, b rune) int {
	if a == b {
		return 0
	}
	return 1
}
