package daemon

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// checker finds what is wrong between the settings of an operator's file.
type checker struct {
	config   *Config
	places   map[string]reconcile.Pos
	problems reconcile.Problems
}

func (c *checker) all() {
	c.server()
	c.windows(c.config.Windows, "windows")
	c.credentials()
	c.entry(&c.config.Defaults, "defaults")
	if d := c.config.Defaults; d.Name != "" || d.URL != "" || d.Path != "" {
		c.add("defaults", "", "defaults: name, url and path are each stack's own")
	}
	seen := map[string]string{}
	for i := range c.config.Stacks {
		c.stack(&c.config.Stacks[i], numbered("stacks", c.config.Stacks[i].Name, i), seen)
	}
	c.receivers()
	c.gitlabs()
	c.netbox()
	c.safekeeping()
}

func (c *checker) add(at, hint, format string, args ...any) {
	c.problems = append(c.problems, reconcile.Problem{Pos: c.at(at), Hint: hint, Message: fmt.Sprintf(format, args...)})
}

// at is where a setting stands, or what it belongs to.
func (c *checker) at(setting string) reconcile.Pos {
	for {
		if pos, ok := c.places[setting]; ok {
			return pos
		}
		i := strings.LastIndexByte(setting, '.')
		if i < 0 {
			return reconcile.Pos{}
		}
		setting = setting[:i]
	}
}

// numbered is the path of a list's element.
func numbered(list, name string, i int) string {
	if name == "" {
		return list + "." + strconv.Itoa(i)
	}
	return list + "." + name
}

func (c *checker) server() {
	if _, port, err := net.SplitHostPort(c.config.Listen); err != nil || port == "" {
		c.add("listen", "", "listen: wants an address and a port, such as 127.0.0.1:7373, got %q", c.config.Listen)
	}
	if c.config.URL != "" && !webAddress(c.config.URL) {
		c.add("url", "", "url: wants an address, such as https://reconcile.example.com, without a user, query or fragment")
	}
	if (c.config.TLS.Cert == "") != (c.config.TLS.Key == "") {
		c.add("tls", "", "tls: wants cert and key, both of them")
	}
	c.ref("store.postgres", c.config.Store.Postgres, false)
	if c.config.Store.Path != "" && !c.config.Store.Postgres.IsZero() {
		c.add("store", "", "store: wants a path or postgres, not both")
	}
}

func webAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// ref checks that a value's place is one place.
func (c *checker) ref(at string, r Ref, required bool) {
	switch {
	case r.Env != "" && r.File != "":
		c.add(at, "", "%s: wants env or file, not both", at)
	case required && r.IsZero():
		c.add(at, "", "%s: required, as {env: NAME} or {file: PATH}; values themselves never stand here", at)
	}
}

func (c *checker) credentials() {
	for i, cred := range c.config.Credentials {
		at := numbered("credentials", cred.Name, i)
		c.ref(at+".accessKey", cred.AccessKey, true)
		c.ref(at+".secretKey", cred.SecretKey, true)
		if cred.APIURL != "" && !webAddress(cred.APIURL) {
			c.add(at+".apiUrl", "", "%s.apiUrl: wants an address, such as https://api.scaleway.com", at)
		}
	}
	for i, git := range c.config.Git {
		at := numbered("git", git.Name, i)
		c.ref(at+".token", git.Token, false)
		c.ref(at+".sshKey", git.SSHKey, false)
		if git.SSHKey.Env != "" {
			c.add(at+".sshKey", "", "%s.sshKey: wants a file; a private key does not stand in the environment", at)
		}
		if git.Token.IsZero() == git.SSHKey.IsZero() {
			c.add(at, "", "%s: wants a token for https or an sshKey for ssh, one of them", at)
		}
	}
}

