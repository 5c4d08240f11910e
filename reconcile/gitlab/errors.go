package gitlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A refusal is an answer that is no success. It is the cause of a *reconcile.Error.
type refusal struct {
	status int
	said   string
	after  time.Duration // what Retry-After says; 0 is nothing
}

func (r *refusal) Error() string {
	text := fmt.Sprintf("GitLab answers %d %s", r.status, http.StatusText(r.status))
	said := strings.TrimSpace(strings.TrimPrefix(r.said, fmt.Sprintf("%d ", r.status)))
	if said != "" && said != http.StatusText(r.status) {
		text += ": " + said
	}
	if r.after > 0 {
		text += fmt.Sprintf(" (come back in %s)", r.after)
	}
	return text
}

func refusalOf(err error) *refusal {
	var r *refusal
	errors.As(err, &r)
	return r
}

// judge makes an error of what is no success.
func (d *door) judge(method string, resp *http.Response, body []byte) error {
	r := &refusal{status: resp.StatusCode, said: d.clean(said(body)), after: retryAfter(resp.Header, d.clock.Now())}
	if resp.StatusCode/100 == 2 {
		if len(body) == 0 || strings.Contains(resp.Header.Get("Content-Type"), "json") {
			return nil
		}
		return &reconcile.Error{Class: reconcile.Invalid, Message: "something that is not GitLab's API answers", Fix: "see that CI_API_V4_URL leads to GitLab itself, and not to a page to log in on"}
	}
	class, fix := meaning(method, r)
	return &reconcile.Error{Class: class, Message: r.Error(), RequestID: d.clean(resp.Header.Get("X-Request-Id")), Fix: fix, Err: r}
}

// meaning is what an answer means, and what to do about it.
func meaning(method string, r *refusal) (class reconcile.Class, fix string) {
	switch {
	case r.status == http.StatusUnauthorized:
		return reconcile.Forbidden, "make a new token with scope api: this one is wrong, revoked or past its end"
	case r.status == http.StatusForbidden && strings.Contains(r.said, "insufficient_scope"):
		return reconcile.Forbidden, "make a token with scope api: this one lacks it"
	case r.status == http.StatusForbidden:
		return reconcile.Forbidden, "give the token's user the role Developer in the project"
	case r.status == http.StatusNotFound:
		return reconcile.NotFound, "see that the token's user is a member of the project: GitLab says so too of what one may not see"
	case r.status == http.StatusConflict:
		return reconcile.Conflict, ""
	case r.status == http.StatusTooManyRequests:
		return reconcile.RateLimited, ""
	case r.status == http.StatusRequestTimeout, r.status >= 500:
		if method == http.MethodPost {
			return reconcile.Ambiguous, ""
		}
		return reconcile.Unavailable, ""
	case r.status >= 300 && r.status < 400:
		return reconcile.Invalid, "name the address that GitLab itself has: redirects are not followed, as they would get the token"
	}
	return reconcile.Invalid, ""
}

// said is what GitLab says of a failure: a text, or texts by field.
func said(body []byte) string {
	var answer struct {
		Message     any    `json:"message"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "" // a proxy's page says nothing
	}
	var parts []string
	for _, part := range []string{flat(answer.Message), answer.Error, answer.Description} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

func flat(message any) string {
	switch m := message.(type) {
	case string:
		return m
	case []any:
		var parts []string
		for _, part := range m {
			parts = append(parts, flat(part))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		var parts []string
		for name, part := range m {
			parts = append(parts, name+" "+flat(part))
		}
		slices.Sort(parts)
		return strings.Join(parts, "; ")
	}
	return ""
}

// plain is the error of the door, without what the layers above it add: the
// request's address, which says nothing to people.
func plain(err error) error {
	var e *reconcile.Error
	if errors.As(err, &e) {
		return e
	}
	return err
}
