package scaleway

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// How often and how slowly requests are sent again. What the gateway refused
// for the rate was not looked at, so it may be sent more often than what failed.
const (
	failedTries  = 4
	limitedTries = 8
	firstWait    = 500 * time.Millisecond
	longestWait  = 20 * time.Second

	// writePatience is how long after its intent a write may leave at the latest:
	// settle times count from there. The engine tries it again, with another intent.
	writePatience = 15 * time.Second
)

// retrier sends again what may be sent again:
//
//	                   429    5xx, no answer    other
//	GET, DELETE, HEAD  yes    yes               no
//	POST, PATCH, PUT   yes    never: it may     no
//	                          have been done
type retrier struct {
	next  http.RoundTripper
	clock reconcile.Clock
}

func (r retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	failed, limited, begun := 0, 0, r.clock.Now()
	for {
		resp, err := r.next.RoundTrip(req)
		if err == nil {
			return resp, nil
		}
		var again bool
		switch reconcile.ClassOf(err) {
		case reconcile.RateLimited:
			limited++
			again = limited < limitedTries
		case reconcile.Unavailable:
			failed++
			again = failed < failedTries && !once(req.Method) && !errors.Is(err, errSpared)
		}
		if !again || req.Context().Err() != nil {
			return nil, err
		}
		wait := pause(err, failed+limited)
		if writes(req.Method) && r.clock.Now().Add(wait).Sub(begun) > writePatience {
			return nil, err
		}
		if r.clock.Sleep(req.Context(), wait) != nil {
			return nil, err
		}
		if req, err = rewound(req, err); err != nil {
			return nil, err
		}
	}
}

func writes(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// pause is what the API asks for, or else full jitter over a doubling span, so
// that many clients that failed together do not come back together.
func pause(err error, tries int) time.Duration {
	var r *refusal
	if errors.As(err, &r) && r.after > 0 {
		return min(r.after, longestWait)
	}
	span := min(firstWait<<(tries-1), longestWait)
	return rand.N(span) + time.Millisecond
}

// rewound is the request with its body from the start. Without a way back to
// the start the error that called for another try stands.
func rewound(req *http.Request, cause error) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	if req.GetBody == nil {
		return nil, cause
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, cause
	}
	again := req.Clone(req.Context())
	again.Body = body
	return again, nil
}
