package scaleway

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// When a product counts as failing, and how often it is tried then.
const (
	failsAfter  = 10 // requests in a row that came to nothing
	firstProbe  = time.Second
	rarestProbe = 15 * time.Second
)

// breaker spares a product that fails altogether in one place. After so many
// failures in a row its requests are refused on the spot, but for one read now
// and then. The first that comes through ends that; the limiter then lets the
// others follow in turn. Other products and places go on meanwhile.
type breaker struct {
	next  http.RoundTripper
	clock reconcile.Clock

	mu       sync.Mutex
	products map[string]*circuit
}

// circuit is what is known of a product in a place.
type circuit struct {
	failures int           // in a row
	since    time.Time     // of the first of them
	pause    time.Duration // between two tries; 0 while all may be sent
	probe    time.Time     // when the next one may be tried
	reason   string
}

// errSpared is what requests get that are not sent because all others fail.
var errSpared = errors.New("not sent")

func (b *breaker) RoundTrip(req *http.Request) (*http.Response, error) {
	name := productOf(req.URL.Path)
	probe, err := b.admit(name, req.Method)
	if err != nil {
		return nil, err
	}
	resp, err := b.next.RoundTrip(req)
	b.learn(name, err, probe, req.Context().Err() != nil)
	return resp, err
}

// admit refuses a request, or tells whether it is the one that is tried.
func (b *breaker) admit(name, method string) (probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.products[name]
	if c == nil || c.pause == 0 {
		return false, nil
	}
	now := b.clock.Now()
	if method == http.MethodGet && !now.Before(c.probe) {
		c.probe = now.Add(c.pause) // no other until its answer, if that ever comes
		return true, nil
	}
	return false, &reconcile.Error{Class: reconcile.Unavailable, Err: errSpared, Message: fmt.Sprintf(
		"not sent: everything of %s fails since %s (%s); it is tried again from %s on",
		name, c.since.UTC().Format(time.RFC3339), c.reason, c.probe.UTC().Format(time.RFC3339))}
}

// learn takes in what came of a request. What the caller gave up says nothing.
func (b *breaker) learn(name string, err error, probe, givenUp bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	class := reconcile.ClassOf(err)
	switch failed := class == reconcile.Unavailable || class == reconcile.Ambiguous; {
	case !failed:
		delete(b.products, name)
	case !givenUp:
		b.fail(name, err, probe)
	}
}

// fail counts a failure. Those of requests that left before the circuit opened
// do not lengthen its pause.
func (b *breaker) fail(name string, err error, probe bool) {
	now, c := b.clock.Now(), b.products[name]
	if c == nil {
		c = &circuit{since: now}
		b.products[name] = c
	}
	c.failures++
	switch {
	case c.pause == 0 && c.failures >= failsAfter:
		c.pause = firstProbe
	case probe:
		c.pause = min(2*c.pause, rarestProbe)
	default:
		return
	}
	c.probe, c.reason = now.Add(c.pause/2+rand.N(c.pause/2)), reasonOf(err)
}

func reasonOf(err error) string {
	if status := statusOf(err); status != 0 {
		return fmt.Sprintf("the last answer was %d", status)
	}
	return "there is no answer"
}

// productOf is the product and the place in a path, such as containers in fr-par.
func productOf(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, part := range parts {
		if (part == "regions" || part == "zones") && i+1 < len(parts) {
			return parts[0] + " in " + parts[i+1]
		}
	}
	return parts[0]
}

// open names the products that are spared.
func (b *breaker) open() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var names []string
	for name, c := range b.products {
		if c.pause > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
