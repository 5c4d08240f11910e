package inventory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A SaltAPI is Salt's REST API, by which minions are told that their pillar has
// changed. It may be used concurrently.
type SaltAPI struct {
	base      *url.URL
	user      string
	password  reconcile.Secret
	eauth     string
	userAgent string
	client    *http.Client
}

// SaltOptions say how to reach a salt-api.
type SaltOptions struct {
	URL       string // https, or http on this machine
	User      string
	Password  reconcile.Secret
	Eauth     string            // "" is pam
	Transport http.RoundTripper // nil is Go's own
	UserAgent string
}

const (
	saltTimeout = 2 * time.Minute // of a request; minions are given time to answer
	saltMost    = 8 << 20         // bytes of an answer
)

// NewSaltAPI makes a client. It sends nothing.
func NewSaltAPI(o SaltOptions) (*SaltAPI, error) {
	base, err := url.Parse(o.URL)
	switch { // the address is not repeated, as it may hold a password
	case err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, errors.New("the address of salt-api is malformed: it wants a URL such as https://salt.example.com:8000")
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("the address of salt-api holds more than a host, a port and a path; leave the rest out")
	case base.Scheme == "http" && !onLoopback(base.Hostname()):
		return nil, errors.New("the address of salt-api would send the password in clear: http is for this machine only; use https")
	case o.User == "" || o.Password.Reveal() == "":
		return nil, errors.New("salt-api wants a user and a password")
	}
	return &SaltAPI{
		base: base, user: o.User, password: o.Password, eauth: cmp.Or(o.Eauth, "pam"), userAgent: o.UserAgent,
		client: &http.Client{Transport: o.Transport, Timeout: saltTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

func onLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// String names the host, and keeps what else there is out of logs.
func (s *SaltAPI) String() string { return "salt-api of " + s.base.Host }

// RefreshPillar has minions read their pillar again, and says of those that did
// not why.
func (s *SaltAPI) RefreshPillar(ctx context.Context, minions []string) (amiss map[string]string, err error) {
	token, err := s.login(ctx)
	if err != nil {
		return nil, err
	}
	var done map[string]json.RawMessage
	ask := []any{map[string]any{"client": "local", "tgt": minions, "tgt_type": "list", "fun": "saltutil.refresh_pillar"}}
	if err := s.post(ctx, "", token, ask, &done); err != nil {
		return nil, fmt.Errorf("have minions read their pillars through salt-api: %w", err)
	}
	amiss = map[string]string{}
	for _, minion := range minions {
		switch said, answered := done[minion]; {
		case !answered:
			amiss[minion] = "no answer"
		case string(said) == "false":
			amiss[minion] = "it did not"
		case string(said) != "true":
			amiss[minion] = s.told(said, token)
		}
	}
	return amiss, nil
}

// login returns a token, which is as secret as the password.
func (s *SaltAPI) login(ctx context.Context) (token string, err error) {
	var session struct {
		Token string `json:"token"`
	}
	err = s.post(ctx, "login", "", map[string]string{"username": s.user, "password": s.password.Reveal(), "eauth": s.eauth}, &session)
	if err == nil && session.Token == "" {
		err = errors.New("it gave no token")
	}
	if err != nil {
		return "", fmt.Errorf("log in to salt-api as %s with eauth %s: %w", s.user, s.eauth, err)
	}
	return session.Token, nil
}

// post sends a question and takes the first of what is returned.
func (s *SaltAPI) post(ctx context.Context, path, token string, ask, into any) error {
	body, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("the address is malformed")
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Accept": "application/json", "User-Agent": s.userAgent, "X-Auth-Token": token} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return &reconcile.Error{Class: reconcile.Unavailable, Message: s.scrubbed(withoutURL(err).Error(), token)}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, saltMost))
	if err != nil {
		return &reconcile.Error{Class: reconcile.Unavailable, Message: "its answer ends early: " + s.scrubbed(err.Error(), token)}
	}
	return s.judge(answer.StatusCode, text, token, into)
}

// withoutURL is an error of the HTTP client without the address, which it repeats.
func withoutURL(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

func (s *SaltAPI) judge(status int, text []byte, token string, into any) error {
	var says struct {
		Return []json.RawMessage `json:"return"`
	}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &reconcile.Error{Class: reconcile.Forbidden, Message: fmt.Sprintf("it refused (%d): %s", status, s.told(text, token)),
			Fix: "check SALT_API_USER, SALT_API_PASSWORD and SALT_API_EAUTH, and that external_auth on the master allows saltutil.refresh_pillar"}
	case status >= 300 && status < 400:
		return &reconcile.Error{Class: reconcile.Invalid, Message: fmt.Sprintf("it answered with a redirect (%d), which is not followed", status), Fix: "name the address itself in SALT_API_URL"}
	case status != http.StatusOK:
		return &reconcile.Error{Class: reconcile.Unavailable, Message: fmt.Sprintf("it answered %d: %s", status, s.told(text, token))}
	case json.Unmarshal(text, &says) != nil || len(says.Return) != 1 || json.Unmarshal(says.Return[0], into) != nil:
		return &reconcile.Error{Class: reconcile.Unavailable, Message: "its answer is none of salt-api's: " + s.told(text, token)}
	}
	return nil
}

// told is what was answered, as far as people want to read it. What a login
// answers is not repeated: it may hold a token, or what was sent.
func (s *SaltAPI) told(text []byte, token string) string {
	const most = 200
	if token == "" {
		return "the login failed"
	}
	said := strings.Join(strings.Fields(reconcile.Clean(s.scrubbed(string(text), token))), " ")
	if runes := []rune(said); len(runes) > most {
		said = string(runes[:most]) + "…"
	}
	return said
}

// scrubbed takes the password and the token out of a text, also as JSON has them.
func (s *SaltAPI) scrubbed(text, token string) string {
	for _, secret := range []string{s.password.Reveal(), token} {
		if secret == "" {
			continue
		}
		quoted, _ := json.Marshal(secret)
		for _, form := range []string{secret, string(quoted[1 : len(quoted)-1]), url.QueryEscape(secret)} {
			text = strings.ReplaceAll(text, form, reconcile.Masked)
		}
	}
	return text
}
