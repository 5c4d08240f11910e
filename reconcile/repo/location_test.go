package repo_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// An address is data: what could be an option, a helper, a command, another
// machine or a secret is refused before anything is spoken to.
func TestS4Locations(t *testing.T) {
	accepted := map[string]string{
		"https://gitlab.com/group/project.git":          "https://gitlab.com/group/project.git",
		"https://GitLab.com:8443/group/project/":        "https://gitlab.com:8443/group/project",
		"HTTPS://gitlab.com/group/project":              "https://gitlab.com/group/project",
		"https://gitlab.com/~user/project":              "https://gitlab.com/~user/project",
		"https://[2001:db8::1]/p.git":                   "https://[2001:db8::1]/p.git",
		"ssh://git@gitlab.com/group/project.git":        "ssh://git@gitlab.com/group/project.git",
		"ssh://gitlab.com:2222/group/project.git":       "ssh://git@gitlab.com:2222/group/project.git",
		"git@gitlab.com:group/project.git":              "git@gitlab.com:group/project.git",
		"deploy@host.example:/srv/git/p.git":            "ssh://deploy@host.example/srv/git/p.git",
		"http://127.0.0.1:3000/p.git":                   "http://127.0.0.1:3000/p.git",
		"http://localhost/p.git":                        "http://localhost/p.git",
		"http://[::1]:3000/p.git":                       "http://[::1]:3000/p.git",
		"https://gitlab.com/group/project.with-dots_.1": "https://gitlab.com/group/project.with-dots_.1",
	}
	refused := []string{
		"", "-x", "--upload-pack=touch x", "-oProxyCommand=touch x", "ext::sh -c touch% x", "fd::17/foo", "file:///etc", "file://localhost/etc",
		"git://example.com/p.git", "ftp://example.com/p.git", "rsync://example.com/p", "javascript://x/%0aalert(1)", "data://x/y",
		"http://example.com/p.git", "http://10.0.0.1/p.git", "http://169.254.169.254/latest", "http://0x7f.1/p", "http://2130706433/p", "http://[::ffff:10.0.0.1]/p",
		"http://localhost.example.com/p", "https://user@gitlab.com/p.git", "https://user:canary@gitlab.com/p.git", "https://oauth2:canary@gitlab.com/p.git",
		"https://canary@gitlab.com/p.git", "ssh://git:canary@gitlab.com/p.git", "user:canary@gitlab.com:p.git", "https:/user:canary@gitlab.com/p.git",
		"https://gitlab.com/p.git?private_token=canary", "https://gitlab.com/p.git#canary", "https://gitlab.com/p.git?", "https://gitlab.com", "https://gitlab.com/", "https:///p.git",
		"ssh://-oProxyCommand=x/p", "ssh://-x@host/p", "-x@host:p", "ssh://git@host/-x", "git@host:-x", "git@-host:p", "git@host:", "ssh://git@host",
		"ssh://git@host/a'b", "ssh://git@host/$(touch x)", "ssh://git@host/`x`", "ssh://git@host/a;b", "ssh://git@host/a%27b", "ssh://git@host/a%0ab", "git@host:a b", "git@host:a'b", "git@host:a\\b",
		"ssh://git@host/../../etc", "https://gitlab.com/a/../b", "git@host:../x", "https://gitlab.com/a\nb", "https://gitlab.com/a\x00b", "https://gitlab.com/a\x1bb", "https://gitlab.com/%2e%2e/x",
		"https://host:99999/p", "https://host:0/p", "https://ho st/p", "https://host%0a/p", "https://host_/p", "ssh://git@host:22x/p", "https://host/a b", "https://[::1/p",
		"https://" + strings.Repeat("a", 3000), "ssh://git@[fe80::1%25eth0;x]/p",
	}
	for location, want := range accepted {
		s, err := repo.Open(context.Background(), location, repo.Options{Store: filepath.Join(t.TempDir(), "git")})
		if err != nil {
			t.Errorf("%s: %v", location, err)
			continue
		}
		if s.String() != want {
			t.Errorf("%s is known as %s, want %s", location, s, want)
		}
	}
	for _, location := range refused {
		dir := filepath.Join(t.TempDir(), "git")
		_, err := repo.Open(context.Background(), location, repo.Options{Store: dir})
		if err == nil {
			t.Errorf("%q was accepted", location)
			continue
		}
		if strings.Contains(err.Error(), "canary") || strings.ContainsAny(err.Error(), "\x1b\x00\n") {
			t.Errorf("%q: the error is not fit to be shown: %q", location, err)
		}
	}
	t.Logf("S4: %d of %d hostile locations refused, %d usual ones accepted", len(refused), len(refused), len(accepted))
}

func TestMaskURL(t *testing.T) {
	for location, want := range map[string]string{
		"https://gitlab.com/p.git":                         "https://gitlab.com/p.git",
		"https://user:canary@gitlab.com/p.git":             "https://***@gitlab.com/p.git",
		"https://canary@gitlab.com/p.git":                  "https://***@gitlab.com/p.git",
		"https://u:a@b@gitlab.com/p.git":                   "https://***@gitlab.com/p.git",
		"https://gitlab.com/p.git?private_token=canary":    "https://gitlab.com/p.git?***",
		"https://gitlab.com/p.git?a=b#canary":              "https://gitlab.com/p.git?***",
		"https://gitlab.com/p.git#canary":                  "https://gitlab.com/p.git#***",
		"https://gitlab.com?private_token=canary@evil/x":   "https://gitlab.com?***",
		"ssh://git@gitlab.com/p.git":                       "ssh://git@gitlab.com/p.git",
		"ssh://git:canary@gitlab.com/p.git":                "ssh://***@gitlab.com/p.git",
		"git@gitlab.com:p.git":                             "git@gitlab.com:p.git",
		"user:canary@gitlab.com:p.git":                     "***@gitlab.com:p.git",
		"/srv/git/p.git":                                   "/srv/git/p.git",
		"./stacks/prod":                                    "./stacks/prod",
		"https:/user:canary@gitlab.com":                    "https:/***@gitlab.com",
		"gitlab.com/p.git?private_token=canary":            "gitlab.com/p.git?***",
		"https://gitlab.com/@scope/p.git":                  "https://gitlab.com/@scope/p.git",
		"https://%63anary@gitlab.com/p?x=https://u:p@host": "https://***@gitlab.com/p?***",
	} {
		if got := repo.MaskURL(location); got != want {
			t.Errorf("%s is masked as %s, want %s", location, got, want)
		}
	}
}
