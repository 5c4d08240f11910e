package web

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Settings are what an operator says about the server, and may change while it runs.
type Settings struct {
	URL     string   // where people reach it, such as https://reconcile.example.com; "" is loopback
	Hosts   []string // further names by which it is reached
	Stacks  []string // names of the stacks that the daemon serves
	Hooks   []Hook
	Issuers []Issuer
}

// Hook is who may say that a branch has moved, or that something in NetBox was edited.
type Hook struct {
	Name string
	// Secrets gives the secrets that count, several while one takes another's place.
	// One that begins with whsec_ signs requests, any other is sent along. It is
	// asked at each request.
	Secrets  func() []string
	Branches []Branch // what it may nudge
	// Remarks is handed what it tells of merge requests; false says that it takes
	// no more now. It must not take time, and may be called concurrently. Nil: nobody cares.
	Remarks func(Remark) bool
	// Edits makes it a webhook of NetBox, and is handed what it tells. It must not
	// take time, and may be called concurrently.
	Edits func(Edit)
	Clock reconcile.Clock // of NetBox's timestamps; nil is the server's
}

// Branch is what a stack follows.
type Branch struct {
	Stack   string // name
	Project string // path of the repository's URL, such as group/shop; "" is any
	Branch  string // "" is any
}

// Issuer is somebody whose ID tokens are taken.
type Issuer struct {
	URL      string
	Audience string
	Claims   map[string]string // what a token must say, word for word
	Role     reconcile.Role
	Stacks   []string // names or patterns; empty is all
}

// Check says what is wrong with settings; nil if they can be used.
func (s Settings) Check() error {
	if _, err := s.origin(); err != nil {
		return err
	}
	for _, h := range s.Hooks {
		if !plainName.MatchString(h.Name) || h.Secrets == nil {
			return fmt.Errorf("webhook %q: it needs a name of a-z, 0-9 and -, and a secret", h.Name)
		}
	}
	for _, i := range s.Issuers {
		if err := i.check(); err != nil {
			return fmt.Errorf("issuer %s: %w", i.URL, err)
		}
	}
	return nil
}

func (i Issuer) check() error {
	at, err := url.Parse(i.URL)
	switch {
	case err != nil || at.Host == "" || at.User != nil || at.RawQuery != "":
		return fmt.Errorf("want an address such as https://gitlab.com")
	case at.Scheme != "https" && (at.Scheme != "http" || !loopbackName(at.Hostname())):
		return fmt.Errorf("its keys must come by https")
	case i.Audience == "":
		return fmt.Errorf("an audience is missing, so tokens made for others would count")
	case len(i.Claims) == 0:
		return fmt.Errorf("claims are missing, so each project there would be let in; name at least one, such as project_path")
	case !i.Role.Allows(reconcile.Read):
		return fmt.Errorf("role %q: use read, operate or approve", i.Role)
	}
	return checkPatterns(i.Stacks)
}

// checkPatterns says which of patterns of names is none.
func checkPatterns(patterns []string) error {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("%q is no pattern of stacks' names", pattern)
		}
	}
	return nil
}

// origin is the server's own, as browsers name it, "" if it is not known.
func (s Settings) origin() (string, error) {
	if s.URL == "" {
		return "", nil
	}
	at, err := url.Parse(s.URL)
	if err != nil || at.Host == "" || at.User != nil || at.Scheme != "http" && at.Scheme != "https" {
		return "", fmt.Errorf("url of the daemon: want one such as https://reconcile.example.com")
	}
	return at.Scheme + "://" + strings.ToLower(at.Host), nil
}

// names are the hosts by which the server is reached, besides loopback.
func (s Settings) names() []string {
	names := s.Hosts
	if at, err := url.Parse(s.URL); err == nil && at.Hostname() != "" {
		names = append([]string{at.Hostname()}, names...)
	}
	return names
}

func loopbackName(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
