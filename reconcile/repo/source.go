package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// A Source is one place that a stack's files come from. It is safe for
// concurrent use.
type Source struct {
	opts    Options
	place   string // as people know it, masked
	disk    bool   // the folder is read as it is
	top     string // what disk folders are relative to; they never leave it
	folder  string // slashes between names, "." for the top
	common  string // the local repository's own directory
	history history
	verify  *verifier

	mu     sync.Mutex
	pinned *commit // read this one, whatever the ref says
	head   *commit // what Tree read last
}

// Open prepares to read a location: a folder, or the address of a Git
// repository (https://, ssh://, git@host:path; http:// to this machine only).
// It does not speak to a server yet; that is for Tree.
func Open(_ context.Context, location string, o Options) (*Source, error) {
	o, err := o.defaulted()
	if err != nil {
		return nil, err
	}
	verify, err := newVerifier(o.Verify)
	if err != nil {
		return nil, err
	}
	ep, remote, err := parseLocation(location)
	if err != nil {
		return nil, err
	}
	s := &Source{opts: o, verify: verify}
	if !remote {
		return s, s.openFolder(location)
	}
	if o.Store == "" {
		return nil, fmt.Errorf("open %s: no store was named to fetch into", ep)
	}
	s.place, s.folder, s.history = ep.String(), o.Path, newRemoteHistory(ep, o)
	return s, nil
}

func (s *Source) openFolder(location string) error {
	real, err := realFolder(location)
	if err != nil {
		return fmt.Errorf("open folder %s: %w", quote(location), err)
	}
	git, top, found, err := findRepository(real)
	switch {
	case err != nil:
		return fmt.Errorf("open folder %s: %w", quote(location), err)
	case !found && s.opts.Ref != "":
		return fmt.Errorf("open %s of folder %s: it is not in a Git repository", quote(s.opts.Ref), quote(location))
	case !found:
		s.top = bound(real)
	default:
		s.top, s.common, s.history = top, git.common, newLocalHistory(git, s.opts)
	}
	s.place, s.folder = location, s.opts.Path
	s.disk = s.opts.Ref == "" && s.top != ""
	if s.top == "" {
		return nil // a bare repository
	}
	rel, err := filepath.Rel(s.top, real)
	if err != nil {
		return fmt.Errorf("open folder %s: %w", quote(location), err)
	}
	s.folder, err = inside(filepath.ToSlash(rel), s.opts.Path)
	return err
}

func realFolder(location string) (string, error) {
	abs, err := filepath.Abs(location)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", cause(err)
	}
	info, err := os.Stat(real)
	if err == nil && !info.IsDir() {
		err = errNotDir
	}
	return real, err
}

// bound is how far up a folder outside Git may name its neighbours: to where
// the command runs, or not at all.
func bound(folder string) string {
	wd, err := os.Getwd()
	if err != nil {
		return folder
	}
	if wd, err = filepath.EvalSymlinks(wd); err != nil {
		return folder
	}
	rel, err := filepath.Rel(wd, folder)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return folder
	}
	return wd
}

// Root is the top of the local work tree, "" where there is none.
func (s *Source) Root() string {
	if s.history == nil {
		return ""
	}
	return s.top
}

// Rel is the folder's path inside the repository, slashes between names, "."
// for the top.
func (s *Source) Rel() string { return s.folder }

// String is the location as it may be printed.
func (s *Source) String() string { return s.place }

// Beside is another folder of the same repository, given relative to this one,
// as in "../base", at the commit that Tree last read here. It never leaves the
// repository. Folders on disk are each surveyed for themselves.
func (s *Source) Beside(rel string) (*Source, error) {
	folder, err := inside(s.folder, rel)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.place, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	pinned := s.pinned
	if pinned == nil && !s.disk {
		pinned = s.head
	}
	return &Source{
		opts: s.opts, place: s.place, disk: s.disk, top: s.top, folder: folder,
		common: s.common, history: s.history, verify: s.verify, pinned: pinned, head: s.head,
	}, nil
}

// Close gives back what the source holds open. It stays usable.
func (s *Source) Close() {
	if s.history != nil {
		s.history.close()
	}
}

// Tree gives the folder's files and what they were read from. For a URL it asks
// the server where the ref stands, and fetches what is new. A folder that is
// not there is fs.ErrNotExist; its revision is given all the same.
func (s *Source) Tree(ctx context.Context) (fs.FS, Revision, error) {
	if s.disk {
		return s.surveyed(ctx)
	}
	c, err := s.resolve(ctx)
	if err != nil {
		return nil, Revision{}, err
	}
	rev := c.revision()
	if rev.Signer, err = s.verify.commit(c); err != nil {
		return nil, Revision{}, fmt.Errorf("%s: %w", s.place, err)
	}
	s.keep(c)
	tree, err := openTree(s.history.reader(ctx, c.hash), c, s.folder)
	if err != nil {
		return nil, rev, fmt.Errorf("%s: %w", s.place, err)
	}
	return tree, rev, nil
}

func (s *Source) keep(c *commit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head = c
}

