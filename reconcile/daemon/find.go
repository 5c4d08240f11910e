package daemon

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Stack returns the stack of a name.
func (c *Config) Stack(name string) (Entry, bool) {
	for i := range c.Stacks {
		if c.Stacks[i].Name == name {
			return c.Stacks[i], true
		}
	}
	return Entry{}, false
}

// Names are those of all stacks, in the order of the file.
func (c *Config) Names() []string {
	return namesOf(c.Stacks, func(e Entry) string { return e.Name })
}

// CredentialOf returns the API key that a stack names; false if it is the environment's.
func (c *Config) CredentialOf(e Entry) (Credential, bool) {
	i := slices.IndexFunc(c.Credentials, func(x Credential) bool { return x.Name == e.Credential })
	if i < 0 {
		return Credential{}, false
	}
	return c.Credentials[i], true
}

// GitOf returns what a stack's repository is read with: what the stack names,
// else what is for the repository's host. false is neither.
func (c *Config) GitOf(e Entry) (Git, bool) {
	host := hostOf(e.URL)
	for _, g := range c.Git {
		if e.Git == g.Name || e.Git == "" && host != "" && g.Host == host {
			return g, true
		}
	}
	return Git{}, false
}

// GitLabOf returns the GitLab that is told of a stack, and the path of its project
// there: the one that the stack names, else that at the repository's host. false is none.
func (c *Config) GitLabOf(e Entry) (g GitLab, project string, ok bool) {
	if project = ProjectPath(e.URL); project == "" {
		return GitLab{}, "", false
	}
	host := hostOf(e.URL)
	i := slices.IndexFunc(c.GitLab, func(g GitLab) bool { return e.GitLab == g.Name || e.GitLab == "" && hostOf(g.URL) == host })
	if i < 0 {
		return GitLab{}, "", false
	}
	return c.GitLab[i], project, true
}

// ProjectPath is the path of a repository on its server, such as group/shop; ""
// of a folder.
func ProjectPath(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	}
	if user, rest, ok := strings.Cut(address, "@"); ok && !strings.Contains(user, "/") {
		_, path, _ := strings.Cut(rest, ":")
		return strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	}
	return ""
}

// hostOf is the host of a repository's address, "" of a folder.
func hostOf(address string) string {
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil {
			return ""
		}
		return strings.ToLower(u.Hostname())
	}
	if user, rest, ok := strings.Cut(address, "@"); ok && !strings.Contains(user, "/") {
		host, _, _ := strings.Cut(rest, ":")
		return strings.ToLower(host)
	}
	return ""
}

// WindowsOf are the operator's windows for a stack: those for all, and its own.
func (c *Config) WindowsOf(e Entry) []reconcile.Window {
	return slices.Concat(c.Windows, e.Windows)
}

// Matches tells whether a name is among names or patterns; everything is among none.
func Matches(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}
