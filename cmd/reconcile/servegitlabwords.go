package main

import (
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A command is what somebody orders in a comment.
type command struct {
	verb   string // plan, apply, hold, help; else it is unknown
	stack  string // name, "" if none is named
	plan   string // hash, "" if none is named
	key    reconcile.Key
	until  time.Time
	reason string
	wrong  string // what is wrong with it
}

// commandIn finds the first line of a comment that begins with reconcile. What
// stands in a block of code, or is quoted, counts for nothing.
func commandIn(text string) (line string, found bool) {
	fence := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		mark := fenceOf(strings.TrimLeft(line, " "))
		switch {
		case fence == "" && mark != "" && indent < 4:
			fence = mark
		case fence != "" && strings.HasPrefix(mark, fence) && strings.TrimSpace(line) == mark:
			fence = ""
		case fence == "" && (line == "reconcile" || strings.HasPrefix(line, "reconcile ")):
			return line, true
		}
	}
	return "", false
}

// fenceOf is the run of marks that begins or ends a block of code, "" if there is none.
func fenceOf(line string) string {
	for _, mark := range []string{"`", "~"} {
		if n := len(line) - len(strings.TrimLeft(line, mark)); n >= 3 {
			return line[:n]
		}
	}
	return ""
}

// shortestPlanHash is how much of a plan's hash says which one is meant.
const shortestPlanHash = 12

// parseCommand reads a line. stacks are the names that it may begin with.
func parseCommand(line string, stacks []string, now time.Time) command {
	words := strings.Fields(line)[1:]
	if len(words) == 0 {
		return command{verb: "help"}
	}
	c := command{verb: words[0]}
	words = words[1:]
	for _, name := range stacks {
		if len(words) > 0 && words[0] == name {
			c.stack, words = name, words[1:]
			break
		}
	}
	switch c.verb {
	case "apply":
		if len(words) > 0 && len(words[0]) >= shortestPlanHash && commitForm.MatchString(words[0]) {
			c.plan, words = words[0], words[1:]
		}
		fallthrough
	case "plan":
		if len(words) > 0 {
			c.wrong = "there is no stack or plan " + words[0] + " here"
		}
	case "hold":
		c.hold(words, now)
	}
	return c
}

func (c *command) hold(words []string, now time.Time) {
	if len(words) == 0 || !reconcile.Key(words[0]).Valid() {
		c.wrong = "it names no key, such as Container/api"
		return
	}
	c.key, words = reconcile.Key(words[0]), words[1:]
	if len(words) > 0 {
		if until, err := moment("", words[0], now, 1); err == nil {
			c.until, words = until, words[1:]
		}
	}
	c.reason = strings.Join(words, " ")
	switch {
	case c.reason == "":
		c.wrong = "it says no reason, for those who find it later"
	case len(c.reason) > 1000:
		c.wrong = "its reason is longer than 1000 bytes"
	case !c.until.IsZero() && !c.until.After(now):
		c.wrong = "its end is past"
	}
}
