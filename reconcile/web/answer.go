package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A refusal is an answer that is no success, in words for people.
type refusal struct {
	status  int
	code    string
	message string
	leased  *reconcile.Leased
	plans   *[2]string // the hash that was asked for, and the one that waits
	after   time.Duration
	allow   string // methods
}

func (r *refusal) Error() string { return r.message }

// failure is the body of a refusal.
type failure struct {
	Error struct {
		Code      string     `json:"code"`
		Message   string     `json:"message"`
		RequestID string     `json:"request_id"`
		Holder    string     `json:"holder,omitempty"` // who has the stack
		Since     *time.Time `json:"since,omitempty"`
		Asked     string     `json:"asked,omitempty"` // hash of the plan that was to be approved
		Waits     string     `json:"waits,omitempty"` // hash of the plan that waits for approval
	} `json:"error"`
}

// codes are the codes of refusals, by status. 409 has two.
var codes = map[int]string{
	http.StatusUnauthorized:          "unauthorized",
	http.StatusForbidden:             "forbidden",
	http.StatusNotFound:              "not_found",
	http.StatusMethodNotAllowed:      "not_found",
	http.StatusConflict:              "conflict",
	http.StatusGone:                  "gone",
	http.StatusRequestEntityTooLarge: "too_large",
	http.StatusUnsupportedMediaType:  "unsupported",
	http.StatusMisdirectedRequest:    "forbidden",
	http.StatusUnprocessableEntity:   "invalid",
	http.StatusLocked:                "leased",
	http.StatusTooManyRequests:       "limited",
	http.StatusInternalServerError:   "internal",
	http.StatusServiceUnavailable:    "unavailable",
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, code: codes[status], message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *refusal {
	return refuse(http.StatusUnprocessableEntity, format, args...)
}

func notFound(format string, args ...any) *refusal {
	return refuse(http.StatusNotFound, format, args...)
}

func conflict(format string, args ...any) *refusal {
	return refuse(http.StatusConflict, format, args...)
}

func forbidden(format string, args ...any) *refusal {
	return refuse(http.StatusForbidden, format, args...)
}

// refusalOf makes a refusal of any error.
func refusalOf(err error) *refusal {
	var (
		own    *refusal
		leased *reconcile.Leased
		fenced *reconcile.Fenced
		broken *reconcile.Break
		large  *http.MaxBytesError
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &leased):
		r := refuse(http.StatusLocked, "%v", leased)
		r.leased = leased
		return r
	case errors.As(err, &fenced):
		r := conflict("%v", fenced)
		r.code = "fenced"
		return r
	case errors.As(err, &broken):
		return refuse(http.StatusInternalServerError, "the journal is not as it was written: %v", broken)
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", large.Limit)
	}
	switch reconcile.ClassOf(err) {
	case reconcile.NotFound:
		return notFound("%v", err)
	case reconcile.Conflict:
		return conflict("%v", err)
	case reconcile.Invalid:
		return invalid("%v", err)
	}
	return refuse(http.StatusServiceUnavailable, "%v", err)
}

// failureOf is the body of a refusal.
func failureOf(r *refusal, id string) failure {
	body := failure{}
	e := &body.Error
	e.Code, e.Message, e.RequestID = r.code, reconcile.Clean(r.message), id
	if r.leased != nil {
		e.Holder, e.Since = r.leased.Holder, &r.leased.Since
	}
	if r.plans != nil {
		e.Asked, e.Waits = r.plans[0], r.plans[1]
	}
	return body
}

// fail answers with a refusal.
func fail(w http.ResponseWriter, id string, r *refusal) {
	h := w.Header()
	switch {
	case r.status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="reconcile"`)
	case r.after > 0:
		h.Set("Retry-After", strconv.Itoa(int(r.after.Seconds()+1)))
	case r.allow != "":
		h.Set("Allow", r.allow)
	}
	h.Del("ETag")
	write(w, r.status, failureOf(r, id))
}

// write answers with JSON.
func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil && !errors.Is(err, context.Canceled) {
		return // the client has gone; the access log tells how much it got
	}
}

// decode reads one JSON value strictly: unknown members are refused, so that
// nothing that was asked for is silently left out.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return invalid("the body is not what it must be: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("something follows the body's JSON value")
	}
	return nil
}
