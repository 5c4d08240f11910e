// Package remote is a store that a daemon keeps: a client of its HTTP API.
//
// Reads are tried again while the daemon is out of reach; what changes something
// is sent once. An answer that is lost is an error of class Ambiguous.
package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Options are how a daemon is reached.
type Options struct {
	// URL is the daemon's address: https, or http on this machine.
	URL string
	// Token gives the bearer token of each request, so that one that is replaced
	// meanwhile is taken up.
	Token     func() (string, error)
	UserAgent string
	Transport http.RoundTripper // nil is the usual one
}

// Store is a daemon's store. It may be used concurrently.
type Store struct {
	base   *url.URL
	token  func() (string, error)
	agent  string
	client *http.Client
	// patience is how long an answer may take, and a stream stand still.
	patience time.Duration
	// pauses are what is waited before a read is tried again.
	pauses []time.Duration
}

var _ reconcile.Store = (*Store)(nil)

// Open returns the store of the daemon at an address. Nothing is asked of it yet.
func Open(o Options) (*Store, error) {
	base, err := address(o.URL)
	if err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &Store{
		base: base, token: o.Token, agent: o.UserAgent,
		client:   &http.Client{Transport: transport, CheckRedirect: stayAt(base)},
		patience: 30 * time.Second,
		pauses:   []time.Duration{200 * time.Millisecond, time.Second},
	}, nil
}

// address refuses what a token must not be sent to.
func address(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil || base.Host == "":
		return nil, errors.New("the daemon's address wants the form https://host[:port]")
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("the daemon's address https://%s holds more than a host and a path; the token goes into RECONCILE_TOKEN", base.Host)
	case base.Scheme == "http" && !loopback(base.Hostname()):
		return nil, fmt.Errorf("the daemon's address http://%s would send the token in clear; use https", base.Host)
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, fmt.Errorf("the daemon's address begins with %q; it wants https", base.Scheme)
	}
	base.Path = strings.TrimRight(base.Path, "/")
	base.RawPath = ""
	return base, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// stayAt follows redirects of reads within the daemon's own address only.
func stayAt(base *url.URL) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, before []*http.Request) error {
		if next.URL.Scheme != base.Scheme || next.URL.Host != base.Host {
			return fmt.Errorf("it leads to another address, %s://%s, which is given no token; name that with --server if it is right",
				next.URL.Scheme, next.URL.Host)
		}
		if before[0].Method != http.MethodGet || len(before) > 3 {
			return errors.New("it leads elsewhere, again and again or for a change")
		}
		return nil
	}
}

// String is the daemon's address.
func (s *Store) String() string { return s.base.String() }

// Close lets go of connections. Leases are not released.
func (s *Store) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// A Bearer is what the daemon knows of whose token it is given.
type Bearer struct {
	Name    string         `json:"name"`
	Role    reconcile.Role `json:"role"`
	Stacks  []string       `json:"stacks"`
	Expires time.Time      `json:"expires"`
}

// Me asks whose token this is.
func (s *Store) Me(ctx context.Context) (b Bearer, err error) {
	return b, s.read(ctx, "ask whose token this is", path("me"), nil, &b)
}

// path is a route of the API; its parts may hold anything.
func path(parts ...string) string {
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return "/api/v1/" + strings.Join(parts, "/")
}
