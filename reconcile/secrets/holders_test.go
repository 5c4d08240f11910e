package secrets_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

// hostile is a file that whoever writes to a repository makes by hand: it names
// who is to be asked for its key.
func hostile(keys string) []byte {
	return []byte(`{"a": "ENC[AES256_GCM,data:YQ==,iv:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]", "sops": {` + keys +
		`, "lastmodified": "2026-11-21T09:00:00Z", "mac": "ENC[AES256_GCM,data:YQ==,iv:AAAA,tag:AAAA,type:str]", "version": "3.9.0"}}`)
}

func vaultKey(address, engine, name string) string {
	return fmt.Sprintf(`"hc_vault": [{"vault_address": %q, "engine_path": %q, "key_name": %q, "created_at": "2026-11-21T09:00:00Z", "enc": "vault:v1:eA=="}]`, address, engine, name)
}

// TestS21Vault: no file of a repository decides over where a credential is sent.
func TestS21Vault(t *testing.T) {
	noKeys(t)
	t.Setenv("VAULT_TOKEN", "c4nary-vault-token")
	t.Setenv("SOPS_HC_VAULT_ALLOWLIST", "")
	var asked, tokens atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("X-Vault-Token") != "" {
			tokens.Add(1)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	tests := []struct {
		name, address, engine, key string
		allow                      secrets.Holders
		asked                      bool
	}{
		{"nobody is allowed", server.URL, "transit", "shop", nil, false},
		{"another is allowed", server.URL, "transit", "shop", secrets.Holders{"hc_vault=https://vault.example.com"}, false},
		{"another port", server.URL, "transit", "shop", secrets.Holders{"hc_vault=http://127.0.0.1:1"}, false},
		{"another scheme", server.URL, "transit", "shop", secrets.Holders{"hc_vault=https://" + host}, false},
		{"another sort", server.URL, "transit", "shop", secrets.Holders{"azure_kv=" + server.URL}, false},
		{"another engine", server.URL, "kv", "shop", secrets.Holders{"hc_vault=" + server.URL + "/v1/transit"}, false},
		{"another key", server.URL, "transit", "shop2", secrets.Holders{"hc_vault=" + server.URL + "/v1/transit/keys/shop"}, false},
		{"user before the host", "http://vault.example.com@" + host, "transit", "shop", secrets.Holders{"hc_vault=http://vault.example.com"}, false},
		{"a path before the engine", server.URL + "/v1/transit/keys/shop/..", "x", "y", secrets.Holders{"hc_vault=" + server.URL}, false},
		{"a question", server.URL + "?x=", "transit", "shop", secrets.Holders{"hc_vault=" + server.URL}, false},
		{"out of the engine", server.URL, "transit", "../../secret/data/x", secrets.Holders{"hc_vault=" + server.URL}, false},
		{"above the engine", server.URL, "../sys", "shop", secrets.Holders{"hc_vault=" + server.URL}, false},
		{"an escape", server.URL, "transit", "%2e%2e/x", secrets.Holders{"hc_vault=" + server.URL}, false},
		{"the server is allowed", server.URL, "transit", "shop", secrets.Holders{"hc_vault=" + server.URL}, true},
		{"the key is allowed", server.URL, "transit", "shop", secrets.Holders{"hc_vault=" + server.URL + "/v1/transit/keys/shop"}, true},
	}
	refused := 0
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			asked.Store(0)
			from := in("s.json", hostile(vaultKey(test.address, test.engine, test.key)))
			from.Holders = test.allow
			_, err := from.Lookup(t.Context(), sops("s.json", "a"))
			if err == nil || strings.Contains(err.Error(), "c4nary") {
				t.Fatalf("error %v", err)
			}
			if got := asked.Load() > 0; got != test.asked {
				t.Fatalf("asked %v, want %v: %v", got, test.asked, err)
			}
			if !test.asked {
				refused++
			}
		})
	}
	if tokens.Load() == 0 {
		t.Error("the server never got the token, not even where it may: the test sees nothing")
	}
	t.Logf("S21: %d of %d files by which a token would have left are refused", refused, len(tests)-2)
}

