package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/web"
)

// shelf is a NetBox of rows that are written down, and counts what it is asked.
type shelf struct {
	inventory.Server
	mu    sync.Mutex
	rows  map[string]map[string]any // by table and id
	asked int
	down  error

	degraded string
}

func (s *shelf) Status(context.Context) (inventory.Status, error) {
	return inventory.Status{Degraded: s.degraded}, s.down
}

func (s *shelf) answers(ctx context.Context, method, request string) error {
	s.asked++
	reconcile.NoteCall(ctx, reconcile.Call{System: "netbox", Method: method, Status: 200, RequestID: request})
	return s.down
}

func (s *shelf) Get(ctx context.Context, from inventory.Table, id int64) (inventory.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.answers(ctx, "GET", ""); err != nil {
		return inventory.Answer{}, err
	}
	row := s.rows[fmt.Sprint(from, " ", id)]
	if row == nil {
		return inventory.Answer{}, &reconcile.Error{Class: reconcile.NotFound, Message: "it is not there"}
	}
	text, err := json.Marshal(row)
	return inventory.Answer{Body: text}, err
}

func (s *shelf) List(ctx context.Context, from inventory.Table, where url.Values) (out []json.RawMessage, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.answers(ctx, "GET", ""); err != nil {
		return nil, err
	}
	for at, row := range s.rows {
		if strings.HasPrefix(at, string(from)+" ") && (from == inventory.Devices || slices.Contains(where["device_id"], fmt.Sprint(row["of"]))) {
			text, _ := json.Marshal(row)
			out = append(out, text)
		}
	}
	return out, nil
}

func (s *shelf) First(ctx context.Context, _ inventory.Table, _ url.Values, _ int) ([]json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return nil, s.answers(ctx, "GET", "")
}

func (s *shelf) Update(ctx context.Context, _ inventory.Table, id int64, fields map[string]any, _ string) (inventory.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return inventory.Answer{}, s.answers(ctx, "PATCH", fmt.Sprint("ours-", fields["name"]))
}

func (s *shelf) URL(inventory.Table, int64) string { return "" }

// nudges are a store that is nudged.
type nudges struct {
	keeper
	mu  sync.Mutex
	all []string
}

func (n *nudges) Nudge(_ context.Context, name string, why reconcile.Launch) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, name+" "+string(why))
	return nil
}

// hintRig is a daemon of three stacks: shop has devices, pool too, but only those
// of tenant acme, and blog has none.
type hintRig struct {
	*serving
	t     *testing.T
	box   *shelf
	store *nudges
	time  *leaping
	hook  daemon.Webhook
}

func newHintRig(t *testing.T) *hintRig {
	clock := &leaping{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), last: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	r := &hintRig{t: t, box: &shelf{rows: map[string]map[string]any{}}, store: &nudges{}, time: clock}
	r.serving = newServing(&app{getenv: func(string) string { return "" }, err: io.Discard}, serveFlags{format: "text"}, slog.LevelInfo)
	r.hook = daemon.Webhook{Name: "netbox", Provider: "netbox"}
	config := &daemon.Config{Webhooks: []daemon.Webhook{r.hook, {Name: "narrow", Provider: "netbox", Stacks: []string{"blog"}}},
		Stacks: []daemon.Entry{{Name: "shop"}, {Name: "pool"}, {Name: "blog"}, {Name: "new"}}}
	r.config.Store(config)
	r.serving.store, r.serving.clock = r.store, clock
	made := &clients{boxes: map[netboxAt]*box{{}: newBox(r.box, clock)}}
	r.line = &line{listings: reconcile.NewListings(clock, time.Minute), clients: made}
	r.hints.clock = clock
	for name, its := range map[string]stake{"shop": {uses: true}, "pool": {uses: true, within: reconcile.Inventory{Tenants: []string{"acme"}}}, "blog": {}} {
		r.line.stakes.Store(name, its)
	}
	r.line.owners.Store("shop", "shop.11111111")
	r.line.owners.Store("pool", "pool.22222222")
	r.line.owners.Store("blog", "blog.33333333")
	return r
}

