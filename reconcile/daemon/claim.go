package daemon

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// claims says which stack of the operator's file has which owner word. A
// repository writes its own, and could write another team's: its journal, its
// lease and its resources would follow. So the first to have a word keeps it.
type claims struct {
	mu   sync.Mutex
	read time.Time        // when the store's standings were last taken over
	held map[string]claim // by name in the operator's file
}

// claim is the owner word of a stack, for as long as the operator's file leads
// to the same place.
type claim struct {
	owner string
	place place
}

// place is where a stack's manifests are.
type place struct{ location, branch, path string }

func placeOf(e Entry) place { return place{e.URL, e.Branch, e.Path} }

// claimsFor is how long claims of other replicas may go unnoticed.
const claimsFor = 10 * time.Second

// claim takes the owner word that was read, unless it is another stack's.
func (l *looking) claim(ctx context.Context) error {
	c, mine := &l.claims, claim{l.ready.Owner, placeOf(l.entry)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[l.entry.Name] == mine {
		return nil
	}
	if err := l.learn(ctx); err != nil {
		return err
	}
	had := c.held[l.entry.Name] == mine
	for i, e := range l.Config().Stacks {
		theirs := c.held[e.Name]
		switch {
		case e.Name == l.entry.Name || theirs.place != placeOf(e) || !Alike(theirs.owner, mine.owner):
		case had && i > l.position():
		default:
			return l.taken(e.Name)
		}
	}
	c.held[l.entry.Name] = mine
	return nil
}

// learn takes over what the store says, at times: other replicas write to it too.
func (l *looking) learn(ctx context.Context) error {
	c := &l.claims
	if c.held != nil && l.now.Sub(c.read) < claimsFor && !l.now.Before(c.read) {
		return nil
	}
	all, err := l.store.Standings(ctx)
	if err != nil {
		return err
	}
	if c.held == nil {
		c.held = map[string]claim{}
	}
	for i := range all {
		s := &all[i]
		if _, known := c.held[s.Name]; !known && s.Stack != "" {
			c.held[s.Name] = claim{s.Stack, place{s.Location, s.Branch, s.Path}}
		}
	}
	c.read = l.now
	return nil
}

// position is where the stack stands in the operator's file. It decides between
// two that got hold of a word at once, in two replicas.
func (l *looking) position() int {
	for i, e := range l.Config().Stacks {
		if e.Name == l.entry.Name {
			return i
		}
	}
	return -1
}

// Alike tells whether two owner words would share resources: the uid decides,
// and a bare name is that of whoever has it.
func Alike(a, b string) bool {
	name, uid, _ := strings.Cut(a, ".")
	other, its, _ := strings.Cut(b, ".")
	return uid != "" && uid == its || name == other && (uid == "" || its == "")
}

func (l *looking) taken(by string) error {
	p := reconcile.Problem{
		Message: fmt.Sprintf("the stack calls itself %s, as stack %s of the operator's file does; it would take over that stack's journal and resources", l.ready.Owner, by),
		Hint:    "give it a name and a uid of its own; reconcile init writes one",
	}
	if l.ready.Stack != nil {
		p.Pos = l.ready.Stack.Pos
	}
	return reconcile.Problems{p}
}
