package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A clock that only moves when somebody sleeps on it.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
	hold  chan struct{} // if not nil, sleepers wait for it or their context
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	hold := c.hold
	c.mu.Unlock()
	if hold == nil {
		return ctx.Err()
	}
	select {
	case <-hold:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func message(event reconcile.Occasion, stack string) reconcile.Message {
	return reconcile.Message{Event: event, Stack: stack, Condition: reconcile.Drifting, Severity: reconcile.Warning,
		Sentence: "2 resources were changed outside Git 12 min ago.", Details: []string{"Container/api: memoryLimitMb 256 -> 512"},
		Link: "/stacks/shop-prod", Run: "20261121093015123456", Revision: "4f2a91cdeadbeef", At: noon, Since: noon.Add(-12 * time.Minute)}
}

// desk is a notifier with inboxes, a clock and a log.
type desk struct {
	*Notifier
	t     testing.TB
	clock *clock
	log   *syncBuffer
	stop  func()
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newDesk(t testing.TB, to ...Receiver) *desk {
	t.Helper()
	d := &desk{t: t, clock: &clock{now: noon}, log: &syncBuffer{}}
	n, err := New(to, Options{Base: "https://rc.example.com/", Clock: d.clock, Log: slog.New(slog.NewTextHandler(d.log, nil)),
		Jitter: func(d time.Duration) time.Duration { return d }})
	if err != nil {
		t.Fatal(err)
	}
	d.Notifier = n
	return d
}

func (d *desk) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	d.stop = func() { cancel(); <-done }
	d.t.Cleanup(d.stop)
}

// settled waits until a receiver has nothing more to do.
func (d *desk) settled(name string) Counts {
	d.t.Helper()
	for range 1000 {
		if c := d.Counts()[name]; c.Waiting == 0 {
			return c
		}
		time.Sleep(5 * time.Millisecond) // of real requests on loopback; the retries' clock is not this one
	}
	d.t.Fatalf("messages of %s wait for ever: %+v\n%s", name, d.Counts()[name], d.log)
	return Counts{}
}

func at(b *inbox, name string, form Form) Receiver {
	return Receiver{Name: name, Form: form, Address: func() (reconcile.Secret, reconcile.Secret, error) {
		return reconcile.NewSecret(b.URL + "/canary"), reconcile.NewSecret(string(b.secret)), nil
	}}
}

func TestWebhook(t *testing.T) {
	b := newInbox(t, "s3cret")
	d := newDesk(t, at(b, "ops", Webhook))
	d.start()
	m := message(reconcile.DriftFound, "shop-prod")
	d.Notify(m)
	d.Notify(m) // the daemon says it again after a restart, say
	if c := d.settled("ops"); c != (Counts{Sent: 1}) {
		t.Fatalf("%+v %v", c, b.flaws)
	}
	var got struct {
		Version int    `json:"v"`
		ID      string `json:"id"`
		URL     string `json:"url"`
		reconcile.Message
	}
	p := b.taken()[0]
	if err := json.Unmarshal([]byte(p.body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != 1 || got.ID != p.id || got.URL != "https://rc.example.com/stacks/shop-prod" || got.Sentence != m.Sentence || !got.Since.Equal(m.Since) {
		t.Errorf("%s", p.body)
	}
}

func TestFilters(t *testing.T) {
	drift := message(reconcile.DriftFound, "shop-prod")
	critical := message(reconcile.StepsFailed, "blog")
	critical.Severity = reconcile.Critical
	over := message(reconcile.DriftFound, "blog")
	over.Severity, over.Recovery = reconcile.Info, true
	all := message(reconcile.ConfigRefused, "")
	cases := []struct {
		name                        string
		r                           Receiver
		drift, critical, over, file bool
	}{
		{"all", Receiver{}, true, true, true, true},
		{"stacks", Receiver{Stacks: []string{"shop-*", "x"}}, true, false, false, true},
		{"events", Receiver{Events: []reconcile.Occasion{reconcile.StepsFailed}}, false, true, false, false},
		{"severity, and its recoveries", Receiver{Least: reconcile.Critical}, false, true, true, false},
		{"warnings", Receiver{Least: reconcile.Warning, Stacks: []string{"blog"}}, false, true, true, true},
	}
	for _, c := range cases {
		got := []bool{c.r.wants(drift), c.r.wants(critical), c.r.wants(over), c.r.wants(all)}
		if want := []bool{c.drift, c.critical, c.over, c.file}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, not %v", c.name, got, want)
		}
	}
	for _, wrong := range []Receiver{{Form: "pigeon"}, {Form: Slack, Stacks: []string{"["}}} {
		if _, err := New([]Receiver{wrong}, Options{}); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

// Each receiver is reminded at its own pace, however often others are, and
// however late the looks are that find the reminders due.
func TestReminders(t *testing.T) {
	for _, late := range []time.Duration{0, 7 * time.Minute} {
		for remind, want := range map[time.Duration]int{0: 0, 4 * time.Hour: 24, 24 * time.Hour: 3, 100 * time.Hour: 0} {
			m := message(reconcile.StepsFailed, "shop-prod")
			m.Told, m.Since = noon, noon.Add(-20*time.Minute)
			got := 0
			for m.At = noon.Add(4*time.Hour + late); m.At.Sub(noon) < 98*time.Hour; m.At = m.At.Add(4*time.Hour + late) {
				if m.Reminder = true; (Receiver{Remind: remind}).wants(m) {
					got++
				}
				m.Told = m.At
			}
			if got < want-1 || got > want+1 || want == 0 && got > 0 {
				t.Errorf("every %s, looks %s late: %d reminders in four days, not %d", remind, late, got, want)
			}
		}
	}
	if !(Receiver{}).wants(message(reconcile.StepsFailed, "shop-prod")) {
		t.Error("who wants no reminders is not told the first time")
	}
}

// Failures that pass are tried again with growing waits, and the receiver's own
// wish counts if it is longer. The id stays, so that it can tell.
func TestRetries(t *testing.T) {
	b := newInbox(t, "k")
	d := newDesk(t, at(b, "ops", Webhook))
	b.now = d.clock.Now
	for _, status := range []int{500, 502, 503, 408} {
		b.answer(status)
	}
	b.answer(429, "Retry-After", "120")
	b.answer(503, "Retry-After", "1")
	d.Notify(message(reconcile.DriftFound, "shop-prod"))
	d.Notify(message(reconcile.DriftFound, "blog"))
	d.start()
	if c := d.settled("ops"); c != (Counts{Sent: 2}) {
		t.Fatalf("%+v\n%s", c, d.log)
	}
	want := []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 120 * time.Second, 32 * time.Second}
	if fmt.Sprint(d.clock.slept) != fmt.Sprint(want) {
		t.Errorf("waits %v, not %v", d.clock.slept, want)
	}
	if len(b.flaws) > 0 || !strings.Contains(b.taken()[0].body, "shop-prod") || b.tries != 8 {
		t.Errorf("%v, %d tries", b.flaws, b.tries)
	}
	if strings.Contains(d.log.String(), "canary") {
		t.Errorf("the log holds the address: %s", d.log)
	}
}

// A refusal for good costs its message only; it is counted and told.
func TestRefusals(t *testing.T) {
	b := newInbox(t, "")
	d := newDesk(t, at(b, "ops", Webhook))
	b.answer(http.StatusForbidden)
	d.Notify(message(reconcile.DriftFound, "shop-prod"))
	d.Notify(message(reconcile.DriftFound, "blog"))
	d.start()
	if c := d.settled("ops"); c != (Counts{Sent: 1, Dropped: 1}) {
		t.Errorf("%+v", c)
	}
	if text := d.log.String(); !strings.Contains(text, "a message was not sent") || !strings.Contains(text, "stack=shop-prod") || strings.Contains(text, "canary") {
		t.Errorf("%s", text)
	}
}

// What cannot be sent for hours is given up, one message after the other.
func TestGivingUp(t *testing.T) {
	away := Receiver{Name: "ops", Form: Webhook, Address: func() (a, b reconcile.Secret, err error) { return a, b, errors.New("the file is gone") }}
	d := newDesk(t, away)
	d.Notify(message(reconcile.DriftFound, "shop-prod"))
	d.start()
	if c := d.settled("ops"); c != (Counts{Dropped: 1}) {
		t.Errorf("%+v", c)
	}
	if lasted := d.clock.Now().Sub(noon); lasted < 5*time.Hour || lasted > tooOld {
		t.Errorf("given up after %s", lasted)
	}
}

// Whoever notifies never waits. More than the queue takes costs the oldest.
func TestFullQueue(t *testing.T) {
	b := newInbox(t, "")
	d := newDesk(t, at(b, "ops", Webhook))
	for i := range maxQueue + 10 {
		d.Notify(message(reconcile.StateChanged, fmt.Sprint("stack-", i)))
	}
	if c := d.Counts()["ops"]; c != (Counts{Dropped: 10, Waiting: maxQueue}) {
		t.Errorf("%+v", c)
	}
	d.start()
	if c := d.settled("ops"); c != (Counts{Dropped: 10, Sent: maxQueue}) {
		t.Errorf("%+v", c)
	}
	if posts := b.taken(); !strings.Contains(posts[0].body, `"stack-10"`) || !strings.Contains(posts[maxQueue-1].body, fmt.Sprintf(`"stack-%d"`, maxQueue+9)) {
		t.Error("it is not the oldest that went, or the order is another")
	}
}

// A slow receiver holds nobody else up, and a stop does not wait for it.
func TestSlowReceiver(t *testing.T) {
	slow, quick := newInbox(t, ""), newInbox(t, "")
	d := newDesk(t, at(slow, "slow", Webhook), at(quick, "quick", Slack))
	d.clock.hold = make(chan struct{})
	slow.answer(503)
	d.start()
	d.Notify(message(reconcile.DriftFound, "shop-prod"))
	d.settled("quick")
	if c := d.Counts()["slow"]; c.Sent != 0 {
		t.Errorf("%+v", c)
	}
	d.stop() // what waits is tried once more
	if c := d.Counts()["slow"]; c != (Counts{Sent: 1}) {
		t.Errorf("at the end: %+v\n%s", c, d.log)
	}
}

// The address is asked anew at each try: it may be changed without a restart.
func TestChangedAddress(t *testing.T) {
	old, fresh := newInbox(t, "old"), newInbox(t, "fresh")
	old.answer(500)
	asked := 0
	r := Receiver{Name: "ops", Form: Webhook, Address: func() (reconcile.Secret, reconcile.Secret, error) {
		asked++
		b := old
		if asked > 1 {
			b = fresh
		}
		return reconcile.NewSecret(b.URL), reconcile.NewSecret(string(b.secret)), nil
	}}
	d := newDesk(t, r)
	fresh.now = d.clock.Now
	d.Notify(message(reconcile.DriftFound, "shop-prod"))
	d.start()
	if c := d.settled("ops"); c.Sent != 1 || len(fresh.taken()) != 1 || len(old.taken()) != 0 {
		t.Errorf("%+v %v", c, fresh.flaws)
	}
}