// device puts a device on the shelf; owner is "" for one of nobody.
func (r *hintRig) device(id int64, name, owner, tenant string) {
	row := map[string]any{"id": id, "name": name, "status": map[string]any{"value": "active"}, "tenant": map[string]any{"slug": tenant}, "last_updated": time.Now().Format(time.RFC3339Nano)}
	if owner != "" {
		row["tags"] = []any{map[string]any{"slug": inventory.TagManaged}}
		row["custom_fields"] = map[string]any{inventory.FieldStack: owner, inventory.FieldResource: "Device/" + name}
	}
	r.box.rows[fmt.Sprint(inventory.Devices, " ", id)] = row
}

// told has NetBox tell of devices, and looks it up.
func (r *hintRig) told(ids ...int64) {
	for _, id := range ids {
		r.hints.take(r.hook, web.Edit{Type: "dcim.device", ID: id, Request: fmt.Sprint("by-somebody-", id)})
	}
	r.hints.round(r.t.Context())
}

// wants checks who was nudged, and how often NetBox was asked, since the last time.
func (r *hintRig) wants(what string, asked int, stacks ...string) {
	r.t.Helper()
	var want []string
	for _, name := range stacks {
		want = append(want, name+" webhook")
	}
	if !slices.Equal(r.store.all, want) || r.box.asked != asked {
		r.t.Errorf("%s: %v were nudged, by %d requests; want %v by %d", what, r.store.all, r.box.asked, want, asked)
	}
	r.store.all, r.box.asked = nil, 0
}

func TestWhomAHintNudges(t *testing.T) {
	const reread = 4 // the device, its interfaces, MAC addresses and IP addresses
	r := newHintRig(t)
	r.device(1, "web-1", "shop.11111111", "other")
	r.device(2, "web-2", "", "acme")
	r.device(3, "web-3", "", "other")
	r.device(4, "web-4", "elsewhere.99999999", "acme")
	r.told(1)
	r.wants("a device that was never seen", reread, "shop")
	r.told(1)
	r.wants("nothing differs", reread)
	r.device(1, "web-1", "shop.11111111", "other")
	r.told(1, 1, 1)
	r.wants("only the time of its change differs", reread)
	r.device(1, "web-x", "shop.11111111", "other")
	r.told(1)
	r.wants("its name differs", reread, "shop")
	r.told(2)
	r.wants("nobody's, in scope of two", reread, "pool", "shop")
	r.told(3)
	r.wants("nobody's, in scope of one", reread, "shop")
	r.told(4)
	r.wants("somebody else's", reread)
	r.device(1, "web-x", "", "acme")
	r.told(1)
	r.wants("it has lost its mark", reread, "pool", "shop")
	delete(r.box.rows, "dcim/devices 3")
	r.told(3)
	r.wants("nobody's, and gone", 1, "pool", "shop")
	r.told(3, 99)
	r.wants("gone, and never seen", 2)
	r.hints.take(r.hook, web.Edit{Type: "dcim.site", ID: 1})
	r.hints.round(t.Context())
	r.wants("a site", 0)
	r.hook.Name = "narrow"
	r.device(2, "web-y", "", "acme")
	r.told(2)
	r.wants("a hook for other stacks", reread)
}

// What the daemon wrote itself is not looked up, whether NetBox tells of it
// before or after it has answered.
func TestOwnWritesAreNoHints(t *testing.T) {
	r := newHintRig(t)
	r.device(1, "web-1", "shop.11111111", "other")
	r.told(1)
	r.wants("first", 4, "shop")
	b := r.line.clients.box(r.config.Load())
	write := func(name string) {
		if _, err := b.Update(t.Context(), inventory.Devices, 1, map[string]any{"name": name}, ""); err != nil {
			t.Fatal(err)
		}
		r.device(1, name, "shop.11111111", "other")
	}
	write("a")
	for _, kind := range []string{"dcim.device", "dcim.interface", "ipam.ipaddress"} {
		r.hints.take(r.hook, web.Edit{Type: kind, ID: 1, Request: "ours-a"})
	}
	r.hints.round(t.Context())
	r.wants("told after the answer", 1)
	r.hints.take(r.hook, web.Edit{Type: "dcim.device", ID: 1, Request: "ours-b"})
	write("b")
	r.hints.round(t.Context())
	r.wants("told before the answer", 1)
	r.hints.take(r.hook, web.Edit{Type: "dcim.device", ID: 1, Request: "of-a-job", ByRun: true})
	r.hints.round(t.Context())
	r.wants("of a run elsewhere", 0)
	r.hints.take(r.hook, web.Edit{Type: "dcim.device", ID: 1, Request: "ours-c"})
	write("c")
	r.told(1)
	r.wants("somebody else wrote as well", 5, "shop")
}

