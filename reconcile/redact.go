package reconcile

import (
	"slices"
	"strconv"
	"strings"
)

// shortestHidden is the length from which a value is hidden: without shorter
// ones no text would be left to read.
const shortestHidden = 4

// hide takes values that were looked up out of the problems: one that stands
// where it does not fit may be a secret.
func hide(problems Problems, values Values) Problems {
	var words []string
	for _, looked := range values {
		if value := looked.Value.Reveal(); len(value) >= shortestHidden {
			words = append(words, value, strings.Trim(strconv.Quote(value), `"`), Clean(value))
		}
	}
	if len(words) == 0 || len(problems) == 0 {
		return problems
	}
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, word := range words {
		pairs = append(pairs, word, Masked)
	}
	mask := strings.NewReplacer(pairs...)
	out := slices.Clone(problems)
	for i := range out {
		out[i].Message, out[i].Hint = mask.Replace(out[i].Message), mask.Replace(out[i].Hint)
	}
	return out
}
