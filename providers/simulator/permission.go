package simulator

import (
	"slices"
	"strings"
)

// A permissionSet is what IAM lets its bearer do. The names and what they are
// for stand in https://www.scaleway.com/en/docs/iam/reference-content/permission-sets/;
// which routes each covers is guessed from that.
type permissionSet struct {
	name  string
	areas []string
	write bool
}

var permissionSets = []permissionSet{
	{"AllProductsFullAccess", []string{"containers", "ssh_key", "secrets", "secret values"}, true},
	{"AllProductsReadOnly", []string{"containers", "ssh_key", "secrets"}, false},
	{"ContainersFullAccess", []string{"containers"}, true},
	{"ContainersReadOnly", []string{"containers"}, false},
	{"SecretManagerFullAccess", []string{"secrets", "secret values"}, true},
	{"SecretManagerReadOnly", []string{"secrets"}, false},
	{"SecretManagerSecretAccess", []string{"secret values"}, false},
	{"SSHKeysFullAccess", []string{"ssh_key"}, true},
	{"SSHKeysReadOnly", []string{"ssh_key"}, false},
	{"ProjectManager", []string{"project"}, true},
	{"ProjectReadOnly", []string{"project"}, false},
	{"IAMManager", []string{"api_key", "project", "user", "application"}, true},
	{"IAMReadOnly", []string{"api_key", "user", "application"}, false},
	{"IAMApplicationManager", []string{"api_key", "application"}, true},
	{"IAMApplicationReadOnly", []string{"api_key", "application"}, false},
	{"AuditTrailReadOnly", []string{"audit trail"}, false},
}

// area is what a route is about, as permission sets part it.
func (r *route) area() string {
	switch {
	case strings.HasPrefix(r.path, containersPath):
		return "containers"
	case strings.HasPrefix(r.path, secretsPath) && strings.HasSuffix(r.path, "/access"):
		return "secret values"
	case strings.HasPrefix(r.path, secretsPath):
		return "secrets"
	case strings.HasPrefix(r.path, auditPath):
		return "audit trail"
	}
	return r.resource()
}

func (k Key) permits(rt *route) bool {
	return len(k.Permissions) == 0 || slices.ContainsFunc(permissionSets, func(p permissionSet) bool {
		return slices.Contains(k.Permissions, p.name) && slices.Contains(p.areas, rt.area()) && (p.write || !rt.write())
	})
}
