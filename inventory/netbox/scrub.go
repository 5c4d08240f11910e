package netbox

import "strings"

// secretsOf are the parts of a token that must not be repeated: all of it, and
// what follows the key of one of version 2 (nbt_<key>.<secret>).
func secretsOf(token string) []string {
	if _, secret, found := strings.Cut(token, "."); found {
		return []string{token, secret}
	}
	return []string{token}
}

// clip cuts a text that is longer than so many characters.
func clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "…"
}
