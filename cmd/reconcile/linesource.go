package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// How many repositories are held open, and parsed stacks kept, at once. What is
// dropped is opened or parsed anew when it is looked at: that costs milliseconds,
// and keeping it costs memory and files for as long as the daemon runs.
const (
	mostOpen  = 128
	mostRead  = 256
	mostWalks = 4 // commits of one repository of which all stacks are known
)

// checkouts are the repositories that stacks are read from, each opened once for
// all stacks that are read from it in the same way.
type checkouts struct {
	folder string // of the bare stores
	getenv func(string) string

	opening sync.Mutex
	open    *recent[checkoutID, *checkout]
	read    *recent[readingID, reading]
}

// checkoutID tells ways of reading a repository apart.
type checkoutID struct {
	url, branch string
	git         daemon.Git
}

type readingID struct {
	checkoutID
	path, commit string
}

func newCheckouts(folder string, getenv func(string) string) *checkouts {
	return &checkouts{
		folder: folder, getenv: getenv,
		open: newRecent[checkoutID](mostOpen, func(c *checkout) { c.source.Close() }), // it stays usable for who is still at it
		read: newRecent[readingID, reading](mostRead, nil),
	}
}

// of returns the repository of a stack.
func (c *checkouts) of(ctx context.Context, e daemon.Entry, git daemon.Git) (*checkout, error) {
	id := checkoutID{e.URL, e.Branch, git}
	c.opening.Lock()
	defer c.opening.Unlock()
	if found, ok := c.open.get(id); ok {
		return found, nil
	}
	source, err := repo.Open(ctx, e.URL, repo.Options{Ref: orElse(e.Branch, "HEAD"), Store: c.folder, Auth: c.auth(git)})
	if err != nil {
		return nil, err
	}
	made := &checkout{source: source, walks: newRecent[string, []neighbour](mostWalks, nil)}
	c.open.put(id, made)
	return made, nil
}

// auth leads to the credentials that the operator names, which are looked up
// each time that a server is spoken to. Without any the environment has them.
func (c *checkouts) auth(git daemon.Git) repo.Auth {
	if git == (daemon.Git{}) {
		return repo.Auth{Env: c.getenv}
	}
	return repo.Auth{
		Username: git.Username, TokenFile: git.Token.File, SSHKeyFile: git.SSHKey.File, KnownHosts: git.KnownHosts,
		Env: func(name string) string {
			switch name {
			case "RECONCILE_GIT_TOKEN":
				if git.Token.Env != "" {
					return c.getenv(git.Token.Env)
				}
			case "SSH_AUTH_SOCK", "HOME", "USERPROFILE", "RECONCILE_KNOWN_HOSTS":
				return c.getenv(name)
			}
			return ""
		},
	}
}

// checkout is one repository, followed along one branch.
type checkout struct {
	source *repo.Source

	asking sync.Mutex
	asked  time.Time // when the last answer was begun to be asked for
	commit string
	err    error

	walking sync.Mutex
	walks   *recent[string, []neighbour] // by commit
}

// head asks where the branch stands. Stacks of one repository that ask while an
// answer is under way share the next one.
func (c *checkout) head(ctx context.Context) (string, error) {
	since := time.Now()
	c.asking.Lock()
	defer c.asking.Unlock()
	if c.asked.After(since) && !errors.Is(c.err, context.Canceled) {
		return c.commit, c.err
	}
	c.asked = time.Now()
	c.commit, c.err = c.source.Head(ctx)
	if c.err == nil && c.commit == "" {
		c.err = fmt.Errorf("%s has no commit yet; commit the manifests first", c.source)
	}
	return c.commit, c.err
}

// neighbours are all stacks of the repository at the commit of a reading.
func (c *checkout) neighbours(ctx context.Context, r *reading) ([]neighbour, error) {
	c.walking.Lock()
	defer c.walking.Unlock()
	if all, ok := c.walks.get(r.revision.Hash); ok {
		return all, nil
	}
	all, err := r.neighbours(ctx)
	if err == nil && r.source.Rel() != "." {
		c.walks.put(r.revision.Hash, all)
	}
	return all, err
}

