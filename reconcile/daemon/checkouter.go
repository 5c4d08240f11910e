package daemon

import (
	"net"
	"net/url"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// receivers checks who tells the daemon something, and whom it tells.
func (c *checker) receivers() {
	for i, hook := range c.config.Webhooks {
		at := numbered("webhooks", hook.Name, i)
		if err := reconcile.CheckName(hook.Name); hook.Name != "" && err != nil {
			c.add(at+".name", "", "%s: %v", at, err)
		}
		c.ref(at+".secret", hook.Secret, true)
		c.stacks(at+".stacks", hook.Stacks)
	}
	for i, to := range c.config.Notify {
		at := numbered("notify", to.Name, i)
		c.ref(at+".url", to.URL, true)
		c.ref(at+".secret", to.Secret, false)
		c.stacks(at+".stacks", to.Stacks)
		for _, event := range to.Events {
			c.named(at+".events", event, namesOf(reconcile.Occasions(), func(o reconcile.Occasion) string { return string(o) }), "event")
		}
	}
	for i, from := range c.config.OIDC {
		at := numbered("oidc", "", i)
		if u, err := url.Parse(from.Issuer); from.Issuer != "" && (err != nil || !webAddress(from.Issuer) || u.Scheme == "http" && u.Hostname() != "127.0.0.1") {
			c.add(at+".issuer", "", "%s.issuer: wants an https address", at)
		}
		if len(from.Claims) == 0 {
			c.add(at, "such as project_path: group/shop", "%s.claims: required: without any, every project of the issuer would be let in", at)
		}
		for name, value := range from.Claims {
			if value == "" || strings.ContainsAny(value, "*?[") {
				c.add(at+".claims."+name, "", "%s.claims.%s: wants a value, which is compared word for word; %q is a pattern or empty", at, name, value)
			}
		}
		c.stacks(at+".stacks", from.Stacks)
	}
}

// gitlabs checks the GitLabs.
func (c *checker) gitlabs() {
	names, hosts := map[string]bool{}, map[string]string{}
	for i, g := range c.config.GitLab {
		at := numbered("gitlab", g.Name, i)
		if g.Name != "" && names[g.Name] {
			c.add(at, "", "%s: there are two of that name", at)
		}
		names[g.Name] = true
		if flaw := gitlabFlaw(g.URL); flaw != "" {
			c.add(at+".url", "", "%s.url: %s", at, flaw)
		} else if other := hosts[hostOf(g.URL)]; other != "" {
			c.add(at+".url", "", "%s.url: is at the same host as %s, so nobody could tell which one has a stack's repository", at, other)
		} else {
			hosts[hostOf(g.URL)] = g.Name
		}
		c.ref(at+".token", g.Token, true)
	}
}

func gitlabFlaw(address string) string {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return "required, but missing"
	case err != nil || !webAddress(address):
		return "wants an address, such as https://gitlab.com, without a user, query or fragment"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "wants https, as the token would be sent in clear; plain http goes to this machine only"
	case strings.Contains(u.Path, "/api/v"):
		return "wants the address of GitLab itself, without /api/v4"
	}
	return ""
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// told checks who is told of a stack.
func (c *checker) told(e *Entry, at string) {
	c.named(at+".gitlab", e.GitLab, namesOf(c.config.GitLab, func(x GitLab) string { return x.Name }), "gitlab")
	if e.GitLab != "" && e.URL != "" && ProjectPath(e.URL) == "" {
		c.add(at+".gitlab", "", "%s.gitlab: the repository is a folder, so GitLab has no project of it", at)
	}
}

// safekeeping checks what leaves the store.
func (c *checker) safekeeping() {
	if c.config.Checkpoints.Key.Env != "" {
		c.add("checkpoints.key", "", "checkpoints.key: wants a file")
	}
	for i, a := range c.config.Checkpoints.Anchors {
		at := numbered("checkpoints.anchors", "", i)
		if a.Type != "webhook" && !a.Secret.IsZero() {
			c.add(at+".secret", "", "%s.secret: is for a webhook; nothing else is signed with it", at)
		}
		c.ref(at+".secret", a.Secret, false)
		switch {
		case a.Type == "file" && (a.Path == "" || !a.URL.IsZero()):
			c.add(at, "", "%s: wants a path", at)
		case a.Type == "gitlab-status" && len(c.config.GitLab) == 0:
			c.add(at+".type", "", "%s: needs a gitlab in this file", at)
		case a.Type == "webhook" && a.Path != "":
			c.add(at, "", "%s: wants a url", at)
		case a.Type == "webhook":
			c.ref(at+".url", a.URL, true)
		}
	}
	if c.config.Retention.Records > 0 && c.config.Retention.Export == "" {
		c.add("retention.records", "", "retention.records: needs retention.export, a folder to keep them in")
	}
}
