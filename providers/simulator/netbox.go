package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

// netboxMount is where NetBox stands below the simulator's URL.
const netboxMount = "/netbox"

// mostNetBoxBody is the largest request to it that is read, in bytes: many rows
// may be written at once.
const mostNetBoxBody = 64 << 20

// openNetBox makes the NetBox of a new simulator.
func (s *Server) openNetBox() {
	s.netbox = netbox.New(netbox.Options{
		Version: s.options.NetBoxVersion, Now: s.clock.now,
		Changed: func() { s.netboxChanges.Add(1) },
		Emit:    func(e netbox.Event) { s.hooks.Take(e) },
	})
	s.hooks = netbox.NewHooks(s.netbox, s.clock.now, func(method, path string) netbox.Bend {
		return s.faults.bend(hookEffects(), method, path, path).hook
	})
	s.furnish()
}

var netboxVersion = regexp.MustCompile(`^\d{1,2}\.\d{1,2}(\.\d{1,3})?(-[0-9A-Za-z.-]+)?$`)

var numberInPath = regexp.MustCompile(`/\d+(/|$)`)

// A netboxCall is one request to NetBox on its way.
type netboxCall struct {
	template, path string // with the mount
	body           []byte
	refused        *answer // it cannot be read
	request        *http.Request
}

func (c *netboxCall) write() bool {
	return c.request.Method != http.MethodGet && c.request.Method != http.MethodHead && c.request.Method != http.MethodOptions
}

// serveNetBox takes a request to NetBox through faults and execution.
func (s *Server) serveNetBox(w http.ResponseWriter, r *http.Request) {
	c := readNetBox(w, r)
	defer s.traffic.begin(r.Method, c.template)()
	s.epochs.see(r.UserAgent(), c.write(), Zombie{Time: s.clock.now(), Method: r.Method, Path: c.path})
	bent := s.faults.bend(netboxEffects(), r.Method, c.template, c.path)
	pause(r, s.options.Latency+bent.latency)
	a := s.answerNetBox(c, bent)
	if c.write() {
		if err := s.save(); err != nil {
			a = reply(http.StatusInternalServerError, doc{"error": err.Error()})
		}
	}
	send(w, bent.mangled(a), bent.cut)
}

func readNetBox(w http.ResponseWriter, r *http.Request) *netboxCall {
	c := &netboxCall{path: r.URL.Path, template: numberInPath.ReplaceAllString(r.URL.Path, "/{id}$1"), request: r}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostNetBoxBody))
	if err != nil {
		a := reply(badBody(err), doc{"detail": "The body could not be read."})
		c.refused = &a
	}
	c.body = body
	return c
}

// answerNetBox executes a call, unless a fault says otherwise.
func (s *Server) answerNetBox(c *netboxCall, bent bending) answer {
	s.catchUp()
	var a answer
	switch {
	case c.refused != nil:
		a = *c.refused
	case bent.refusal != nil:
		a = bent.refusal(nil)
	case c.hidden(s, bent.view):
		a = netboxRefusal(http.StatusNotFound)
	case bent.late > 0 && c.write():
		s.postpone(bent.late, c.later(s))
		a = webPage(http.StatusGatewayTimeout)
	case c.write():
		a = s.askNetBox(c.request, c.body)
		s.note(c.noted(a, Call{Time: s.clock.now(), Executed: true}))
		return a
	default:
		return c.shown(s, bent.view, s.askNetBox(c.bent(bent.view), nil))
	}
	if c.write() {
		s.note(c.noted(a, Call{Time: s.clock.now(), Late: bent.late > 0}))
	}
	return a
}

// later executes a write that the client took for lost.
func (c *netboxCall) later(s *Server) func(at time.Time) {
	r := c.request.Clone(context.WithoutCancel(c.request.Context()))
	return func(at time.Time) {
		a := s.askNetBox(r, c.body)
		s.journal.add(c.noted(a, Call{Time: at, Executed: true, Late: true}))
	}
}

// noted is what the log says of a write.
func (c *netboxCall) noted(a answer, note Call) Call {
	var made struct{ ID json.Number }
	if json.Unmarshal(a.body, &made) == nil { // a list names none
		note.ID = made.ID.String()
	}
	if _, id, one := c.object(); note.ID == "" && one {
		note.ID = id
	}
	note.Method, note.Path, note.Template, note.Status = c.request.Method, c.path, c.template, a.status
	return note
}

func (s *Server) note(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal.add(c)
}

// askNetBox has NetBox answer a request, whose body was read already.
func (s *Server) askNetBox(r *http.Request, body []byte) answer {
	inner := r.Clone(r.Context())
	inner.Body = io.NopCloser(bytes.NewReader(body))
	inner.URL.Path = strings.TrimPrefix(r.URL.Path, netboxMount)
	inner.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, netboxMount)
	got := &capture{header: http.Header{}, status: http.StatusOK}
	s.netbox.ServeHTTP(got, inner)
	return got.answer()
}

// capture is a ResponseWriter that keeps an answer.
type capture struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *capture) Header() http.Header            { return c.header }
func (c *capture) WriteHeader(status int)         { c.status = status }
func (c *capture) Write(part []byte) (int, error) { return c.body.Write(part) }

func (c *capture) answer() answer {
	a := answer{status: c.status, contentType: c.header.Get("Content-Type"), body: c.body.Bytes(), header: map[string]string{}}
	for name, values := range c.header {
		a.header[name] = strings.Join(values, ", ")
	}
	return a
}
