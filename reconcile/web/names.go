package web

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// names says which stack goes by which name and which owner word. A stack has a
// name once it is in the operator's file, and an owner word once it was read.
type names struct {
	owner    map[string]string   // by name; "" if it was not read yet
	names    map[string][]string // by owner word
	unlooked int                 // of the operator's file, how many were never looked at
}

// known keeps names for a moment: each request asks for them.
type known struct {
	mu    sync.Mutex
	names *names
	at    time.Time
}

const namesFor = time.Second

// stackNames gives the names; with anew, not those of a moment ago.
func (s *Server) stackNames(ctx context.Context, anew bool) (*names, error) {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	now := s.clock.Now()
	if old := s.known.names; old != nil && !anew && now.Sub(s.known.at) < namesFor && !now.Before(s.known.at) {
		return old, nil
	}
	standings, err := s.store.Standings(ctx)
	if err != nil {
		return nil, err
	}
	s.known.names, s.known.at = namesOf(s.settings().Stacks, standings), now
	return s.known.names, nil
}

func namesOf(served []string, standings []reconcile.Standing) *names {
	n := &names{owner: map[string]string{}, names: map[string][]string{}}
	looked := map[string]bool{}
	for i := range standings {
		name, owner := standings[i].Name, standings[i].Stack
		n.owner[name], looked[name] = owner, !standings[i].Looked.IsZero()
		if owner != "" {
			n.names[owner] = append(n.names[owner], name)
		}
	}
	for _, name := range served {
		if _, known := n.owner[name]; !known {
			n.owner[name] = ""
		}
		if !looked[name] {
			n.unlooked++
		}
	}
	return n
}

// of gives the names of an owner word. A stack that the daemon does not serve,
// but keeps the journal of, goes by the name in its owner word, unless that is
// the name of another: then it has none.
func (n *names) of(owner string) []string {
	if found := n.names[owner]; len(found) > 0 {
		return found
	}
	name, _, _ := strings.Cut(owner, ".")
	if n.owner[name] != "" {
		return nil
	}
	return []string{name}
}

// sees tells whether a caller may see a stack, by its owner word. What is for
// all stacks is only for who may see them all.
func (c *call) sees(owner string) (bool, error) {
	if !c.who.limited() {
		return true, nil
	}
	if owner == reconcile.EveryStack || owner == "" {
		return false, nil
	}
	n, err := c.stackNames(c.ctx, false)
	if err != nil {
		return false, err
	}
	all := n.of(owner)
	return len(all) > 0 && !slices.ContainsFunc(all, func(name string) bool { return !c.who.covers(name) }), nil
}

// may refuses what is about a stack that the caller may not see.
func (c *call) may(owner string) error {
	ok, err := c.sees(owner)
	if err != nil {
		return err
	}
	if !ok {
		return forbidden("this token is not for stack %s", owner)
	}
	return nil
}

// name finds a stack of the daemon by a word, its name or owner word, and gives
// both. The owner is "" if the stack was never read.
func (c *call) name(word string) (name, owner string, err error) {
	for _, anew := range []bool{false, true} {
		n, err := c.stackNames(c.ctx, anew)
		if err != nil {
			return "", "", err
		}
		owner, ok := n.owner[word]
		name := word
		if served := n.names[word]; !ok && len(served) > 0 {
			name, owner, ok = served[0], word, true
		}
		if ok {
			return name, owner, c.mayName(name)
		}
	}
	if c.who.limited() {
		return "", "", forbidden("this token is not for stack %s", word)
	}
	return "", "", notFound("the daemon serves no stack %s", word)
}

func (c *call) mayName(name string) error {
	if !c.who.covers(name) {
		return forbidden("this token is not for stack %s", name)
	}
	return nil
}

// owner gives the owner word for a word, which may be the name of a stack of the
// daemon. A stack that the daemon does not serve has an owner word all the same.
func (c *call) owner(word string) (string, error) {
	n, err := c.stackNames(c.ctx, false)
	if err != nil {
		return "", err
	}
	if len(n.names[word]) == 0 && n.owner[word] == "" {
		if n, err = c.stackNames(c.ctx, true); err != nil {
			return "", err
		}
	}
	owner := word
	if of := n.owner[word]; len(n.names[word]) == 0 && of != "" {
		owner = of
	}
	if owner != reconcile.EveryStack && !plainName.MatchString(owner) {
		return "", invalid("%q is no name of a stack", word)
	}
	return owner, c.may(owner)
}

// filter is the owner word that a query names, "" if it names none.
func (c *call) filter() (string, error) {
	word := c.r.URL.Query().Get("stack")
	if word == "" {
		return "", nil
	}
	return c.owner(word)
}

// namesOf are the stacks of the daemon that an order is for.
func (c *call) namesOf(owner string) ([]string, error) {
	n, err := c.stackNames(c.ctx, false)
	if err != nil {
		return nil, err
	}
	if owner != reconcile.EveryStack {
		return n.names[owner], nil
	}
	var all []string
	for name := range n.owner {
		all = append(all, name)
	}
	slices.Sort(all)
	return all, nil
}
