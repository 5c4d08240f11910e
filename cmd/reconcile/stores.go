package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/remote"
	"gitlab.com/reconciled/reconciled/reconcile/store"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres"
)

// The places that a stack's store may live in.
const (
	inFolder   = "local"
	atDaemon   = "daemon"
	inPostgres = "postgres"
)

// openStore opens the store that the stack names. A local one that is not there
// is made if something is to be written, else there is none.
func (s *session) openStore(ctx context.Context, write bool) error {
	where, err := s.app.storeOf(&s.src.Stack, write)
	if err != nil {
		return err
	}
	s.store, err = s.app.openAt(ctx, where, s.folder, write)
	if s.store != nil {
		s.onClose(func() { s.store.Close() })
	}
	return err
}

// storeOf is where the stack's store lives: where its manifest says, else where
// the environment does. Asking may be pointed elsewhere; what writes the stack's
// journal may not, as a stack has one journal.
func (a *app) storeOf(stack *reconcile.Stack, write bool) (string, error) {
	named := stack.Store
	if !stack.Declared || a.flags.simulator {
		named = a.storeHere()
	}
	switch {
	case a.flags.server == "" || named == atDaemon:
		return named, nil
	case write && stack.Declared:
		at := stack.StorePos
		if at.IsZero() {
			at = stack.Pos
		}
		return "", fmt.Errorf("%s: the stack's store is %s, and --server %s names a daemon's: a stack has one store, in which all its runs are written down; "+
			"leave --server out, or write store: daemon", at.Short(), stack.Store, a.flags.server)
	}
	return atDaemon, nil
}

// storeHere is where the store of what names none lives.
func (a *app) storeHere() string {
	switch {
	case a.flags.server != "":
		return atDaemon
	case a.flags.store != "" || a.flags.simulator:
		return inFolder
	case a.getenv("RECONCILE_URL") != "":
		return atDaemon
	case a.getenv("RECONCILE_DATABASE_URL") != "" || a.getenv("RECONCILE_DATABASE_URL_FILE") != "":
		return inPostgres
	}
	return inFolder
}

// openAt opens a store; it is nil if it is a local one that is not there and
// nothing is to be written.
func (a *app) openAt(ctx context.Context, where, folder string, write bool) (reconcile.Store, error) {
	switch where {
	case atDaemon:
		return a.openDaemon()
	case inPostgres:
		return a.openPostgres(ctx)
	}
	if write {
		return opened(store.Open(folder))
	}
	st, ok, err := store.OpenExisting(folder)
	if !ok || err != nil {
		return nil, err
	}
	return st, nil
}

// opened keeps a nil store from becoming an interface that is not nil.
func opened[S reconcile.Store](st S, err error) (reconcile.Store, error) {
	if err != nil {
		return nil, err
	}
	return st, nil
}

// openDaemon opens the store of a daemon, by its API.
func (a *app) openDaemon() (reconcile.Store, error) {
	address := orElse(a.flags.server, a.getenv("RECONCILE_URL"))
	if address == "" {
		return nil, errors.New("the stack's store is a daemon's, and its address is not known: name it with --server or RECONCILE_URL")
	}
	if _, err := a.bearer(); err != nil {
		return nil, err
	}
	return opened(remote.Open(remote.Options{URL: address, Token: a.bearer, UserAgent: "reconcile/" + version()}))
}

// bearer is the token that the daemon's API is given.
func (a *app) bearer() (string, error) {
	token, err := a.fromEnv("RECONCILE_TOKEN")
	if err == nil && token == "" && a.getenv("GITLAB_CI") != "" {
		token = a.getenv("RECONCILE_ID_TOKEN")
	}
	if err == nil && token == "" {
		err = errors.New("the daemon wants a token: give it in RECONCILE_TOKEN, or in a file that RECONCILE_TOKEN_FILE names; " +
			"in GitLab's CI an id_token of the name RECONCILE_ID_TOKEN does as well")
	}
	return token, err
}

// fromEnv is the value of a variable, or of the file that the variable NAME_FILE
// names. It is read each time, as it may be replaced.
func (a *app) fromEnv(name string) (string, error) {
	if value := a.getenv(name); value != "" {
		return strings.TrimSpace(value), nil
	}
	file := a.getenv(name + "_FILE")
	if file == "" {
		return "", nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	return strings.TrimSpace(string(data)), nil
}

// openPostgres opens the store in a PostgreSQL database, whose address never
// stands in Git.
func (a *app) openPostgres(ctx context.Context) (reconcile.Store, error) {
	dsn, err := a.fromEnv("RECONCILE_DATABASE_URL")
	if err != nil {
		return nil, err
	}
	if dsn == "" {
		return nil, errors.New("the stack's store is in PostgreSQL, and its address is not known: give it in RECONCILE_DATABASE_URL, " +
			"or in a file that RECONCILE_DATABASE_URL_FILE names")
	}
	return opened(postgres.Open(ctx, dsn, postgres.Options{}))
}

// localFolder is where a local store is kept, seen from a location.
func (a *app) localFolder(location string) string {
	if a.flags.store != "" {
		return a.flags.store
	}
	s := &session{app: a, scope: scope{location: location}}
	return filepath.Join(s.top(), ".reconcile")
}

// secretCache remembers verified secrets in a local store, which is made for it
// when the first one is to be remembered. Without a store nothing is remembered.
type secretCache struct {
	session *session
	once    sync.Once
	cache   *store.Cache
}

func (c *secretCache) open() *store.Cache {
	c.once.Do(func() {
		local, ok := c.session.store.(*store.Store)
		if !ok {
			made, err := store.Open(c.session.folder)
			if err != nil {
				return // a cache is not worth an error
			}
			local = made
			c.session.onClose(func() { made.Close() })
		}
		c.cache = local.Cache("secrets")
	})
	return c.cache
}

func (c *secretCache) Seen(hash, mac string) bool {
	cache := c.open()
	return cache != nil && cache.Get(hash+" "+mac)
}

func (c *secretCache) Remember(hash, mac string) {
	if cache := c.open(); cache != nil {
		cache.Put(hash + " " + mac)
	}
}

func (c *secretCache) Key() []byte {
	if cache := c.open(); cache != nil {
		return cache.Key()
	}
	return nil
}
