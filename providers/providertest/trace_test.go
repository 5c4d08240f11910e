package providertest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// trace holds what the process recorded against what it sent (R43). It wants one
// step at a time.
type trace struct {
	*stage
	mu     sync.Mutex
	open   *reconcile.Record // the intent between whose records the process is
	sent   []sending
	logged int // entries of the simulator's log before the trace
	wrong  []string
	story  []string    // told if something is wrong
	die    func() bool // asked before and after each record and each call
}

// sending is one mutating request, and the intent that it belongs to.
type sending struct {
	method, path string
	key          reconcile.Key // of a POST
	intent       *reconcile.Record
}

func (t *trace) fail(format string, args ...any) {
	t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
}

// tell adds to the story.
func (t *trace) tell(format string, args ...any) {
	t.story = append(t.story, t.sim.Now().Format("15:04:05.0 ")+fmt.Sprintf(format, args...))
}

// follow makes the trace go around the stage's journal and requests.
func follow(s *stage) *trace {
	t := &trace{stage: s, logged: len(s.sim.Log()), die: func() bool { return false }}
	s.record = func(j reconcile.Journal) reconcile.Journal { return traced{j, t} }
	return t
}

// restart begins a process.
func (t *trace) restart() {
	t.Helper()
	t.open = nil
	t.begin()
	t.wires.bend(t.note)
}

// kill lets the process die now, if its time has come.
func (t *trace) kill() bool {
	if !t.wires.dead() && t.die() {
		t.tell("dies")
		t.wires.die()
	}
	return t.wires.dead()
}

// traced is a journal that a dying process no longer writes.
type traced struct {
	reconcile.Journal
	*trace
}

func (j traced) Append(ctx context.Context, records ...reconcile.Record) error {
	if j.kill() {
		return errKilled
	}
	if err := j.Journal.Append(ctx, records...); err != nil {
		return err
	}
	j.mu.Lock()
	for i := range records {
		switch records[i].Event {
		case reconcile.Intent:
			r := records[i]
			j.open = &r
			j.tell("intends to %s %s %s", r.Action, r.Key, r.ID)
		case reconcile.Result:
			j.open = nil
		}
	}
	j.mu.Unlock()
	if j.kill() {
		return errKilled
	}
	return nil
}

var keyWord = regexp.MustCompile(`"reconcile:key=([^"]+)"`)

// note goes around all requests.
func (t *trace) note(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	if !writes(r) {
		return next.RoundTrip(r)
	}
	if t.kill() {
		return nil, errKilled
	}
	s := sending{method: r.Method, path: r.URL.Path}
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if found := keyWord.FindSubmatch(body); found != nil {
			s.key = reconcile.Key(found[1])
		}
	}
	before := len(t.directCalls())
	resp, err := next.RoundTrip(r)
	if len(t.directCalls()) > before || err == nil { // else the connection broke before it got there
		t.mu.Lock()
		s.intent = t.open
		t.sent = append(t.sent, s)
		t.mu.Unlock()
	}
	t.tell("%s %s: %v", r.Method, r.URL.Path, err)
	t.kill()
	return resp, err
}

var methods = map[reconcile.Action]string{reconcile.Create: http.MethodPost, reconcile.Update: http.MethodPatch, reconcile.Delete: http.MethodDelete, reconcile.Forget: http.MethodPatch}

// directCalls are the requests as they came, and lateCalls those that were executed later.
func (t *trace) directCalls() []simulator.Call {
	return slices.DeleteFunc(t.sim.Log()[t.logged:], func(c simulator.Call) bool { return c.Late && c.Executed })
}

func (t *trace) lateCalls() []simulator.Call {
	return slices.DeleteFunc(t.sim.Log()[t.logged:], func(c simulator.Call) bool { return !c.Late || !c.Executed })
}

// compare holds the simulator's log against the intents: each request has one,
// of its sort and about its resource, and none made or changed anything twice.
func (t *trace) compare() (executed int) {
	direct, late := t.directCalls(), t.lateCalls()
	if len(direct) != len(t.sent) {
		t.fail("the simulator saw %d requests of %d", len(direct), len(t.sent))
		return 0
	}
	times := map[*reconcile.Record]int{}
	for _, s := range t.sent {
		c := direct[0]
		direct = direct[1:]
		t.belongs(s, c)
		took := c.Executed && c.Status < 300
		if !took && c.Late {
			at := slices.IndexFunc(late, func(l simulator.Call) bool { return l.Method == c.Method && l.Path == c.Path })
			if took = at >= 0 && late[at].Status < 300; at >= 0 {
				late = slices.Delete(late, at, at+1)
			}
		}
		if took {
			executed++
			times[s.intent]++
		}
		if s.intent != nil && s.intent.Action != reconcile.Delete && times[s.intent] > 1 {
			t.fail("%s of %s was executed %d times for one intent", s.intent.Action, s.intent.Key, times[s.intent])
		}
	}
	if len(late) > 0 {
		t.fail("%d late calls that nobody sent", len(late))
	}
	return executed
}

func (t *trace) belongs(s sending, c simulator.Call) {
	switch {
	case s.method != c.Method || s.path != c.Path:
		t.fail("sent was %s %s, and seen %s %s", s.method, s.path, c.Method, c.Path)
	case s.intent == nil:
		t.fail("%s %s without an intent", s.method, s.path)
	case methods[s.intent.Action] != s.method:
		t.fail("%s %s for the intent to %s", s.method, s.path, s.intent.Action)
	case s.method == http.MethodPost && s.key != s.intent.Key:
		t.fail("%s was made for the intent about %s", s.key, s.intent.Key)
	case s.method != http.MethodPost && !strings.HasSuffix(s.path, "/"+s.intent.ID):
		t.fail("%s %s for the intent about %s", s.method, s.path, s.intent.ID)
	}
}

// records checks the order of the journal itself: an intent, at most one result,
// at most one settlement; without a result only if the process died.
func (t *trace) records() (intents, open int) {
	type place struct {
		jid    string
		key    reconcile.Key
		action reconcile.Action // a key may be deleted and made in one run
	}
	last := map[place]reconcile.Event{}
	ended := map[string]bool{}
	var order []reconcile.Record
	for r, err := range t.store.Records(t.Context(), recordsOf(t.owner())) {
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, r)
		ended[r.JID] = ended[r.JID] || r.Event == reconcile.RunEnded
	}
	before := map[reconcile.Event][]reconcile.Event{
		reconcile.Intent:    {"", reconcile.Result, reconcile.Settled, reconcile.Unchanged},
		reconcile.Result:    {reconcile.Intent},
		reconcile.Settled:   {reconcile.Result, reconcile.Intent}, // after an intent alone, where a later look found what a killed run had done
		reconcile.Unchanged: {reconcile.Result},
	}
	for _, r := range order {
		at := place{r.JID, r.Key, r.Action}
		allowed, counts := before[r.Event]
		if !counts {
			continue
		}
		if !slices.Contains(allowed, last[at]) {
			t.fail("record %d: %s of %s after %q", r.Seq, r.Event, r.Key, last[at])
		}
		last[at] = r.Event
		if r.Event == reconcile.Intent {
			intents++
		}
	}
	for at, event := range last {
		if event == reconcile.Intent {
			open++
			if ended[at.jid] {
				t.fail("the intent about %s has no result, and its run has ended", at.key)
			}
		}
	}
	if _, err := t.store.Verify(t.Context()); err != nil {
		t.fail("the journal does not verify: %v", err)
	}
	return intents, open
}
