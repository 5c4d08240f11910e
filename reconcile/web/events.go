package web

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// streamTime is how long a reader may take to take an event.
const streamTime = 10 * time.Second

// stream is one reader of events.
type stream struct {
	*call
	control *http.ResponseController
	name    string // of the only stack that it wants; "" is all
	owner   string
	told    map[string]int64 // by owner word: records up to there are not told
}

func (c *call) events() (any, error) {
	s := &stream{call: c, control: http.NewResponseController(c.w)}
	if word := c.r.URL.Query().Get("stack"); word != "" {
		var err error
		if s.name, s.owner, err = c.name(word); err != nil {
			return nil, err
		}
	}
	r, err := c.feed.join(c.ctx)
	switch {
	case errors.Is(err, errTooManyReaders):
		return nil, refuse(http.StatusServiceUnavailable, "%v", err)
	case err != nil:
		return nil, err
	}
	defer c.feed.leave(r)
	s.told = r.from
	missed, err := s.missed(c.r.Header.Get("Last-Event-ID"))
	if err != nil {
		return nil, err
	}
	if err := s.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) { // the stream has no end
		return nil, err
	}
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("X-Accel-Buffering", "no") // or proxies keep events to themselves
	c.w.WriteHeader(http.StatusOK)
	s.follow(r, missed)
	return streamed{}, nil
}

// follow writes what was missed, and then what comes, until either side has enough.
func (s *stream) follow(r *reader, missed []reconcile.Record) {
	if s.put(": here is what happens\n\n") != nil {
		return
	}
	for _, record := range missed {
		if s.tell(recordMessage(record)) != nil {
			return
		}
	}
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-r.over:
			return
		case m := <-r.messages:
			if s.tell(m) != nil {
				return
			}
		}
	}
}

var errUnwelcome = errors.New("the token does not count any more")

// tell writes a message if the reader wants it and may have it.
func (s *stream) tell(m message) error {
	if m.event == "" {
		if who, err := s.caller(s.r); err != nil || who.id != s.who.id {
			return errUnwelcome
		}
		return s.put(": alive\n\n")
	}
	wanted, err := s.wants(m)
	if err != nil || !wanted {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: %s\n", m.event)
	if m.seq > 0 {
		s.told[m.owner] = m.seq
		fmt.Fprintf(&b, "id: %s:%d\n", m.owner, m.seq)
	}
	fmt.Fprintf(&b, "data: %s\n\n", m.data) // JSON has no line ends
	return s.put(b.String())
}

func (s *stream) wants(m message) (bool, error) {
	if m.name != "" {
		return s.who.covers(m.name) && (s.name == "" || s.name == m.name), nil
	}
	if m.seq <= s.told[m.owner] || s.name != "" && !s.ofStack(m.owner) {
		return false, nil
	}
	return s.sees(m.owner)
}

// ofStack tells whether an owner word is that of the stack that the reader
// wants, which may have got it only after it came.
func (s *stream) ofStack(owner string) bool {
	if s.owner == "" {
		if n, err := s.stackNames(s.ctx, false); err == nil {
			s.owner = n.owner[s.name]
		}
	}
	return s.owner == owner
}

func (s *stream) put(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(streamTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}

// mostMissed bounds what is told of the past; who was away for longer reads the records.
const mostMissed = 10_000

// overlap is how much later than another stack's records one may be told of.
const overlap = time.Minute

// missed are the records after the last one that the reader got: in its stack
// those with a greater number, in others those since its time, which may have
// been told before.
func (s *stream) missed(last string) ([]reconcile.Record, error) {
	owner, number, _ := strings.Cut(last, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq < 0 || owner == "" {
		return nil, nil // it comes for the first time
	}
	if err := s.may(owner); err != nil {
		return nil, err
	}
	var out []reconcile.Record
	since := time.Time{}
	for r, err := range s.store.Records(s.ctx, reconcile.RecordFilter{Stack: owner, After: max(0, seq-1), Limit: mostMissed}) {
		if err != nil {
			return nil, err
		}
		if r.Seq <= seq {
			since = r.Stamp.Add(-overlap)
			continue
		}
		out = append(out, r)
	}
	if s.name == "" && !since.IsZero() {
		others, err := s.missedElsewhere(owner, since)
		if err != nil {
			return nil, err
		}
		out = append(out, others...)
	}
	for _, r := range out {
		s.told[r.Stack] = min(s.told[r.Stack], r.Seq-1)
	}
	return out, nil
}

func (s *stream) missedElsewhere(owner string, since time.Time) ([]reconcile.Record, error) {
	var out []reconcile.Record
	for r, err := range s.chosen(reconcile.RecordFilter{Since: since, Limit: mostMissed}) {
		if err != nil {
			return nil, err
		}
		if r.Stack != owner {
			out = append(out, r)
		}
	}
	return out, nil
}