// resolve reads the commit that is to be read now.
func (s *Source) resolve(ctx context.Context) (*commit, error) {
	s.mu.Lock()
	pinned := s.pinned
	s.mu.Unlock()
	if pinned != nil {
		return pinned, nil
	}
	h, err := s.history.resolve(ctx, s.opts.Ref)
	if err != nil {
		return nil, err
	}
	return readCommit(s.history.reader(ctx, h), h)
}

// Head is the hash that the ref names now, "" where there is no commit. For a
// URL it asks the server, and fetches what is new.
func (s *Source) Head(ctx context.Context) (string, error) {
	if s.history == nil {
		return "", nil
	}
	h, err := s.history.resolve(ctx, s.opts.Ref)
	switch {
	case err == nil:
		return h.String(), nil
	case s.disk && errors.Is(err, ErrUnknownRef):
		return "", nil
	}
	return "", err
}

// surveyed reads the folder as it is.
func (s *Source) surveyed(ctx context.Context) (fs.FS, Revision, error) {
	c, r, err := s.workTree(ctx)
	if err != nil {
		return nil, Revision{}, err
	}
	top, err := os.OpenRoot(s.top)
	if err != nil {
		return nil, Revision{}, fmt.Errorf("open folder %s: %w", quote(s.place), cause(err))
	}
	defer top.Close()
	if _, err := (&folderFS{root: top}).plain("open", s.folder); err != nil {
		return nil, Revision{}, fmt.Errorf("open folder %s: %w", quote(s.place), err)
	}
	v := newSurvey(ctx, top, r, s.opts.limits())
	if err := v.from(c, s.folder, append(privateRules(s.common), s.excepted()...)); err != nil {
		return nil, Revision{}, err
	}
	rev := v.revision(c)
	if rev.Signer, err = s.verify.folder(c, rev); err != nil {
		return nil, Revision{}, fmt.Errorf("folder %s: %w", quote(s.place), err)
	}
	s.keep(c)
	root, err := top.OpenRoot(filepath.FromSlash(s.folder))
	if err != nil {
		return nil, rev, fmt.Errorf("open folder %s: %w", quote(s.place), cause(err))
	}
	return &folderFS{root: root, seen: v.seen, passed: v.passed}, rev, nil
}

// excepted are ignore rules for the files that the options name.
func (s *Source) excepted() []gitignore.Pattern {
	var out []gitignore.Pattern
	for _, file := range s.opts.Except {
		if rel, err := filepath.Rel(s.top, file); err == nil && filepath.IsLocal(rel) {
			out = append(out, gitignore.ParsePattern("/"+filepath.ToSlash(rel), nil))
		}
	}
	return out
}

// workTree is the commit that the folder is held against, nil if there is none.
func (s *Source) workTree(ctx context.Context) (*commit, objectReader, error) {
	if s.history == nil {
		return nil, nil, nil
	}
	h, err := s.history.resolve(ctx, "HEAD")
	if errors.Is(err, ErrUnknownRef) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	r := s.history.reader(ctx, h)
	c, err := readCommit(r, h)
	return c, r, err
}

// At gives the folder's files at another commit of the repository, named by its
// full hash as marks hold it. The commit is fetched where the history at hand
// lacks it; ErrUnknownCommit if it is not to be had, fs.ErrNotExist if it has
// no such folder.
func (s *Source) At(ctx context.Context, hash string) (fs.FS, error) {
	h, err := parseHash(hash)
	if err != nil {
		return nil, err
	}
	if s.history == nil {
		return nil, fmt.Errorf("%w %s: folder %s is not in Git", ErrUnknownCommit, h, quote(s.place))
	}
	if err := s.history.bring(ctx, h); err != nil {
		return nil, err
	}
	r := s.history.reader(ctx, h)
	c, err := readCommit(r, h)
	if err != nil {
		return nil, err
	}
	tree, err := openTree(r, c, s.folder)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.place, err)
	}
	return tree, nil
}

// Contains tells whether a hash, as marks hold it, is a commit of this
// repository. An error means that nobody can tell.
func (s *Source) Contains(ctx context.Context, hash string) (bool, error) {
	h, err := parseHash(hash)
	if err != nil || s.history == nil {
		return false, nil
	}
	err = s.history.bring(ctx, h)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrUnknownCommit) && !errors.Is(err, ErrHistoryEnds):
		return false, nil
	}
	return false, err
}

// Pinned is the same folder at one commit of the repository, named by its full
// hash: what Tree, Beside, LastChange and Descends of it start from. The commit
// is fetched where the history at hand lacks it, ErrUnknownCommit if it is not
// to be had. Its signature is checked by Tree.
func (s *Source) Pinned(ctx context.Context, hash string) (*Source, error) {
	h, err := parseHash(hash)
	if err != nil {
		return nil, err
	}
	if s.history == nil {
		return nil, fmt.Errorf("%w %s: folder %s is not in Git", ErrUnknownCommit, h, quote(s.place))
	}
	if err := s.history.bring(ctx, h); err != nil {
		return nil, err
	}
	c, err := readCommit(s.history.reader(ctx, h), h)
	if err != nil {
		return nil, err
	}
	return &Source{
		opts: s.opts, place: s.place, top: s.top, folder: s.folder,
		common: s.common, history: s.history, verify: s.verify, pinned: c, head: c,
	}, nil
}
