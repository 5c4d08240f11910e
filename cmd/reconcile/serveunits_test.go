package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store"
)

func TestLogsAreMasked(t *testing.T) {
	const canary = `c4n4ry"&/+?<long>enough-to-find`
	inJSON, err := json.Marshal(canary)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		m := newMasks()
		log := logger(&out, m, format, slog.LevelDebug)
		m.add(reconcile.NewSecret(canary), reconcile.NewSecret("abc"))
		forms := []string{
			canary, string(inJSON), url.QueryEscape(canary), base64.StdEncoding.EncodeToString([]byte(canary)), base64.URLEncoding.EncodeToString([]byte(canary)),
			fmt.Sprintf("%q", canary), "Authorization: Bearer " + canary,
		}
		for _, text := range forms {
			log.Info(text, "value", text, slog.Group("inside", "error", fmt.Errorf("it failed: %s", text)))
		}
		log.Debug("abc stays, or no text could be read")
		find(t, format, out.Bytes(), canary)
		if n := strings.Count(out.String(), reconcile.Masked); n < 3*len(forms) {
			t.Errorf("%s: %d values are masked, of %d:\n%s", format, n, 3*len(forms), out.String())
		}
		if !strings.Contains(out.String(), "abc stays") {
			t.Errorf("%s: a short value was masked", format)
		}
		if format == "json" {
			for line := range strings.Lines(out.String()) {
				if !json.Valid([]byte(line)) {
					t.Errorf("masked, it is no JSON any more: %s", line)
				}
			}
		}
	}
}

func TestMasksWatchTheEnvironment(t *testing.T) {
	m := newMasks()
	env := map[string]string{"RECONCILE_GIT_TOKEN": "glpat-0123456789", "RECONCILE_GIT_TOKEN_FILE": "/etc/token", "SCW_SECRET_KEY": "5ec4e7-of-ours", "HOME": "/home/leone"}
	watched := m.watched(func(name string) string { return env[name] })
	for name, value := range env {
		if watched(name) != value {
			t.Errorf("%s is not what it was", name)
		}
	}
	if got, want := m.clean("glpat-0123456789 /etc/token 5ec4e7-of-ours /home/leone"), "(secret) /etc/token (secret) /home/leone"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOneStack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "My Shop")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		flags serveFlags
		name  string
		poll  time.Duration
	}{
		{serveFlags{location: dir, branch: "prod"}, "my-shop", time.Second},
		{serveFlags{location: dir, path: "stacks/api"}, "api", time.Second},
		{serveFlags{location: "https://gitlab.com/acme/infra.git", allowEnv: []string{"APP_*"}}, "infra", 30 * time.Second},
		{serveFlags{location: "git@gitlab.com:acme/infra.git", path: "prod"}, "prod", 30 * time.Second},
	}
	for _, test := range tests {
		config, err := oneStack(test.flags)
		if err != nil {
			t.Fatal(err)
		}
		e := config.Stacks[0]
		if len(config.Stacks) != 1 || e.Name != test.name || e.Poll != test.poll || e.URL != test.flags.location || e.Branch != test.flags.branch || e.Path != test.flags.path {
			t.Errorf("%+v makes %+v", test.flags, e)
		}
		if len(e.Bounds.Env) != len(test.flags.allowEnv) || config.Listen != "127.0.0.1:7373" || e.Schedule == "" {
			t.Errorf("%+v: bounds %+v, listen %s, schedule %q", test.flags, e.Bounds, config.Listen, e.Schedule)
		}
	}
	if _, err := oneStack(serveFlags{location: "https://user:password@gitlab.com/acme/infra.git"}); err == nil || strings.Contains(err.Error(), "password@") {
		t.Errorf("a password in the URL: %v", err)
	}
}

