package simulator

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Account v3 projects, IAM v1alpha1 SSH keys and API keys.

func project() *kind {
	return &kind{
		name: "project", missing: "project_id", path: "/account/v3/projects", param: "project_id", id: "id",
		list: "projects", pageSize: 50,
		orders: []string{"created_at", "name"},
		fields: []field{
			{key: "name", form: filledText(0), need: true},
			{key: "organization_id", form: uuidText, fixed: true, standard: `"` + organizationID + `"`},
			{key: "description", form: anyText(0), standard: `""`},
		},
		filters: []filter{
			equal("name", "name"), {"organization_id", inOrganization}, anyOf("project_ids", "id"),
		},
		derive: func(*object, doc, *object) doc {
			return doc{"status": "active", "qualification": doc{"architecture_type": "unknown_architecture_type"}}
		},
		written: doc{"qualification": nil},
	}
}

// anyOf filters by a parameter that may be repeated.
func anyOf(param, key string) filter {
	return filter{param, func(_ *object, d doc, want []string, _ time.Time) bool {
		for _, w := range want {
			if text(d, key) == w {
				return true
			}
		}
		return false
	}}
}

func sshKey() *kind {
	return &kind{
		name: "ssh_key", path: "/iam/v1alpha1/ssh-keys", param: "ssh_key_id", id: "id",
		list: "ssh_keys", pageSize: 20,
		orders: []string{"created_at", "updated_at", "name"},
		fields: []field{
			{key: "name", form: filledText(0), need: true},
			{key: "public_key", form: publicKey, fixed: true, need: true},
			{key: "project_id", form: uuidText, fixed: true, standard: `"` + projectID + `"`},
			{key: "disabled", form: boolean, standard: `false`},
		},
		filters: []filter{
			equal("name", "name"), {"organization_id", inOrganization}, {"project_id", inProject}, flag("disabled"),
		},
		derive: func(o *object, d doc, _ *object) doc {
			return doc{"organization_id": o.organization, "fingerprint": fingerprint(text(d, "public_key"))}
		},
	}
}

// publicKey drops the comment and what surrounds the key.
func publicKey(e *edit, path string, sent, _ any) any {
	s, _ := sent.(string)
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s))
	if err != nil {
		return e.refuse(path, "format", "value must be an SSH public key")
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// fingerprint is as ssh-keygen -l -E md5 prints it, with the key's type.
func fingerprint(public string) string {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(public))
	if err != nil {
		return ""
	}
	bits := 256
	if k, ok := key.(ssh.CryptoPublicKey); ok {
		switch k := k.CryptoPublicKey().(type) {
		case *rsa.PublicKey:
			bits = k.N.BitLen()
		case *ecdsa.PublicKey:
			bits = k.Curve.Params().BitSize
		}
	}
	return fmt.Sprintf("%d MD5:%s (%s)", bits, ssh.FingerprintLegacyMD5(key), key.Type())
}

func apiKey() *kind {
	return &kind{
		name: "api_key", missing: "access_key", path: "/iam/v1alpha1/api-keys", param: "access_key", id: "access_key",
		list: "api_keys", pageSize: 20,
		orders: []string{"created_at", "updated_at", "expires_at", "access_key"},
		fields: []field{
			{key: "application_id", form: uuidText, fixed: true},
			{key: "user_id", form: uuidText, fixed: true},
			{key: "description", form: anyText(200), standard: `""`},
			{key: "expires_at", form: timestamp, standard: `null`},
			{key: "default_project_id", form: uuidText, standard: `"` + projectID + `"`},
			{key: "secret_key", standard: `null`},
			{key: "editable", standard: `true`},
			{key: "deletable", standard: `true`},
			{key: "managed", standard: `false`},
			{key: "creation_ip", standard: `"127.0.0.1"`},
		},
		filters: []filter{
			equal("description", "description"), flag("editable"), {"expired", hasExpired},
			equal("access_key", "access_key"), anyOf("access_keys", "access_key"),
			equal("application_id", "application_id"), equal("user_id", "user_id"),
			{"bearer_id", func(_ *object, d doc, want []string, _ time.Time) bool {
				return text(d, "application_id") == want[0] || text(d, "user_id") == want[0]
			}},
			{"bearer_type", func(_ *object, d doc, want []string, _ time.Time) bool { return d[want[0]+"_id"] != nil }},
		},
		check:   checkBearer,
		derive:  func(*object, doc, *object) doc { return nil },
		created: issueSecret,
		removed: func(c *call, o *object) { c.world.revoke(o.id) },
	}
}

func hasExpired(_ *object, d doc, want []string, now time.Time) bool {
	return strconv.FormatBool(expired(d, now)) == want[0]
}

func checkBearer(d doc) []argument {
	if (d["application_id"] == nil) == (d["user_id"] == nil) {
		return []argument{{"application_id", "precisely one of application_id and user_id must be set", "constraint"}}
	}
	return nil
}

// issueSecret makes the secret of a new API key; only this answer shows it.
func issueSecret(c *call, o *object) doc {
	secret := c.world.newID()
	c.world.keys = append(c.world.keys, Key{AccessKey: o.id, Secret: secret})
	return doc{"secret_key": secret}
}
