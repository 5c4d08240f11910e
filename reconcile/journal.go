package reconcile

import (
	"context"
	"time"
)

// Event is the sort of a record.
type Event string

// The events of a journal. A step has an intent before its call, a result after
// it, and a settlement when its effect has been seen.
const (
	RunStarted Event = "new"
	Intent     Event = "intent"
	Result     Event = "prog"
	Settled    Event = "settled"   // its effect is there
	Unchanged  Event = "unchanged" // accepted, but the same difference is still there
	Skipped    Event = "skipped"   // not tried, because of something else
	RunEnded   Event = "ret"
	Ordered    Event = "order"      // a person ordered something
	Withdrawn  Event = "withdrawn"  // an order ended before its time
	Checkpoint Event = "checkpoint" // the head of the chain was signed and left the machine
	Segment    Event = "segment"    // earlier records were exported and removed
)

// A Record is one line of the journal. Times are UTC. Records hold no floats,
// so that their canonical form is exact.
type Record struct {
	Version  int       `json:"v"`
	Seq      int64     `json:"seq"` // from 1, per stack; set by the journal
	Stamp    time.Time `json:"_stamp"`
	Tag      string    `json:"tag"`   // reconcile/job/<jid>/<event>[/<key>/<run_num>]
	Stack    string    `json:"stack"` // the stack's owner word: name.uid
	JID      string    `json:"jid"`
	Event    Event     `json:"event"`
	Actor    Actor     `json:"actor"`
	Revision string    `json:"rev,omitempty"`
	Key      Key       `json:"id,omitempty"`
	Fun      string    `json:"fun,omitempty"` // container.present, container.absent, as Salt names functions
	RunNum   int       `json:"run_num"`
	Action   Action    `json:"action,omitempty"`
	Hash     string    `json:"change,omitempty"`   // the change's hash
	ID       string    `json:"resource,omitempty"` // the live resource's ID
	Place    string    `json:"place,omitempty"`    // region or zone of the live resource
	Masked   string    `json:"masked,omitempty"`   // paths whose values were looked up, a line each
	Return   *Return   `json:"ret,omitempty"`
	Calls    []Call    `json:"calls,omitempty"`
	Prev     string    `json:"prev"` // hash of the record before; set by the journal
	Sum      string    `json:"hash"` // of this record; set by the journal
}

// Actor is who runs.
type Actor struct {
	Kind    string `json:"kind"` // cli, gitlab-ci, daemon, schedule, webhook, api, gitlab: a comment there
	User    string `json:"user,omitempty"`
	Host    string `json:"host,omitempty"`
	Job     string `json:"ci_job_url,omitempty"`
	Email   string `json:"email,omitempty"`    // of the user, if somebody else than the user says so
	Via     string `json:"via,omitempty"`      // whose token an API saw, if it went through one
	Maker   string `json:"token_by,omitempty"` // who made that token, if it was made through the API
	Version string `json:"version,omitempty"`
}

// Return is a step's outcome in Salt's shape.
type Return struct {
	Name      string            `json:"name"`
	Result    *bool             `json:"result"` // nil: would change (plan), held, or not known
	Changes   map[string]OldNew `json:"changes"`
	Comment   string            `json:"comment"`
	StartedAt time.Time         `json:"started_at"`
	Duration  int64             `json:"duration_us"` // microseconds
	SLS       string            `json:"__sls__"`     // file:line of the manifest
	Warnings  []string          `json:"warnings,omitempty"`
	Class     Class             `json:"class,omitempty"` // of a failure
	Drift     []string          `json:"drift,omitempty"` // fields that had moved outside Git, and were put back or overwritten
}

// OldNew is one changed field, as text; secrets are masked before they get here.
type OldNew struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// Call is one request to an API that a step made.
type Call struct {
	System    string `json:"sys"`
	Method    string `json:"m"`
	Path      string `json:"path"` // without query values
	Status    int    `json:"status"`
	RequestID string `json:"req_id,omitempty"`
	Millis    int64  `json:"ms"`
}

// Memo is what the journal knows of one key: enough to hold back, never to cause.
type Memo struct {
	Key     Key
	Write   Attempt   // the last creation or update
	Removal Attempt   // the last deletion, which may be that of another live resource of the key
	ID      string    // of the live resource that the journal knew last
	Place   string    // region or zone of it
	Masked  string    // paths whose values were ever looked up, a line each
	Created time.Time // when that ID was got
	Gone    bool      // a deletion of that ID was settled
	// Accepted is the last order of a person who accepted what is live of the kind that
	// the key names, whatever was known before; its job ID is greater than those of all
	// runs before it. Keys of resources have none.
	Accepted string `json:",omitempty"`
}

// Attempt is the last intent of its sort, and what is known of it.
type Attempt struct {
	Action Action
	Hash   string    // of the change
	At     time.Time // of the intent; zero if there was none
	Event  Event     // the last thing that is known: Intent, Result, Settled or Unchanged
	JID    string    // of its run
	Failed bool      // the result was a refusal: it was not done
}

// A Journal keeps the records of one stack, each holding the hash of the one before.
// It may be used concurrently.
type Journal interface {
	// Append completes the records (Seq, Prev, Sum) and commits them, durably and all or none.
	// When it fails nothing may be changed.
	Append(ctx context.Context, records ...Record) error
	// Memory returns what is known of each key of the stack.
	Memory(ctx context.Context) (map[Key]Memo, error)
	// Knows tells whether the stack's journal has seen the revision (or digest) in a run of its own.
	Knows(ctx context.Context, revision string) (bool, error)
	// NextJID returns a job ID: 20 digits of UTC time, strictly increasing in the store.
	NextJID(ctx context.Context, now time.Time) (string, error)
}
