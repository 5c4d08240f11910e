package report

import "time"

// Ago is how long before now a time was, as people say it; after a month it is
// the date.
func Ago(then, now time.Time) string { return ago(then, now) }

// Took is a duration as people say it.
func Took(d time.Duration) string { return took(d) }

// Wrap breaks a text into lines of at most limit columns, between its words. Keys,
// paths and the like stay whole, a number stays with its unit.
func Wrap(text string, limit int) []string { return wrap(text, limit) }
