package simulator

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"
)

// mostState is the largest state that is read, in bytes.
const mostState = 1 << 30

// controlMux answers what steers the simulator. It needs no credentials.
func (s *Server) controlMux() *http.ServeMux {
	mux := http.NewServeMux()
	all := s.controlNetBox()
	maps.Copy(all, map[string]func(body []byte) (any, error){
		"GET /_sim/stats":     func([]byte) (any, error) { return s.statistics(), nil },
		"DELETE /_sim/stats":  func([]byte) (any, error) { s.traffic.zero(); return nil, nil },
		"GET /_sim/log":       func([]byte) (any, error) { return doc{"calls": s.Log()}, nil },
		"POST /_sim/advance":  s.controlAdvance,
		"POST /_sim/reset":    func([]byte) (any, error) { s.reset(); return nil, s.save() },
		"POST /_sim/faults":   s.controlFaults,
		"DELETE /_sim/faults": func([]byte) (any, error) { s.faults.clear(); return nil, nil },
		"GET /_sim/state":     func([]byte) (any, error) { s.catchUp(); return s.snapshot(), nil },
		"PUT /_sim/state":     s.controlRestore,
	})
	for pattern, answerTo := range all {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			deliver(w, controlled(w, r, answerTo), "")
		})
	}
	return mux
}

// controlled answers 200 with what there is to say, 204, or 400 with the error.
func controlled(w http.ResponseWriter, r *http.Request, answerTo func([]byte) (any, error)) answer {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostState))
	var said any
	if err == nil {
		said, err = answerTo(body)
	}
	switch {
	case err != nil:
		return reply(http.StatusBadRequest, doc{"message": err.Error()})
	case said == nil:
		return noContent()
	}
	return reply(http.StatusOK, said)
}

func (s *Server) statistics() any {
	return doc{
		"requests":       s.Stats(),
		"peak_in_flight": s.PeakInFlight(),
		"peak_rate":      s.PeakRate(),
		"zombies":        s.Zombies(),
		"now":            s.Now(),
	}
}

func (s *Server) controlAdvance(body []byte) (any, error) {
	var sent struct {
		Seconds float64 `json:"seconds"`
	}
	if err := decodeStrict(body, &sent); err != nil {
		return nil, err
	}
	if sent.Seconds < 0 || sent.Seconds > 1e9 {
		return nil, fmt.Errorf("seconds: %v is not from 0 to 1e9", sent.Seconds)
	}
	s.Advance(time.Duration(sent.Seconds * float64(time.Second)))
	return doc{"now": s.Now()}, nil
}

// controlFaults takes one fault or a list of them, all or none.
func (s *Server) controlFaults(body []byte) (any, error) {
	var sent []Fault
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] != '[' {
		body = append(append([]byte("["), trimmed...), ']')
	}
	if err := decodeStrict(body, &sent); err != nil {
		return nil, err
	}
	for i := range sent {
		if err := sent[i].validate(); err != nil {
			return nil, err
		}
	}
	for _, f := range sent {
		s.faults.add(f)
	}
	return nil, nil
}

func (s *Server) controlRestore(body []byte) (any, error) {
	st, err := readState(body)
	if err == nil {
		err = s.restore(st)
	}
	if err != nil {
		return nil, err
	}
	return nil, s.save()
}
