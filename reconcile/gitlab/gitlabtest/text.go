package gitlabtest

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// longest is how long a text may be, in characters.
const longest = 1_000_000

var (
	fenced  = regexp.MustCompile("(?ms)^ {0,3}(```+|~~~+)[^\n]*\n.*?(^ {0,3}(```+|~~~+)[ \t]*$|\\z)")
	inline  = regexp.MustCompile("(`+)[^`]+(`+)")
	comment = regexp.MustCompile(`(?s)<!--.*?-->`)
	action  = regexp.MustCompile(`(?m)^/([a-z_]+)\b.*$`)
	mention = regexp.MustCompile(`(?:^|[^\w@\\/.` + "`" + `])@([A-Za-z0-9_][\w.-]*)`)
)

// tooLong is what GitLab says of a text that is.
func tooLong(field, text string) any {
	if utf8.RuneCountInString(text) <= longest {
		return nil
	}
	return map[string]any{field: []string{"is too long (maximum is 1000000 characters)"}}
}

// heed notes the quick actions and mentions of a text. Those in code and comments
// are none.
func (c *call) heed(text string) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for _, skipped := range []*regexp.Regexp{fenced, comment, inline} {
		text = skipped.ReplaceAllString(text, "")
	}
	c.actions = append(c.actions, action.FindAllString(text, -1)...)
	for _, found := range mention.FindAllStringSubmatch(text, -1) {
		c.mentions = append(c.mentions, "@"+found[1])
	}
}
