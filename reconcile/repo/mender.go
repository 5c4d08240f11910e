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

func (m *mender) read(h plumbing.Hash, kind plumbing.ObjectType) (body []byte, err error) {
	err = m.try(h, func(objects *objectStore) (err error) {
		body, err = objects.read(h, kind)
		return err
	})
	return body, err
}

func (m *mender) size(h plumbing.Hash) (n int64, err error) {
	err = m.try(h, func(objects *objectStore) (err error) {
		n, err = objects.size(h)
		return err
	})
	return n, err
}

// try reads, and where an object is not as it should be, once more from a store
// that was mended.
func (m *mender) try(h plumbing.Hash, read func(*objectStore) error) error {
	objects, err := m.history.store()
	if err != nil {
		return err
	}
	if err := read(objects); !damage(err) {
		return err
	} else if merr := m.mend(h); merr != nil {
		return errors.Join(err, merr)
	}
	if objects, err = m.history.store(); err != nil {
		return err
	}
	return read(objects)
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
