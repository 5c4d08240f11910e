package gitlabtest

import (
	"net/http"
	"strconv"
	"strings"
)

// A Fault is something that goes wrong with requests that fit it.
type Fault struct {
	Method string // "": any
	Path   string // what the path holds; "": any
	Times  int    // how often; 0: always
	Skip   int    // requests that go well before

	Status     int // of the answer
	RetryAfter int // seconds; 0: nothing is said
	Header     map[string]string
	Body       string // "": {"message":"STATUS"}
	Hang       bool   // there is no answer at all
	Lost       bool   // it is done, and the answer gets lost
}

// Break adds a fault. The first that fits a request counts.
func (s *Server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = -1
	}
	s.faults = append(s.faults, &f)
}

// Mend takes all faults away.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault is the one that hits a request, nil if none does.
func (s *Server) fault(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		switch {
		case f.Times == 0, f.Method != "" && f.Method != r.Method, !strings.Contains(r.URL.Path, f.Path):
			continue
		case f.Skip > 0:
			f.Skip--
			continue
		case f.Times > 0:
			f.Times--
		}
		return f
	}
	return nil
}

func (f *Fault) write(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	if f.Body == "" {
		refuse(w, f.Status, message(strconv.Itoa(f.Status)+" "+http.StatusText(f.Status)))
		return
	}
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body))
}
