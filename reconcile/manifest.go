package reconcile

import (
	"slices"
	"time"
)

// APIVersion is the version of our manifests.
const APIVersion = "reconcile/v1"

// A Manifest is one document of the source, or one made by expansion.
type Manifest struct {
	Key         Key
	Name        string // of the resource, if not the key's
	Spec        *Node
	Pos         Pos // of the document
	Annotations map[string]Annotation
	Labels      map[string]string // become tags "name=value" beside the mark
	From        Key               // what expanded to it; "" for a document of the source
	Drawn       string            // ID of the live resource that it was drawn from: that one it is, and no other is made
	// Requires are keys that must be ready first, besides those that references name.
	Requires []Key
}

// An Annotation is a wish about the manifest rather than the resource.
type Annotation struct {
	Value *Node
	Pos   Pos
}

// The annotations we know.
const (
	AdoptAnnotation = "reconcile/adopt"      // the ID of a live resource to take over
	MovedAnnotation = "reconcile/moved-from" // a list of keys that this manifest had before
)

// A Stack is one desired-state tree, reconciled on its own.
type Stack struct {
	Name      string
	UID       string // as in its manifest; "" if there is none
	Project   string
	Regions   []string
	Zones     []string
	Store     string // local, daemon or postgres
	Policy    Policy
	Inventory Inventory
	BareTaken bool     // the repository holds a stack of this name without a uid
	GivenUp   []string // places that it names no more, and where something of it is
	AnyPlace  bool     // the places are not known yet: manifests are not held to them
	Declared  bool     // there is a Stack manifest; without one nothing is pruned
	Pos       Pos
	StorePos  Pos // of the line that says so; zero if none does
}

// Policy is what may be done without a person.
type Policy struct {
	Mode       string // auto, propose or observe
	Prune      bool   // delete what Git no longer names
	MaxDeletes int    // manifests of which resources may be destroyed in one run; -1 means the default: the greater of 1 and a tenth of what we own
	AtMost     *int   // the operator's bound of MaxDeletes, whatever the default comes to; nil: none
	AllowEmpty bool   // an empty source may delete everything
	Protect    []Key  // keys, or tops of keys, that are never deleted or replaced
	Windows    []Window
	// RepairAfter is how long a difference that somebody made live is only shown, before it is repaired.
	RepairAfter time.Duration
	Rules       Rules
	Bounds      []Rules // the operator's, which count besides the repository's own
	Quorum      Quorum
	Ignore      []Ignore
	Pos         Pos
	ModePos     Pos // where the mode is said; zero: at Pos
	PrunePos    Pos
}

// Offline lets manifests stand anywhere if the stack leaves its places to the
// environment: there is none to ask.
func (s *Stack) Offline() { s.AnyPlace = len(s.Regions)+len(s.Zones) == 0 }

// Mark is the mark that the stack puts on a resource.
func (s *Stack) Mark(key Key, rev string) Mark {
	return Mark{Stack: s.Name, UID: s.ShortUID(), Key: key, Rev: rev}
}

// ShortUID is the uid's first 8 hex digits, as marks carry it.
func (s *Stack) ShortUID() string {
	var short []byte
	for i := 0; i < len(s.UID) && len(short) < 8; i++ {
		if s.UID[i] != '-' {
			short = append(short, s.UID[i])
		}
	}
	return string(short)
}

// Places are the places of the stack that offer a kind: manifests may stand there.
func (s *Stack) Places(k Kind) []string {
	if k.Places == nil {
		return []string{""}
	}
	return offered(k, slices.Concat(s.Regions, s.Zones))
}

// Listed are the places in which a kind is listed: those of the stack, and those
// that it gave up, where something of ours may be left.
func (s *Stack) Listed(k Kind) []string {
	if k.Places == nil {
		return []string{""}
	}
	return offered(k, slices.Concat(s.Regions, s.Zones, s.GivenUp))
}

// Scope is where resources of a kind are listed in a place.
func (s *Stack) Scope(k Kind, place string) Scope {
	if k.Elsewhere {
		return Scope{Place: place}
	}
	return Scope{Project: s.Project, Place: place}
}

// giveUp finds the places that the stack no longer names, and where the journal
// knows something of it.
func (s *Stack) giveUp(memory map[Key]Memo) {
	s.GivenUp = nil
	for _, key := range sortedKeys(memory) {
		memo := memory[key]
		declared := slices.Contains(s.Regions, memo.Place) || slices.Contains(s.Zones, memo.Place)
		if memo.ID != "" && !memo.Gone && memo.Place != "" && !declared {
			s.GivenUp = appendNew(s.GivenUp, memo.Place)
		}
	}
}

func offered(k Kind, places []string) []string {
	var out []string
	for _, place := range places {
		if slices.Contains(k.Places, place) {
			out = append(out, place)
		}
	}
	return out
}

// Resource kinds' manifests and the Stack's are what a source holds.

// A Source is the desired state as it was read: all of it, or the problems that
// kept it from being read.
type Source struct {
	Stack     Stack
	Manifests []Manifest
	Seen      *Seen                        // what is live, as far as manifests are drawn from it; nil: nobody was asked
	Problems  Problems                     // warnings too
	Files     int                          // YAML files read
	Other     []string                     // documents that are none of ours, as file:line
	Text      func(Pos) string             // the line at a place, for errors
	ReadFile  func(string) ([]byte, error) // a file of the tree, for valueFrom
	Revision  Revision
}

// A Revision is what the source was read from.
type Revision struct {
	ID      string `json:"id"` // goes into marks: a commit's full hash, with "+" if there are uncommitted changes, or a folder's digest and "+"
	Subject string `json:"subject,omitempty"`
	Author  string `json:"author,omitempty"` // name and address, as is the committer
	When    string `json:"when,omitempty"`   // RFC 3339, "" outside Git

	Committer string `json:"committer,omitempty"`
}

// Short is the revision as people read it.
func (r Revision) Short() string { return shortRev(r.ID) }

func shortRev(id string) string {
	dirty := len(id) > 0 && id[len(id)-1] == '+'
	if dirty {
		id = id[:len(id)-1]
	}
	if len(id) > 7 {
		id = id[:7]
	}
	if dirty {
		id += "+"
	}
	return id
}
