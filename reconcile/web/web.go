// Package web is the daemon's HTTP side: the API over a store, server-sent
// events, webhooks, metrics, and the pages. It sees stacks through
// reconcile.Store only; what else it has to know comes with Options.
//
// Every address is a line of the table in routes.go, and says there who may use
// it. What is not in the table cannot be reached.
package web

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Options are what the server is made of. Only Store has to be there.
type Options struct {
	Store    reconcile.Store
	Schedule reconcile.Schedule // nil: nothing is known of queues
	// Settings are asked for at each request, so that those of a reload count at
	// once. nil is the zero Settings.
	Settings func() Settings
	// Subscribe gives what happens from now on, until stop is called; the channel is
	// read without delay. nil: readers learn of standings and records only.
	Subscribe func() (events <-chan Event, stop func())
	Numbers   func() Numbers    // for metrics; nil: none
	Clock     reconcile.Clock   // nil is the real time
	Log       *slog.Logger      // nil: nothing is logged
	Transport http.RoundTripper // to issuers of ID tokens; nil is one of its own
	TLS       TLS               // zero: plain HTTP
	Version   string            // of the program
}

// Server answers HTTP requests. It may be used concurrently. Between Serve's
// begin and its end it also keeps leases and events going.
type Server struct {
	store   reconcile.Store
	o       Options
	clock   reconcile.Clock
	log     *slog.Logger
	mux     *http.ServeMux
	limit   *limiter
	issuers *issuers
	leases  *leases
	feed    *feed
	meters  *meters
	known   known
	probe   probe
	heard   heard
	pages   map[string]page
	openapi []byte
	secured *tls.Config // nil is plain HTTP
}

// New makes a server.
func New(o Options) (*Server, error) {
	if o.Store == nil {
		return nil, errors.New("web: there is no store")
	}
	s := &Server{store: o.Store, o: o, clock: o.Clock, log: o.Log, mux: http.NewServeMux()}
	if s.clock == nil {
		s.clock = reconcile.RealClock{}
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.pages, err = readPages(); err != nil {
		return nil, err
	}
	if s.openapi, err = document(routes()); err != nil {
		return nil, err
	}
	if s.secured, err = o.TLS.config(s.log); err != nil {
		return nil, err
	}
	s.limit = newLimiter()
	s.heard.at = map[[sha256.Size]byte]time.Time{}
	s.issuers = newIssuers(o.Transport, s.log)
	s.leases = newLeases(s.clock, s.log)
	s.feed = newFeed(s)
	s.meters = newMeters(s)
	for _, r := range routes() {
		s.mux.Handle(r.method+" "+r.pattern, s.endpoint(r))
	}
	return s, nil
}

func (s *Server) settings() Settings {
	if s.o.Settings == nil {
		return Settings{}
	}
	return s.o.Settings()
}

// How long the server waits for what. Streams move their own deadlines.
const (
	headerTime = 5 * time.Second
	readTime   = time.Minute
	writeTime  = 2 * time.Minute
	idleTime   = 2 * time.Minute
	stopTime   = 10 * time.Second
	mostHeader = 32 << 10
)

// Serve answers on a listener until ctx ends. Then it lets requests under way
// end, for ten seconds at most, and gives all leases back.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime,
		IdleTimeout: idleTime, MaxHeaderBytes: mostHeader, TLSConfig: s.secured,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	work, stop := context.WithCancel(ctx)
	defer s.leases.releaseAll()
	var under sync.WaitGroup
	defer under.Wait()
	defer stop()
	under.Go(func() { s.leases.sweep(work) })
	under.Go(func() { s.feed.run(work) })
	ended := make(chan error, 1)
	go func() {
		if s.secured != nil {
			ended <- server.ServeTLS(l, "", "")
		} else {
			ended <- server.Serve(l)
		}
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		s.log.Warn("requests were cut off at the end", "error", err)
		server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
