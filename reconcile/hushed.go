package reconcile

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// shortestHushed is the length from which values are kept out of errors: without
// shorter ones there would be nothing left to read.
const shortestHushed = 4

// hushed is the error of a call without the values that were looked up for fields
// that are no secrets by their kind: an API may repeat what it was sent. Those of
// secrets the transport keeps out.
func (c *Change) hushed(err error) error {
	if err == nil || c.Want == nil {
		return err
	}
	said := err.Error()
	text := said
	for _, l := range leaves(c.Want.Kind.Fields, c.Want.Spec) {
		if !c.Want.Sourced[l.path] {
			continue
		}
		value := fmt.Sprint(l.plain())
		quoted, _ := json.Marshal(value)
		for _, form := range []string{value, strings.Trim(string(quoted), `"`), base64.StdEncoding.EncodeToString([]byte(value)), url.QueryEscape(value), url.PathEscape(value)} {
			if len(value) >= shortestHushed {
				text = strings.ReplaceAll(text, form, Masked)
			}
		}
	}
	if text == said {
		return err
	}
	return &Error{Class: ClassOf(err), Message: text}
}
