package repo_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// A token comes from one place, goes to one host, and is in no error.
func TestCredentials(t *testing.T) {
	var seen atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, token, _ := r.BasicAuth()
		seen.Store(user + ":" + token)
		// A server that repeats what it was told, as some do.
		w.Header().Set("Content-Type", "text/canary-"+token)
		if strings.HasPrefix(r.URL.Path, "/401") {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte("canary-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(dir, "public")
	writeFile(t, public, "canary-public")
	cases := []struct {
		name string
		auth repo.Auth
		env  map[string]string
		want string
	}{
		{"none", repo.Auth{}, nil, ":"},
		{"token", repo.Auth{}, map[string]string{"RECONCILE_GIT_TOKEN": "canary-env"}, "oauth2:canary-env"},
		{"user", repo.Auth{}, map[string]string{"RECONCILE_GIT_TOKEN": "canary-env", "RECONCILE_GIT_USERNAME": "bot"}, "bot:canary-env"},
		{"file", repo.Auth{}, map[string]string{"RECONCILE_GIT_TOKEN_FILE": file}, "oauth2:canary-file"},
		{"public file", repo.Auth{}, map[string]string{"RECONCILE_GIT_TOKEN_FILE": public}, ""},
		{"no file", repo.Auth{}, map[string]string{"RECONCILE_GIT_TOKEN_FILE": file + "x"}, ""},
		{"two lines", repo.Auth{}, map[string]string{"RECONCILE_GIT_TOKEN": "canary\nHost: x"}, ""},
		{"job token", repo.Auth{}, map[string]string{"CI_JOB_TOKEN": "canary-job", "CI_SERVER_HOST": "127.0.0.1"}, "gitlab-ci-token:canary-job"},
		{"job token for another host", repo.Auth{}, map[string]string{"CI_JOB_TOKEN": "canary-job", "CI_SERVER_HOST": "gitlab.example"}, ":"},
		{"token before job token", repo.Auth{}, map[string]string{"RECONCILE_GIT_TOKEN": "canary-env", "CI_JOB_TOKEN": "canary-job", "CI_SERVER_HOST": "127.0.0.1"}, "oauth2:canary-env"},
		{"configured", repo.Auth{Token: reconcile.NewSecret("canary-set"), Username: "me"}, map[string]string{"RECONCILE_GIT_TOKEN": "canary-env"}, "me:canary-set"},
		{"configured file", repo.Auth{TokenFile: file}, map[string]string{"RECONCILE_GIT_TOKEN": "canary-env"}, "oauth2:canary-file"},
	}
	for _, c := range cases {
		for _, path := range []string{"/r.git", "/401/r.git"} {
			seen.Store("")
			c.auth.Env = func(name string) string { return c.env[name] }
			_, _, err := open(t, server.URL+path, repo.Options{Store: store(t), Auth: c.auth}).Tree(context.Background())
			if err == nil {
				t.Fatalf("%s: no error", c.name)
			}
			if seen.Load() != c.want {
				t.Errorf("%s: the server saw %q, want %q (%v)", c.name, seen.Load(), c.want, err)
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%+v", c.auth)} {
				for _, secret := range []string{"canary-env", "canary-file", "canary-public", "canary-job", "canary-set"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s: a secret is in %s", c.name, text)
					}
				}
			}
		}
	}
	t.Logf("S10: %d credentials, 0 in errors", 2*len(cases))
}

// A certificate that nobody vouches for ends the conversation before the token
// is sent.
func TestUntrustedServer(t *testing.T) {
	var heard atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	auth := lookup(map[string]string{"RECONCILE_GIT_TOKEN": "canary"})
	_, _, err := open(t, server.URL+"/r.git", repo.Options{Store: store(t), Auth: auth}).Tree(context.Background())
	if err == nil || heard.Load() != 0 || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v after %d requests", err, heard.Load())
	}
}
