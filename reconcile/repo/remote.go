package repo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// A remoteHistory is a repository on a server, of which a bare store on disk
// has what was fetched so far: the newest commit at first, then what is new,
// and older commits as somebody asks for them by their hash.
type remoteHistory struct {
	ep   endpoint
	opts Options

	exchange sync.Mutex // one at a time; taken before mu
	mu       sync.Mutex // of what follows
	bare     *bareStore
	objects  *objectStore
}

var _ history = (*remoteHistory)(nil)

func newRemoteHistory(ep endpoint, o Options) *remoteHistory {
	return &remoteHistory{ep: ep, opts: o}
}

// maxDeepen is how many commits of history are fetched when a walk needs more.
const maxDeepen = 1000

// exclusively runs f with the store open and locked, and within the time limit.
// Its error is made fit to be shown.
func (r *remoteHistory) exclusively(ctx context.Context, doing string, f func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	defer func() { err = r.explain(ctx, doing, err) }()
	defer guard(doing, &err)
	r.exchange.Lock()
	defer r.exchange.Unlock()
	if err := r.reopen(); err != nil {
		return err
	}
	unlock, err := r.bare.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.bare.make(); err != nil {
		return err
	}
	return r.mending(ctx, f)
}

// mending runs f, and where the store turns out to be damaged, once more on a
// new one.
func (r *remoteHistory) mending(ctx context.Context, f func(context.Context) error) error {
	err := f(ctx)
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	if err := r.wipe(); err != nil {
		return err
	}
	return f(ctx)
}

// wipe makes the store empty. Files that are still open would be read on.
func (r *remoteHistory) wipe() error {
	r.objects.close()
	return r.bare.wipe()
}

// reopen opens the store, also where somebody removed it meanwhile.
func (r *remoteHistory) reopen() error {
	r.mu.Lock()
	gone := r.bare != nil && !r.bare.there()
	r.mu.Unlock()
	if gone {
		r.drop()
	}
	return r.open()
}

// drop closes the store. Only who holds exchange may.
func (r *remoteHistory) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bare == nil {
		return
	}
	r.objects.close()
	r.bare.root.Close()
	r.bare, r.objects = nil, nil
}

// open opens the store, if it is not.
func (r *remoteHistory) open() error {
	_, err := r.opened()
	return err
}

func (r *remoteHistory) opened() (*objectStore, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bare != nil {
		return r.objects, nil
	}
	bare, err := openBare(r.opts.Store, r.ep)
	if err != nil {
		return nil, err
	}
	r.bare, r.objects = bare, bare.objects(r.ep.String())
	return r.objects, nil
}

// store gives what was fetched so far. It does not wait for an exchange.
func (r *remoteHistory) store() (*objectStore, error) {
	objects, err := r.opened()
	return objects, r.explain(context.Background(), "read what was fetched", err)
}

func (r *remoteHistory) resolve(ctx context.Context, ref string) (h plumbing.Hash, err error) {
	if isHash(ref) {
		h = plumbing.NewHash(ref)
		return h, r.bring(ctx, h)
	}
	err = r.exclusively(ctx, "fetch "+refWord(ref), func(ctx context.Context) error {
		h, err = r.update(ctx, ref)
		return err
	})
	return h, err
}

// update brings the store to where a ref stands now.
func (r *remoteHistory) update(ctx context.Context, ref string) (plumbing.Hash, error) {
	t, err := r.talk(ctx, refNames(ref), plumbing.ZeroHash)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	defer t.close()
	h, err := pickRef(ref, t.refs)
	if err != nil {
		return h, err
	}
	if err := r.advance(ctx, t, h, refNames(ref)); err != nil {
		return h, err
	}
	return peel(r.objects, h)
}

// advance fetches a commit, or a tag of one: the first time without history,
// then whatever is new. Where that is too much, as after a rewrite, it is taken
// without history once more.
func (r *remoteHistory) advance(ctx context.Context, t *talk, h plumbing.Hash, names []string) error {
	if known, err := r.known(h); known || err != nil {
		return err
	}
	packs, err := r.bare.packs()
	if err == nil && packs > maxPacks {
		err = r.wipe()
	}
	if err != nil {
		return err
	}
	tips, err := r.bare.tips()
	if err != nil {
		return err
	}
	depth := 0
	if len(tips) == 0 {
		depth = 1
	}
	err = r.take(ctx, t, h, depth)
	if depth == 1 || !errors.Is(err, ErrLimit) {
		return err
	}
	again, err := r.talk(ctx, names, h)
	if err != nil {
		return err
	}
	defer again.close()
	return r.take(ctx, again, h, 1)
}

// known tells whether an object is here. A miss is not damage.
func (r *remoteHistory) known(h plumbing.Hash) (bool, error) {
	_, err := r.objects.read(h, plumbing.AnyObject)
	if errors.Is(err, ErrMissing) {
		return false, nil
	}
	return err == nil, err
}

func (r *remoteHistory) bring(ctx context.Context, h plumbing.Hash) error {
	objects, err := r.store()
	if err != nil {
		return err
	}
	if ok, err := objects.has(h); ok && err == nil {
		return nil
	}
	return r.exclusively(ctx, "fetch commit "+h.String(), func(ctx context.Context) error { return r.fetchCommit(ctx, h) })
}

