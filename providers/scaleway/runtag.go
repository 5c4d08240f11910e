package scaleway

import (
	"context"
	"fmt"
	"net/http"
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
