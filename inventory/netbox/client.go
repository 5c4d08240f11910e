// Package netbox reads and writes a NetBox over its REST API. go-netbox builds
// and sends the requests; what comes back is taken by our own transport and
// decoded by nobody here, as go-netbox gives up on values that it does not know.
package netbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/netbox-community/go-netbox/v4"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// System is how records name the API.
const System = "netbox"

const (
	defaultPage        = 500
	defaultConnections = 4
	defaultTimeout     = 30 * time.Second
)

// Options say how to reach a NetBox.
type Options struct {
	// URL is its address, with its path if it has one: https, or http on this machine.
	URL string
	// Token is asked before each request, so that a new token is used at once.
	Token       func(context.Context) (reconcile.Secret, error)
	CA          []byte // certificates in PEM that are trusted beside the machine's own
	UserAgent   string
	Clock       reconcile.Clock   // of waits and of what is remembered; nil: the real one
	Transport   http.RoundTripper // below everything here; nil: a fresh one over TCP
	PageSize    int               // rows of a page; 0: 500
	Connections int               // requests at once; 0: 4
	Timeout     time.Duration     // of one try of a request; 0: 30 s
}

// Client is a NetBox. It may be used concurrently.
type Client struct {
	base     *url.URL // without slash at the end of its path
	api      *netbox.APIClient
	tables   map[inventory.Table]verbs
	clock    reconcile.Clock
	pageSize int
	width    int // pages at once

	mu     sync.Mutex
	status inventory.Status
	until  time.Time // the status holds until then
	asking *asking
}

var _ inventory.Server = (*Client)(nil)

// New makes a client. It sends nothing.
func New(o Options) (*Client, error) {
	o.Clock = cmp.Or[reconcile.Clock](o.Clock, reconcile.RealClock{})
	base, err := address(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Token == nil {
		return nil, errors.New("a token of NetBox is needed")
	}
	if o.Transport == nil {
		if o.Transport, err = overTCP(o.CA); err != nil {
			return nil, err
		}
	}
	c := &Client{
		base: base, clock: o.Clock, pageSize: orElse(o.PageSize, defaultPage), width: orElse(o.Connections, defaultConnections),
	}
	c.api = netbox.NewAPIClient(c.configuration(o))
	c.tables = tables(c.api)
	return c, nil
}

func (c *Client) configuration(o Options) *netbox.Configuration {
	config := netbox.NewConfiguration()
	config.Servers[0].URL = c.base.String()
	config.UserAgent = cmp.Or(o.UserAgent, "reconcile")
	config.AddDefaultHeader("Accept-Language", "en-US")
	config.HTTPClient = &http.Client{Transport: &fence{
		next: o.Transport, base: c.base, token: o.Token, clock: o.Clock, heard: c.heard,
		timeout: orElse(o.Timeout, defaultTimeout), free: make(chan struct{}, c.width),
	}}
	return config
}

func orElse[T int | time.Duration](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}

// address takes an address as people write it: with or without a slash at its
// end, or with the api/ that the REST API begins with. It never repeats it in an
// error, as it may hold a password.
func address(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the address of NetBox is malformed: it wants a URL such as https://netbox.example.com")
	case u.User != nil:
		return nil, errors.New("the address of NetBox holds a user or a password; a token belongs in NETBOX_TOKEN")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the address of NetBox ends in a query or fragment; leave that out")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, errors.New("the address of NetBox would send the token in clear: http is for this machine only; use https")
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/api")
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(path, "/")}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func overTCP(ca []byte) (http.RoundTripper, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(ca) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(ca) {
			return nil, errors.New("the certificates for NetBox hold none in PEM")
		}
		settings.RootCAs = pool
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 2 * defaultConnections,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     settings,
	}, nil
}

// URL implements inventory.Server.
func (c *Client) URL(of inventory.Table, id int64) string {
	if id <= 0 {
		return ""
	}
	page := string(of)
	if of == inventory.ObjectChanges {
		page = "core/changelog"
	}
	return c.base.JoinPath(page, fmt.Sprint(id)).String() + "/"
}
