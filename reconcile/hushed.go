package reconcile

import "fmt"

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
		text = Hide(text, fmt.Sprint(l.plain()))
	}
	if text == said {
		return err
	}
	return &Error{Class: ClassOf(err), Message: text}
}
