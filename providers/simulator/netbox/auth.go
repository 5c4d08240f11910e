package netbox

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Tokens and the user of an empty NetBox. They are no secrets.
const (
	Token         = "0123456789abcdef0123456789abcdef01234567"                  // may do all
	ReadOnlyToken = "fedcba9876543210fedcba9876543210fedcba98"                  // may read
	V2Token       = "nbt_simulated001.0123456789abcdef0123456789abcdef01234567" // may do all; since 4.5
	User          = "reconcile"                                                 // whose they are
)

// A Grant is a token and what it is good for.
type Grant struct {
	Token    string     `json:"token"` // with nbt_ and the key, if it is of version 2
	User     string     `json:"user"`
	ReadOnly bool       `json:"read_only,omitempty"`
	Disabled bool       `json:"disabled,omitempty"` // since 4.5
	Expires  *time.Time `json:"expires,omitempty"`
	From     []string   `json:"allowed_ips,omitempty"` // addresses or prefixes; none is any
	Tenants  []string   `json:"tenants,omitempty"`     // slugs: of objects that may have a tenant, only theirs are there
	Tables   []string   `json:"tables,omitempty"`      // paths: the rest answers 403
}

func standardGrants(v version) []Grant {
	out := []Grant{{Token: Token, User: User}, {Token: ReadOnlyToken, User: User, ReadOnly: true}}
	if v.has(v45) {
		out = append(out, Grant{Token: V2Token, User: User})
	}
	return out
}

// Allow adds a token, or changes what one is good for.
func (s *Server) Allow(g Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants = slices.DeleteFunc(s.grants, func(old Grant) bool { return old.Token == g.Token })
	s.grants = append(s.grants, g)
	s.person(g.User)
}

// A person is who makes a request, and with what.
type person struct {
	id    int64
	name  string
	grant *Grant // nil may do all
}

// person finds a user, or makes one.
func (s *Server) person(name string) *person {
	t := s.tables["users/users"]
	if ids := t.by("username", name); len(ids) > 0 {
		return &person{id: ids[0], name: name}
	}
	r := t.blank()
	t.last++
	r.id = t.last
	for name, value := range map[string]any{"username": name, "first_name": "", "last_name": "", "email": "",
		"is_active": true, "date_joined": s.now()} {
		r.set(name, value)
	}
	t.put(nil, r)
	return &person{id: r.id, name: name}
}

const noCredentials = "Authentication credentials were not provided."

// authenticate finds out who makes a request.
func (c *call) authenticate() (*person, *refusal) {
	header := c.r.Header.Get("Authorization")
	keyword, value, _ := strings.Cut(header, " ")
	second := c.s.version.has(v45)
	if bearer := strings.EqualFold(keyword, "bearer"); !strings.EqualFold(keyword, "token") && !(bearer && second) {
		return nil, detail(http.StatusForbidden, noCredentials)
	}
	if value = strings.TrimSpace(value); value == "" || strings.Contains(value, " ") {
		return nil, detail(http.StatusForbidden, c.badHeader(value))
	}
	g, text := c.s.granted(value, second)
	if g == nil {
		return nil, detail(http.StatusForbidden, text)
	}
	if text := g.refuses(c.r, c.s.options.Now(), second); text != "" {
		return nil, detail(http.StatusForbidden, text)
	}
	ids := c.s.tables["users/users"].by("username", g.User)
	return &person{ids[0], g.User, g}, nil
}

func (c *call) badHeader(value string) string {
	switch {
	case c.s.version.has(v45):
		return `Invalid authorization header: Must be in the form "Bearer <key>.<token>" or "Token <token>"`
	case value != "":
		return "Invalid token header. Token string should not contain spaces."
	}
	return "Invalid token header. No credentials provided."
}

func (s *Server) granted(value string, second bool) (*Grant, string) {
	text := "Invalid token"
	switch plain, v2 := strings.CutPrefix(value, "nbt_"); {
	case second && v2 && !strings.Contains(plain, "."):
		return nil, "Invalid authorization header: Could not parse key from v2 token. Did you mean to use 'Token' instead of 'Bearer'?"
	case second && v2:
		text = "Invalid v2 token"
	case second:
		text = "Invalid v1 token"
	}
	for i := range s.grants {
		if s.grants[i].Token == value {
			return &s.grants[i], ""
		}
	}
	return nil, text
}

// refuses tells why a token is not taken, "" if it is.
func (g *Grant) refuses(r *http.Request, now time.Time, second bool) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	switch {
	case len(g.From) > 0 && !g.allows(host):
		return "Source IP " + host + " is not permitted to authenticate using this token."
	case g.Disabled && second:
		return "Token disabled"
	case g.Expires != nil && !now.Before(*g.Expires):
		return "Token expired"
	}
	return ""
}

func (g *Grant) allows(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(g.From, func(from string) bool {
		net, text := readNet(&field{}, from)
		return text == "" && net.(netip.Prefix).Contains(addr.Unmap())
	})
}

// may tells whether somebody may use a method on a table.
func (p *person) may(method, path string) bool {
	g := p.grant
	if g == nil {
		return true
	}
	if g.ReadOnly && method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions {
		return false
	}
	return len(g.Tables) == 0 || slices.Contains(g.Tables, path)
}

// sees tells whether a row is there for whoever makes the request.
func (x *tx) sees(r *row) bool { return x.s.sees(x.who, r) }

func (s *Server) sees(p *person, r *row) bool {
	if p.grant == nil || len(p.grant.Tenants) == 0 {
		return true
	}
	at, bound := s.tenanted(r)
	if !bound {
		return true
	}
	tenant := s.row("tenancy/tenants", at.ref("tenant"))
	if at.table.path == "tenancy/tenants" {
		tenant = at
	}
	return slices.Contains(p.grant.Tenants, tenant.text("slug"))
}

// tenanted is the row whose tenant decides who sees another one.
func (s *Server) tenanted(r *row) (*row, bool) {
	if r.table.owner != nil {
		return r.table.owner(s, r)
	}
	return r, r.table.columns["tenant"] != nil
}

// ownerOfAssigned is the machine that an address is on.
func ownerOfAssigned(s *Server, r *row) (*row, bool) {
	at := s.machineOf(r.link("assigned_object"))
	if t := s.models[at.model]; t != nil && t.rows[at.id] != nil {
		return t.rows[at.id], true
	}
	return nil, false
}
