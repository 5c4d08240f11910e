package repo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
)

// maxObject bounds one object, unpacked, in bytes.
const maxObject = 64 << 20

// maxAlternates bounds how many object stores may lend to one.
const maxAlternates = 16

// An objectReader gives objects by their hashes, checked. The bytes belong to
// the caller.
type objectReader interface {
	read(h plumbing.Hash, kind plumbing.ObjectType) ([]byte, error)
	// size is an object's length in bytes as its header says, unchecked.
	size(h plumbing.Hash) (int64, error)
}

// An objectStore reads the objects of one repository: loose ones, packed ones,
// and those of the stores that it borrows from. It is safe for concurrent use.
type objectStore struct {
	where string   // for errors
	dirs  []string // object directories

	mu    sync.Mutex
	packs []*pack
	bases baseCache
}

// openObjects opens an object directory. borrow follows objects/info/alternates.
func openObjects(dir, where string, borrow bool) *objectStore {
	s := &objectStore{where: where, dirs: []string{dir}}
	for i := 0; borrow && i < len(s.dirs) && len(s.dirs) < maxAlternates; i++ {
		for _, other := range alternates(s.dirs[i]) {
			if !slices.Contains(s.dirs, other) {
				s.dirs = append(s.dirs, other)
			}
		}
	}
	return s
}

func alternates(dir string) []string {
	file, err := os.Open(filepath.Join(dir, "info", "alternates"))
	if err != nil {
		return nil
	}
	defer file.Close()
	var dirs []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, `"`) {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(dir, line)
		}
		dirs = append(dirs, filepath.Clean(line))
	}
	return dirs
}

// read gives an object of the wanted kind, and nothing that its hash does not
// name: what a disk, a pack or an index says otherwise is ErrDamaged.
func (s *objectStore) read(h plumbing.Hash, kind plumbing.ObjectType) (body []byte, err error) {
	defer guard("read object "+h.String()+" of "+s.where, &err)
	s.mu.Lock()
	defer s.mu.Unlock()
	got, body, err := s.raw(h, 0)
	switch {
	case err != nil:
		return nil, s.fail(h, err)
	case plumbing.ComputeHash(got, body) != h:
		return nil, s.fail(h, fmt.Errorf("%w: its content has another hash", ErrDamaged))
	case got != kind && kind != plumbing.AnyObject:
		return nil, s.fail(h, fmt.Errorf("it is a %s where a %s is named", got, kind))
	}
	return body, nil
}

func (s *objectStore) size(h plumbing.Hash) (n int64, err error) {
	defer guard("read object "+h.String()+" of "+s.where, &err)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, dir := range s.dirs {
		if n, err = looseSize(dir, h); !errors.Is(err, fs.ErrNotExist) {
			return n, s.fail(h, err)
		}
	}
	p, offset, err := s.find(h)
	if err == nil {
		n, err = p.size(offset)
	}
	return n, s.fail(h, err)
}

// has tells whether a commit can be read.
func (s *objectStore) has(h plumbing.Hash) (bool, error) {
	_, err := s.read(h, plumbing.CommitObject)
	if errors.Is(err, ErrMissing) {
		return false, nil
	}
	return err == nil, err
}

func (s *objectStore) fail(h plumbing.Hash, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read object %s of %s: %w", h, s.where, err)
}

// raw reads an object unchecked. Deltas may name their base by hash, which is
// where depth counts.
func (s *objectStore) raw(h plumbing.Hash, depth int) (plumbing.ObjectType, []byte, error) {
	if depth > maxChain {
		return 0, nil, fmt.Errorf("%w: its deltas never end", ErrDamaged)
	}
	for _, dir := range s.dirs {
		kind, body, err := looseObject(dir, h)
		if !errors.Is(err, fs.ErrNotExist) {
			return kind, body, err
		}
	}
	p, offset, err := s.find(h)
	if err != nil {
		return 0, nil, err
	}
	return p.object(offset, s, depth)
}

// find looks an object up in the packs. Git may have packed anew since they
// were listed, so a miss lists them once more.
func (s *objectStore) find(h plumbing.Hash) (*pack, int64, error) {
	for _, fresh := range []bool{false, true} {
		if fresh {
			if err := s.list(); err != nil {
				return nil, 0, err
			}
		}
		for _, p := range s.packs {
			offset, ok, err := p.find(h)
			if err != nil || ok {
				return p, offset, err
			}
		}
	}
	return nil, 0, ErrMissing
}

func (s *objectStore) list() error {
	known := map[string]*pack{}
	for _, p := range s.packs {
		known[p.path] = p
	}
	s.packs = nil
	for _, dir := range s.dirs {
		paths, err := packPaths(filepath.Join(dir, "pack"))
		if err != nil {
			return err
		}
		for _, path := range paths {
			p := known[path]
			delete(known, path)
			if p == nil {
				p, err = openPack(path)
			}
			switch {
			case p != nil:
				s.packs = append(s.packs, p)
			case !errors.Is(err, fs.ErrNotExist): // else being written or removed
				return err
			}
		}
	}
	for _, gone := range known {
		gone.close()
	}
	return nil
}

func packPaths(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var paths []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "pack-") && strings.HasSuffix(e.Name(), ".pack") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}

// close gives files back. A later read opens them again.
func (s *objectStore) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.packs {
		p.close()
	}
	s.packs, s.bases = nil, baseCache{}
}

func openLoose(dir string, h plumbing.Hash) (*objfile.Reader, *os.File, error) {
	hex := h.String()
	file, err := os.Open(filepath.Join(dir, hex[:2], hex[2:]))
	if err != nil {
		return nil, nil, err
	}
	reader, err := objfile.NewReader(file)
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return reader, file, nil
}

func looseObject(dir string, h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	reader, file, err := openLoose(dir, h)
	if err != nil {
		return 0, nil, err
	}
	defer file.Close()
	defer reader.Close()
	kind, size, err := reader.Header()
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := checkSize(size); err != nil {
		return 0, nil, err
	}
	body, err := io.ReadAll(io.LimitReader(reader, size+1))
	if err != nil || int64(len(body)) != size {
		return 0, nil, fmt.Errorf("%w: it is not as long as it says", ErrDamaged)
	}
	return kind, body, nil
}

func looseSize(dir string, h plumbing.Hash) (int64, error) {
	reader, file, err := openLoose(dir, h)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	defer reader.Close()
	_, size, err := reader.Header()
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return size, nil
}

func checkSize(size int64) error {
	if size < 0 {
		return fmt.Errorf("%w: its length is negative", ErrDamaged)
	}
	if size > maxObject {
		return fmt.Errorf("%w: it is %d MiB, more than %d MiB", ErrLimit, size>>20, maxObject>>20)
	}
	return nil
}
