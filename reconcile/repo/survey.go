package repo

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// A survey holds a folder on disk against a commit's tree: whether they differ,
// and what the folder's content is. Executable bits and line-ending settings
// are ignored: only content is desired state.
type survey struct {
	ctx    context.Context
	root   *os.Root     // the repository's top
	reader objectReader // nil outside Git
	limit  limits

	dirty  bool
	files  int
	bytes  int64
	digest hash.Hash // of names and contents, in order
	seen   map[string][sha256.Size]byte
	passed map[string]bool // ignored, and so not surveyed
	blob   hash.Hash
	sum    hash.Hash
	buffer []byte
}

// limits bound what is taken from others.
type limits struct {
	pack    int64 // bytes of a pack, and of a folder outside Git
	objects int   // objects of a pack, files of a folder
}

// A level is one folder of a survey.
type level struct {
	disk    string  // from the top
	path    string  // from the surveyed folder
	entries []entry // of the commit; nil if it has no such folder
	rules   *rules
	ignored bool // untracked names here are ignored
}

func newSurvey(ctx context.Context, root *os.Root, r objectReader, l limits) *survey {
	return &survey{
		ctx: ctx, root: root, reader: r, limit: l,
		digest: sha256.New(), sum: sha256.New(),
		// Collisions do no harm here: at worst the folder is called clean
		// when its author made two files of one hash on purpose.
		blob: sha1.New(),
		seen: map[string][sha256.Size]byte{}, passed: map[string]bool{}, buffer: make([]byte, 32<<10),
	}
}

// from surveys a folder, given by its path from the top, against a commit; nil
// is no commit.
func (s *survey) from(c *commit, folder string, exclude []gitignore.Pattern) error {
	start := level{disk: folder, path: ".", rules: newRules(s.root, exclude, folder)}
	if c == nil {
		return s.walk(start)
	}
	top := &treeFS{reader: s.reader, root: c.tree, dirs: map[string][]entry{}}
	e, err := top.find("survey", folder)
	switch {
	case err == nil && e.mode.IsDir():
		start.entries, err = readTree(s.reader, e.hash)
	case err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir):
		// The whole folder is new, so that no rule may hide it.
		s.dirty, err = true, nil
		start.rules = &rules{root: s.root, dir: start.rules.dir, loaded: true}
	}
	if err != nil {
		return fmt.Errorf("survey folder %s: %w", quote(folder), err)
	}
	return s.walk(start)
}

// revision is what was surveyed.
func (s *survey) revision(c *commit) Revision {
	var rev Revision
	if c != nil {
		rev = c.revision()
		rev.Dirty = s.dirty
	}
	if c == nil || s.dirty {
		rev.Digest = hex.EncodeToString(s.digest.Sum(nil))
	}
	return rev
}

// walk surveys a folder and all below it, names in order.
func (s *survey) walk(l level) error {
	if err := s.ctx.Err(); err != nil {
		return fmt.Errorf("survey folder %s: %w", quote(l.disk), err)
	}
	onDisk, err := listDir(s.root, l.disk)
	if err != nil {
		return fmt.Errorf("survey folder %s: %w", quote(l.disk), cause(err))
	}
	found := 0
	for _, d := range onDisk {
		if hidden(d.Name()) {
			continue
		}
		e, tracked := lookup(l.entries, d.Name())
		if tracked {
			found++
		}
		if err := s.name(l, d, e, tracked); err != nil {
			return err
		}
	}
	if s.gone(l.entries, found, onDisk) {
		s.dirty = true
	}
	return nil
}

// gone tells whether the commit has names that the disk has not. A submodule
// need not be checked out.
func (s *survey) gone(entries []entry, found int, onDisk []fs.DirEntry) bool {
	if found == len(entries) {
		return false
	}
	return slices.ContainsFunc(entries, func(e entry) bool {
		onIt := slices.ContainsFunc(onDisk, func(d fs.DirEntry) bool { return d.Name() == e.name })
		return !onIt && e.mode != fs.ModeIrregular && !hidden(e.name)
	})
}

