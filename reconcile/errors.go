package reconcile

import (
	"errors"
	"fmt"
	"strings"
)

// A Class is what an API's refusal means for whoever must react to it. Retries,
// waiting and exit codes depend on the class and never on an error's text.
type Class string

// The classes of errors.
const (
	Invalid     Class = "invalid"      // the request can never succeed as it is
	NotFound    Class = "not found"    // there is no such resource
	Forbidden   Class = "forbidden"    // the credential may not do this
	Conflict    Class = "conflict"     // something of that name or state is in the way
	Busy        Class = "busy"         // in a transient state: the same call may succeed later
	RateLimited Class = "rate limited" // refused before it was looked at
	OutOfStock  Class = "out of stock"
	Quota       Class = "quota"
	Ambiguous   Class = "ambiguous"   // sent, but no answer came: it may have been done, or may yet be
	Unavailable Class = "unavailable" // the API is failing or out of reach
)

// An Error is a refusal of an API, classified.
type Error struct {
	Class     Class
	Message   string // what the API said, without values that must not be printed
	RequestID string // as the API names the request, for its support
	Fix       string // what to do about it, if that is known
	Err       error
}

func (e *Error) Error() string {
	if e.RequestID == "" {
		return e.Message
	}
	return fmt.Sprintf("%s (request %s)", e.Message, e.RequestID)
}

func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of an error, "" if it has none.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ""
}

// A Problem is something wrong in the source, at its place.
type Problem struct {
	Pos     Pos
	Message string
	Hint    string // what to do, for instance "did you mean memoryLimitMb?"
	Warning bool   // worth saying, but nothing is refused for it; --strict makes errors of these
}

func (p Problem) String() string {
	text := p.Message
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	if p.Pos.IsZero() {
		return text
	}
	return p.Pos.String() + ": " + text
}

// Problems are all that is wrong in a source, found in one go.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// Errors are the problems for which the source is refused; under strict every one is.
func (p Problems) Errors(strict bool) Problems {
	var out Problems
	for _, problem := range p {
		if strict || !problem.Warning {
			out = append(out, problem)
		}
	}
	return out
}

// Err is nil where there is nothing to refuse.
func (p Problems) Err() error {
	if errs := p.Errors(false); len(errs) > 0 {
		return errs
	}
	return nil
}

func (p *Problems) add(at Pos, hint, format string, args ...any) {
	*p = append(*p, Problem{Pos: at, Message: fmt.Sprintf(format, args...), Hint: hint})
}
