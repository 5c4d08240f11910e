package simulator

import (
	"slices"
	"time"
)

// Call is one mutating request.
type Call struct {
	Time     time.Time `json:"time"` // on the simulator's clock
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Template string    `json:"template"`
	Status   int       `json:"status"`
	ID       string    `json:"id,omitempty"` // of the resource that was made or named
	Executed bool      `json:"executed"`     // it reached the resources, though its answer may be an error or lost
	Late     bool      `json:"late,omitempty"`
}

// journal is the last of the mutating calls, in the order of execution.
type journal struct{ calls []Call }

const mostCalls = 20000

func (j *journal) add(c Call) {
	if len(j.calls) >= mostCalls {
		j.calls = slices.Clone(j.calls[mostCalls/2:])
	}
	j.calls = append(j.calls, c)
}

// Log gives the mutating calls in order; of very many, the last ones.
func (s *Server) Log() []Call {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.journal.calls)
}
