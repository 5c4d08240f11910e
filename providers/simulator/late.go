package simulator

import (
	"slices"
	"time"
)

// A lateCall is a request that the client took for lost and that is executed
// all the same.
type lateCall struct {
	at  time.Time
	run func(at time.Time) // called with the lock held
}

func (s *Server) postpone(by time.Duration, run func(at time.Time)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = append(s.late, lateCall{s.clock.now().Add(by), run})
	slices.SortStableFunc(s.late, func(a, b lateCall) int { return a.at.Compare(b.at) })
}

// catchUp executes the late calls that are due. What could not be saved of them
// is saved with the next change.
func (s *Server) catchUp() {
	s.mu.RLock()
	due := len(s.late) > 0 && !s.late[0].at.After(s.clock.now())
	s.mu.RUnlock()
	if due {
		s.mu.Lock()
		s.runLate()
		s.mu.Unlock()
		_ = s.save()
	}
}

func (s *Server) runLate() {
	for len(s.late) > 0 && !s.late[0].at.After(s.clock.now()) {
		l := s.late[0]
		s.late = s.late[1:]
		l.run(l.at)
	}
}
