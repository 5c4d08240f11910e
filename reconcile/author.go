package reconcile

import (
	"context"
	"time"
)

// An Author is somebody who wrote to a live resource, as an audit log tells it.
// Whatever is not known is empty.
type Author struct {
	Who     string    `json:"who"`               // mail address or name of a person, name of an application; an ID if no more is known
	Sort    string    `json:"sort"`              // "user" or "application"
	At      time.Time `json:"at"`                // when the log got it
	Address string    `json:"address,omitempty"` // where the request came from
	Program string    `json:"program,omitempty"` // what sent it: "console", "terraform", "scw", ...
	Call    string    `json:"call,omitempty"`    // as the log names it: "UpdateContainer"
	Request string    `json:"request,omitempty"` // the request's ID
}

// A Suspect is a live resource, or one that is gone, of which somebody wants to
// know who wrote to it.
type Suspect struct {
	Kind  string
	Scope Scope
	ID    string
	Since time.Time // what was written earlier does not matter; zero: as long as the log goes back
	Hash  string    // of the change: once that differs, it is worth asking anew
}

// AuditTrail is the kind of a Witness's receipts.
const AuditTrail = "audit trail"

// A Witness tells who wrote to live resources. It is asked only about what
// differs, and may be used concurrently.
type Witness interface {
	// Authors are those who wrote to each of the resources, by ID, the latest
	// first. Our own calls are left out. The receipts say how far the log could
	// be read; a log that may not be read is out of scope.
	Authors(ctx context.Context, of []Suspect) (map[string][]Author, []Receipt)
}
