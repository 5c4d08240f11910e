package simulator

import (
	"regexp"
	"strconv"
	"sync"
	"time"
)

// A Zombie is a mutating request of a run whose stack had gone to another run
// already: its epoch is lower than one that was seen before it.
type Zombie struct {
	Time   time.Time `json:"time"` // on the simulator's clock
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Stack  string    `json:"stack"`
	Epoch  int64     `json:"epoch"`
	Seen   int64     `json:"seen"` // the highest before it
	Run    string    `json:"run"`
}

// epochs are the highest of each stack, and who came too late.
type epochs struct {
	mu      sync.Mutex
	highest map[string]int64
	late    []Zombie
}

// mostZombies bounds the list; one is too many.
const mostZombies = 1000

// ofRun is the comment with which reconcile's requests end their User-Agent.
var ofRun = regexp.MustCompile(`\(stack=([^;()]*); epoch=(\d{1,18}); run=([^;()]*)\)$`)

// see takes in a request as it comes, whatever is done with it.
func (e *epochs) see(agent string, write bool, z Zombie) {
	m := ofRun.FindStringSubmatch(agent)
	if m == nil {
		return
	}
	z.Stack, z.Run = m[1], m[3]
	z.Epoch, _ = strconv.ParseInt(m[2], 10, 64)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.highest == nil {
		e.highest = map[string]int64{}
	}
	z.Seen = e.highest[z.Stack]
	if write && z.Epoch < z.Seen && len(e.late) < mostZombies {
		e.late = append(e.late, z)
	}
	e.highest[z.Stack] = max(z.Seen, z.Epoch)
}

func (e *epochs) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.highest, e.late = nil, nil
}

// Zombies are the requests that came too late, since the start or the last reset.
func (s *Server) Zombies() []Zombie {
	s.epochs.mu.Lock()
	defer s.epochs.mu.Unlock()
	return append([]Zombie{}, s.epochs.late...)
}