// stack reads a stack at a commit, or takes what was read of it before. What it
// returns is the caller's.
func (c *checkouts) stack(ctx context.Context, from *checkout, e daemon.Entry, git daemon.Git, commit string, kinds reconcile.Kinds) (reading, error) {
	id := readingID{checkoutID{e.URL, e.Branch, git}, e.Path, commit}
	if r, ok := c.read.get(id); ok && e.Verify == (daemon.Verify{}) { // a signature may have expired meanwhile
		return r.anew(), nil
	}
	source, err := from.at(ctx, e, commit)
	if err != nil {
		return reading{}, err
	}
	r, err := readStack(ctx, source, kinds, stackName(source.Rel(), fromAnywhere(e.URL)), nil)
	if err != nil {
		return reading{}, err
	}
	if r.src.Stack.UID != "" {
		all, err := from.neighbours(ctx, &r)
		if err != nil {
			return reading{}, err
		}
		r.beDistinct(all)
	}
	c.read.put(id, r)
	return r.anew(), nil
}

// at is the folder of a stack at a commit, signed as its entry says.
func (c *checkout) at(ctx context.Context, e daemon.Entry, commit string) (*repo.Source, error) {
	source, err := c.source.Pinned(ctx, commit)
	if err == nil && e.Path != "" {
		source, err = source.Beside(e.Path)
	}
	if err != nil || e.Verify == (daemon.Verify{}) {
		return source, err
	}
	v := repo.Verify{Mode: "HEAD"}
	for _, from := range []struct {
		file string
		into *[]byte
	}{{e.Verify.AllowedSigners, &v.AllowedSigners}, {e.Verify.GPGKeys, &v.GPGKeys}} {
		if from.file == "" {
			continue
		}
		if *from.into, err = os.ReadFile(from.file); err != nil {
			return nil, fmt.Errorf("read the keys that may sign: %w", err)
		}
	}
	return source.Trusting(v)
}

// anew is the same, of which the stack may be changed.
func (r reading) anew() reading {
	src := *r.src
	src.Problems = append(reconcile.Problems(nil), r.src.Problems...)
	src.Stack = copyOf(r.src.Stack)
	r.src = &src
	return r
}

func copyOf(s reconcile.Stack) reconcile.Stack {
	s.Regions, s.Zones = append([]string(nil), s.Regions...), append([]string(nil), s.Zones...)
	s.Policy.Protect = append([]reconcile.Key(nil), s.Policy.Protect...)
	s.Policy.Windows = append([]reconcile.Window(nil), s.Policy.Windows...)
	s.GivenUp = nil
	return s
}

// localTop is the top of the work tree that an entry's folder lies in, "" for
// what is no folder of this machine.
func localTop(e daemon.Entry) string {
	if strings.Contains(e.URL, "://") || !isFolder(e.URL) {
		return ""
	}
	source, err := repo.Open(context.Background(), e.URL, repo.Options{})
	if err != nil {
		return ""
	}
	defer source.Close()
	return orElse(source.Root(), filepath.Clean(e.URL))
}

// sameFolder tells whether two names lead to one folder.
func sameFolder(a, b string) bool {
	one, err := os.Stat(a)
	other, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(one, other)
}

// tree are the files of a stack at a commit.
func (l *line) tree(ctx context.Context, e daemon.Entry, commit string) (fs.FS, error) {
	from, _, err := l.checkout(ctx, e)
	if err != nil {
		return nil, err
	}
	source, err := from.at(ctx, e, commit)
	if err != nil {
		return nil, err
	}
	tree, _, err := source.Tree(ctx)
	return tree, err
}

// sameTrees tells whether two trees have the same files.
func sameTrees(a, b fs.FS) (bool, error) {
	one, err := sumOf(a)
	if err != nil {
		return false, err
	}
	other, err := sumOf(b)
	return one == other, err
}

func sumOf(tree fs.FS) ([sha256.Size]byte, error) {
	sum := sha256.New()
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		fmt.Fprintf(sum, "%q %d %x\n", name, len(data), sha256.Sum256(data))
		return err
	})
	return [sha256.Size]byte(sum.Sum(nil)), err
}
