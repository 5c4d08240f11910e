package web

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// liveRig is a rig whose feed runs, behind a real connection.
type liveRig struct {
	*rig
	http   *httptest.Server
	events chan Event
}

func newLiveRig(t *testing.T) *liveRig {
	events := make(chan Event)
	r := newRig(t, func(o *Options) { o.Subscribe = func() (<-chan Event, func()) { return events, func() {} } })
	l := &liveRig{rig: r, events: events, http: httptest.NewServer(r.server)}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.server.feed.run(ctx) }()
	t.Cleanup(func() { stop(); <-done; l.http.Close() })
	return l
}

// tick lets the feed poll once, and waits until it has.
func (l *liveRig) tick() {
	l.clock.await(1)
	l.clock.advance(pollTime)
	l.clock.await(1)
}

// sse reads one stream of events.
type sse struct {
	t     *testing.T
	lines *bufio.Scanner
}

func (l *liveRig) listen(token, query, last string) *sse {
	l.t.Helper()
	request, err := http.NewRequestWithContext(l.t.Context(), "GET", l.http.URL+"/api/v1/events"+query, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+l.tokens[token])
	request.Header.Set("Last-Event-ID", last)
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		l.t.Fatalf("%v: %v", err, answer)
	}
	l.t.Cleanup(func() { answer.Body.Close() })
	s := &sse{l.t, bufio.NewScanner(answer.Body)}
	if got := s.next(); !strings.HasPrefix(got, ":") {
		l.t.Fatalf("it begins with %q", got)
	}
	return s
}

// next gives the next block, its lines joined; "" at the end.
func (s *sse) next() string {
	var block []string
	for s.lines.Scan() {
		if s.lines.Text() == "" {
			return strings.Join(block, "|")
		}
		block = append(block, s.lines.Text())
	}
	return ""
}

// want checks that the next block begins so.
func (s *sse) want(begin string) {
	s.t.Helper()
	if got := s.next(); !strings.HasPrefix(got, begin) {
		s.t.Fatalf("got %q, want %q", got, begin)
	}
}

func (l *liveRig) record(owner string) {
	l.store.Journal(owner).Append(l.t.Context(), reconcile.Record{Event: reconcile.Result, Tag: "t", Stamp: l.clock.Now(), JID: shopJID})
}

func TestEvents(t *testing.T) {
	l := newLiveRig(t)
	all, mine, one := l.listen("read", "", ""), l.listen("shop", "", ""), l.listen("read", "?stack="+net1, "")
	l.record(netOwner)
	l.tick()
	all.want("event: record|id: " + netOwner + ":3|data: {")
	one.want("event: record|id: " + netOwner + ":3|data: {")
	l.record(shopOwner)
	l.record("fresh.01234567")
	l.tick()
	all.want("event: record|id: fresh.01234567:1|")
	all.want("event: record|id: " + shopOwner + ":3|")
	mine.want("event: record|id: " + shopOwner + ":3|")
	l.events <- Event{Progress: &Progress{Stack: shop, Key: "Container/api", State: "started"}}
	l.events <- Event{Standing: &reconcile.Standing{Name: net1, Stack: netOwner, Seen: map[string]time.Time{"x": {}}}}
	all.want(`event: progress|data: {"stack":"shop-prod"`)
	mine.want(`event: progress|data: {"stack":"shop-prod"`)
	all.want(`event: standing|data: {"name":"net"`)
	if got := one.next(); !strings.HasPrefix(got, "event: standing|") || strings.Contains(got, `"seen"`) {
		t.Errorf("the standing is %q", got)
	}
}

func TestEventsGoOn(t *testing.T) {
	l := newLiveRig(t)
	s := l.listen("read", "", netOwner+":1") // two were written before; of the others those since
	seen := map[string]bool{}
	for range 3 {
		block := s.next()
		_, id, _ := strings.Cut(block, "|id: ")
		id, _, _ = strings.Cut(id, "|")
		seen[id] = true
	}
	if !seen[netOwner+":2"] || !seen[shopOwner+":1"] || !seen[shopOwner+":2"] {
		t.Errorf("it went on with %v", seen)
	}
	l.record(netOwner)
	l.tick()
	s.want("event: record|id: " + netOwner + ":3|")
	one := l.listen("read", "?stack="+net1, netOwner+":2")
	one.want("event: record|id: " + netOwner + ":3|")
	l.record(netOwner)
	l.tick()
	one.want("event: record|id: " + netOwner + ":4|")
	s.want("event: record|id: " + netOwner + ":4|")
	for _, last := range []string{"x", netOwner + ":-1", netOwner + ":99999999999999999999", ":3"} {
		fresh := l.listen("read", "", last)
		l.record(shopOwner)
		l.tick()
		fresh.want("event: record|id: " + shopOwner)
	}
}

func TestStandingsOfOtherReplicas(t *testing.T) {
	l := newLiveRig(t)
	s := l.listen("read", "", "")
	for range standingTick {
		l.tick()
	}
	standing := l.store.standings[net1]
	standing.Looked, standing.Sentence = l.clock.Now(), "seen elsewhere"
	l.store.SaveStanding(t.Context(), standing)
	for range standingTick {
		l.tick()
	}
	if got := s.next(); !strings.HasPrefix(got, "event: standing|") || !strings.Contains(got, "seen elsewhere") {
		t.Errorf("got %q", got)
	}
}

func TestASignOfLifeEndsWithTheToken(t *testing.T) {
	l := newLiveRig(t)
	s := l.listen("read", "", "")
	beat := func() {
		for range heartTick {
			l.tick()
		}
	}
	beat()
	s.want(": alive")
	for i := range l.store.tokens {
		if l.store.tokens[i].Name == "read" {
			l.store.tokens[i].Revoked = l.clock.Now()
		}
	}
	beat()
	if got := s.next(); got != "" {
		t.Errorf("it goes on after the token was revoked: %q", got)
	}
}

func TestASlowReaderIsDropped(t *testing.T) {
	r := newRig(t)
	slow, err := r.server.feed.join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	quick, err := r.server.feed.join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range readerBuffer + 1 { // it never waits
		r.server.feed.send(message{event: "progress", name: shop, data: []byte("{}")})
		<-quick.messages
	}
	select {
	case <-slow.over:
	default:
		t.Error("who reads nothing is not dropped")
	}
	if r.server.feed.count() != 1 {
		t.Errorf("%d readers are left", r.server.feed.count())
	}
	for r.server.feed.count() < mostReaders {
		if _, err := r.server.feed.join(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.refused(503, "unavailable", ask{path: "/api/v1/events", token: "read"})
}

func TestAllReadersGoAtTheEnd(t *testing.T) {
	r := newRig(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.server.feed.run(ctx) }()
	one, err := r.server.feed.join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop()
	<-done
	<-one.over
	if _, err := r.server.feed.join(t.Context()); err == nil {
		t.Error("somebody came after the end")
	}
	if got := fmt.Sprint(len(r.server.feed.readers)); got != "0" {
		t.Errorf("%s are left", got)
	}
}
