package web

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// issuers verify ID tokens, such as those that GitLab gives its jobs. Keys are
// fetched from the issuers that are configured, and from nobody else.
type issuers struct {
	client *http.Client
	log    *slog.Logger
	mu     sync.Mutex
	byURL  map[string]*issuer
}

// issuer is what is known of one; its keys are looked after by the library.
type issuer struct {
	mu       sync.Mutex
	provider *oidc.Provider
	tried    time.Time // when it could not be reached
	err      error
}

const (
	clockSkew    = 30 * time.Second
	issuerTime   = 10 * time.Second
	issuerAgain  = 10 * time.Second
	mostIssuers  = 64
	longestClaim = 512
	mostKeys     = 1 << 20 // bytes
)

func newIssuers(transport http.RoundTripper, log *slog.Logger) *issuers {
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &issuers{byURL: map[string]*issuer{}, log: log, client: &http.Client{
		Transport: &careful{RoundTripper: transport, kept: map[string]*answerKept{}}, Timeout: issuerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirects of issuers are not followed") },
	}}
}

// caller gives who bears an ID token, nil if it does not count.
func (i *issuers) caller(ctx context.Context, raw string, allowed []Issuer, now time.Time) (*caller, error) {
	claimed := issuerOf(raw) // not verified: it only says whom to ask
	for _, a := range allowed {
		if a.URL != claimed || a.check() != nil {
			continue
		}
		provider, err := i.provider(ctx, a.URL, now)
		if err != nil {
			i.log.Error("an issuer cannot be asked for its keys", "issuer", a.URL, "error", err)
			return nil, refuse(http.StatusServiceUnavailable, "the token's issuer cannot be asked for its keys; the daemon's log says why")
		}
		verifier := provider.Verifier(&oidc.Config{
			ClientID: a.Audience, SkipExpiryCheck: true, // ours allows a smaller skew
			SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256},
		})
		token, err := verifier.Verify(oidc.ClientContext(ctx, i.client), raw)
		if err != nil {
			continue
		}
		if claims, ok := claimsOf(token, now); ok && claims.say(a.Claims) {
			return claims.caller(a, token), nil
		}
	}
	return nil, nil
}

// provider finds an issuer's keys, once. One that fails is asked again after a while.
func (i *issuers) provider(ctx context.Context, at string, now time.Time) (*oidc.Provider, error) {
	i.mu.Lock()
	one := i.byURL[at]
	if one == nil {
		if len(i.byURL) >= mostIssuers {
			clear(i.byURL)
		}
		one = &issuer{}
		i.byURL[at] = one
	}
	i.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.provider != nil || one.err != nil && now.Sub(one.tried) < issuerAgain {
		return one.provider, one.err
	}
	// The keys are fetched again later, so the request's end must not be theirs.
	one.provider, one.err = oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), i.client), at)
	one.tried = now
	return one.provider, one.err
}

// issuerOf reads who a token says it is from.
func issuerOf(raw string) string {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// claims are what a verified token says, as text.
type claims map[string]string

// claimsOf gives a token's claims, if it counts at the time.
func claimsOf(token *oidc.IDToken, now time.Time) (claims, bool) {
	var all map[string]any
	if token.Claims(&all) != nil {
		return nil, false
	}
	out := claims{}
	for name, value := range all {
		switch v := value.(type) {
		case string:
			out[name] = v
		case bool:
			out[name] = strconv.FormatBool(v)
		case float64:
			out[name] = strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	begins := func(name string) bool {
		seconds, ok := all[name].(float64)
		return !ok || !time.Unix(int64(seconds), 0).After(now.Add(clockSkew))
	}
	ok := token.Expiry.Unix() > 0 && now.Before(token.Expiry.Add(clockSkew)) && begins("nbf") && begins("iat")
	return out, ok
}

// say tells whether the claims are all as wanted.
func (c claims) say(want map[string]string) bool {
	for name, value := range want {
		if got, ok := c[name]; !ok || got != value {
			return false
		}
	}
	return len(want) > 0
}

func (c claims) caller(a Issuer, token *oidc.IDToken) *caller {
	user, via := c.text("user_login"), c.text("project_path")
	for _, s := range []*string{&user, &via} {
		if *s == "" {
			*s = reconcile.Clean(token.Subject)
		}
	}
	actor := reconcile.Actor{Kind: "api", User: user, Via: via, Email: c.mail()}
	if project, job := c.text("project_path"), c.text("job_id"); project != "" && job != "" {
		actor.Job = a.URL + "/" + project + "/-/jobs/" + job
	}
	return &caller{
		name: via, role: a.Role, stacks: a.Stacks, expires: token.Expiry, actor: actor,
		proven: true, id: fmt.Sprintf("issuer %s %s %s", token.Issuer, token.Subject, c.text("job_id")),
	}
}

// mail is the address of the person whom a token is for, as GitLab and others
// say it, unless the issuer says that nobody has checked it.
func (c claims) mail() string {
	if c["email_verified"] == "false" {
		return ""
	}
	return cmp.Or(c.text("user_email"), c.text("email"))
}

// text is a claim, safe to print and not too long.
func (c claims) text(name string) string {
	value := c[name]
	if len(value) > longestClaim {
		value = value[:longestClaim]
	}
	return reconcile.Clean(value)
}
