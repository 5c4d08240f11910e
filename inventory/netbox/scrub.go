package netbox

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// shortest is the length from which a value is hidden: hiding shorter ones would
// leave no text to read.
const shortest = 4

// secretsOf are the parts of a token that must not be repeated: all of it, and
// what follows the key of one of version 2 (nbt_<key>.<secret>).
func secretsOf(token string) []string {
	if _, secret, found := strings.Cut(token, "."); found {
		return []string{token, secret}
	}
	return []string{token}
}

// hide replaces values, and the forms that encodings give them, by a mask.
func hide(text string, values ...string) string {
	var forms []string
	for _, value := range values {
		if len(value) < shortest {
			continue
		}
		quoted, _ := json.Marshal(value) // of a string, it cannot fail
		forms = append(forms, value, strings.Trim(string(quoted), `"`), url.QueryEscape(value),
			base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for _, form := range forms {
		text = strings.ReplaceAll(text, form, reconcile.Masked)
	}
	return text
}

// clean takes out what could move a terminal's cursor or reorder its text. What
// a server says is other people's text.
func clean(text string) string {
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

// clip cuts a text that is longer than so many characters.
func clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "…"
}
