package scaleway

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A RunTag says for which run a request is made. The rate of a credential is
// shared out by its stack, and the request bears all of it, so that Scaleway's
// Audit Trail tells our calls apart, and a simulator can tell which of them
// came after the lease had gone to another run.
type RunTag struct {
	Stack string // owner word
	Epoch int64  // of the lease; 0 where there is none
	JID   string
}

type runTagKey struct{}

// WithRun returns a context under which requests bear the tag.
func WithRun(ctx context.Context, tag RunTag) context.Context {
	return context.WithValue(ctx, runTagKey{}, tag)
}

func runOf(ctx context.Context) (RunTag, bool) {
	tag, ok := ctx.Value(runTagKey{}).(RunTag)
	return tag, ok
}

// longestWord bounds what a tag's word adds to a header.
const longestWord = 128

// comment is the tag as a User-Agent's comment.
func (t RunTag) comment() string {
	return fmt.Sprintf("(stack=%s; epoch=%d; run=%s)", word(t.Stack), t.Epoch, word(t.JID))
}

// word keeps what may stand in a header's comment and cannot end it.
func word(text string) string {
	if len(text) > longestWord {
		text = text[:longestWord]
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, text)
}

// tagged is the request with the tag of its context after its User-Agent.
func tagged(req *http.Request) {
	if tag, ok := runOf(req.Context()); ok {
		req.Header.Set("User-Agent", strings.TrimSpace(req.Header.Get("User-Agent")+" "+tag.comment()))
	}
}

// ParseAgent finds our product in a User-Agent, and the tag of its run. The tag is
// zero where a command sent the request, not a daemon. Anybody can write such a
// line: it proves nothing.
func ParseAgent(agent string) (tag RunTag, ours bool) {
	_, rest, ours := strings.Cut(" "+agent, " reconcile/")
	_, comment, tagged := strings.Cut(rest, " (")
	if !ours || !tagged {
		return RunTag{}, ours
	}
	comment, _, _ = strings.Cut(comment, ")")
	for part := range strings.SplitSeq(comment, "; ") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "stack":
			tag.Stack = value
		case "epoch":
			tag.Epoch, _ = strconv.ParseInt(value, 10, 64)
		case "run":
			tag.JID = value
		}
	}
	return tag, true
}

// Of tells whether a tag that was read from a request may be a stack's, by its
// owner word: a command's requests name none.
func (t RunTag) Of(stack string) bool { return t.Stack == "" || t.Stack == word(stack) }
