package reconcile

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Listings shares what is listed between stacks that look at the same places
// with the same credential: within a bounded age one listing serves them all,
// and those who ask while one is under way wait for it. A stack never gets a
// listing that began before its own last write. It may be used concurrently.
type Listings struct {
	clock Clock
	age   time.Duration

	mu    sync.Mutex
	kept  map[listingOf]*shared
	wrote map[string]time.Time // by stack
	told  map[string]func(live []*Resource)
}

type listingOf struct {
	credential string
	listingID
}

// shared is one listing, under way until done is closed. It goes on for as long
// as anybody waits for it, whoever began it.
type shared struct {
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{}
	live   *inventory
	err    error

	waiting int // guarded by the Listings' lock
}

// NewListings makes listings serve for an age. Who plans with them must let the
// settle time be longer by it.
func NewListings(clock Clock, age time.Duration) *Listings {
	return &Listings{clock: clock, age: age, kept: map[listingOf]*shared{}, wrote: map[string]time.Time{}, told: map[string]func([]*Resource){}}
}

// Kinds are the kinds of a credential as a stack uses them: their listings are shared.
func (l *Listings) Kinds(kinds Kinds, credential, stack string) Kinds {
	out := make(Kinds, len(kinds))
	for i, kind := range kinds {
		kind.ops = sharing{kind.ops, l, kind.Name, credential, stack}
		out[i] = kind
	}
	return out
}

// Drop forgets listings that nobody may use any more. Each new listing does so
// too; it is for those who have stopped listing.
func (l *Listings) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(l.clock.Now())
}

// Outdate has no listing of a kind serve any more that began before now: somebody
// said that something differs since.
func (l *Listings) Outdate(kind string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.kept, func(of listingOf, _ *shared) bool { return of.kind == kind })
}

// Watch has told be called with whatever is read of a kind from now on, which
// may be concurrently. nil ends that.
func (l *Listings) Watch(kind string, told func(live []*Resource)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told[kind] = told
}

// tell hands on what was read of a kind.
func (l *Listings) tell(kind string, live []*Resource) {
	l.mu.Lock()
	told := l.told[kind]
	l.mu.Unlock()
	if told != nil {
		told(live)
	}
}

func (l *Listings) drop(now time.Time) {
	maps.DeleteFunc(l.kept, func(_ listingOf, s *shared) bool { return s.over() && s.began.Add(l.age).Before(now) })
	maps.DeleteFunc(l.wrote, func(_ string, at time.Time) bool { return at.Add(l.age + underWayElsewhere).Before(now) })
}

func (s *shared) over() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// written marks contexts with the last intent that the stack's journal knows.
type written struct{}

// underWayElsewhere is how long a call of another process, a job or a replica, may still
// have been under way after its intent, and how far its clock may be behind.
const underWayElsewhere = time.Minute

// lastWritten is when the last call of a stack was about to be made, by whoever.
func lastWritten(memory map[Key]Memo) (last time.Time) {
	for _, memo := range memory {
		for _, at := range []time.Time{memo.Write.At, memo.Removal.At} {
			if at.After(last) {
				last = at
			}
		}
	}
	return last
}

// afresh marks contexts whose listings must begin now.
type afresh struct{}

// Afresh returns a context under which nothing is shared that began before now.
func Afresh(ctx context.Context) context.Context { return context.WithValue(ctx, afresh{}, true) }

type notBefore struct{}

// NotBefore returns a context under which nothing is shared that began before a time.
func NotBefore(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, notBefore{}, at)
}

// listing waits for a listing that a stack may use, and begins it if there is
// none. One that fails is shared only with those who wait for it.
func (l *Listings) listing(ctx context.Context, of listingOf, stack string, list func(context.Context) ([]*Resource, error)) (*inventory, time.Time, error) {
	found := l.join(ctx, of, stack, list)
	defer l.leave(of, found)
	select {
	case <-found.done:
		return found.live, found.began, found.err
	default:
	}
	select {
	case <-found.done:
		return found.live, found.began, found.err
	case <-ctx.Done():
		return nil, found.began, context.Cause(ctx)
	}
}

func (l *Listings) join(ctx context.Context, of listingOf, stack string, list func(context.Context) ([]*Resource, error)) *shared {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if old := l.kept[of]; old != nil && !now.After(old.began.Add(l.age)) && l.serves(ctx, old, stack) {
		old.waiting++
		return old
	}
	l.drop(now)
	found := &shared{began: now, done: make(chan struct{}), waiting: 1}
	l.kept[of] = found
	// Who began it may leave before the others do.
	ctx, found.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer found.cancel()
		live, err := list(ctx)
		l.finish(of, found, live, err)
	}()
	return found
}

// serves tells whether a stack may use a listing.
func (l *Listings) serves(ctx context.Context, s *shared, stack string) bool {
	if ctx.Value(afresh{}) != nil || !s.began.After(l.wrote[stack]) {
		return false
	}
	if least, ok := ctx.Value(notBefore{}).(time.Time); ok && s.began.Before(least) {
		return false
	}
	last, _ := ctx.Value(written{}).(time.Time)
	return !last.After(l.wrote[stack]) || s.began.After(last.Add(underWayElsewhere))
}

func (l *Listings) finish(of listingOf, s *shared, live []*Resource, err error) {
	s.live, s.err = newInventory(live), err
	if err != nil {
		l.forget(of, s)
	} else {
		l.tell(of.kind, live)
	}
	close(s.done)
}

// leave stops a listing that nobody waits for any more.
func (l *Listings) leave(of listingOf, s *shared) {
	l.mu.Lock()
	s.waiting--
	abandoned := s.waiting == 0 && !s.over()
	if abandoned && l.kept[of] == s { // in the same breath, so that nobody joins it
		delete(l.kept, of)
	}
	l.mu.Unlock()
	if abandoned {
		s.cancel()
	}
}

func (l *Listings) forget(of listingOf, s *shared) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept[of] == s {
		delete(l.kept, of)
	}
}

// write notes a call of a stack that changes something, before and after it.
func (l *Listings) write(stack string) (after func()) {
	note := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.wrote[stack] = l.clock.Now()
	}
	note()
	return note
}

// sharing is a kind's abilities as one stack uses them.
type sharing struct {
	operations
	all        *Listings
	kind       string
	credential string
	stack      string
}

func (s sharing) list(ctx context.Context, in Scope) ([]*Resource, error) {
	live, _, err := s.listing(ctx, in)
	if err != nil {
		return nil, err
	}
	return slices.Clone(live.live), nil
}

func (s sharing) listing(ctx context.Context, in Scope) (*inventory, time.Time, error) {
	of := listingOf{s.credential, listingID{s.kind, in}}
	return s.all.listing(ctx, of, s.stack, func(ctx context.Context) ([]*Resource, error) { return s.operations.list(ctx, in) })
}

func (s sharing) get(ctx context.Context, in Scope, id string) (*Resource, error) {
	found, err := s.operations.get(ctx, in, id)
	if err == nil && found != nil {
		s.all.tell(s.kind, []*Resource{found})
	}
	return found, err
}

func (s sharing) create(ctx context.Context, want Desired[any]) (string, error) {
	defer s.all.write(s.stack)()
	return s.operations.create(ctx, want)
}

func (s sharing) update(ctx context.Context, have *Resource, want Desired[any]) error {
	defer s.all.write(s.stack)()
	return s.operations.update(ctx, have, want)
}

func (s sharing) delete(ctx context.Context, have *Resource) error {
	defer s.all.write(s.stack)()
	return s.operations.delete(ctx, have)
}
