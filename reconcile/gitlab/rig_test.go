package gitlab

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab/gitlabtest"
)

// token is the secret that nothing may show; what GitLab gets is another matter.
const token = "glpat-canary-token"

const (
	project   = "42"
	projectID = 42
	stack     = "shop-prod.5b0c1f7e"
)

// fakeClock does not wait; it counts.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.slept = c.now.Add(d), append(c.slept, d)
	return ctx.Err()
}

func (c *fakeClock) waited() (sum time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.slept {
		sum += d
	}
	return sum
}

// rig is a GitLab with a project, a merge request, and a client with a token.
type rig struct {
	*gitlabtest.Server
	*Client
	clock *fakeClock
	bot   int64
	other int64
	head  string // of main
}

func newRig(t *testing.T) *rig {
	t.Helper()
	clock := &fakeClock{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	server, err := gitlabtest.Start(gitlabtest.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	r := &rig{Server: server, clock: clock}
	r.bot = server.AddUser("reconcile-bot", token, "api")
	r.other = server.AddUser("j.doe", "glpat-other", "api")
	r.head = server.AddProject(projectID, "acme/shop", "main")
	server.AddMember(projectID, r.bot, int(Developer))
	server.AddMember(projectID, r.other, int(Maintainer))
	server.AddCommit(projectID, "feature", "", "Raise memory")
	server.AddMergeRequest(projectID, 7, "feature")
	r.Client = r.client(t, token)
	t.Cleanup(func() {
		if flaws := server.Flaws(); len(flaws) > 0 {
			t.Errorf("requests were not as documented: %q", flaws)
		}
	})
	return r
}

func (r *rig) client(t *testing.T, secret string) *Client {
	t.Helper()
	c, err := New(Options{URL: r.URL, Token: reconcile.NewSecret(secret), Clock: r.clock, UserAgent: "reconcile/test"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *rig) look() (v gitlabtest.View) {
	r.Look(projectID, func(now gitlabtest.View) { v = now })
	return v
}

// writes are the requests that change something, as METHOD and path.
func (r *rig) writes() (out []string) {
	for _, q := range r.Requests() {
		if q.Method != "GET" {
			out = append(out, q.Method+" "+q.Path)
		}
	}
	return out
}

func (r *rig) count(method, part string) (n int) {
	for _, q := range r.Requests() {
		if q.Method == method && strings.Contains(q.Path, part) {
			n++
		}
	}
	return n
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
