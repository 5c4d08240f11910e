package reconcile

import (
	"context"
	"iter"
	"time"
)

// A Store keeps the journals of stacks, and what people and daemons have to
// remember about them: runs, how each stack stands, orders, tokens. Nothing in
// it says what is live. It may be used concurrently, and by several processes.
//
// Errors that are no refusal of a lease say what could not be done to which
// store. What is asked for and not there has class NotFound.
type Store interface {
	// Journal returns the journal of a stack, named by its owner word. Through it
	// no intent may be written: that takes a lease's journal.
	Journal(stack string) Journal
	// Lease takes the stack for a holder. If another has it the error is a *Leased.
	Lease(ctx context.Context, stack, holder string) (Lease, error)
	// Records returns the records that a filter chooses, by stack and number. A
	// record that is not as it was written ends them with a *Break.
	Records(ctx context.Context, f RecordFilter) iter.Seq2[Record, error]
	// Heads are the ends of all chains, by stack.
	Heads(ctx context.Context) ([]Head, error)

	// SaveRun keeps a run, in place of what was kept under its job id.
	SaveRun(ctx context.Context, run Run) error
	// Runs returns runs, the newest first.
	Runs(ctx context.Context, f RunFilter) ([]Run, error)
	// SaveArtefact keeps a file that a run made, in place of one of that name.
	SaveArtefact(ctx context.Context, jid, name string, body []byte) error
	// Artefact returns such a file.
	Artefact(ctx context.Context, jid, name string) ([]byte, error)

	// SaveStanding keeps how a stack stands, in place of what was kept under its name.
	SaveStanding(ctx context.Context, s Standing) error
	// Standings are how all stacks stand, by name.
	Standings(ctx context.Context) ([]Standing, error)

	// Order keeps what a person orders and returns it with its ID. It is recorded
	// in the stack's journal, that of EveryStack if it is for all.
	Order(ctx context.Context, o Order) (Order, error)
	// Orders returns the orders for a stack and those for all that are in force
	// now, the oldest first; of every stack if stack is "". ended has those that
	// are over returned too.
	Orders(ctx context.Context, stack string, ended bool) ([]Order, error)
	// Withdraw ends an order, which is recorded. To end one that is over is no error.
	Withdraw(ctx context.Context, id string, by Actor, reason string) error

	// SaveToken keeps a token's hash and what it allows, in place of what was kept under its ID.
	SaveToken(ctx context.Context, t Token) error
	// Tokens are all tokens, those that were revoked or have expired too, the oldest first.
	Tokens(ctx context.Context) ([]Token, error)

	// Nudge asks for a look at a stack of a daemon, by its name there, as soon as
	// may be. A nudge during a look leads to one more look after it.
	Nudge(ctx context.Context, name string, why Launch) error

	Close() error
}

// EveryStack stands for all stacks, in orders and in the journal of such orders.
const EveryStack = "*"

// A Lease is the right to change a stack. It ends with Release, with the process
// that took it, and, in a store that several machines share, with the time
// for which it was last renewed; renewing is the lease's own work.
type Lease interface {
	// Epoch is greater than that of every earlier lease of the stack.
	Epoch() int64
	// Context returns a context that ends when the lease does, early enough that
	// no call made under it outlives the lease.
	Context(ctx context.Context) (context.Context, context.CancelFunc)
	// Journal is the stack's journal. Once the lease has ended, Append fails with a *Fenced.
	Journal() Journal
	// Release gives the stack back. A second call does nothing.
	Release() error
}

// Leased says who has a stack. As an error it is the refusal of a lease.
type Leased struct {
	Stack  string    `json:"stack"` // owner word
	Holder string    `json:"holder"`
	Since  time.Time `json:"since"`
}

func (l *Leased) Error() string {
	return "stack " + l.Stack + " is being changed by " + l.Holder + " since " + l.Since.UTC().Format(time.RFC3339)
}

// Holders is what stores know besides: who has which stack.
type Holders interface {
	// Holders are the leases that are held now, by stack.
	Holders(ctx context.Context) ([]Leased, error)
}

// Fenced is the refusal to write under a lease that has ended.
type Fenced struct {
	Stack string
	Epoch int64
}

func (f *Fenced) Error() string {
	return "stack " + f.Stack + " was taken over by another run meanwhile; nothing more is changed by this one"
}

// A RecordFilter chooses records. Its zero value chooses all.
type RecordFilter struct {
	Stack string
	JID   string
	Key   Key       // and all that it expands to
	Since time.Time // at this time or later
	Until time.Time // before this time
	After int64     // with a greater number in their stack
	Limit int       // at most so many; 0 is all
}

// A RunFilter chooses runs. Its zero value chooses all.
type RunFilter struct {
	Stack  string // owner word
	JID    string
	Status RunStatus
	Launch Launch
	Key    Key       // runs with records of this key, or of what it expands to
	Since  time.Time // started at this time or later
	Before string    // with a smaller job id: the next page
	Limit  int       // at most so many; 0 is 50
}

// A Schedule says which stack is to be looked at when, and lets one worker at a
// time look at it, in whichever process. Losing it loses nothing: each stack that
// is enrolled anew is due at once.
type Schedule interface {
	// Enrol makes stacks known, by their names in the operator's file. New ones are due at once.
	Enrol(ctx context.Context, names []string) error
	// Retire forgets stacks that the operator's file names no more: they get no
	// turns, and how they stood is forgotten with the files of their last look.
	// Journals, runs and orders stay. A turn under way goes on to its end.
	Retire(ctx context.Context, names []string) error
	// Work gives turns until ctx ends, and then waits for those under way.
	Work(ctx context.Context, w Work) error
	// Depth is how many stacks are due and have no turn yet, and how long the first has been.
	Depth(ctx context.Context) (map[Queue]Depth, error)
}

// A Queue is an order of precedence; each has workers of its own, so that
// none starves the other.
type Queue string

// The queues.
const (
	PushQueue  Queue = "push"  // somebody waits: a push, a person
	DriftQueue Queue = "drift" // the schedule
)

// Depth is the length of a queue.
type Depth struct {
	Waiting int
	Oldest  time.Duration
}

// Work is what a worker of a Schedule does.
type Work struct {
	Serves  func(name string) bool // whether this process serves a stack; asked at each turn
	Workers map[Queue]int          // turns at once
	// Look looks at a stack and says after how long it is to be looked at again, if nobody nudges.
	Look func(ctx context.Context, t Turn) (again time.Duration)
}

// A Turn is the right to look at a stack now.
type Turn struct {
	Name   string
	Why    Launch          // the most urgent reason
	Waited time.Duration   // since it was due
	Nudged <-chan struct{} // closed once another nudge has come: there will be a further turn right after this one
}
