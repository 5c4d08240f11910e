package netbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Options say what sort of NetBox a Server is.
type Options struct {
	Version     string           // such as "4.2.0", "4.3.7", "4.6.8", "4.7.0"; "" is 4.6.8. Behaviour follows it
	Now         func() time.Time // nil is time.Now
	Changed     func()           // called after each write, without locks held; nil: nobody is told
	Emit        func(Event)      // called for each change of an object, without locks held; nil: nobody is told
	MaxPageSize int              // 0 is 1000
}

// A Server is a NetBox. It may be used concurrently.
type Server struct {
	options Options
	version version

	mu      sync.RWMutex
	tables  map[string]*table // by path
	models  map[string]*table // by object type
	ordered []*table
	custom  map[string][]*row // custom fields by object type
	grants  []Grant
	last    time.Time // of the last write
}

// New makes an empty NetBox, with the users and tokens of this package's constants.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxPageSize == 0 {
		o.MaxPageSize = 1000
	}
	s := &Server{options: o, version: versionOf(o.Version)}
	s.Reset()
	return s
}

// Reset empties it.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty()
}

func (s *Server) empty() {
	s.tables, s.models, s.ordered, s.custom = map[string]*table{}, map[string]*table{}, nil, nil
	for _, t := range slices.Concat(siteTables(), typeTables(), deviceTables(), ipamTables(), tenantTables(),
		machineTables(), extrasTables(), userTables()) {
		if s.version.has(t.since) {
			t.compile(s.version)
			s.tables[t.path], s.models[t.model] = t, t
			s.ordered = append(s.ordered, t)
		}
	}
	s.grants = standardGrants(s.version)
	for _, g := range s.grants {
		s.person(g.User)
	}
}

// row is a row by its table and id, or nil.
func (s *Server) row(path string, id int64) *row { return s.tables[path].rows[id] }

// now is the time of a write: later than that of any other.
func (s *Server) now() time.Time {
	t := s.options.Now().UTC().Truncate(time.Microsecond)
	if !t.After(s.last) {
		t = s.last.Add(time.Microsecond)
	}
	s.last = t
	return t
}

// change runs writes under the lock, all or none, and tells of them.
func (s *Server) change(x *tx, do func() *refusal) *refusal {
	events, refused := s.locked(x, do)
	if refused != nil {
		return refused
	}
	for _, event := range events {
		s.options.Emit(event)
	}
	if s.options.Changed != nil {
		s.options.Changed()
	}
	return nil
}

func (s *Server) locked(x *tx, do func() *refusal) ([]Event, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.s, x.at = s, s.now()
	if x.request == "" {
		x.request = uuid.NewString()
	}
	if refused := do(); refused != nil {
		x.back()
		return nil, refused
	}
	return x.finish(), nil
}

// Templates are the paths that it answers, such as /api/dcim/devices/{id}/.
func (s *Server) Templates() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := []string{"/api/", "/api/status/"}
	if s.version.has(v45) {
		out = append(out, "/api/authentication-check/")
	}
	for _, t := range s.ordered {
		out = append(out, "/api/"+t.path+"/", "/api/"+t.path+"/{id}/")
		for _, action := range slices.Sorted(maps.Keys(t.actions)) {
			out = append(out, fmt.Sprintf("/api/%s/{id}/%s/", t.path, action))
		}
	}
	return out
}

// ServeHTTP implements http.Handler for paths below /api/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, w: w, r: r, id: uuid.NewString(), prefix: mount(r)}
	w.Header().Set("X-Request-ID", c.id)
	if s.version.has(v43) || r.Header.Get("Content-Type") == "application/json" {
		w.Header().Set("API-Version", s.version.api())
	}
	w.Header().Set("Vary", "HX-Request, Accept-Language, Cookie, origin")
	if refused := c.serve(); refused != nil {
		c.refuse(refused)
	}
}

// mount is the part of the path before /api/ that whoever mounts the server
// took away.
func mount(r *http.Request) string {
	asked, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return ""
	}
	before, cut := strings.CutSuffix(asked.EscapedPath(), r.URL.EscapedPath())
	if !cut {
		return ""
	}
	return strings.TrimSuffix(before, "/")
}

// broken is an answer to what NetBox itself fails at.
func (s *Server) broken(exception, text string) *refusal {
	return &refusal{status: 500, body: map[string]any{"error": text, "exception": exception,
		"netbox_version": s.version.text, "python_version": "3.12.3"}}
}