// stack checks what a stack has, and defaults do not.
func (c *checker) stack(e *Entry, at string, seen map[string]string) {
	if e.Name == "" {
		c.add(at, "", "%s.name: required, but missing", at)
	} else if err := reconcile.CheckName(e.Name); err != nil {
		c.add(at+".name", "", "%s: %v", at, err)
	}
	if flaw := addressFlaw(e.URL); flaw != "" {
		c.add(at+".url", "", "%s.url: %s", at, flaw)
	}
	if !cleanPath(e.Path) {
		c.add(at+".path", "", "%s.path: wants a folder inside the repository, such as stacks/shop", at)
	}
	place := e.URL + " " + e.Branch + " " + path.Clean("/"+e.Path)
	if other := seen[place]; other != "" && e.URL != "" {
		c.add(at, "", "%s: is the same folder of the same branch as %s", at, other)
	}
	seen[place] = e.Name
	c.named(at+".credential", e.Credential, namesOf(c.config.Credentials, func(x Credential) string { return x.Name }), "credential")
	c.told(e, at)
	c.named(at+".git", e.Git, namesOf(c.config.Git, func(x Git) string { return x.Name }), "git credential")
	c.entry(e, at)
}

func addressFlaw(address string) string {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return "required, but missing"
	case !strings.Contains(address, "://"):
		return ""
	case err != nil || u.RawQuery != "" || u.Fragment != "":
		return "wants the address of a repository, without query or fragment"
	case u.User != nil && (u.Scheme != "ssh" || hasPassword(u)):
		return "holds a user or password; use git: and a token by reference"
	case u.Scheme != "https" && u.Scheme != "ssh" && u.Scheme != "http":
		return "wants https://, ssh:// or a folder"
	}
	return ""
}

func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has
}

func cleanPath(name string) bool {
	return name == "" || !strings.HasPrefix(name, "/") && !strings.Contains("/"+name+"/", "/../") && !strings.ContainsRune(name, 0)
}

func namesOf[T any](list []T, name func(T) string) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = name(list[i])
	}
	return out
}

// named checks that what is named is there.
func (c *checker) named(at, name string, known []string, what string) {
	for _, k := range known {
		if k == name {
			return
		}
	}
	if name == "" {
		return
	}
	hint := ""
	if near := reconcile.Nearest(name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	c.add(at, hint, "%s: there is no %s %q", at, what, name)
}

const shortestPoll = time.Second

// entry checks what stacks and defaults have.
func (c *checker) entry(e *Entry, at string) {
	if e.Poll < shortestPoll {
		c.add(at+".poll", "", "%s.poll: wants at least %s", at, shortestPoll)
	}
	if e.Timeout < time.Second {
		c.add(at+".timeout", "", "%s.timeout: wants at least 1s", at)
	}
	if _, err := timeZone(e.TimeZone); err != nil {
		c.add(at+".timeZone", "", "%s.timeZone: %v", at, err)
	} else if _, err := parseCron(e.Schedule, e.TimeZone); err != nil {
		c.add(at+".schedule", "", "%s.schedule: %v", at, err)
	}
	c.windows(e.Windows, at+".windows")
	c.problems = append(c.problems, e.Bounds.Rules.Place(c.places, at+".bounds.rules")...)
	if pos, said := c.places[at+".bounds.approvals"]; said {
		e.Bounds.Approvals.Pos = pos
	}
	c.patterns(at+".bounds.env", e.Bounds.Env)
	c.patterns(at+".bounds.files", e.Bounds.Files)
	c.patterns(at+".bounds.secrets", e.Bounds.Secrets)
	c.patterns(at+".bounds.projects", e.Bounds.Projects)
}

func (c *checker) windows(windows []reconcile.Window, at string) {
	for i := range windows {
		one := numbered(at, "", i)
		windows[i].Pos = c.at(one)
		if err := CheckWindow(windows[i]); err != nil {
			c.add(one, "", "%s: %v", one, err)
		}
	}
}

func (c *checker) patterns(at string, patterns []string) {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			c.add(at, "", "%s: %q is no pattern", at, p)
		}
	}
}

// stacks checks names and patterns of stacks.
func (c *checker) stacks(at string, patterns []string) {
	known := namesOf(c.config.Stacks, func(x Entry) string { return x.Name })
	for _, p := range patterns {
		if strings.ContainsAny(p, `*?[\`) {
			c.patterns(at, []string{p})
		} else {
			c.named(at, p, known, "stack")
		}
	}
}
