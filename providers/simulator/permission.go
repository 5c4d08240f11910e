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
	{"AllProductsFullAccess", []string{"containers", "ssh_key"}, true},
	{"AllProductsReadOnly", []string{"containers", "ssh_key"}, false},
	{"ContainersFullAccess", []string{"containers"}, true},
	{"ContainersReadOnly", []string{"containers"}, false},
	{"SSHKeysFullAccess", []string{"ssh_key"}, true},
	{"SSHKeysReadOnly", []string{"ssh_key"}, false},
	{"ProjectManager", []string{"project"}, true},
	{"ProjectReadOnly", []string{"project"}, false},
	{"IAMManager", []string{"api_key", "project"}, true},
	{"IAMReadOnly", []string{"api_key"}, false},
	{"IAMApplicationManager", []string{"api_key"}, true},
	{"IAMApplicationReadOnly", []string{"api_key"}, false},
}

// area is what a route is about, as permission sets part it.
func (r *route) area() string {
	if strings.HasPrefix(r.path, containersPath) {
		return "containers"
	}
	return r.resource()
}

func (k Key) permits(rt *route) bool {
	return len(k.Permissions) == 0 || slices.ContainsFunc(permissionSets, func(p permissionSet) bool {
		return slices.Contains(k.Permissions, p.name) && slices.Contains(p.areas, rt.area()) && (p.write || !rt.write())
	})
}
