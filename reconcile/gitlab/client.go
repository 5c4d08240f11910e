package gitlab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// DefaultPatience is what one call of a Client may cost in all.
const DefaultPatience = 20 * time.Second

// Options say where GitLab is, and who asks.
type Options struct {
	URL       string            // of the API, as CI_API_V4_URL: https://gitlab.com/api/v4
	Token     reconcile.Secret  // of a user, project or group, with scope api
	Clock     reconcile.Clock   // waits between tries; nil: the machine's
	Transport http.RoundTripper // nil: over TLS 1.2 or later, trusting CA too
	CA        []byte            // certificates in PEM that may vouch for GitLab, beside the machine's
	UserAgent string
	Patience  time.Duration // what one call may cost in all, waits included; 0: 20 s
}

// A Client speaks to one GitLab. It may be used concurrently. Its errors wrap a
// *reconcile.Error, whose class says what came of it and whose Fix what to do.
type Client struct {
	api      *api.Client
	clock    reconcile.Clock
	patience time.Duration

	mu sync.Mutex
	me int64 // the token's user, 0 until it was asked for
}

// New makes a client. Nothing is sent yet.
func New(o Options) (*Client, error) {
	base, err := address(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Token.Reveal() == "" {
		return nil, errors.New("GitLab's API wants a token")
	}
	if o.Clock == nil {
		o.Clock = reconcile.RealClock{}
	}
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	if o.Transport == nil {
		if o.Transport, err = transport(o.CA); err != nil {
			return nil, err
		}
	}
	through := &door{next: o.Transport, clock: o.Clock, base: base, token: o.Token, patience: o.Patience}
	c := &Client{clock: o.Clock, patience: o.Patience}
	c.api, err = api.NewClient(o.Token.Reveal(), api.WithBaseURL(base.String()), api.WithoutRetries(), api.WithCustomLimiter(unlimited{}), api.WithUserAgent(o.UserAgent),
		api.WithURLWarningLogger(slog.New(slog.DiscardHandler)), api.WithHTTPClient(&http.Client{
			Transport: through, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}))
	return c, err
}

// address checks where GitLab is: https, or http on this machine, as the token
// would go over the network in clear.
func address(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil || base.Host == "":
		return nil, errors.New("GitLab's address is no URL") // which is not repeated: it may hold a password
	case base.User != nil:
		return nil, fmt.Errorf("GitLab's address at %s holds a user; leave it out, the token says who asks", base.Host)
	case base.Scheme != "https" && (base.Scheme != "http" || !loopback(base.Hostname())):
		return nil, fmt.Errorf("GitLab's address at %s: wants https, as the token would be sent in clear; plain http goes to this machine only", base.Host)
	}
	return base, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// transport is one that trusts the machine's certificates and some more.
func transport(ca []byte) (http.RoundTripper, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(ca) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(ca) {
			return nil, errors.New("the certificates that shall vouch for GitLab hold none in PEM")
		}
		config.RootCAs = pool
	}
	dialer := &net.Dialer{Timeout: tryTime}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, DialContext: dialer.DialContext, TLSHandshakeTimeout: tryTime,
		ForceAttemptHTTP2: true, MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}, nil
}

// unlimited leaves the pace to the answers 429, which the door heeds.
type unlimited struct{}

func (unlimited) Wait(context.Context) error { return nil }

// begin opens the time that a call may cost.
func (c *Client) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	return context.WithValue(ctx, budgetKey{}, &budget{left: c.patience}), cancel
}

// user is the ID of the token's user.
func (c *Client) user(ctx context.Context) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.me != 0 {
		return c.me, nil
	}
	user, _, err := c.api.Users.CurrentUser(api.WithContext(ctx))
	if err != nil {
		return 0, fmt.Errorf("ask whose the token is: %w", plain(err))
	}
	c.me = user.ID
	return c.me, nil
}

// perPage is the most that GitLab lists at once, maxPages how many pages are read.
const (
	perPage  = 100
	maxPages = 100
)

// all reads every page of a list.
func all[T any](list func(api.ListOptions) ([]T, *api.Response, error)) ([]T, error) {
	var out []T
	for page := int64(1); page != 0; {
		if page > maxPages {
			return nil, fmt.Errorf("there are more than %d", maxPages*perPage)
		}
		some, answer, err := list(api.ListOptions{Page: page, PerPage: perPage})
		if err != nil {
			return nil, plain(err)
		}
		if answer.NextPage != 0 && answer.NextPage <= page {
			return nil, errors.New("the list does not go on")
		}
		out, page = append(out, some...), answer.NextPage
	}
	return out, nil
}

// settled finds or makes something, and once more if nobody knows whether it was
// made: then it is found, or was not made. So it is if what was found went away.
func settled(what string, attempt func() error) error {
	err := plain(attempt())
	if class := reconcile.ClassOf(err); class == reconcile.Ambiguous || class == reconcile.NotFound || class == reconcile.Conflict {
		err = plain(attempt())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
