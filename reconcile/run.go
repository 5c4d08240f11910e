package reconcile

import (
	"strings"
	"time"
)

// RunStatus is how far a run is, in the words that AWX has for it.
type RunStatus string

// The statuses of a run.
const (
	RunWaiting    RunStatus = "waiting" // its plan waits for approval
	RunRunning    RunStatus = "running"
	RunSuccessful RunStatus = "successful"
	RunFailed     RunStatus = "failed"   // a step failed, or the time was over
	RunError      RunStatus = "error"    // it could not be carried through: no commit, no credential, no journal
	RunCanceled   RunStatus = "canceled" // a person or a newer commit ended it
)

// Launch is why a stack is looked at.
type Launch string

// The launch types.
const (
	ByPush     Launch = "push"     // the poll found a new commit
	ByWebhook  Launch = "webhook"  // a server said that there is one
	BySchedule Launch = "schedule" // the drift scan
	ByStartup  Launch = "startup"
	ByPerson   Launch = "manual"   // nudge, apply, or an order
	ByRelaunch Launch = "relaunch" // of what failed in an earlier run
	ByRollback Launch = "rollback"
	ByRetry    Launch = "retry" // after a failure
	ByAgain    Launch = "again" // something was under way
)

// Queue is where a look with this reason waits.
func (l Launch) Queue() Queue {
	switch l {
	case ByPush, ByWebhook, ByPerson, ByRelaunch, ByRollback:
		return PushQueue
	}
	return DriftQueue
}

// Urgent returns the more urgent of two reasons.
func (l Launch) Urgent(other Launch) Launch {
	order := []Launch{ByPerson, ByRollback, ByRelaunch, ByWebhook, ByPush, ByRetry, ByAgain, ByStartup, BySchedule}
	for _, first := range order {
		if l == first || other == first {
			return first
		}
	}
	return l
}

// A Run is what the store keeps of passes over one stack under one job id. A
// look that finds nothing new leaves no run.
type Run struct {
	JID         string    `json:"jid"`
	Stack       string    `json:"stack"` // owner word
	Name        string    `json:"name"`  // of the stack in the operator's file, or by itself
	Launch      Launch    `json:"launch_type"`
	Type        string    `json:"job_type"` // "run" or "check"
	Status      RunStatus `json:"status"`
	Explanation string    `json:"job_explanation,omitempty"` // why it is as it is, in a sentence
	Actor       Actor     `json:"actor"`
	Revision    string    `json:"scm_revision,omitempty"`
	Branch      string    `json:"scm_branch,omitempty"`
	Subject     string    `json:"scm_subject,omitempty"`
	Author      string    `json:"scm_author,omitempty"`
	Plan        string    `json:"plan,omitempty"`  // hash
	Limit       []Key     `json:"limit,omitempty"` // only these; empty is all
	Parent      string    `json:"parent,omitempty"`
	Approved    []string  `json:"approved_by,omitempty"`
	Created     time.Time `json:"created"`
	Started     time.Time `json:"started"`
	Finished    time.Time `json:"finished"` // zero while it runs
	Counts      RunCounts `json:"counts"`
	Artefacts   []string  `json:"artefacts,omitempty"`
	Epoch       int64     `json:"epoch,omitempty"`
}

// LastLook is what the files of a stack's last look are kept under in place of a
// job id. name is the stack's in the operator's file.
func LastLook(name string) string { return lastLook + name }

// LookedAt is the stack whose last look such a word stands for; ok is false of a job id.
func LookedAt(under string) (name string, ok bool) { return strings.CutPrefix(under, lastLook) }

const lastLook = "stack/"

// Began is when the run started, or was made if it has not started: a plan that
// waits for approval has not, nor has one that was canceled before.
func (r Run) Began() time.Time {
	if r.Started.IsZero() {
		return r.Created
	}
	return r.Started
}

