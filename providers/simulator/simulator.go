package simulator

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator/netbox"
)

// Options say how a simulator behaves. The zero value is an empty one in memory
// on the real clock.
type Options struct {
	// StateFile is a JSON file, loaded at the start and replaced after each
	// change. A lock on StateFile+".lock" keeps a second simulator away.
	StateFile string
	// Clock is "real" (the default), "virtual" (only Advance moves it) or
	// "fast=N" (N times real time).
	Clock string
	// Offset is how far the clock is ahead of its start at least.
	Offset time.Duration
	// Latency is added to each request, in wall time.
	Latency time.Duration
	// Seed makes ids and faults repeatable; with 0 ids are random.
	Seed int64
	// CheapHashes writes argon2id hashes that are quick to verify.
	CheapHashes bool
	// PageSize is the size of a page when the client names none; 0 is the API's.
	PageSize int
	// NetBoxVersion is what the simulated NetBox is: "4.2.0", "4.3.7", "4.6.8" (the
	// default), "4.7.0" or any between them.
	NetBoxVersion string
}

// Server is a simulated Scaleway with a NetBox beside it. It may be used from
// several goroutines.
type Server struct {
	options Options
	clock   *clock
	kinds   []*kind
	api     *http.ServeMux
	control *http.ServeMux
	sealer  sealer
	faults  faults
	traffic traffic
	epochs  epochs
	file    *stateFile
	netbox  *netbox.Server
	hooks   *netbox.Hooks

	netboxChanges atomic.Uint64 // counts what a state file must learn of NetBox

	mu      sync.RWMutex // guards what follows
	world   *world
	late    []lateCall
	journal journal
	changes uint64 // counts what a state file must learn of
}

// New starts a simulator. It fails if the options make no sense, or if the
// state file is damaged or in use.
func New(options Options) (*Server, error) {
	c, err := newClock(options.Clock, options.Offset)
	if err != nil {
		return nil, err
	}
	s := &Server{options: options, clock: c, kinds: products(), sealer: sealer{cheap: options.CheapHashes}, changes: 1}
	if options.NetBoxVersion != "" && !netboxVersion.MatchString(options.NetBoxVersion) {
		return nil, fmt.Errorf("NetBox version %q: want one such as 4.6.8", options.NetBoxVersion)
	}
	s.faults.seed = options.Seed
	s.world = newWorld(s.kinds, options.Seed)
	s.world.populate(c.now())
	s.openNetBox()
	s.api, s.control = s.apiMux(), s.controlMux()
	if options.StateFile == "" {
		return s, nil
	}
	s.file, err = openStateFile(options.StateFile)
	if err != nil {
		return nil, err
	}
	if err := s.loadFile(); err != nil {
		_ = s.file.close()
		return nil, err
	}
	return s, nil
}

// Close ends webhooks that are under way, saves the state and releases its file.
// Closing again does nothing.
func (s *Server) Close() error {
	s.hooks.Close()
	if s.file == nil || s.file.isClosed() {
		return nil
	}
	err := s.save()
	if failed := s.file.close(); err == nil {
		err = failed
	}
	return err
}

// Now is the time on the simulator's clock, in UTC.
func (s *Server) Now() time.Time { return s.clock.now() }

// Advance moves the clock forward; it never goes back. What could not be saved
// is saved with the next change.
func (s *Server) Advance(d time.Duration) {
	s.clock.advance(d)
	s.mu.Lock()
	s.runLate()
	s.changes++
	s.mu.Unlock()
	_ = s.save()
}

// NextTransition is when the next resource changes by itself, or a late request
// is executed. It is false if nothing is under way.
func (s *Server) NextTransition() (time.Time, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	first := s.world.next(s.clock.now())
	for _, l := range s.late {
		if first.IsZero() || l.at.Before(first) {
			first = l.at
		}
	}
	return first, !first.IsZero()
}

// Environment is what a client needs, as NAME=value. apiURL is without a
// trailing slash.
func (s *Server) Environment(apiURL string) []string {
	return []string{
		"SCW_API_URL=" + apiURL,
		"SCW_ACCESS_KEY=" + accessKey,
		"SCW_SECRET_KEY=" + secretKey,
		"SCW_DEFAULT_ORGANIZATION_ID=" + organizationID,
		"SCW_DEFAULT_PROJECT_ID=" + projectID,
		"SCW_DEFAULT_REGION=fr-par",
		"SCW_DEFAULT_ZONE=fr-par-1",
		"NETBOX_URL=" + apiURL + netboxMount,
		"NETBOX_TOKEN=" + netbox.Token,
	}
}

// ServeHTTP answers the API, below /netbox/ NetBox's, and below /_sim/ what steers
// the simulator.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/_sim/"):
		s.control.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, netboxMount+"/"):
		s.serveNetBox(w, r)
	default:
		s.api.ServeHTTP(w, r)
	}
}
