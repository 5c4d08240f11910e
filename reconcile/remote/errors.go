package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// refusal is the body of an answer that is no success.
type refusal struct {
	Error struct {
		Code      string    `json:"code"`
		Message   string    `json:"message"`
		RequestID string    `json:"request_id"`
		Holder    string    `json:"holder"`
		Since     time.Time `json:"since"`
	} `json:"error"`
}

// errFenced and errLeased are refusals whose stack the caller knows.
type (
	errFenced struct{ error }
	errLeased struct {
		error
		holder string
		since  time.Time
	}
)

func (e errFenced) Unwrap() error { return e.error }
func (e errLeased) Unwrap() error { return e.error }

// refused turns an answer into an error.
func (s *Store) refused(c call, resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what came of it says enough
	var said refusal
	fix := fixOf(resp.StatusCode)
	if json.Unmarshal(body, &said) != nil || said.Error.Code == "" {
		said.Error.Message = "it answered " + resp.Status
		if resp.StatusCode < 500 {
			fix = "that is no answer of reconcile: look at --server or RECONCILE_URL, and at what stands between"
		}
	}
	said.Error.RequestID = orElse(said.Error.RequestID, resp.Header.Get("X-Request-Id"))
	err := &reconcile.Error{
		Class: classOf(resp.StatusCode, c.method), RequestID: reconcile.Clean(said.Error.RequestID),
		Message: fmt.Sprintf("%s at %s: %s", c.what, s, reconcile.Clean(said.Error.Message)), Fix: fix,
	}
	switch said.Error.Code {
	case "fenced", "gone":
		return errFenced{err}
	case "leased":
		return errLeased{err, said.Error.Holder, said.Error.Since}
	}
	return err
}

// classOf is what a status means. What stands between us and the daemon may
// answer 502 or 504 for what the daemon has done.
func classOf(status int, method string) reconcile.Class {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return reconcile.Forbidden
	case http.StatusNotFound:
		return reconcile.NotFound
	case http.StatusConflict, http.StatusGone, http.StatusLocked:
		return reconcile.Conflict
	case http.StatusTooManyRequests:
		return reconcile.RateLimited
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		if method != http.MethodGet {
			return reconcile.Ambiguous
		}
		return reconcile.Unavailable
	}
	if status >= 500 {
		return reconcile.Unavailable
	}
	return reconcile.Invalid
}

func fixOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "give a valid token in RECONCILE_TOKEN or RECONCILE_TOKEN_FILE; reconcile token create makes one"
	case http.StatusForbidden:
		return "use a token with a greater role, or one for this stack"
	}
	return ""
}

// lost turns an answer that did not come into an error. Of what changes
// something nobody knows whether it was done, unless no connection was made.
func (s *Store) lost(c call, err error) error {
	var link *url.Error
	if errors.As(err, &link) {
		err = link.Err // without the address, which is said already
	}
	class, text := reconcile.Unavailable, "cannot be reached"
	var dial *net.OpError
	if c.method != http.MethodGet && (!errors.As(err, &dial) || dial.Op != "dial") {
		class, text = reconcile.Ambiguous, "did not answer, and may have done it"
	}
	if errors.Is(err, context.Canceled) && class == reconcile.Unavailable {
		return fmt.Errorf("%s: %w", c.what, err)
	}
	return &reconcile.Error{Class: class, Err: err, Message: fmt.Sprintf("%s: the daemon at %s %s: %s", c.what, s, text, reconcile.Clean(err.Error())), Fix: fixLost(err, s.String())}
}

// fixLost is what to do where no answer came.
func fixLost(err error, address string) string {
	var dial *net.OpError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it speaks plain HTTP: write http:// in --server or RECONCILE_URL, or put its proxy's address there"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "see whether it runs, and whether --server or RECONCILE_URL is its address: reconcile doctor --alive " + address
	}
	return ""
}

// isClass tells whether an error is of a class.
func isClass(err error, class reconcile.Class) bool { return reconcile.ClassOf(err) == class }
