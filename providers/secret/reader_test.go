package secret_test

import (
	"errors"
	"strings"
	"testing"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"

	"gitlab.com/reconciled/reconciled/providers/secret"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestReader(t *testing.T) {
	p := simulated(t)
	ours := p.create("database", fields{"path": "/shop", "value": "canary-1"})
	p.apply(ours, fields{"path": "/shop", "value": "canary-2"})
	p.create("database", fields{"path": "/other", "value": "canary-3"})
	unmarked, err := p.CreateSecret(&sdk.CreateSecretRequest{Region: "fr-par", ProjectID: p.client.Project, Name: "empty"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.EnableSecretVersion(&sdk.EnableSecretVersionRequest{Region: "fr-par", SecretID: ours.ID, Revision: "1"}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, name, revision string
		value                string
		key                  reconcile.Key
		class                reconcile.Class
	}{
		{path: "/shop", name: "database", value: "canary-2", key: "Secret/database"},
		{path: "/shop/", name: "database", revision: "latest", value: "canary-2", key: "Secret/database"},
		{path: "shop", name: "database", revision: "1", value: "canary-1", key: "Secret/database"},
		{path: "/other", name: "database", value: "canary-3", key: "Secret/database"},
		{path: "/shop", name: "database", revision: "9", class: reconcile.NotFound},
		{path: "/", name: "database", class: reconcile.NotFound},
		{path: "/", name: "empty", class: reconcile.NotFound},
	} {
		value, owner, err := secret.Reader{Client: p.client}.Access(t.Context(), "fr-par", p.client.Project, test.path, test.name, test.revision)
		if value.Reveal() != test.value || reconcile.ClassOf(err) != test.class || err == nil && owner.Key != test.key {
			t.Errorf("%s %s %s: %v of %+v, %v", test.path, test.name, test.revision, value, owner, err)
		}
		if err != nil && !strings.Contains(err.Error(), test.name) {
			t.Errorf("the error does not say which secret: %v", err)
		}
	}
	found, err := secret.Reader{Client: p.client}.Find(t.Context(), "fr-par", p.client.Project, "/", "empty")
	if err != nil || found.ID != unmarked.ID || !found.Mark.IsZero() {
		t.Errorf("what nobody marked is %+v, %v", found, err)
	}
}

// To find a secret and to read its value are different permissions; what is
// missing is named.
func TestReaderWithoutPermission(t *testing.T) {
	p := simulated(t)
	p.create("database", fields{"value": "canary"})
	for key, set := range map[string][2]string{
		"33333333-3333-4333-8333-333333333333": {"SecretManagerReadOnly", "SecretManagerSecretAccess"},
		"44444444-4444-4444-8444-444444444444": {"ContainersReadOnly", "SecretManagerReadOnly"},
	} {
		p.sim.AddKey(simulator.Key{Secret: key, Permissions: []string{set[0]}})
		_, _, err := secret.Reader{Client: p.clientWith(key)}.Access(t.Context(), "fr-par", p.client.Project, "/", "database", "")
		var known *reconcile.Error
		if !errors.As(err, &known) || known.Class != reconcile.Forbidden || !strings.Contains(known.Fix, set[1]) {
			t.Errorf("with %s: %v", set[0], err)
		}
	}
}

// With the name filter broken, and many secrets, the right one is found.
func TestReaderAmongMany(t *testing.T) {
	p := simulated(t)
	for i := range 101 {
		name := "s" + strings.Repeat("x", i)
		if _, err := p.CreateSecret(&sdk.CreateSecretRequest{Region: "fr-par", ProjectID: p.client.Project, Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	p.create("wanted", fields{"value": "canary"})
	p.sim.AddFault(simulator.Fault{Kind: "any-name"})
	value, _, err := secret.Reader{Client: p.client}.Access(t.Context(), "fr-par", p.client.Project, "/", "wanted", "")
	if err != nil || value.Reveal() != "canary" {
		t.Errorf("%v, %v", value, err)
	}
	all, err := p.kind.List(t.Context(), p.scope)
	if err != nil || len(all) != 102 {
		t.Errorf("%d are listed, %v", len(all), err)
	}
}
