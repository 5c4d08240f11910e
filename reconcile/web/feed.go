package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Event is something that happens in the daemon now. One of its parts is set.
type Event struct {
	Progress *Progress
	Standing *reconcile.Standing
}

// Progress is a sentence about a step that is under way.
type Progress struct {
	Stack  string           `json:"stack"` // name in the operator's file
	JID    string           `json:"jid"`
	Key    reconcile.Key    `json:"key"`
	Action reconcile.Action `json:"action"`
	State  string           `json:"state"` // started, waiting, done, failed, held, skipped
	Detail string           `json:"detail,omitempty"`
	Since  time.Time        `json:"since"`
	Usual  int64            `json:"usual_ms,omitempty"` // how long it usually takes; 0 is not known
}

// message is one event as readers get it.
type message struct {
	event string // "" is a sign of life
	name  string // of its stack, if it goes by one
	owner string // of its stack, else
	seq   int64  // of a record
	data  []byte
}

const (
	mostReaders  = 256
	readerBuffer = 256
	pollTime     = time.Second
	standingTick = 5  // polls between two looks at the standings
	heartTick    = 15 // polls between two signs of life
)

// feed tells readers what happens: what the daemon says at once, and what other
// processes write to the store by polling it, for as long as somebody reads. It
// waits for nobody: a reader that is too slow is dropped, and goes on from its
// Last-Event-ID.
type feed struct {
	*Server
	mu      sync.Mutex
	closed  bool
	readers map[*reader]bool
	heads   map[string]int64     // by owner word: up to there it was told; nil: nobody reads
	looked  map[string]time.Time // by name: the look that was told last
}

// reader is one who reads; over is closed when there is no more to come.
type reader struct {
	messages chan message
	over     chan struct{}
	from     map[string]int64 // what had been told when it came
}

func newFeed(s *Server) *feed {
	return &feed{Server: s, readers: map[*reader]bool{}, looked: map[string]time.Time{}}
}

var errTooManyReaders = errors.New("too many read events")

// join adds a reader. What is written from now on will come to it.
func (f *feed) join(ctx context.Context) (*reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.readers) >= mostReaders {
		return nil, errTooManyReaders
	}
	if f.heads == nil {
		all, err := f.store.Heads(ctx)
		if err != nil {
			return nil, err
		}
		f.heads = map[string]int64{}
		for _, h := range all {
			f.heads[h.Stack] = h.Count
		}
	}
	r := &reader{messages: make(chan message, readerBuffer), over: make(chan struct{}), from: maps.Clone(f.heads)}
	f.readers[r] = true
	return r, nil
}

func (f *feed) leave(r *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(r)
}

func (f *feed) drop(r *reader) {
	if f.readers[r] {
		delete(f.readers, r)
		close(r.over)
	}
	if len(f.readers) == 0 {
		f.heads = nil
	}
}

func (f *feed) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.readers)
}

// send gives a message to all readers that have room for it.
func (f *feed) send(m message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for r := range f.readers {
		select {
		case r.messages <- m:
		default:
			f.drop(r)
		}
	}
}

// run tells readers what happens until ctx ends, and then sends them away.
func (f *feed) run(ctx context.Context) {
	var under sync.WaitGroup
	if f.o.Subscribe != nil {
		events, stop := f.o.Subscribe()
		under.Go(func() { f.relay(ctx, events) })
		defer stop()
	}
	for tick := 1; f.clock.Sleep(ctx, pollTime) == nil; tick++ {
		if f.count() > 0 {
			f.poll(ctx, tick)
		}
	}
	under.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for r := range f.readers {
		f.drop(r)
	}
}

// relay passes on what the daemon says.
func (f *feed) relay(ctx context.Context, events <-chan Event) {
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-events:
			if !ok {
				return
			}
			if e.Progress != nil {
				f.send(message{event: "progress", name: e.Progress.Stack, data: marshal(e.Progress)})
			}
			if e.Standing != nil {
				f.tellStanding(*e.Standing)
			}
		}
	}
}

func (f *feed) tellStanding(s reconcile.Standing) {
	f.mu.Lock()
	f.looked[s.Name] = s.Looked
	f.mu.Unlock()
	f.send(message{event: "standing", name: s.Name, data: marshal(shown(s))})
}

func marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("%T: %v", v, err)) // our own types have a JSON form
	}
	return data
}

// poll looks at the store for what other processes wrote.
func (f *feed) poll(ctx context.Context, tick int) {
	if err := f.pollRecords(ctx); err != nil && ctx.Err() == nil {
		f.log.Warn("events: the journals cannot be read", "error", err)
	}
	if tick%standingTick == 0 {
		if err := f.pollStandings(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("events: the standings cannot be read", "error", err)
		}
	}
	if tick%heartTick == 0 {
		f.send(message{})
	}
}

func (f *feed) pollRecords(ctx context.Context) error {
	heads, err := f.store.Heads(ctx)
	for _, h := range heads {
		f.mu.Lock()
		told, reading := f.heads[h.Stack], f.heads != nil
		f.mu.Unlock()
		if !reading || h.Count <= told {
			continue
		}
		for r, broken := range f.store.Records(ctx, reconcile.RecordFilter{Stack: h.Stack, After: told, Limit: mostRecords}) {
			if broken != nil { // the other stacks' are told all the same
				err = errors.Join(err, broken)
				break
			}
			f.tellRecord(r)
		}
	}
	return err
}

func (f *feed) tellRecord(r reconcile.Record) {
	f.mu.Lock()
	if f.heads != nil {
		f.heads[r.Stack] = max(f.heads[r.Stack], r.Seq)
	}
	f.mu.Unlock()
	f.send(recordMessage(r))
}

func recordMessage(r reconcile.Record) message {
	return message{event: "record", owner: r.Stack, seq: r.Seq, data: marshal(r)}
}

// pollStandings tells of looks that other replicas made.
func (f *feed) pollStandings(ctx context.Context) error {
	all, err := f.store.Standings(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		f.mu.Lock()
		last, known := f.looked[all[i].Name]
		f.looked[all[i].Name] = all[i].Looked
		f.mu.Unlock()
		if known && all[i].Looked.After(last) {
			f.send(message{event: "standing", name: all[i].Name, data: marshal(shown(all[i]))})
		}
	}
	return nil
}