// RunCounts are how many keys came to what.
type RunCounts struct {
	Ok      int `json:"ok"` // managed, and nothing to do
	Changed int `json:"changed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	Held    int `json:"held"`
	Unknown int `json:"unknown"` // listings and look-ups that could not be read
	Drifted int `json:"drifted"`
}

// Condition is one word for how a stack stands.
type Condition string

// The conditions, the worst that applies.
const (
	Unread    Condition = "unread"    // its commit or manifests could not be read
	Broken    Condition = "failed"    // a step failed; it is tried again
	Unclear   Condition = "unknown"   // something in scope could not be read
	Suspended Condition = "suspended" // a person suspended it, or froze everything
	Drifting  Condition = "drifted"   // live moved, and that is not repaired
	Awaiting  Condition = "waiting"   // a plan waits for approval
	OnHold    Condition = "held"      // all that may run is done
	Moving    Condition = "progressing"
	InSync    Condition = "synced"
)

// Standing is how a stack stood when it was last looked at.
type Standing struct {
	Name      string    `json:"name"`            // in the operator's file
	Stack     string    `json:"stack,omitempty"` // owner word; "" if it was never read
	Location  string    `json:"location"`        // without credentials
	Branch    string    `json:"branch,omitempty"`
	Path      string    `json:"path,omitempty"`
	Mode      string    `json:"mode,omitempty"`
	Condition Condition `json:"condition"`
	Sentence  string    `json:"sentence"` // the condition, for people
	Since     time.Time `json:"since"`    // of the condition
	Revision  Revision  `json:"revision"`
	Head      string    `json:"head,omitempty"`     // commit that the branch points to
	Accepted  string    `json:"accepted,omitempty"` // last head that was taken; history may only go on from here
	Applied   string    `json:"applied,omitempty"`  // last commit that was wholly applied
	Pinned    string    `json:"pinned,omitempty"`   // commit of a rollback; it ends when the branch leaves PinnedAt
	PinnedAt  string    `json:"pinned_at,omitempty"`
	Looked    time.Time `json:"looked"` // when the last look ended
	Took      int64     `json:"took_us"`
	Next      time.Time `json:"next"` // when it will be looked at again
	Run       string    `json:"run,omitempty"`
	Plan      string    `json:"plan,omitempty"`      // hash of the last plan
	Quorum    *Quorum   `json:"approvals,omitempty"` // what a plan of it needs, in mode propose
	Succeeded time.Time `json:"succeeded"`           // when all was last as it shall be
	Failures  int       `json:"failures,omitempty"`
	Counts    RunCounts `json:"counts"`
	Items     []Item    `json:"items,omitempty"` // keys that are not plainly as they shall be
	Problems  []string  `json:"problems,omitempty"`
	// Seen is when each difference was first seen, by the change's hash.
	Seen map[string]time.Time `json:"seen,omitempty"`
	// Told is when each sort of message was last sent.
	Told map[string]time.Time `json:"told,omitempty"`
}

// Item is what a look found about one key.
type Item struct {
	Key     Key       `json:"key"`
	State   string    `json:"state"` // due, waiting, held, progressing, failed, drift, unmanaged, unknown
	Action  Action    `json:"action,omitempty"`
	Reasons []Reason  `json:"reasons,omitempty"`
	Fields  []string  `json:"fields,omitempty"` // one line each, secrets masked
	Origin  string    `json:"origin,omitempty"` // file:line
	ID      string    `json:"id,omitempty"`
	Since   time.Time `json:"since"`
	Next    time.Time `json:"next"` // next try, if one is known
	Hash    string    `json:"change,omitempty"`
}

// Reason is why a key waits or is held.
type Reason struct {
	Guard string `json:"guard,omitempty"` // the rule; "" is a wait
	Text  string `json:"text"`
	At    string `json:"at,omitempty"`    // file:line that says so
	Needs Key    `json:"needs,omitempty"` // what it waits for
}
