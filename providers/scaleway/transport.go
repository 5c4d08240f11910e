package scaleway

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/scaleway/scaleway-sdk-go/scw"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// connections is how many requests may be under way at once without a new
// connection each.
const connections = 64

// layers are the decorators around a transport whose state the client shows.
type layers struct {
	keys    *keyring
	turns   *turns
	breaker *breaker
	counter *counter
}

// chain puts the decorators around a transport; the first to see a request is
// the last in the list.
func chain(o Options, keys *keyring) (http.RoundTripper, *layers) {
	l := &layers{keys: keys, turns: newTurns(o.Clock, o.Rate, o.Burst)}
	l.counter = &counter{next: exchange{recorder{o.Transport}}}
	keyed := &keyed{next: l.counter, keys: keys}
	l.breaker = &breaker{next: limiter{keyed, l.turns}, clock: o.Clock, products: map[string]*circuit{}}
	return denial{retrier{l.breaker, o.Clock}, keyed}, l
}

func overTCP() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          2 * connections,
		MaxIdleConnsPerHost:   connections,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	}
}

// door is what the SDK sends its requests through. It is no *http.Client on
// purpose: so nothing follows redirects, and the SDK's debug logger, which
// prints bodies with their secrets, cannot hook itself in.
type door struct {
	http.RoundTripper
	asking bool
}

func (d *door) Do(r *http.Request) (*http.Response, error) {
	if d.asking {
		return metadata(r), nil
	}
	return d.RoundTrip(r)
}

// metadata fills in what the SDK otherwise asks for at its first call, without
// a lock, and again before every call if it gets no answer. It only serves
// names that nothing here reads, so it is answered on the spot.
func (d *door) metadata(sdk *scw.Client) error {
	d.asking = true
	defer func() { d.asking = false }()
	_, err := sdk.GetAPIMetadata()
	return err
}

func metadata(r *http.Request) *http.Response {
	const recorded = `{"platform":"external","partition":"scw","domain":"scw.eu"}`
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(bytes.NewReader([]byte(recorded))), ContentLength: int64(len(recorded)),
	}
}

// unsent is the error of a request that never left.
func unsent(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return &reconcile.Error{Class: reconcile.Unavailable, Message: "not sent: " + err.Error(), Err: err}
}