func TestConfigFiles(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"good", "stacks: [{name: shop, url: https://gitlab.com/acme/infra.git}]\n", ""},
		{"empty", "", ""},
		{"no YAML", "stacks: [\n", "reconcile.yaml:"},
		{"unknown field", "stacks:\n- {name: shop, url: https://gitlab.com/a/b.git, brunch: main}\n", "did you mean"},
		{"two documents", "stacks: []\n---\nstacks: []\n", "a second document"},
	}
	for _, test := range tests {
		file := filepath.Join(t.TempDir(), "reconcile.yaml")
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := readConfig(file)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		var bad *badConfig
		if err == nil {
			continue
		}
		bad = err.(*badConfig)
		var shown bytes.Buffer
		if bad.tell(&shown); !strings.Contains(shown.String(), "reconcile.yaml:") {
			t.Errorf("%s: shown as %q", test.name, shown.String())
		}
	}
	if _, _, err := readConfig(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestStartToken(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	first, err := startToken(t.Context(), st, reconcile.Actor{User: "leone"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	second, err := startToken(t.Context(), st, reconcile.Actor{User: "leone"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := st.Tokens(t.Context())
	if err != nil || len(tokens) != 1 {
		t.Fatalf("%d tokens, %v", len(tokens), err)
	}
	bears := func(s reconcile.Secret) bool { return tokens[0].Bears(reconcile.HashToken(s.Reveal())) }
	if bears(first) || !bears(second) || tokens[0].Role != reconcile.Grant || !tokens[0].Lives(time.Now()) {
		t.Errorf("the token of the first start counts: %v, that of the second: %v; %+v", bears(first), bears(second), tokens[0])
	}
}

func TestAddress(t *testing.T) {
	for _, test := range []struct{ configured, at, want string }{
		{"", "127.0.0.1:7373", "http://127.0.0.1:7373"},
		{"", "0.0.0.0:80", "http://127.0.0.1:80"},
		{"", "[::]:80", "http://127.0.0.1:80"},
		{"", "[::1]:80", "http://[::1]:80"},
		{"", "0.0.0.0:443", "https://127.0.0.1:443"},
		{"", "127.0.0.1:443", "https://127.0.0.1:443"},
		{"https://reconcile.example.com", "0.0.0.0:80", "https://reconcile.example.com"},
	} {
		at, err := net.ResolveTCPAddr("tcp", test.at)
		if err != nil {
			t.Fatal(err)
		}
		secured := strings.HasSuffix(test.want, ":443")
		if got := address(test.configured, secured, at); got != test.want {
			t.Errorf("%s is %s, want %s", test.at, got, test.want)
		}
	}
}

func TestServeFlags(t *testing.T) {
	a := &app{err: &bytes.Buffer{}, getenv: func(name string) string { return map[string]string{"RECONCILE_ALLOW_ENV": "A, B_*"}[name] }}
	for _, test := range []struct {
		flags serveFlags
		want  string
	}{
		{serveFlags{}, "name a folder or a Git URL"},
		{serveFlags{location: ".", config: "x"}, "leave PATH"},
		{serveFlags{branch: "main", config: "x"}, "leave PATH"},
		{serveFlags{location: ".", format: "xml"}, "text and json"},
		{serveFlags{location: ".", level: "loud"}, "debug, info, warn and error"},
		{serveFlags{location: "."}, ""},
		{serveFlags{config: "x", level: "debug"}, ""},
	} {
		f := test.flags
		f.level = orElse(f.level, "info")
		_, err := f.check(a)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.flags, err, test.want)
		}
		if err == nil && (f.format != "json" || strings.Join(f.allowEnv, " ") != "A B_*") {
			t.Errorf("%+v becomes %+v", test.flags, f)
		}
	}
}

// TestTidyEnds shows that tidying ends with its context.
func TestTidyEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &serving{clock: reconcile.RealClock{}, line: &line{listings: reconcile.NewListings(reconcile.RealClock{}, time.Second)}}
	s.tidy(ctx)
}
