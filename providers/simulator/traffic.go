package simulator

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Request is how often a route was asked. Path is its template, such as
// "/containers/v1/regions/{region}/containers/{container_id}".
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Count  int    `json:"count"`
}

// traffic counts requests.
type traffic struct {
	mu       sync.Mutex
	counts   map[Request]int // Count is 0 in the keys
	flying   int
	peak     int
	recent   []time.Time // of the requests within the last second
	peakRate int
}

// mostPaths bounds the memory for paths that no route answers.
const mostPaths = 1000

// begin counts a request; the function that it returns ends it.
func (t *traffic) begin(method, path string) func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := Request{Method: method, Path: path}
	if t.counts == nil {
		t.counts = map[Request]int{}
	}
	if len(t.counts) >= mostPaths && t.counts[key] == 0 {
		key.Path = "/..."
	}
	t.counts[key]++
	t.flying++
	t.peak = max(t.peak, t.flying)
	now := time.Now()
	first := 0
	for first < len(t.recent) && now.Sub(t.recent[first]) >= time.Second {
		first++
	}
	t.recent = append(t.recent[first:], now)
	t.peakRate = max(t.peakRate, len(t.recent))
	return t.end
}

func (t *traffic) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flying--
}

func (t *traffic) requests() []Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Request, 0, len(t.counts))
	for key, n := range t.counts {
		key.Count = n
		all = append(all, key)
	}
	slices.SortFunc(all, func(a, b Request) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return all
}

func (t *traffic) zero() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts, t.peak, t.recent, t.peakRate = nil, t.flying, nil, 0
}

// Stats are the API's requests since the start or the last DELETE /_sim/stats.
func (s *Server) Stats() []Request { return s.traffic.requests() }

// PeakInFlight is the most requests that were under way at once.
func (s *Server) PeakInFlight() int {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	return s.traffic.peak
}

// PeakRate is the most requests that came within any one second of wall time.
func (s *Server) PeakRate() int {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	return s.traffic.peakRate
}