// fetchCommit gets one commit by its hash, without history. From a server that
// gives only what its refs name, it gets the ref's whole history and looks there.
func (r *remoteHistory) fetchCommit(ctx context.Context, h plumbing.Hash) error {
	if ok, err := r.objects.has(h); ok || err != nil {
		return err
	}
	ref := r.opts.Ref
	if isHash(ref) {
		ref = ""
	}
	t, err := r.talk(ctx, refNames(ref), h)
	if err != nil {
		return err
	}
	defer t.close()
	if err := r.takeCommit(ctx, t, h, ref); err != nil {
		return err
	}
	ok, err := r.objects.has(h)
	if !ok && err == nil {
		err = faultf(ErrUnknownCommit, "", "the repository has no such commit")
	}
	return err
}

func (r *remoteHistory) takeCommit(ctx context.Context, t *talk, h plumbing.Hash, ref string) error {
	if t.tip || t.anyCommit() {
		return r.take(ctx, t, h, 1)
	}
	tip, err := pickRef(ref, t.refs)
	if err != nil {
		return err
	}
	return r.take(ctx, t, tip, wholeHistory)
}

// A talk is a conversation whose advertisement was read.
type talk struct {
	conversation
	advert
}

func (r *remoteHistory) talk(ctx context.Context, names []string, tip plumbing.Hash) (*talk, error) {
	return r.dial(ctx, uploadPack, names, tip)
}

func (r *remoteHistory) dial(ctx context.Context, p program, names []string, tip plumbing.Hash) (*talk, error) {
	dial := dialHTTP
	if r.ep.scheme == "ssh" {
		dial = dialSSH
	}
	c, err := dial(ctx, r.ep, r.opts.Auth, p)
	if err != nil {
		return nil, err
	}
	said := &boundedReader{from: c.advertisement(), left: maxAdvertised, what: fmt.Sprintf("more than %d MiB of refs", maxAdvertised>>20)}
	ad, err := readAdvert(said, names, tip)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, ErrLimit) {
			if aside := c.complaint(); aside != "" {
				err = faultf(ErrDenied, "check the address and the key", "the server says: %s", aside)
			}
		}
		c.close()
		return nil, err
	}
	return &talk{c, ad}, nil
}

// take fetches one object with what belongs to it, and notes what came of it.
func (r *remoteHistory) take(ctx context.Context, t *talk, h plumbing.Hash, depth int) error {
	tips, err := r.haves()
	if err != nil {
		return err
	}
	cut, err := r.bare.shallow()
	if err != nil {
		return err
	}
	w := wish{want: h, depth: depth, haves: tips, shallow: slices.Collect(maps.Keys(cut))}
	request, err := t.request(w, t.stateless())
	if err != nil {
		return err
	}
	body, err := t.ask(ctx, request)
	if err != nil {
		return err
	}
	limit := r.opts.limits()
	what := fmt.Sprintf("more than %d MiB", limit.pack>>20)
	answer, err := t.readAnswer(&boundedReader{from: body, left: limit.pack, what: what, fix: tooMuchFix}, w)
	if err != nil {
		return err
	}
	if err := r.bare.receive(ctx, answer.pack, limit); err != nil {
		return err
	}
	return r.note(h, cut, answer)
}

// haves are the commits that the server need not send. One that is noted and
// not here means that the store lost something.
func (r *remoteHistory) haves() ([]plumbing.Hash, error) {
	tips, err := r.bare.tips()
	if err != nil {
		return nil, err
	}
	for _, tip := range tips {
		if known, err := r.known(tip); err != nil || !known {
			return nil, errors.Join(err, fmt.Errorf("%w: commit %s is gone from the store", ErrDamaged, tip))
		}
	}
	return tips, nil
}

// note records what a fetch brought. The cut comes before the tip: a store that
// knows a tip knows where its history ends.
func (r *remoteHistory) note(h plumbing.Hash, cut map[plumbing.Hash]bool, a answer) error {
	for _, gone := range a.Unshallows {
		delete(cut, gone)
	}
	for _, at := range a.Shallows {
		cut[at] = true
	}
	if len(a.Shallows)+len(a.Unshallows) > 0 {
		if err := r.bare.setShallow(cut); err != nil {
			return err
		}
	}
	if known, err := r.known(h); err != nil || !known {
		return errors.Join(err, faultf(ErrUnavailable, "try again", "the server did not send %s", h))
	}
	return r.bare.addTip(h)
}

func (r *remoteHistory) shallow() map[plumbing.Hash]bool {
	r.exchange.Lock()
	defer r.exchange.Unlock()
	if r.open() != nil {
		return nil
	}
	cut, err := r.bare.shallow()
	if err != nil {
		return nil // it shows when the commits are read
	}
	return cut
}

func (r *remoteHistory) deepen(ctx context.Context, h plumbing.Hash) error {
	return r.exclusively(ctx, "fetch the history of "+h.String(), func(ctx context.Context) error {
		before, err := r.bare.shallow()
		if err != nil {
			return err
		}
		t, err := r.talk(ctx, refNames(""), h)
		if err != nil {
			return err
		}
		defer t.close()
		if !t.tip && !t.anyCommit() {
			return faultf(ErrHistoryEnds, "", "the server gives no history of a commit that no branch names")
		}
		if err := r.take(ctx, t, h, maxDeepen); err != nil {
			return err
		}
		after, err := r.bare.shallow()
		if err == nil && maps.Equal(before, after) {
			err = faultf(ErrHistoryEnds, "", "the server gives no more history")
		}
		return err
	})
}

func (r *remoteHistory) close() {
	r.exchange.Lock()
	defer r.exchange.Unlock()
	r.drop()
}
