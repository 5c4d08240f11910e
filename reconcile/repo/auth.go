package repo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A login is a user and secret for https, and where they come from.
type login struct {
	user  string
	token reconcile.Secret
	from  string
}

// env looks a variable up.
func (a Auth) env(name string) string {
	if a.Env != nil {
		return a.Env(name)
	}
	return os.Getenv(name)
}

// login finds the credentials for a host. None is no error: the repository may
// be public.
func (a Auth) login(host string) (login, error) {
	user := first(a.Username, a.env("RECONCILE_GIT_USERNAME"), "oauth2")
	if token := a.Token.Reveal(); token != "" {
		return newLogin(user, token, "the configuration")
	}
	if a.TokenFile != "" {
		return loginFile(user, a.TokenFile)
	}
	if token := a.env("RECONCILE_GIT_TOKEN"); token != "" {
		return newLogin(user, token, "RECONCILE_GIT_TOKEN")
	}
	if path := a.env("RECONCILE_GIT_TOKEN_FILE"); path != "" {
		return loginFile(user, path)
	}
	if server := a.env("CI_SERVER_HOST"); server != "" && strings.EqualFold(server, host) {
		return newLogin("gitlab-ci-token", a.env("CI_JOB_TOKEN"), "CI_JOB_TOKEN")
	}
	return login{}, nil
}

func loginFile(user, path string) (login, error) {
	text, err := readPrivate(path)
	if err != nil {
		return login{}, fmt.Errorf("read the Git token: %w", err)
	}
	return newLogin(user, strings.TrimSpace(string(text)), path)
}

func newLogin(user, token, from string) (login, error) {
	if strings.ContainsFunc(user+token, isControl) {
		return login{}, fmt.Errorf("the Git token of %s holds control characters; write it on one line", from)
	}
	return login{user: user, token: reconcile.NewSecret(token), from: from}, nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// maxSecret bounds a file that holds a secret, in bytes.
const maxSecret = 64 << 10

// readPrivate reads a secret's file, which nobody but its owner may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxSecret:
		return nil, fmt.Errorf("%s: it is not a file that could hold a secret", path)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("%s: others than its owner may read it; run chmod 600 on it", path)
	}
	return os.ReadFile(path)
}

// knownHosts are the files that say which server is which.
func (a Auth) knownHosts() ([]string, error) {
	if path := first(a.KnownHosts, a.env("RECONCILE_KNOWN_HOSTS")); path != "" {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("read known hosts: %w", err)
		}
		return []string{path}, nil
	}
	files := []string{"/etc/ssh/ssh_known_hosts"}
	if home := first(a.env("HOME"), a.env("USERPROFILE")); home != "" {
		files = append(files, filepath.Join(home, ".ssh", "known_hosts"))
	}
	var found []string
	for _, path := range files {
		if exists(path) {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("there is no ~/.ssh/known_hosts to know the server by; write one with ssh-keyscan, compare it with what the provider publishes, and name it in RECONCILE_KNOWN_HOSTS")
	}
	return found, nil
}
