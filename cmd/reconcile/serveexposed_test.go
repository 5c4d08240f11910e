package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// TestS29ExposedSecrets: the files of secrets that others may read are told of.
func TestS29ExposedSecrets(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, mode os.FileMode) string {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at, mode); err != nil {
			t.Fatal(err)
		}
		return at
	}
	open, own := file("open", 0o644), file("own", 0o600)
	ref := func(at string) daemon.Ref { return daemon.Ref{File: at} }
	for name, config := range map[string]daemon.Config{
		"credential": {Credentials: []daemon.Credential{{SecretKey: ref(open)}, {SecretKey: ref(own)}}},
		"git":        {Git: []daemon.Git{{Token: ref(open)}, {SSHKey: ref(own)}}},
		"ssh":        {Git: []daemon.Git{{SSHKey: ref(open)}}},
		"hook":       {Webhooks: []daemon.Webhook{{Secret: ref(open)}}},
		"notify":     {Notify: []daemon.Notify{{URL: ref(own), Secret: ref(open)}}},
		"anchor":     {Checkpoints: daemon.Checkpoints{Anchors: []daemon.Anchor{{URL: ref(open)}}}},
		"key":        {Checkpoints: daemon.Checkpoints{Key: ref(open)}},
		"tls":        {TLS: daemon.TLS{Cert: own, Key: open}},
		"gitlab":     {GitLab: []daemon.GitLab{{Token: ref(open)}}},
		"netbox":     {NetBox: daemon.NetBox{Token: ref(open)}},
		"store":      {Store: daemon.StoreConfig{Postgres: ref(open)}},
	} {
		if got := exposed(secretFiles(&config)); !reflect.DeepEqual(got, []string{open}) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := exposed([]string{own, "", filepath.Join(dir, "nowhere"), dir}); got != nil {
		t.Errorf("%q", got)
	}
}
