package web

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// caller is who sent a request.
type caller struct {
	name    string // for people
	id      string // the same for one token, and for no two
	role    reconcile.Role
	stacks  []string // names or patterns; empty is all
	expires time.Time
	actor   reconcile.Actor
	proven  bool // an issuer says who it is, not the caller itself
}

// limited tells whether the caller may see some stacks only.
func (c *caller) limited() bool { return len(c.stacks) > 0 }

// covers tells whether the caller may see a stack, by its name.
func (c *caller) covers(name string) bool { return reconcile.Token{Stacks: c.stacks}.Covers(name) }

// as is the actor that a caller says it is, as far as that is its to say. Who it is
// beside its token nobody checked, so the token's name always stands there too;
// it is none of the daemon's own parts.
func (c *caller) as(a reconcile.Actor) reconcile.Actor {
	a.Via, a.Email, a.Maker = c.actor.Via, c.actor.Email, c.actor.Maker
	if c.proven {
		a.User, a.Job = c.actor.User, c.actor.Job
	}
	if slices.Contains([]string{"daemon", "schedule", "webhook", ""}, a.Kind) {
		a.Kind = c.actor.Kind
	}
	return a
}

// longestToken bounds what is looked at; ID tokens have 1 to 2 KB.
const longestToken = 8 << 10

// caller says who sent a request, or why that is not known. Nothing of the
// request but its headers has been read.
func (s *Server) caller(r *http.Request) (*caller, error) {
	now, address := s.clock.Now(), hostOnly(r.RemoteAddr)
	secret := bearer(r)
	hash := reconcile.HashToken(secret)
	if wait := s.limit.wait(address, hash, now); wait > 0 && !jwtShaped(secret) {
		return nil, s.limited(wait)
	}
	who, err := s.lookUp(r.Context(), secret, hash, now)
	if err != nil {
		return nil, err
	}
	if who == nil {
		if secret == "" { // nobody guesses
			return nil, refuse(http.StatusUnauthorized, "a token is missing; send one as Authorization: Bearer")
		}
		s.limit.failed(address, now)
		return nil, refuse(http.StatusUnauthorized, "this token does not count: it is unknown, has expired or was revoked")
	}
	s.limit.succeeded(hash, now)
	return who, nil
}

func (s *Server) limited(wait time.Duration) *refusal {
	r := refuse(http.StatusTooManyRequests, "too many wrong tokens came from this address; wait %s", wait.Round(time.Second))
	r.after = wait
	return r
}

// bearer is the token that came with a request, "" if there is none or several.
func bearer(r *http.Request) string {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 || len(headers[0]) > longestToken {
		return ""
	}
	scheme, secret, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// lookUp gives the caller with a secret, nil if nobody has it.
func (s *Server) lookUp(ctx context.Context, secret, hash string, now time.Time) (*caller, error) {
	switch {
	case strings.HasPrefix(secret, reconcile.TokenPrefix):
		return s.tokenBearer(ctx, hash, now)
	case jwtShaped(secret):
		return s.issuers.caller(ctx, secret, s.settings().Issuers, now)
	}
	return nil, nil
}

// jwtShaped tells whether a token has the form of one that an issuer signed. Nobody
// guesses a signature, and each job comes with a new one: those behind a proxy
// must not wait because of a stranger behind it.
func jwtShaped(secret string) bool { return strings.Count(secret, ".") == 2 }

// tokenBearer compares a hash with those of all tokens. They are read from the store each
// time, so that a revocation counts at once in every replica.
func (s *Server) tokenBearer(ctx context.Context, hash string, now time.Time) (*caller, error) {
	tokens, err := s.store.Tokens(ctx)
	if err != nil {
		s.log.Error("tokens cannot be read", "error", err) // who asks is not known yet, and is not told more
		return nil, refuse(http.StatusServiceUnavailable, "tokens cannot be checked; the daemon's log says why")
	}
	var found *reconcile.Token
	for i := range tokens {
		if tokens[i].Bears(hash) {
			found = &tokens[i]
		}
	}
	if found == nil || !found.Lives(now) || !found.Role.Allows(reconcile.Read) {
		return nil, nil
	}
	return &caller{
		name: found.Name, id: "token " + found.ID, role: found.Role, stacks: found.Stacks, expires: found.Expires,
		actor: bearerOf(found),
	}, nil
}

// bearerOf is who bears a token, as its name says. One that was made through the
// API is its maker's too: nobody becomes several people by it.
func bearerOf(t *reconcile.Token) reconcile.Actor {
	actor := reconcile.Actor{Kind: "api", User: t.Name, Via: t.Name}
	if mail, err := mail.ParseAddress(t.Name); err == nil && mail.Address == t.Name {
		actor.Email = t.Name
	}
	if t.By.Kind == "api" {
		actor.Maker = cmp.Or(t.By.Maker, t.By.Email, t.By.User)
		if t.By.Maker == "" && t.By.Email != "" && t.By.User != t.By.Email { // known by both
			actor.Maker = t.By.User + " <" + t.By.Email + ">"
		}
	}
	return actor
}

// near tells whether a request comes from this machine without a proxy between.
func near(r *http.Request) bool {
	ip := net.ParseIP(hostOnly(r.RemoteAddr))
	passedOn := slices.ContainsFunc(proxyHeaders, func(name string) bool { return len(r.Header.Values(name)) > 0 })
	return ip != nil && ip.IsLoopback() && loopbackName(hostOnly(r.Host)) && !passedOn
}

// proxyHeaders are what proxies add, some one and some another.
var proxyHeaders = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}
