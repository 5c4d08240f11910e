package repo

import (
	"context"
	"errors"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// reader reads a commit's objects and mends the store if they are not as they
// should be.
func (r *remoteHistory) reader(ctx context.Context, commit plumbing.Hash) objectReader {
	return &mender{history: r, ctx: context.WithoutCancel(ctx), commit: commit}
}

// A mender reads objects of one commit. The first time that one is damaged or
// missing, it has the commit fetched anew, the whole store with it.
type mender struct {
	history *remoteHistory
	ctx     context.Context // an fs.FS has no other way to know it
	commit  plumbing.Hash

	once sync.Once
	err  error
}

func (m *mender) read(h plumbing.Hash, kind plumbing.ObjectType) ([]byte, error) {
	objects, err := m.history.store()
	if err != nil {
		return nil, err
	}
	body, err := objects.read(h, kind)
	if !damage(err) {
		return body, err
	}
	if merr := m.mend(h); merr != nil {
		return nil, errors.Join(err, merr)
	}
	return objects.read(h, kind)
}

func (m *mender) size(h plumbing.Hash) (int64, error) {
	objects, err := m.history.store()
	if err != nil {
		return 0, err
	}
	n, err := objects.size(h)
	if !damage(err) {
		return n, err
	}
	if merr := m.mend(h); merr != nil {
		return 0, errors.Join(err, merr)
	}
	return objects.size(h)
}

func damage(err error) bool { return errors.Is(err, ErrDamaged) || errors.Is(err, ErrMissing) }

func (m *mender) mend(h plumbing.Hash) error {
	m.once.Do(func() { m.err = m.history.mend(m.ctx, m.commit, h) })
	return m.err
}

// mend fetches a commit into a new store, unless another process already did.
func (r *remoteHistory) mend(ctx context.Context, commit, broken plumbing.Hash) error {
	return r.exclusively(ctx, "fetch commit "+commit.String()+" anew", func(ctx context.Context) error {
		r.objects.close()
		if _, err := r.objects.read(broken, plumbing.AnyObject); err == nil {
			return nil
		}
		if err := r.wipe(); err != nil {
			return err
		}
		return r.fetchCommit(ctx, commit)
	})
}
