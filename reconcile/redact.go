package reconcile

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// shortestHidden is the length from which a value is hidden: without shorter
// ones no text would be left to read.
const shortestHidden = 4

// Hide replaces values, and the forms that encodings give them, by Masked. Values
// shorter than four bytes stay.
func Hide(text string, values ...string) string {
	forms := hiddenForms(values)
	if len(forms) == 0 {
		return text
	}
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		pairs = append(pairs, form, Masked)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// hiddenForms are the values as others may write them, the longest first.
func hiddenForms(values []string) []string {
	var forms []string
	for _, value := range values {
		if len(value) < shortestHidden {
			continue
		}
		quoted, _ := json.Marshal(value) // of a string, it cannot fail
		forms = append(forms, value, strings.Trim(string(quoted), `"`), strings.Trim(strconv.Quote(value), `"`), Clean(value),
			url.QueryEscape(value), url.PathEscape(value),
			base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(forms)
}

// OneLine takes out of an API's text what could move a terminal's cursor or reorder
// its text: it is other people's. It becomes one line.
func OneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
}

// hide takes values that were looked up out of the problems: one that stands
// where it does not fit may be a secret.
func hide(problems Problems, values Values) Problems {
	var words []string
	for _, looked := range values {
		words = append(words, looked.Value.Reveal())
	}
	if len(words) == 0 || len(problems) == 0 {
		return problems
	}
	out := slices.Clone(problems)
	for i := range out {
		out[i].Message, out[i].Hint = Hide(out[i].Message, words...), Hide(out[i].Hint, words...)
	}
	return out
}
