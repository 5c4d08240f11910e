package simulator

import (
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"time"

	"github.com/google/uuid"
)

// mostBody is the largest request that is read, in bytes.
const mostBody = 4 << 20

func (s *Server) apiMux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range routes(s.kinds) {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { s.serve(rt, w, r) })
	}
	mux.HandleFunc("/", s.serveUnknown)
	return mux
}

var idInPath = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// serveUnknown counts requests that no route answers under their own path.
func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	defer s.traffic.begin(r.Method, idInPath.ReplaceAllString(r.URL.Path, "{id}"))()
	deliver(w, noRoute(), "")
}

// serve takes one request through faults, credentials and execution.
func (s *Server) serve(rt *route, w http.ResponseWriter, r *http.Request) {
	defer s.traffic.begin(rt.method, rt.path)()
	s.epochs.see(r.UserAgent(), rt.write(), Zombie{Time: s.clock.now(), Method: rt.method, Path: r.URL.Path})
	bent := s.faults.bend(effects(), rt.method, rt.path, r.URL.Path)
	pause(r, s.options.Latency+bent.latency)
	c, refused := s.read(rt, w, r)
	a, executed := s.decide(c, bent, refused, r)
	if executed && rt.write() {
		if err := s.save(); err != nil {
			a = reply(http.StatusInternalServerError, doc{"message": err.Error()})
		}
	}
	deliver(w, bent.mangled(a).identified(c.request), bent.cut)
}

// pause waits in wall time, but not for a client that is gone.
func pause(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

// read makes a call of a request.
func (s *Server) read(rt *route, w http.ResponseWriter, r *http.Request) (*call, *answer) {
	c := &call{route: rt, kind: rt.kind, query: r.URL.Query(), body: doc{}, pages: s.options.PageSize}
	c.client, _, _ = net.SplitHostPort(r.RemoteAddr)
	c.agent, c.secret, c.request = r.UserAgent(), r.Header.Get("X-Auth-Token"), uuid.NewString()
	for _, param := range []string{"region", "zone"} {
		if v := r.PathValue(param); v != "" {
			c.place = v
		}
	}
	if rt.kind != nil {
		c.id, c.above = r.PathValue(rt.kind.param), r.PathValue(rt.kind.above)
	}
	if !rt.reaches(c.place) {
		a := noRoute()
		return c, &a
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err == nil && len(raw) > 0 {
		err = decode(raw, &c.body)
	}
	if err != nil || c.body == nil {
		a := reply(badBody(err), doc{"message": "the body must be a JSON object"})
		return c, &a
	}
	return c, nil
}

func badBody(err error) int {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// decide answers a call, and says whether it was executed.
func (s *Server) decide(c *call, bent bending, refused *answer, r *http.Request) (answer, bool) {
	note := Call{Method: c.route.method, Path: r.URL.Path, Template: c.route.path}
	a, executed := s.answerCall(c, bent, refused, note)
	if !executed && c.route.write() {
		note.Time, note.Status, note.ID, note.Late = s.clock.now(), a.status, c.id, bent.late > 0
		s.mu.Lock()
		s.journal.add(note)
		if a.status == http.StatusForbidden {
			c.world, c.now = s.world, note.Time
			s.world.trail.log(c, a, s.world.principal(c.secret))
		}
		s.mu.Unlock()
	}
	return a, executed
}

func (s *Server) answerCall(c *call, bent bending, refused *answer, note Call) (answer, bool) {
	if bent.refusal != nil {
		return bent.refusal(c), false
	}
	if !c.route.open {
		s.mu.RLock()
		denial := s.world.refuse(c.secret, c.route, s.clock.now())
		s.mu.RUnlock()
		if denial != nil {
			return *denial, false
		}
	}
	if refused != nil {
		return *refused, false
	}
	c.view, c.slow = bent.view, bent.slow
	if c.route.write() {
		s.seal(c)
		if bent.late > 0 {
			note.Late = true
			s.postpone(bent.late, func(at time.Time) { s.executeLocked(c, at, note) })
			return reply(http.StatusGatewayTimeout, doc{"message": "upstream request timeout"}), false
		}
	}
	return s.execute(c, note), true
}

// execute runs a call under the lock, after the late ones that are due.
func (s *Server) execute(c *call, note Call) answer {
	if !c.route.write() {
		s.catchUp()
		s.mu.RLock()
		defer s.mu.RUnlock()
		c.world, c.now = s.world, s.clock.now()
		return c.route.serve(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runLate()
	return s.executeLocked(c, s.clock.now(), note)
}

func (s *Server) executeLocked(c *call, now time.Time, note Call) answer {
	c.world, c.now = s.world, now
	s.world.prune(now)
	a := c.route.serve(c)
	s.changes++
	note.Time, note.Status, note.Executed = now, a.status, true
	if note.ID = a.id; note.ID == "" {
		note.ID = c.id
	}
	s.journal.add(note)
	s.world.trail.log(c, a, s.world.principal(c.secret))
	return a
}

// seal hashes the secrets of a call. That takes long, so the lock is only held
// for a look at what is stored.
func (s *Server) seal(c *call) {
	if c.kind == nil || len(c.kind.sealedFields()) == 0 {
		return
	}
	var shown doc
	s.mu.RLock()
	if o := s.world.find(c.kind.name, c.place, c.id); o != nil {
		if p := o.at(s.clock.now()); p != nil {
			shown = p.doc
		}
	}
	s.mu.RUnlock()
	s.sealer.sealBody(c.kind, c.body, shown)
}
