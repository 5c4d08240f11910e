package netbox

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// pauses are the waits before a read is tried again; there are no more tries.
var pauses = []time.Duration{250 * time.Millisecond, time.Second}

// patience is how long NetBox may ask to wait (Retry-After).
const patience = 20 * time.Second

// tries sends a request, and a read again where that may help.
func (f *fence) tries(req *http.Request, x *exchange) (*answer, error) {
	for try := 0; ; try++ {
		a, err := f.try(req, x)
		wait, again := pause(req.Method, a, err, try)
		if !again || req.Context().Err() != nil {
			return a, err
		}
		if f.clock.Sleep(req.Context(), wait) != nil {
			return a, err
		}
	}
}

// pause tells whether a request is to be sent again, and when. A write never is:
// it may have been done.
func pause(method string, a *answer, err error, try int) (wait time.Duration, again bool) {
	if method != http.MethodGet || try >= len(pauses) {
		return 0, false
	}
	wait = pauses[try]
	if err != nil {
		var lost *lostConnection
		return wait, errors.As(err, &lost)
	}
	switch a.status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests:
		wait = max(wait, a.after())
		return wait, wait <= patience
	}
	return 0, false
}

// after reads Retry-After, in seconds or as a date.
func (a *answer) after() time.Duration {
	value := a.header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 24*3600)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	sent, err := http.ParseTime(a.header.Get("Date"))
	if err != nil || at.Before(sent) {
		return 0
	}
	return at.Sub(sent)
}

// lostConnection is a connection that broke after the request was sent.
type lostConnection struct{ err error }

func (l *lostConnection) Error() string { return l.err.Error() }
func (l *lostConnection) Unwrap() error { return l.err }

// unanswered is the error of a request to which no answer came. A write that was
// sent may have been done.
func unanswered(ctx context.Context, req *http.Request, x *exchange, err error, sent bool) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	} else if sent && !errors.Is(err, errTooLarge) {
		err = &lostConnection{err}
	}
	class, what := reconcile.Unavailable, "no answer to "
	if sent && req.Method != http.MethodGet {
		class = reconcile.Ambiguous
	}
	if !sent {
		what = "no connection to NetBox for "
	}
	message := what + req.Method + " " + req.URL.Path + ": " + reconcile.Hide(reason(err), x.hidden...)
	e := &reconcile.Error{Class: class, Message: message, Err: err}
	if !sent {
		e.Fix = "is NetBox up, and its address right?"
	}
	return e
}

func reason(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return "the time for it is over"
	}
	return reconcile.OneLine(err.Error())
}

// unsent is the error of a request for which there was no time left.
func unsent(ctx context.Context, method, path string) error {
	err := context.Cause(ctx)
	return &reconcile.Error{Class: reconcile.Unavailable, Message: "not sent: " + method + " " + path + ": " + reason(err), Err: err}
}