// However many events come, few requests follow, and little is kept.
func TestAFloodOfHints(t *testing.T) {
	r := newHintRig(t)
	for id := range int64(1000) {
		r.device(id+1, fmt.Sprint("web-", id), "shop.11111111", "acme")
		r.hints.take(r.hook, web.Edit{Type: "dcim.device", ID: id + 1, Request: "by-somebody"})
		r.hints.take(r.hook, web.Edit{Type: "ipam.ipaddress", ID: id + 1, Request: "by-somebody"})
		if n := len(r.hints.waiting); n > mostHints {
			t.Fatalf("%d hints wait", n)
		}
	}
	r.hints.round(t.Context())
	if r.box.asked > 5*mostHints {
		t.Errorf("%d requests", r.box.asked)
	}
	r.box.asked = 0
	r.store.all = r.store.all[len(r.store.all)-2:] // those before are of the last few, which are read
	r.wants("a flood", 0, "pool", "shop")
	for id := range int64(1000) {
		r.hints.take(r.hook, web.Edit{Type: "dcim.device", ID: id + 1, Request: "by-somebody"})
	}
	r.hints.waiting = map[hint]pending{}
	r.hints.round(t.Context())
	r.wants("a further flood, at once", 0)
	r.time.now = r.time.now.Add(allPause)
	r.hints.round(t.Context())
	r.wants("the further flood, later", 0, "pool", "shop")
}

// A NetBox that is away is asked a few times, and then the schedule's look is trusted.
func TestHintsOfANetBoxThatIsAway(t *testing.T) {
	r := newHintRig(t)
	r.box.down = &reconcile.Error{Class: reconcile.Unavailable, Message: "away"}
	r.hints.take(r.hook, web.Edit{Type: "dcim.interface", ID: 1, Request: "x"})
	for range 5 {
		r.hints.round(t.Context())
	}
	r.wants("away", hintTries)
	if n := len(r.hints.waiting); n != 0 {
		t.Errorf("%d hints still wait", n)
	}
	r.told(1)
	r.wants("away, a device", 1)
}

// The stale row of a listing that others share does not serve the look that a hint leads to.
func TestAHintOutdatesListings(t *testing.T) {
	r := newHintRig(t)
	r.device(1, "web-1", "shop.11111111", "")
	kinds := r.line.devices(r.line.clients.netbox(r.config.Load()), daemon.NetBox{}, &reconcile.Stack{}, "shop.11111111")
	kind, _ := kinds.Find(inventory.DeviceKind)
	name := func() string {
		live, err := kind.List(t.Context(), reconcile.Scope{})
		if err != nil || len(live) != 1 {
			t.Fatalf("%d devices, %v", len(live), err)
		}
		return live[0].Name
	}
	if name() != "web-1" {
		t.Fatal("the listing lacks it")
	}
	r.device(1, "web-2", "shop.11111111", "")
	if name() != "web-1" {
		t.Fatal("listings are not shared")
	}
	r.told(1)
	if got := name(); got != "web-2" {
		t.Errorf("after the hint the listing says %s", got)
	}
}

