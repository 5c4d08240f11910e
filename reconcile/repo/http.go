package repo

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// maxRedirects bounds how often a server may send us on, within itself.
const maxRedirects = 5

// httpTalk is a conversation over smart HTTP. It holds the connection pool of
// one fetch.
type httpTalk struct {
	client *http.Client
	base   url.URL // of the repository, after redirects
	login  login
	runs   program
	body   io.ReadCloser
	bodies []io.ReadCloser
}

var _ conversation = (*httpTalk)(nil)

// dialHTTP opens a conversation. Credentials go to the named host only: a
// redirect to another one is refused before anything is sent there.
func dialHTTP(ctx context.Context, ep endpoint, a Auth, p program) (conversation, error) {
	login, err := a.login(ep.host)
	if err != nil {
		return nil, &fault{class: ErrDenied, reason: err.Error()}
	}
	t := &httpTalk{login: login, runs: p, base: url.URL{Scheme: ep.scheme, Host: ep.hostPort(), Path: ep.path}}
	t.client = &http.Client{Transport: newTransport(ep), CheckRedirect: sameOrigin}
	if err := t.discover(ctx); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func newTransport(ep endpoint) *http.Transport {
	dialer := &net.Dialer{Timeout: 15 * time.Second}
	tr := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    15 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // a small answer that unpacks into a huge one
		MaxResponseHeaderBytes: 64 << 10,
	}
	if ep.scheme == "http" {
		tr.Proxy = nil
		dialer.Control = loopbackOnly
	}
	tr.DialContext = dialer.DialContext
	return tr
}

// loopbackOnly looks at the address itself: a name may resolve to anything.
func loopbackOnly(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return faultf(ErrDenied, "use https://", "plain http to %s, which is not this machine", address)
	}
	return nil
}

// sameOrigin lets a server redirect within itself, which some do to add .git.
func sameOrigin(req *http.Request, via []*http.Request) error {
	was := via[0]
	switch {
	case was.Method != http.MethodGet:
		return faultf(ErrUnavailable, "", "the server redirects a request that it had accepted")
	case len(via) > maxRedirects:
		return faultf(ErrUnavailable, "", "the server redirects without end")
	case req.URL.Scheme != was.URL.Scheme || req.URL.Host != was.URL.Host || req.URL.User != nil:
		to := url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host}
		return faultf(ErrDenied, "if that is right, name that address", "it redirects to %s", printable(to.String()))
	}
	return nil
}

const refsPath = "/info/refs"

// discover asks for the refs, and learns the repository's final address.
func (t *httpTalk) discover(ctx context.Context) error {
	at := t.base
	at.Path += refsPath
	at.RawQuery = "service=" + string(t.runs)
	res, err := t.send(ctx, http.MethodGet, at, nil, "application/x-"+string(t.runs)+"-advertisement") //nolint:bodyclose // close does it, at the end of the talk
	if err != nil {
		return err
	}
	final := *res.Request.URL
	path, ok := strings.CutSuffix(final.Path, refsPath)
	if !ok {
		return faultf(ErrUnavailable, "check the address", "it redirects to something that is no repository")
	}
	t.base.Path = path
	t.body = res.Body
	return nil
}

func (t *httpTalk) advertisement() io.Reader { return t.body }
func (t *httpTalk) stateless() bool          { return true }
func (t *httpTalk) complaint() string        { return "" }

func (t *httpTalk) ask(ctx context.Context, request []byte) (io.Reader, error) {
	at := t.base
	at.Path += "/" + string(t.runs)
	res, err := t.send(ctx, http.MethodPost, at, request, "application/x-"+string(t.runs)+"-result") //nolint:bodyclose // close does it, at the end of the talk
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

func (t *httpTalk) send(ctx context.Context, method string, at url.URL, body []byte, wantType string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, at.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address makes no request")
	}
	req.Header.Set("User-Agent", "git/2.0 (reconcile)") // some servers answer browsers otherwise
	if body != nil {
		req.Header.Set("Content-Type", "application/x-"+string(t.runs)+"-request")
	}
	if token := t.login.token.Reveal(); token != "" {
		req.SetBasicAuth(t.login.user, token)
	}
	res, err := t.client.Do(req)
	if err != nil {
		return nil, err
	}
	t.bodies = append(t.bodies, res.Body)
	if err := t.status(res.StatusCode); err != nil {
		return nil, err
	}
	if got, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); got != wantType {
		return nil, faultf(ErrUnavailable, "check that the address is a repository's on a smart Git server", "it answers %s instead of Git's protocol", quote(printable(got)))
	}
	return res, nil
}

func (t *httpTalk) status(code int) error {
	fix := "set RECONCILE_GIT_TOKEN or RECONCILE_GIT_TOKEN_FILE"
	with := "without credentials"
	if t.login.from != "" {
		fix, with = "check that the token may "+t.runs.does()+" this repository", "with the token of "+t.login.from
	}
	switch {
	case code == http.StatusOK:
		return nil
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return faultf(ErrDenied, fix, "it refuses us %s (HTTP %d)", with, code)
	case code == http.StatusNotFound:
		return faultf(ErrDenied, "check the address; "+fix, "there is no such repository, or none that may be seen %s (HTTP %d)", with, code)
	}
	return faultf(ErrUnavailable, "try again later", "the server fails (HTTP %d)", code)
}

func (t *httpTalk) close() {
	for _, body := range t.bodies {
		body.Close()
	}
	t.client.CloseIdleConnections()
}
