package reconcile

import "time"

// A Comparison finds what Git, the inventory and live machines disagree about, in
// a plan and the world that it was made from. It is pure.
type Comparison func(plan *Plan, wish *Wish, world *World) []Finding

// A Finding is a disagreement of Git, the inventory and live machines about one
// fact: a row with a column for each. A side that says nothing is nil; one that
// could not be read is left out of the comparison, and its receipt says so.
type Finding struct {
	Class      string    `json:"kind"`     // such as status-mismatch
	Severity   string    `json:"severity"` // info, warning or error
	Resource   string    `json:"resource"` // a key, or "device NAME", "server NAME" of what has none
	Field      string    `json:"field,omitempty"`
	Git        *string   `json:"git"`
	NetBox     *string   `json:"netbox"`
	Live       *string   `json:"live"`
	Winner     string    `json:"winner"` // git, netbox or live
	Action     string    `json:"action"` // write-back, apply, report or blocked
	Says       string    `json:"says,omitempty"`
	Since      time.Time `json:"since,omitzero"`
	URL        string    `json:"netbox_url,omitempty"`
	Console    string    `json:"console_url,omitempty"`
	LastChange *Author   `json:"last_change,omitempty"`
	Key        Key       `json:"-"`     // whose change in the plan puts it right, "" if none does
	Object     string    `json:"-"`     // the ID of the device that it is about, "" if it is about none
	Pos        Pos       `json:"-"`     // the manifest's line, if there is one
	Drift      bool      `json:"drift"` // it counts as drift; one with a change counts there
}
