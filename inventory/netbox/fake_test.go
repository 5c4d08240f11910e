package netbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/inventory/netbox"
	"gitlab.com/reconciled/reconciled/reconcile"
)

const token = "0123456789abcdef0123456789abcdef01234567"

// clock is a time that only sleeping moves.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.slept = c.now.Add(d), append(c.slept, d)
	return ctx.Err()
}

// asked is a request as a fake server saw it.
type asked struct {
	method, path, body string
	query              url.Values
	header             http.Header
}

// fake is a server that says its version, and leaves everything else to a
// function.
type fake struct {
	*netbox.Client
	*clock
	t   *testing.T
	url string

	mu   sync.Mutex
	seen []asked
}

func play(t *testing.T, version string, api http.HandlerFunc, set ...func(*netbox.Options)) *fake {
	t.Helper()
	f := &fake{t: t, clock: newClock()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.seen = append(f.seen, asked{r.Method, r.URL.Path, string(body), r.URL.Query(), r.Header})
		f.mu.Unlock()
		if r.URL.Path == "/api/status/" && version != "" {
			answer(w, 200, fmt.Sprintf(`{"netbox-version": %q}`, version))
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		api(w, r)
	}))
	server.Config.SetKeepAlivesEnabled(false) // on a connection that is used again, net/http itself sends a read twice
	t.Cleanup(server.Close)
	f.url = server.URL
	o := netbox.Options{URL: server.URL, Token: fixed(token), Clock: f.clock}
	for _, s := range set {
		s(&o)
	}
	client, err := netbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Client = client
	return f
}

func fixed(token string) func(context.Context) (reconcile.Secret, error) {
	return func(context.Context) (reconcile.Secret, error) { return reconcile.NewSecret(token), nil }
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

// requests are those seen, without the ones for the status.
func (f *fake) requests() []asked {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.seen), func(a asked) bool { return a.path == "/api/status/" })
}

func (f *fake) statuses() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, a := range f.seen {
		if a.path == "/api/status/" {
			n++
		}
	}
	return n
}

func (f *fake) list() ([]int64, error) {
	rows, err := inventory.Rows[inventory.DeviceRow](f.t.Context(), f.Client, inventory.Devices, nil)
	var ids []int64
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids, err
}

func (f *fake) create() error {
	_, err := f.Create(f.t.Context(), inventory.Tags, map[string]any{"name": "a", "slug": "a"})
	return err
}

// rows are devices in a server's table, paged as NetBox pages them.
type rows struct {
	mu      sync.Mutex
	ids     []int64
	largest int              // MAX_PAGE_SIZE
	between func(r *rows)    // what happens after a page was answered
	tamper  func(page *page) // what is done to a page before
}

type page struct {
	Count   *int             `json:"count"`
	Next    *string          `json:"next"`
	Results []map[string]any `json:"results"`
}

func devicesOf(n int) *rows {
	r := &rows{largest: 1000}
	for i := range n {
		r.ids = append(r.ids, int64(i+1))
	}
	return r
}

func (r *rows) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	query := req.URL.Query()
	number := func(name string) int { n, _ := strconv.Atoi(query.Get(name)); return n }
	limit := min(number("limit"), r.largest)
	next := "http://evil.example.com/api/"
	p := page{Results: []map[string]any{}}
	first := number("offset")
	if query.Has("start") {
		first = slices.IndexFunc(r.ids, func(id int64) bool { return id >= int64(number("start")) })
		if first < 0 {
			first = len(r.ids)
		}
	} else {
		p.Count = new(len(r.ids))
	}
	for _, id := range r.ids[min(first, len(r.ids)):min(first+limit, len(r.ids))] {
		p.Results = append(p.Results, map[string]any{"id": id, "name": "a \"quoted\\\" name]}", "custom_fields": map[string]any{"id": -1}})
	}
	if first+limit < len(r.ids) {
		p.Next = &next
	}
	if r.tamper != nil {
		r.tamper(&p)
	}
	body, _ := json.Marshal(p)
	answer(w, 200, string(body))
	if r.between != nil {
		r.between(r)
	}
}
