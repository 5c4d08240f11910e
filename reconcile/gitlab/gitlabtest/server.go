package gitlabtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say where a Server listens, and what time it is.
type Options struct {
	Listen string           // host and port; "": a free port of 127.0.0.1
	Now    func() time.Time // nil: time.Now
}

// A Server is a GitLab. It may be used concurrently.
type Server struct {
	URL string // of its API, as CI_API_V4_URL

	now   func() time.Time
	stop  func()
	mux   *http.ServeMux
	mu    sync.Mutex
	ids   int64
	world world

	faults   []*Fault
	requests []Request
	flaws    []string
	actions  []string
	mentions []string
}

// A Request is one that was made, whatever came of it.
type Request struct {
	Method string
	Path   string // below the API's address, with its query
	Body   string
	Status int // 0: it got no answer
}

// Start starts a server.
func Start(o Options) (*Server, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + listener.Addr().String() + "/api/v4", now: o.Now, mux: http.NewServeMux(), ids: 1000, world: newWorld()}
	for _, r := range routes() {
		s.mux.HandleFunc(r.method+" /api/v4"+r.path, func(w http.ResponseWriter, req *http.Request) { s.answer(w, req, r) })
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		s.flaw("%s %s is not simulated", req.Method, req.URL.Path)
		refuse(w, http.StatusNotFound, map[string]any{"error": "404 Not Found"})
	})
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	s.stop = func() { server.Close(); <-ended }
	return s, nil
}

// Close stops the server: from then on nobody listens.
func (s *Server) Close() { s.stop() }

// ServeHTTP implements http.Handler. It writes every request down.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	seen := &witness{ResponseWriter: w}
	at := s.note(Request{Method: r.Method, Path: strings.TrimPrefix(r.URL.RequestURI(), "/api/v4"), Body: string(body)})
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests[at].Status = seen.status
	}()
	fault := s.fault(r)
	switch {
	case fault == nil:
	case fault.Hang:
		<-r.Context().Done()
		return
	case fault.Lost:
		s.mux.ServeHTTP(&witness{ResponseWriter: void{}}, r)
		panic(http.ErrAbortHandler)
	default:
		fault.write(seen)
		return
	}
	s.mux.ServeHTTP(seen, r)
}

func (s *Server) note(r Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	return len(s.requests) - 1
}

// witness sees the status of an answer.
type witness struct {
	http.ResponseWriter
	status int
}

func (w *witness) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// void is where answers go that get lost.
type void struct{}

func (void) Header() http.Header         { return http.Header{} }
func (void) Write(b []byte) (int, error) { return len(b), nil }
func (void) WriteHeader(int)             {}

// call is one request that is answered.
type call struct {
	*Server
	r       *http.Request
	w       http.ResponseWriter
	user    *User
	project *Project
	params  map[string]any
}

// problem is an answer that is no success.
type problem struct {
	status int
	body   any
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, to route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{Server: s, r: r, w: w}
	if bad := c.enter(to); bad != nil {
		refuse(w, bad.status, bad.body)
		return
	}
	status, body := to.do(c)
	if bad, ok := body.(problem); ok {
		refuse(w, bad.status, bad.body)
		return
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	if items, ok := body.([]any); ok {
		body = c.page(items)
	}
	refuse(w, status, body)
}

// refuse writes an answer in JSON, of whatever sort.
func refuse(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Request-Id", "01JSIM")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// page is the part of a list that was asked for, told about in headers.
func (c *call) page(items []any) []any {
	size := min(max(c.number("per_page", 20), 1), 100)
	at := max(c.number("page", 1), 1)
	pages := max((len(items)+size-1)/size, 1)
	h := c.w.Header()
	set := func(name string, n int) {
		text := ""
		if n > 0 && n <= pages {
			text = strconv.Itoa(n)
		}
		h.Set(name, text)
	}
	h.Set("X-Total", strconv.Itoa(len(items)))
	h.Set("X-Total-Pages", strconv.Itoa(pages))
	h.Set("X-Per-Page", strconv.Itoa(size))
	h.Set("X-Page", strconv.Itoa(at))
	set("X-Prev-Page", at-1)
	set("X-Next-Page", at+1)
	var links []string
	for _, link := range []struct {
		page int
		rel  string
	}{{at - 1, "prev"}, {at + 1, "next"}, {1, "first"}, {pages, "last"}} {
		if link.page < 1 || link.page > pages {
			continue
		}
		query := c.r.URL.Query()
		query.Set("page", strconv.Itoa(link.page))
		query.Set("per_page", strconv.Itoa(size))
		links = append(links, fmt.Sprintf("<http://%s%s?%s>; rel=%q", c.r.Host, c.r.URL.EscapedPath(), query.Encode(), link.rel))
	}
	h.Set("Link", strings.Join(links, ", "))
	from := min((at-1)*size, len(items))
	return append([]any{}, items[from:min(from+size, len(items))]...)
}

func (s *Server) id() int64 {
	s.ids++
	return s.ids
}

func (s *Server) flaw(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flaws = append(s.flaws, fmt.Sprintf(format, args...))
}

// Requests are all that were made so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Flaws are what the documentation of the API does not allow in what was asked.
func (s *Server) Flaws() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.flaws)
}

// QuickActions are the lines of texts that GitLab would have carried out.
func (s *Server) QuickActions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.actions)
}

// Mentions are the names in texts whose owners GitLab would have told.
func (s *Server) Mentions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mentions)
}