// A NetBox is known as away from the first read that fails to the first that is
// answered; who may not write, or does not wait, says nothing of it.
func TestHowABoxDoes(t *testing.T) {
	r := newHintRig(t)
	b := r.line.clients.box(r.config.Load())
	read := func(ctx context.Context, fails error) {
		r.box.down = fails
		_, _ = b.List(ctx, inventory.Devices, nil)
	}
	wants := func(what string, away bool, since time.Time) {
		t.Helper()
		health, _ := b.known()
		if health.Failing.IsZero() == away || away && !health.Failing.Equal(since) {
			t.Errorf("%s: %+v", what, health)
		}
	}
	read(t.Context(), nil)
	wants("it answers", false, time.Time{})
	for _, class := range []reconcile.Class{reconcile.Unavailable, reconcile.Forbidden, reconcile.RateLimited} {
		began := r.time.now
		read(t.Context(), &reconcile.Error{Class: class, Message: "away"})
		r.time.now = r.time.now.Add(time.Hour)
		read(t.Context(), &reconcile.Error{Class: class, Message: "still away"})
		wants(string(class), true, began)
		read(t.Context(), &reconcile.Error{Class: reconcile.NotFound, Message: "no such device"})
		wants("an answer after "+string(class), false, time.Time{})
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	read(left, &reconcile.Error{Class: reconcile.Unavailable, Message: "nobody waited"})
	wants("who asked has left", false, time.Time{})
	r.box.down = &reconcile.Error{Class: reconcile.Forbidden, Message: "read only"}
	_, _ = b.Update(t.Context(), inventory.Devices, 1, nil, "")
	wants("a write was refused", false, time.Time{})
	if _, counted := b.known(); counted["ok"] == 0 {
		t.Errorf("counted %v", counted)
	}
	within, calls := reconcile.WithCalls(t.Context())
	read(within, nil)
	if len(calls()) != 1 {
		t.Errorf("the caller's own record has %d calls", len(calls()))
	}
}

// A stack that uses NetBox is told of one that is only read.
func TestADegradedBoxIsTold(t *testing.T) {
	r := newHintRig(t)
	config, stack := r.config.Load(), &reconcile.Stack{Pos: reconcile.Pos{File: "stack.yaml", Line: 1}}
	b := r.line.clients.box(config)
	if told := r.line.clients.caution(config, stack, stake{uses: true}); len(told) > 0 {
		t.Errorf("all is well, and it is told %v", told)
	}
	r.box.degraded = "NetBox says that it is version 5.1.0"
	if _, err := b.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if told := r.line.clients.caution(config, stack, stake{uses: true}); len(told) != 1 || !told[0].Warning || !strings.Contains(told[0].Message, "5.1.0") {
		t.Errorf("it is told %v", told)
	}
	if told := r.line.clients.caution(config, stack, stake{}); len(told) > 0 {
		t.Errorf("a stack without devices is told %v", told)
	}
}

// What the configuration does not lead to fails at each request, and nothing else does.
func TestANetBoxThatIsNotThere(t *testing.T) {
	word := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(word, []byte("nbt_first.word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	getenv := func(name string) string { return map[string]string{"NETBOX_URL": "https://netbox.example.com"}[name] }
	m := newMasks()
	c := &clients{app: &app{getenv: getenv}, o: lineOptions{clock: reconcile.RealClock{}, getenv: getenv, masks: m}, boxes: map[netboxAt]*box{}}
	for name, config := range map[string]daemon.NetBox{
		"environment without a token":   {},
		"certificates that are nowhere": {URL: "https://netbox.example.com", Token: daemon.Ref{File: word}, CA: "/nowhere"},
		"no certificates":               {URL: "https://netbox.example.com", Token: daemon.Ref{File: word}, CA: word},
	} {
		server := c.netbox(&daemon.Config{NetBox: config})
		if server == nil {
			t.Errorf("%s: there is none", name)
			continue
		}
		if _, err := server.Status(t.Context()); reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "NetBox is not asked") {
			t.Errorf("%s: %v", name, err)
		}
	}
	getenv = func(string) string { return "" }
	c.o.getenv, c.boxes = getenv, map[netboxAt]*box{}
	if c.netbox(&daemon.Config{}) != nil {
		t.Error("without NETBOX_URL there is one")
	}
	// The token is read each time, and masked from then on.
	token := c.netboxToken(daemon.Ref{File: word})
	for _, want := range []string{"nbt_first.word", "nbt_second.word"} {
		if err := os.WriteFile(word, []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := token(t.Context())
		if err != nil || got.Reveal() != want || strings.Contains(m.clean("it is "+want), want) {
			t.Errorf("it is %q, shown as %s, %v", got.Reveal(), m.clean(want), err)
		}
	}
	if err := os.Remove(word); err != nil {
		t.Fatal(err)
	}
	if _, err := token(t.Context()); err == nil {
		t.Error("a token that is not there is none")
	}
}