func TestHolders(t *testing.T) {
	noKeys(t)
	arn := "arn:aws:kms:eu-west-1:123456789012:key/1234"
	kms := func(arn, role, profile string) string {
		return fmt.Sprintf(`"kms": [{"arn": %q, "role": %q, "aws_profile": %q, "created_at": "2026-11-21T09:00:00Z", "enc": "eA=="}]`, arn, role, profile)
	}
	const denied = "is not among the key services that may be asked"
	tests := []struct {
		name, keys string
		allow      secrets.Holders
		want       string
	}{
		{"KMS", kms(arn, "", ""), nil, denied},
		{"KMS of another account", kms(arn, "", ""), secrets.Holders{"kms=arn:aws:kms:eu-west-1:999999999999:*"}, denied},
		{"KMS by any role", kms(arn, "arn:aws:iam::1:role/x", ""), secrets.Holders{"kms=arn:aws:kms:eu-west-1:123456789012:*"}, denied},
		{"KMS by any profile", kms(arn, "", "admin"), secrets.Holders{"kms=arn:aws:kms:eu-west-1:123456789012:*"}, denied},
		{"KMS in a region that is a host", kms("arn:aws:kms:evil.example/:1:key/1", "", ""), secrets.Holders{"kms=arn:aws:kms:eu-west-1:1:*"}, denied},
		{"GCP", `"gcp_kms": [{"resource_id": "projects/p/locations/l/keyRings/r/cryptoKeys/k", "created_at": "2026-11-21T09:00:00Z", "enc": "eA=="}]`, secrets.Holders{"gcp_kms=projects/q/*"}, denied},
		{"Azure", `"azure_kv": [{"vault_url": "https://evil.example", "name": "k", "version": "1", "created_at": "2026-11-21T09:00:00Z", "enc": "eA=="}]`, secrets.Holders{"azure_kv=https://shop.vault.azure.net"}, denied},
		{"Azure on a host that begins alike", `"azure_kv": [{"vault_url": "https://shop.vault.azure.net.evil.example", "name": "k", "version": "1", "created_at": "2026-11-21T09:00:00Z", "enc": "eA=="}]`, secrets.Holders{"azure_kv=https://shop.vault.azure.net"}, denied},
		{"Huawei", `"hckms": [{"key_id": "eu-west-1:abc", "created_at": "2026-11-21T09:00:00Z", "enc": "eA=="}]`, nil, denied},
		{"age recipient with a command", `"age": [{"recipient": "age1$(touch x)", "enc": "x"}]`, nil, "age key is not of the usual form"},
		{"PGP fingerprint that is an option", `"pgp": [{"fp": "--output=x", "created_at": "2026-11-21T09:00:00Z", "enc": "x"}]`, nil, "pgp key is not of the usual form"},
		{"PGP message that is for no key", `"pgp": [{"fp": "85D77543B3D624B63CEA9E6DBC17301B491B3F21", "created_at": "2026-11-21T09:00:00Z", "enc": "-----BEGIN PGP MESSAGE-----\n\nowGbwMvMwMH4\n-----END PGP MESSAGE-----"}]`, nil, "pgp key is not of the usual form"},
		{"PGP message for a key", `"pgp": [{"fp": "85D77543B3D624B63CEA9E6DBC17301B491B3F21", "created_at": "2026-11-21T09:00:00Z", "enc": "-----BEGIN PGP MESSAGE-----\n\nhQIMA0t4uZHf\n-----END PGP MESSAGE-----"}]`, nil, "it is encrypted for pgp 85D77543B3D624B63CEA9E6DBC17301B491B3F21, and no key at hand"},
		{"a key that makes SOPS stumble", `"kms": [{"arn": "` + arn + `", "context": {"a": null}, "created_at": "2026-11-21T09:00:00Z", "enc": "eA=="}]`, nil, "not as SOPS writes it"},
		{"no key", `"age": []`, nil, "s.json c"},
		{"very many keys", `"age": [` + strings.TrimSuffix(strings.Repeat(`{"recipient": "age1x", "enc": "x"},`, 65), ",") + `]`, nil, "encrypted with 65 keys"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			from := in("s.json", hostile(test.keys))
			from.Holders = test.allow
			if _, err := from.Lookup(t.Context(), sops("s.json", "a")); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestHoldersErr(t *testing.T) {
	good := secrets.Holders{"hc_vault=https://vault.example.com:8200", "hc_vault=https://v/v1/transit/keys/a", "azure_kv=https://x.vault.azure.net",
		"kms=arn:aws:kms:eu-west-1:123456789012:*", "gcp_kms=projects/p/*", "hckms=eu-west-1:*"}
	if err := good.Err(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "age", "vault=https://v", "hc_vault=", "hc_vault=v.example.com", "hc_vault=https://*", "hc_vault=https://u@v", "hc_vault=https://v?x",
		"azure_kv=*", "kms=*", "kms=arn:aws:kms:*", "kms=arn:*:kms:eu-west-1:1:key/1", "gcp_kms=*"} {
		if err := (secrets.Holders{bad}).Err(); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
