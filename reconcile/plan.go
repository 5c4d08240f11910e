package reconcile

import (
	"slices"
	"time"
)

// Action is what is done about a key.
type Action string

// The actions.
const (
	Create    Action = "create"
	Update    Action = "update"
	Replace   Action = "replace"
	Reinstall Action = "reinstall"
	Delete    Action = "delete"
	Adopt     Action = "adopt"
	Forget    Action = "forget"
)

// Label is the three-way label of a field.
type Label string

// The labels: which side moved since the revision last applied. A field whose
// base is not known has none.
const (
	Drifted     Label = "drift"    // live moved
	Pending     Label = "pending"  // Git moved
	Conflicting Label = "conflict" // both moved
)

// A FieldChange is one field that differs.
type FieldChange struct {
	Path      string
	From      any    // nil: nothing
	To        any    // nil: nothing
	Unknown   string // of To: where its value is still to come from, as "Container/api.id"
	Secret    bool   // values are masked
	Replace   bool   // this is why the resource is replaced
	Reinstall bool   // this is why the server is installed again
	Label     Label
	Base      any // what Git said at the revision last applied, if that is known
	Pos       Pos // of the line that asks for To
}

// ByDefault tells whether a new resource has a field only because nobody said otherwise.
func (c *Change) ByDefault(f *FieldChange) bool {
	if c.Action != Create || c.Want == nil || c.Want.Set == nil || f.Unknown != "" {
		return false
	}
	_, set := c.Want.Set[f.Path]
	return !set
}

// A Hold is one reason why a change may not run by itself.
type Hold struct {
	Guard  string // the rule: "prune", "maxDeletes", "owner", "policy", "unknown", "settle", ...
	Reason string
	Pos    Pos // of the line that says so, if one does
}

// Noted is the guard that holds an update which was done as far as it may be, such
// as noted where people read it: it is not done again, and nothing failed.
const Noted = "noted"

// A Change is what differs for one key, and what is to be done about it.
type Change struct {
	Key      Key
	Kind     string
	Scope    Scope
	Action   Action
	Fields   []FieldChange
	Reason   string   // why: "not there yet", "removed in 4f2a91c", "surplus: ..."
	Notes    []string // what else happens: "restarts the container"
	Origins  []Pos
	First    Action          // of a replacement: Create if the new one comes first, else Delete
	Surplus  bool            // the deletion of a further live resource of a key that stays
	Hash     string          // covers key, action, desired spec with references unresolved, and the live state started from
	Held     []Hold          // not empty: it does not run by itself
	Waits    []string        // not empty: not due; what must come first
	WaitsFor []Key           // the same, as keys
	Missing  bool            // we had it, and it is gone
	Live     *Resource       // what it starts from; nil for a create
	Want     *Wanted         // what it leads to; nil for a delete
	Masked   map[string]bool // paths whose values came from where secrets come from, now or when it was applied
	Bill     *Bill           // what it does to the monthly cost; nil if nobody asked for prices
	By       []Author        // who wrote to it since it was last applied, the latest first; empty if that is not known
	Known    *Known          // the drift was accepted for a time
	Until    time.Time       // when a wait for an earlier call ends; zero if it does not wait for one

	own        *[2]int // how many of Waits and WaitsFor the diff found
	wish       string  // digest of what is asked for, whatever the action
	unresolved *Wanted // with references as written, for the hash
	ignores    ignores // the rules about it, whose fields do not count in the hash of what it starts from
}

// Wanted is a resource as it shall be, resolved as far as that is possible now.
type Wanted struct {
	Manifest *Manifest
	Kind     Kind
	Key      Key
	Name     string
	Scope    Scope
	Spec     any             // a pointer to the kind's spec
	Set      map[string]Pos  // the fields that the manifest sets, by path
	Sourced  map[string]bool // paths whose values were looked up: they are masked, whatever the field
	Refs     []Reference
	Unknown  map[string]string // paths whose values are still to come, and from where
	Needs    []Key
	Origins  []Pos
	Tags     []string
	Adopt    string    // the ID of a live resource to take over
	Moved    []Key     // keys that it had before
	document int       // of the source that asked for it
	top      *Manifest // the one of the source that it comes from
	Hold     *Hold     // a look-up failed, for instance: nothing is done about the key

	sources map[string]string // where values that were looked up come from, by path
	bare    bool              // a value that is in no hash stands in Git: a secret in clear, or a file
	pinned  string            // the revision, if it is bare: another one may have another value
}

// Receipt is what came of one listing or look-up.
type Receipt struct {
	Kind       string
	Scope      Scope
	Count      int
	Complete   bool
	OutOfScope bool   // the credential may not read a kind that Git does not use
	Reason     string // why it is not complete
	At         time.Time
	Took       time.Duration
}

// Status is a sentence about a key that needs no change, but is not ready.
type Status struct {
	Key     Key
	Phase   Phase
	Detail  string
	Origins []Pos
	Again   time.Duration // how long it usually takes from now; 0 is not known
}

// A Plan is what is to be done, as data.
type Plan struct {
	Stack     string
	Owner     string // the mark's first word
	Revision  Revision
	Places    []string
	At        time.Time
	Took      time.Duration
	Steps     []Change // in order; those without Waits are due
	Held      []Change
	Adopted   []Change // taken over by annotation; no change, nothing is written
	Settling  []Status // resources under way or failed, without a change
	Unmanaged []*Resource
	Foreign   int // resources of other stacks
	Receipts  []Receipt
	Managed   int // live resources of this stack
	Kinds     int
	Notices   []string
	Findings  []Finding        // what Git, the inventory and live machines disagree about
	Ignored   []Ignored        // differences that rules hide
	Total     *Bill            // what all of the stack costs in a month, before and after the steps; nil if nobody asked for prices
	KnownLive map[string]Known // unmanaged resources that a baseline knows of, by ID
	Expired   []Known          // entries of a baseline that are over, or that nothing fits any more
	Hash      string

	ready map[Key]bool
}

// Changes are those of the plan itself, not copies: its steps, then what is held.
func (p *Plan) Changes() []*Change {
	out := make([]*Change, 0, len(p.Steps)+len(p.Held))
	for _, changes := range [][]Change{p.Steps, p.Held} {
		for i := range changes {
			out = append(out, &changes[i])
		}
	}
	return out
}

// Complete tells whether everything in scope could be read.
func (p *Plan) Complete() bool {
	return !slices.ContainsFunc(p.Receipts, func(r Receipt) bool { return !r.Complete && !r.OutOfScope })
}

// Due are the steps that need not wait.
func (p *Plan) Due() []Change {
	var due []Change
	for _, c := range p.Steps {
		if len(c.Waits) == 0 {
			due = append(due, c)
		}
	}
	return due
}

// Everything are the keys that the plan says something about.
func (p *Plan) Everything() []Key {
	var keys []Key
	for _, changes := range [][]Change{p.Steps, p.Held, p.Adopted} {
		for _, c := range changes {
			keys = append(keys, c.Key)
		}
	}
	for _, s := range p.Settling {
		keys = append(keys, s.Key)
	}
	return keys
}
