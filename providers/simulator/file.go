package simulator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
)

// A stateFile is locked as long as it is open. Whoever saves takes along the
// changes of all who wait.
type stateFile struct {
	path string
	lock *flock.Flock

	mu     sync.Mutex
	saved  uint64
	closed bool
}

func openStateFile(path string) (*stateFile, error) {
	lock := flock.New(path + ".lock")
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock simulator state: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("simulator state %s is in use by another simulator", path)
	}
	return &stateFile{path: path, lock: lock}, nil
}

func (f *stateFile) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

func (f *stateFile) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return f.lock.Unlock()
}

func (s *Server) loadFile() error {
	raw, err := os.ReadFile(s.file.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var st state
	if err == nil {
		st, err = readState(raw)
	}
	if err == nil {
		err = s.clock.resume(st.Clock)
	}
	if err == nil {
		err = s.restore(st)
	}
	if err != nil {
		return fmt.Errorf("load simulator state %s: %w", s.file.path, err)
	}
	return nil
}

// save returns once a state with all changes so far is on the disk.
func (s *Server) save() error {
	if s.file == nil {
		return nil
	}
	s.mu.RLock()
	changes := s.changes
	s.mu.RUnlock()
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	switch {
	case s.file.closed:
		return errors.New("the simulator is closed")
	case s.file.saved >= changes:
		return nil
	}
	st, changes := s.snapshot()
	if err := replaceFile(s.file.path, encode(st)); err != nil {
		return fmt.Errorf("save simulator state: %w", err)
	}
	s.file.saved = changes
	return nil
}

// replaceFile writes a file whole or not at all, readable by its owner only.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
