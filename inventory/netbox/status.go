package netbox

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// The versions whose API is known, both included.
const (
	knownMajor  = 4
	oldestMinor = 2
	newestMinor = 7
)

const (
	statusAge   = 5 * time.Minute  // a status is remembered for so long
	statusLimit = 10 * time.Second // a server that hangs costs each reader no more
)

// asking is a question for the status that is under way. All who want to know
// wait for the one answer.
type asking struct {
	done   chan struct{}
	status inventory.Status
	err    error
}

// Status implements inventory.Server.
func (c *Client) Status(ctx context.Context) (inventory.Status, error) {
	c.mu.Lock()
	if c.clock.Now().Before(c.until) {
		defer c.mu.Unlock()
		return c.status, nil
	}
	a := c.asking
	if a == nil {
		a = &asking{done: make(chan struct{})}
		c.asking = a
		go c.ask(context.WithoutCancel(ctx), a)
	}
	c.mu.Unlock()
	select {
	case <-a.done:
		return a.status, a.err
	case <-ctx.Done():
		return inventory.Status{}, unsent(ctx, "GET", "/api/status/")
	}
}

func (c *Client) ask(ctx context.Context, a *asking) {
	ctx, cancel := context.WithTimeoutCause(ctx, statusLimit, fmt.Errorf("no answer within %s", statusLimit))
	defer cancel()
	a.status, a.err = c.readStatus(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking = nil
	if a.err == nil {
		c.status, c.until = a.status, c.clock.Now().Add(statusAge)
	}
	close(a.done)
}

func (c *Client) readStatus(ctx context.Context) (inventory.Status, error) {
	answer, err := c.send(ctx, &exchange{}, func(ctx context.Context) error {
		return done(c.api.StatusAPI.StatusRetrieve(ctx).Execute())
	})
	if err != nil {
		return inventory.Status{}, ofTable(err)
	}
	var says struct {
		Version string `json:"netbox-version"`
	}
	if json.Unmarshal(answer.body, &says) != nil || says.Version == "" {
		return inventory.Status{}, answer.odd("it does not say which version of NetBox it is; is the address right?")
	}
	return statusOf(answer.told(says.Version, 60)), nil
}

var versionForm = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?`)

// numbers reads a version such as 4.6.8-Docker-3.4.1; none are 0.
func numbers(version string) (major, minor, patch int) {
	m := versionForm.FindStringSubmatch(version)
	if m == nil {
		return 0, 0, 0
	}
	major, _ = strconv.Atoi(m[1])
	minor, _ = strconv.Atoi(m[2])
	patch, _ = strconv.Atoi(m[3])
	return major, minor, patch
}

// statusOf judges a version: what is not known is read and never written.
func statusOf(version string) inventory.Status {
	s := inventory.Status{Version: version}
	s.Major, s.Minor, _ = numbers(version)
	if s.Major != knownMajor || s.Minor < oldestMinor || s.Minor > newestMinor {
		s.Degraded = fmt.Sprintf("NetBox says that it is version %s; known are %d.%d to %d.%d, so it is read, and nothing is written",
			version, knownMajor, oldestMinor, knownMajor, newestMinor)
	}
	return s
}

// heard compares the version that an answer bears with the one remembered. After
// an upgrade the status is asked for anew.
func (c *Client) heard(version string) {
	major, minor, _ := numbers(version)
	if major == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status.Major != 0 && (major != c.status.Major || minor != c.status.Minor) {
		c.until = time.Time{}
	}
}

// writable is the status of a server that may be written.
func (c *Client) writable(ctx context.Context) (inventory.Status, error) {
	s, err := c.Status(ctx)
	if err == nil && s.Degraded != "" {
		err = &reconcile.Error{Class: reconcile.Forbidden, Message: "not sent: " + s.Degraded,
			Fix: "use a version of reconcile that knows this NetBox, or write to it by hand"}
	}
	return s, err
}
