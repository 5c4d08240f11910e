package reconcile

import "time"

// Occasion is what a message is about.
type Occasion string

// The occasions.
const (
	StateChanged   Occasion = "state-changed"   // the stack's condition is another
	DriftFound     Occasion = "drift-found"     // live moved, and that is not repaired yet
	PlanWaits      Occasion = "plan-waits"      // a plan waits for approval
	StepsFailed    Occasion = "run-failed"      // steps failed, or the run could not be carried through
	Unreachable    Occasion = "unreachable"     // the repository cannot be read
	HistoryMoved   Occasion = "history-moved"   // the branch does not go on from what was accepted
	ResourceFailed Occasion = "resource-failed" // a resource is in error for longer than its product bears
	OrderExpired   Occasion = "order-expired"   // a suspension, hold or freeze is over
	ConfigRefused  Occasion = "config-refused"  // the operator's file was changed to what cannot be
	Recovered      Occasion = "recovered"       // all is as it shall be again
)

// Occasions are all of them.
func Occasions() []Occasion {
	return []Occasion{StateChanged, DriftFound, PlanWaits, StepsFailed, Unreachable, HistoryMoved, ResourceFailed, OrderExpired, ConfigRefused, Recovered}
}

// Severity is how urgent a message is.
type Severity string

// The severities.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// A Message tells people of something that happened to a stack. There is one for
// each change, and none while nothing changes, but reminders.
type Message struct {
	Event     Occasion  `json:"event"`
	Stack     string    `json:"stack"` // name in the operator's file; "" is all of them
	Condition Condition `json:"condition"`
	Severity  Severity  `json:"severity"`
	Sentence  string    `json:"sentence"`          // what is, and since when
	Details   []string  `json:"details,omitempty"` // one line each, secrets masked
	Link      string    `json:"link,omitempty"`    // path on the daemon's pages, from its root
	Run       string    `json:"run,omitempty"`     // job id
	Revision  string    `json:"revision,omitempty"`
	At        time.Time `json:"at"`
	Since     time.Time `json:"since"`              // of what it tells
	Recovery  bool      `json:"recovery,omitempty"` // what an earlier message told of is over
	Reminder  bool      `json:"reminder,omitempty"` // it goes on
	Told      time.Time `json:"-"`                  // of a reminder: when it was last said
	Again     string    `json:"again,omitempty"`    // the same in each message about one thing, so that receivers can fold them
}
