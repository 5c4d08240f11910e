package reconcile

import "time"

// Verb is what an order is about.
type Verb string

// The verbs of orders.
const (
	Suspend  Verb = "suspend"  // the stack is looked at, and nothing is changed
	HoldKey  Verb = "hold"     // nothing is done about Key and what is below it
	Freeze   Verb = "freeze"   // no write begins any more, at once
	Approve  Verb = "approve"  // the plan whose hash is Value may run
	Override Verb = "override" // windows do not count
	Accept   Verb = "accept"   // the branch may point to the commit Value, or what is live of the kind Key counts, whatever came before
	Rollback Verb = "rollback" // the commit Value is applied until the branch moves on
	Cancel   Verb = "cancel"   // the run Value ends
	Relaunch Verb = "relaunch" // what failed in the run Value is tried again now
)

// An Order is what a person tells whoever works on a stack. It is in force from
// At until Until, or until it is withdrawn or done.
type Order struct {
	ID     string    `json:"id"`    // a job id; set by the store
	Stack  string    `json:"stack"` // owner word, or EveryStack
	Verb   Verb      `json:"verb"`
	Key    Key       `json:"key,omitempty"`
	Value  string    `json:"value,omitempty"`
	Reason string    `json:"reason,omitempty"`
	By     Actor     `json:"by"`
	At     time.Time `json:"at"`    // set by the store
	Until  time.Time `json:"until"` // zero: until withdrawn
	Ended  time.Time `json:"ended"` // when it was withdrawn or done; zero if it was not
	// Changes are what an approval covers.
	Changes []Approval `json:"changes,omitempty"`
}

// InForce tells whether the order counts at a time.
func (o Order) InForce(now time.Time) bool {
	return o.Ended.IsZero() && (o.Until.IsZero() || now.Before(o.Until))
}

// Covers tells whether the order is for a stack, named by its owner word.
func (o Order) Covers(stack string) bool { return o.Stack == stack || o.Stack == EveryStack }

// Replaces tells whether the order takes the place of an earlier one that is not
// over: of the same verb, for the same stack and key, where only one can count.
func (o Order) Replaces(earlier Order) bool {
	switch o.Verb {
	case Suspend, HoldKey, Freeze, Override, Rollback:
	case Accept:
		if o.Key == "" {
			return false
		}
	default:
		return false
	}
	return earlier.Verb == o.Verb && earlier.Stack == o.Stack && earlier.Key == o.Key
}

// Sentence says in words what is ordered, until when and why.
func (o Order) Sentence() string {
	text := map[Verb]string{
		Suspend: "nothing of the stack is changed", HoldKey: "nothing is done about " + string(o.Key),
		Freeze: "no write begins any more", Approve: "the plan " + o.Value + " may run",
		Override: "change windows do not count", Accept: "the branch may point to the commit " + o.Value,
		Rollback: "the commit " + o.Value + " is applied until the branch moves on",
		Cancel:   "the run " + o.Value + " ends", Relaunch: "what failed in the run " + o.Value + " is tried again",
	}[o.Verb]
	if o.Verb == Accept && o.Key != "" {
		text = "what is live of kind " + string(o.Key) + " counts, whatever was known before"
	}
	if o.lasts() {
		text += ", until " + o.Until.UTC().Format(time.RFC3339)
	}
	return withReason(string(o.Verb)+": "+text, o.Reason)
}

// lasts tells whether the end of the order is worth a word: what is done once is
// over by then.
func (o Order) lasts() bool {
	return !o.Until.IsZero() && o.Verb != Cancel && o.Verb != Relaunch && (o.Verb != Accept || o.Key == "")
}

// funOf names an order in the journal.
func funOf(v Verb) string { return "order." + string(v) }

func withReason(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + " (" + reason + ")"
}

// Record is what the stack's journal keeps of an order that has its ID and time.
func (o Order) Record() Record { return o.record(Ordered, o.At, o.By, o.Sentence()) }

// Withdrawal is what the journal keeps of its end by somebody.
func (o Order) Withdrawal(at time.Time, by Actor, reason string) Record {
	return o.record(Withdrawn, at, by, withReason("ended: "+o.Sentence(), reason))
}

func (o Order) record(event Event, at time.Time, by Actor, comment string) Record {
	yes := true
	return Record{Stack: o.Stack, JID: o.ID, Event: event, Stamp: at, Actor: by, Key: o.Key, Fun: funOf(o.Verb),
		Return: &Return{Name: string(o.Verb), Result: &yes, Comment: comment, StartedAt: at}}
}

// Role is what a token allows; each allows what the ones before it do.
type Role string

// The roles.
const (
	Read    Role = "read"    // see everything
	Operate Role = "operate" // nudge, suspend, hold, cancel, relaunch, take a lease and write the journal
	Grant   Role = "approve" // approve, accept, rollback, override, freeze, and make tokens
)

// Allows tells whether the role is enough where want is asked for.
func (r Role) Allows(want Role) bool {
	rank := map[Role]int{Read: 1, Operate: 2, Grant: 3}
	return rank[r] > 0 && rank[r] >= rank[want]
}

// A Token lets its bearer use a daemon's API. The store keeps its hash only.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Stacks  []string  `json:"stacks,omitempty"` // names or patterns as path.Match knows them; empty is all
	Hash    string    `json:"hash,omitempty"`   // SHA-256 of the token, in hex
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"` // zero: never
	Revoked time.Time `json:"revoked"`
	By      Actor     `json:"by"`
}
