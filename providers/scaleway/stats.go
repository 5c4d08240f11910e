package scaleway

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"time"

	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Stats are what a client has sent so far and what it is at.
type Stats struct {
	Requests map[Outcome]uint64 // every try
	Waiting  int                // requests that wait for their turn
	Spared   []string           // products, with their places, that fail altogether and are tried now and then only
}

// Outcome is a sort of request.
type Outcome struct {
	Method string
	Class  reconcile.Class // of the refusal; "" if it was none
}

// Stats may be called at any time.
func (c *Client) Stats() Stats {
	return Stats{Requests: c.layers.counter.all(), Waiting: c.layers.turns.length(), Spared: c.layers.breaker.open()}
}

// counter counts the tries that were made.
type counter struct {
	next http.RoundTripper

	mu   sync.Mutex
	seen map[Outcome]uint64
}

func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[Outcome]uint64{}
	}
	c.seen[Outcome{req.Method, reconcile.ClassOf(err)}]++
	return resp, err
}

func (c *counter) all() map[Outcome]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.seen)
}

// keyEnd remembers when the API key ends, for a while.
type keyEnd struct {
	mu        sync.Mutex
	accessKey string
	asked     time.Time
	at        time.Time
	err       error
}

const endAskedAgain = time.Hour

// KeyExpires is when the API key that is in use ends; zero: never. It asks IAM at
// most once an hour, and when the key has changed. A key that may not read itself
// gives an error of class Forbidden.
func (c *Client) KeyExpires(ctx context.Context) (time.Time, error) {
	key := c.layers.keys.get(ctx).AccessKey
	c.end.mu.Lock()
	defer c.end.mu.Unlock()
	if c.end.accessKey == key && c.Clock.Now().Sub(c.end.asked) < endAskedAgain {
		return c.end.at, c.end.err
	}
	found, err := iam.NewAPI(c.SDK).GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: key}, scw.WithContext(ctx))
	if err != nil {
		known := Classify(err)
		if known.Class == reconcile.Forbidden {
			c.end.accessKey, c.end.asked, c.end.at, c.end.err = key, c.Clock.Now(), time.Time{}, known
		}
		return time.Time{}, known
	}
	c.end.accessKey, c.end.asked, c.end.at, c.end.err = key, c.Clock.Now(), time.Time{}, nil
	if found.ExpiresAt != nil {
		c.end.at = *found.ExpiresAt
	}
	return c.end.at, nil
}
