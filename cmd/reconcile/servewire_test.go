package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/store"
	"gitlab.com/reconciled/reconciled/reconcile/web"
)

func TestClients(t *testing.T) {
	_, env := startSimulator(t)
	folder := t.TempDir()
	for name, value := range map[string]string{"access": env["SCW_ACCESS_KEY"] + "\n", "secret": env["SCW_SECRET_KEY"] + "\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const project = "22222222-2222-4222-8222-222222222222"
	credential := daemon.Credential{
		Name: "main", AccessKey: daemon.Ref{File: filepath.Join(folder, "access")}, SecretKey: daemon.Ref{File: filepath.Join(folder, "secret")},
		Project: project, Region: "nl-ams", APIURL: env["SCW_API_URL"], Rate: 10,
	}
	missing := daemon.Credential{Name: "missing", AccessKey: daemon.Ref{Env: "NOT_SET"}, SecretKey: daemon.Ref{File: filepath.Join(folder, "nowhere")}}
	config := &daemon.Config{Credentials: []daemon.Credential{credential, missing}}
	getenv := func(name string) string { return env[name] }
	m := newMasks()
	c := &clients{app: &app{getenv: getenv, home: t.TempDir()}, o: lineOptions{clock: reconcile.RealClock{}, getenv: getenv, masks: m}, made: map[daemon.Credential]connection{}}
	named, err := c.of(t.Context(), config, daemon.Entry{Credential: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if named.client.Project != project || named.client.Region != "nl-ams" || named.client.Zone != "" {
		t.Errorf("a named credential has project %s, region %s, zone %q: something of the environment", named.client.Project, named.client.Region, named.client.Zone)
	}
	if again, err := c.of(t.Context(), config, daemon.Entry{Credential: "main"}); err != nil || again.client != named.client {
		t.Errorf("stacks with one credential have two clients, and so two rates: %v", err)
	}
	if other, err := c.of(t.Context(), config, daemon.Entry{}); err != nil || other.client == named.client || other.client.Project != env["SCW_DEFAULT_PROJECT_ID"] {
		t.Errorf("without a name the environment's counts: %v", err)
	}
	if _, err := c.of(t.Context(), config, daemon.Entry{Credential: "missing"}); err == nil || !strings.Contains(err.Error(), "variable NOT_SET is not set") {
		t.Errorf("a credential that is not there: %v", err)
	}
	if text := m.clean("key " + env["SCW_SECRET_KEY"]); strings.Contains(text, env["SCW_SECRET_KEY"]) {
		t.Errorf("the secret key is logged: %s", text)
	}
	c.o.simulated = true
	if trial, err := c.of(t.Context(), config, daemon.Entry{Credential: "main"}); err != nil || trial.client == named.client {
		t.Errorf("a simulator was asked for, and a credential leads elsewhere: %v", err)
	}
}

func TestReveal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(" two words \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{getenv: func(name string) string { return map[string]string{"SET": "value"}[name] }}
	for _, test := range []struct {
		ref       daemon.Ref
		want, err string
	}{
		{ref: daemon.Ref{}},
		{ref: daemon.Ref{Env: "SET"}, want: "value"},
		{ref: daemon.Ref{File: file}, want: " two words "},
		{ref: daemon.Ref{Env: "UNSET"}, err: "variable UNSET is not set"},
		{ref: daemon.Ref{File: file + "s"}, err: "no such file"},
		{ref: daemon.Ref{File: os.DevNull}, err: "is empty"},
	} {
		got, err := a.reveal(test.ref)
		if got.Reveal() != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %q, %v", test.ref, got.Reveal(), err)
		}
	}
}

func TestWebSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(file, []byte("new-secret\nold-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := &daemon.Config{
		URL: "https://reconcile.example.com", Hosts: []string{"box"},
		Stacks: []daemon.Entry{
			{Name: "shop", URL: "https://gitlab.com/acme/infra.git", Branch: "main"}, {Name: "shop-test", URL: "git@gitlab.com:acme/infra.git"},
			{Name: "office", URL: "/srv/office"},
		},
		Webhooks: []daemon.Webhook{{Name: "gitlab", Secret: daemon.Ref{File: file}, Stacks: []string{"shop*"}}, {Name: "all", Secret: daemon.Ref{Env: "UNSET"}},
			{Name: "office", Secret: daemon.Ref{File: file}, Stacks: []string{"office"}}},
		OIDC: []daemon.OIDC{{Issuer: "https://gitlab.com", Audience: "reconcile", Claims: map[string]string{"project_path": "acme/infra"}, Role: "operate"}},
	}
	var log bytes.Buffer
	s := &serving{app: &app{getenv: func(string) string { return "" }}, masks: newMasks()}
	s.log = logger(&log, s.masks, "text", 0)
	got := s.settingsOf(config)
	if err := got.Check(); err != nil {
		t.Fatal(err)
	}
	want := []web.Branch{{Stack: "shop", Project: "acme/infra", Branch: "main"}, {Stack: "shop-test", Project: "acme/infra"}}
	if !reflect.DeepEqual(got.Hooks[0].Branches, want) {
		t.Errorf("the webhook may tell of %+v", got.Hooks[0].Branches)
	}
	if n := len(got.Hooks[1].Branches); n != 2 {
		t.Errorf("a webhook without stacks may tell of %d, want those of repositories", n)
	}
	if got.Hooks[2].Branches[0].Stack != "office" {
		t.Errorf("a webhook that names a folder may tell of %+v", got.Hooks[2].Branches)
	}
	if secrets := got.Hooks[0].Secrets(); !reflect.DeepEqual(secrets, []string{"new-secret", "old-secret"}) {
		t.Errorf("its secrets are %q", secrets)
	}
	if secrets := got.Hooks[1].Secrets(); len(secrets) != 0 || !strings.Contains(log.String(), "nobody can call it") {
		t.Errorf("a secret that cannot be read lets %d in: %s", len(secrets), log.String())
	}
	if got.Issuers[0].Role != reconcile.Operate || len(got.Stacks) != 3 {
		t.Errorf("%+v", got)
	}
}

func TestStoresOf(t *testing.T) {
	r := newRepository(t)
	if err := os.MkdirAll(filepath.Join(r.dir, "shop"), 0o755); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(r.dir, ".reconcile")
	if _, err := store.Prepare(own); err != nil {
		t.Fatal(err)
	}
	here := daemon.Entry{URL: filepath.Join(r.dir, "shop")}
	for _, test := range []struct {
		s    *serving
		e    daemon.Entry
		want string
	}{
		{&serving{folder: own}, here, "daemon local"},
		{&serving{folder: t.TempDir()}, here, "daemon"},
		{&serving{folder: own}, daemon.Entry{URL: "https://gitlab.com/acme/infra.git"}, "daemon"},
		{&serving{folder: own, shared: true}, here, "postgres daemon"},
		{&serving{folder: own, simulated: []string{"x=y"}}, daemon.Entry{}, "daemon local postgres"},
	} {
		if got := strings.Join(test.s.storesOf(test.e), " "); got != test.want {
			t.Errorf("%+v: %s, want %s", test.e, got, test.want)
		}
	}
}

func TestLeasing(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	l := newLeasing(st, nil)
	lease, err := l.Lease(t.Context(), "shop.12345678", "test")
	if err != nil || !l.holds("shop.12345678") {
		t.Fatalf("the lease is not counted: %v", err)
	}
	if _, err := l.Lease(t.Context(), "shop.12345678", "another"); err == nil || !l.holds("shop.12345678") {
		t.Errorf("a refusal changes what is held: %v", err)
	}
	for range 2 { // a second release does nothing
		if err := lease.Release(); err != nil {
			t.Fatal(err)
		}
		if l.holds("shop.12345678") {
			t.Error("a lease that was given back is still counted")
		}
	}
	if _, err := l.Standing(t.Context(), "shop"); reconcile.ClassOf(err) != reconcile.NotFound {
		t.Errorf("a stack that nobody looked at: %v", err)
	}
	if err := l.SaveStanding(t.Context(), reconcile.Standing{Name: "shop", Condition: reconcile.InSync, Looked: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if s, err := l.Standing(t.Context(), "shop"); err != nil || s.Condition != reconcile.InSync {
		t.Errorf("%+v, %v", s, err)
	}
}
