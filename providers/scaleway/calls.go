package scaleway

import (
	"net/http"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// System is how records name the API.
const System = "scaleway"

// recorder notes each try. The path is noted without its query.
type recorder struct{ next http.RoundTripper }

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := r.next.RoundTrip(req)
	call := reconcile.Call{System: System, Method: req.Method, Path: req.URL.Path, Millis: time.Since(began).Milliseconds()}
	if resp != nil {
		call.Status, call.RequestID = resp.StatusCode, resp.Header.Get(requestIDHeader)
	}
	reconcile.NoteCall(req.Context(), call)
	return resp, err
}