func lookup(entries []entry, name string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
	if !ok {
		return entry{}, false
	}
	return entries[i], true
}

// name surveys one name of a folder.
func (s *survey) name(l level, d fs.DirEntry, e entry, tracked bool) error {
	disk, path := join(l.disk, d.Name()), join(l.path, d.Name())
	mode := kindOf(s.root, disk, d.Type())
	ignored := l.ignored || !tracked && l.rules.ignores(d.Name(), mode.IsDir())
	if !tracked && ignored {
		s.passed[path] = true
		return nil
	}
	switch {
	case mode.IsDir():
		return s.below(l, d.Name(), e, ignored)
	case mode == fs.ModeIrregular:
		s.dirty = s.dirty || e.mode != fs.ModeIrregular
		return nil
	case mode.Type() != e.mode.Type() || !tracked:
		s.dirty = true
	}
	switch {
	case mode.IsRegular():
		return s.file(disk, path, e, tracked)
	case mode&fs.ModeSymlink != 0:
		return s.link(disk, path, e)
	}
	return nil
}

func (s *survey) below(l level, name string, e entry, ignored bool) error {
	child := level{disk: join(l.disk, name), path: join(l.path, name), rules: l.rules.below(name), ignored: ignored}
	if e.mode.IsDir() {
		var err error
		if child.entries, err = readTree(s.reader, e.hash); err != nil {
			return err
		}
	} else if e.name != "" {
		s.dirty = true
	}
	return s.walk(child)
}

func (s *survey) link(disk, path string, e entry) error {
	target, err := s.root.Readlink(disk)
	if err != nil {
		return fmt.Errorf("survey %s: %w", quote(disk), cause(err))
	}
	if plumbing.ComputeHash(plumbing.BlobObject, []byte(target)) != e.hash {
		s.dirty = true
	}
	fmt.Fprintf(s.digest, "link %d %s %d %s\n", len(path), path, len(target), target)
	return nil
}

// file hashes a file as Git does and once more for the digest, in one reading.
func (s *survey) file(disk, path string, e entry, tracked bool) error {
	file, err := s.root.Open(disk)
	if err == nil {
		defer file.Close()
		err = s.hash(file)
	}
	if err != nil {
		return fmt.Errorf("survey %s: %w", quote(disk), cause(err))
	}
	if s.files++; s.files > s.limit.objects {
		return fmt.Errorf("survey folder: %w: more than %d files; name the stack's own folder", ErrLimit, s.limit.objects)
	}
	if s.reader == nil && s.bytes > s.limit.pack {
		return fmt.Errorf("survey folder: %w: more than %d MiB; name the stack's own folder", ErrLimit, s.limit.pack>>20)
	}
	var git plumbing.Hash
	s.blob.Sum(git[:0])
	if !tracked || git != e.hash {
		s.dirty = true
	}
	var sum [sha256.Size]byte
	s.sum.Sum(sum[:0])
	s.seen[path] = sum
	fmt.Fprintf(s.digest, "file %d %s %x\n", len(path), path, sum)
	return nil
}

func (s *survey) hash(file *os.File) error {
	at, err := file.Stat()
	if err != nil {
		return err
	}
	if !at.Mode().IsRegular() {
		return ErrChanged
	}
	s.blob.Reset()
	s.sum.Reset()
	s.blob.Write(append(strconv.AppendInt([]byte("blob "), at.Size(), 10), 0))
	n, err := copyChecked(s.ctx, io.MultiWriter(s.blob, s.sum), file, s.buffer)
	s.bytes += n
	if err == nil && n != at.Size() {
		err = ErrChanged
	}
	return err
}

// copyChecked is io.CopyBuffer that ends when the context does.
func copyChecked(ctx context.Context, to io.Writer, from io.Reader, buffer []byte) (int64, error) {
	var total int64
	for {
		n, err := from.Read(buffer)
		total += int64(n)
		if _, werr := to.Write(buffer[:n]); werr != nil {
			return total, werr
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return total, err
		}
	}
}
