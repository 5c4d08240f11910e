package repo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// A history is where commits come from: a repository on disk, or a server's as
// we keep it. It is safe for concurrent use.
type history interface {
	// resolve gives the commit that a ref names now, ErrUnknownRef if none.
	resolve(ctx context.Context, ref string) (plumbing.Hash, error)
	// bring makes a commit and its tree readable, ErrUnknownCommit if it is not
	// to be had; with ErrHistoryEnds if it may exist all the same.
	bring(ctx context.Context, h plumbing.Hash) error
	// reader reads the objects of a commit.
	reader(ctx context.Context, commit plumbing.Hash) objectReader
	// shallow are the commits whose parents are not at hand.
	shallow() map[plumbing.Hash]bool
	// deepen gets the history below a commit, ErrHistoryEnds if there is no way to.
	deepen(ctx context.Context, h plumbing.Hash) error
	// close gives files back; the history stays usable.
	close()
}

// A localHistory is a repository on disk. What its clone left out is asked of
// its origin, into a store of our own: the user's repository is only read.
type localHistory struct {
	git   gitDir
	store *objectStore
	opts  Options
	last  bool // its own origin is not asked: two clones may name each other

	mu     sync.Mutex
	origin history // nil until somebody needs it
}

var _ history = (*localHistory)(nil)

func newLocalHistory(git gitDir, o Options) *localHistory {
	return &localHistory{git: git, store: git.objects(), opts: o}
}

func (l *localHistory) resolve(ctx context.Context, ref string) (plumbing.Hash, error) {
	if isHash(ref) {
		h := plumbing.NewHash(ref)
		return h, l.bring(ctx, h)
	}
	found, err := l.find(refNames(ref))
	if err == nil && len(found) == 0 && len(refNames(ref)) > 1 {
		// A CI checkout has its branches under its origin's name only.
		found, err = l.find([]string{"refs/remotes/origin/" + ref})
		for _, h := range found {
			found = map[string]plumbing.Hash{refNames(ref)[0]: h}
		}
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	h, err := pickRef(ref, found)
	if err != nil && abbreviation.MatchString(ref) {
		if full, ok := l.abbreviated(ctx, ref); ok {
			return full, nil
		}
	}
	if err == nil {
		h, err = peel(l.store, h)
	}
	if err != nil {
		return h, fmt.Errorf("resolve %s in %s: %w", refWord(ref), l.git.dir, err)
	}
	return h, nil
}

// abbreviation is the beginning of a commit's hash, as plans print it.
var abbreviation = regexp.MustCompile(`^[0-9a-f]{4,39}$`)

// abbreviated finds the one commit in the history of HEAD whose hash begins so.
func (l *localHistory) abbreviated(ctx context.Context, prefix string) (plumbing.Hash, bool) {
	head, err := l.resolve(ctx, "HEAD")
	if err != nil {
		return plumbing.ZeroHash, false
	}
	var found []plumbing.Hash
	seen, next := map[plumbing.Hash]bool{head: true}, []plumbing.Hash{head}
	for len(next) > 0 && len(seen) < maxAncestry {
		h := next[0]
		next = next[1:]
		if strings.HasPrefix(h.String(), prefix) {
			found = append(found, h)
		}
		c, err := readCommit(l.reader(ctx, h), h)
		if err != nil {
			continue // a shallow clone ends here
		}
		for _, parent := range c.parents {
			if !seen[parent] {
				seen[parent] = true
				next = append(next, parent)
			}
		}
	}
	if len(found) != 1 {
		return plumbing.ZeroHash, false
	}
	return found[0], true
}

func (l *localHistory) find(names []string) (map[string]plumbing.Hash, error) {
	found := map[string]plumbing.Hash{}
	for _, name := range names {
		h, ok, err := l.git.ref(name)
		if err != nil {
			return nil, err
		}
		if ok {
			found[name] = h
		}
	}
	return found, nil
}

func refWord(ref string) string {
	if ref == "" {
		return "HEAD"
	}
	return quote(ref)
}

func (l *localHistory) bring(ctx context.Context, h plumbing.Hash) error {
	ok, err := l.store.has(h)
	if ok || err != nil {
		return err
	}
	origin, err := l.remote()
	switch {
	case err == nil:
		return origin.bring(ctx, h)
	case len(l.shallow()) > 0:
		return fmt.Errorf("%w %s: %w in %s, a shallow clone, and %w", ErrUnknownCommit, h, ErrHistoryEnds, l.git.dir, err)
	}
	return fmt.Errorf("%w %s: it is not in %s, and %w", ErrUnknownCommit, h, l.git.dir, err)
}

// remote opens the repository that this one was cloned from.
func (l *localHistory) remote() (history, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.origin != nil {
		return l.origin, nil
	}
	address := l.git.origin()
	if address == "" || l.last {
		return nil, errors.New("it has no origin to ask")
	}
	ep, remote, err := parseLocation(withoutUser(address))
	switch {
	case err != nil:
		return nil, fmt.Errorf("its origin cannot be asked: %w", err)
	case !remote:
		if !filepath.IsAbs(address) {
			address = filepath.Join(filepath.Dir(l.git.common), address)
		}
		git, _, found, err := findRepository(address)
		if err != nil || !found {
			return nil, errors.New("its origin is no repository on this machine")
		}
		origin := newLocalHistory(git, Options{})
		origin.last = true
		l.origin = origin
	case l.opts.Store == "":
		return nil, errors.New("there is no store to fetch its origin into")
	default:
		l.origin = newRemoteHistory(ep, l.opts)
	}
	return l.origin, nil
}

// withoutUser drops what git or a CI job wrote before a URL's host. Credentials
// are asked of the environment, as for any other server.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return address
	}
	u.User = nil
	return u.String()
}

func (l *localHistory) reader(ctx context.Context, commit plumbing.Hash) objectReader {
	if ok, err := l.store.has(commit); ok || err != nil {
		return l.store
	}
	if origin, err := l.remote(); err == nil {
		return origin.reader(ctx, commit)
	}
	return l.store
}

func (l *localHistory) shallow() map[plumbing.Hash]bool { return l.git.shallow() }

func (l *localHistory) deepen(context.Context, plumbing.Hash) error {
	return fmt.Errorf("%w: %s is a shallow clone; clone it whole, or with more depth", ErrHistoryEnds, l.git.dir)
}

func (l *localHistory) close() {
	l.store.close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.origin != nil {
		l.origin.close()
	}
}
