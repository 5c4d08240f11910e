package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
)

// A stateFile is locked as long as it is open. Whoever saves takes along the
// changes of all who wait. It holds a state, and after a large one more states,
// one a line, each with what changed since: writing thousands of devices anew
// for each would take too long.
type stateFile struct {
	path string
	lock *flock.Flock

	mu     sync.Mutex
	saved  counts
	whole  int64 // bytes of the first state; 0: what the file holds is not known
	more   int64 // bytes of the others
	closed bool
}

// counts say which changes there were.
type counts struct{ scaleway, netbox uint64 }

// largeState is from how many bytes on changes are appended.
const largeState = 1 << 20

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
	var states []state
	if err == nil {
		states, err = s.file.read(raw)
	}
	for i, st := range states {
		if err == nil {
			err = s.clock.resume(st.Clock)
		}
		if err == nil {
			err = s.take(st, i > 0)
		}
	}
	if err != nil {
		return fmt.Errorf("load simulator state %s: %w", s.file.path, err)
	}
	s.netbox.Track()
	return nil
}

// read gives the states in a file. The last one may be cut off where a process
// ended in the middle of it; nobody was told that this was saved.
func (f *stateFile) read(raw []byte) ([]state, error) {
	first, rest, lines := bytes.Cut(raw, []byte("\n"))
	if !lines || !json.Valid(first) { // by hand, or of an earlier version
		st, err := readState(raw)
		return []state{st}, err
	}
	st, err := readState(first)
	states := []state{st}
	for line := range bytes.Lines(rest) {
		if err != nil {
			break
		}
		if st, err = readState(line); err != nil && !bytes.HasSuffix(line, []byte("\n")) {
			return states, nil // f.whole stays unknown, so that it is written anew
		}
		states = append(states, st)
	}
	f.whole, f.more = int64(len(first)+1), int64(len(rest))
	return states, err
}

// take restores a state, or brings in what a further one changes.
func (s *Server) take(st state, further bool) error {
	if !further {
		return s.restore(st)
	}
	if st.Resources != nil {
		w, err := s.worldOf(st)
		if err != nil {
			return err
		}
		s.replace(w)
	}
	if st.NetBox == nil {
		return nil
	}
	return s.netbox.Amend(st.NetBox)
}

func (s *Server) counts() counts {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return counts{s.changes, s.netboxChanges.Load()}
}

// save returns once a state with all changes so far is on the disk.
func (s *Server) save() error {
	if s.file == nil {
		return nil
	}
	now, f := s.counts(), s.file
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return errors.New("the simulator is closed")
	case f.saved.scaleway >= now.scaleway && f.saved.netbox >= now.netbox:
		return nil
	}
	now = s.counts() // those of who came meanwhile, too
	if err := s.write(now); err != nil {
		f.whole = 0
		return fmt.Errorf("save simulator state: %w", err)
	}
	f.saved = now
	return nil
}

// write brings the file up to what there is, by a line if it is large.
func (s *Server) write(now counts) error {
	f := s.file
	if f.whole >= largeState && f.more <= f.whole {
		if line, known := s.further(now); known {
			f.more += int64(len(line))
			return appendTo(f.path, line)
		}
	}
	st := s.snapshotScaleway()
	st.NetBox = s.netbox.Base()
	content := append(encode(st), '\n')
	f.whole, f.more = int64(len(content)), 0
	return replaceFile(f.path, content)
}

// further is the line for what changed since the file was written, if that is known.
func (s *Server) further(now counts) ([]byte, bool) {
	var line savedFurther
	if now.netbox > s.file.saved.netbox {
		increment, known := s.netbox.Increment()
		if !known {
			return nil, false
		}
		line.NetBox = increment
	}
	line.Version, line.Clock = stateVersion, s.clock.state()
	if now.scaleway > s.file.saved.scaleway {
		st := s.snapshotScaleway()
		line.Clock, line.Issued, line.Keys, line.Resources = st.Clock, st.Issued, st.Keys, st.Resources
	}
	return append(encode(line), '\n'), true
}

// savedFurther is a savedState of which only what changed is there.
type savedFurther struct {
	Version   int             `json:"version"`
	Clock     clockState      `json:"clock"`
	Issued    uint64          `json:"issued,omitempty"`
	Keys      []Key           `json:"keys,omitempty"`
	Resources []savedResource `json:"resources,omitempty"`
	NetBox    json.RawMessage `json:"netbox,omitempty"`
}

func appendTo(path string, line []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
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
