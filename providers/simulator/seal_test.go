package simulator_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// The hashes have the parameters that were recorded, and can be verified offline.
func TestSecretsAreRealHashes(t *testing.T) {
	server, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(server)
	defer h.Close()
	s := &sim{Server: server, t: t, url: h.URL, token: token}
	d := s.do(http.StatusOK, "POST", region+"/namespaces", `{"name":"a","secret_environment_variables":{"A":"value"}}`)
	hash := d["secret_environment_variables"].(doc)["A"].(string)
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || strings.Join(parts[:4], "$") != "$argon2id$v=19$m=65536,t=3,p=64" {
		t.Fatalf("the hash is %q", hash)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		t.Fatal(err)
	}
	want := base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte("value"), salt, 3, 65536, 64, 32))
	if parts[5] != want {
		t.Errorf("the hash is %s, want %s", parts[5], want)
	}
}
