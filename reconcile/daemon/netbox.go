package daemon

import (
	"fmt"
	"net/url"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Named tells whether the operator says where NetBox is; else the environment does.
func (n NetBox) Named() bool { return n.URL != "" }

// Bounds are what no stack can go beyond.
func (n NetBox) Bounds() reconcile.Inventory {
	return reconcile.Inventory{Tenants: n.Tenants, Sites: n.Sites, Tag: n.Tag, WriteBack: n.WriteBack}
}

// writeBacks are the words of writeBack, the least first.
var writeBacks = []string{"none", "journal-only", "direct"}

// Narrow brings what a stack says of NetBox within the operator's bounds, and says
// what that changes. Tenants, sites and tag count beside the stack's own.
func (n NetBox) Narrow(of *reconcile.Stack) (notes reconcile.Problems) {
	most := slices.Index(writeBacks, n.WriteBack)
	if most < 0 || slices.Index(writeBacks, of.Inventory.WriteBack) <= most {
		return nil
	}
	note := reconcile.Problem{Pos: of.Inventory.Pos, Warning: true, Message: fmt.Sprintf("inventory.writeBack is %s: the operator allows no more than that, the stack says %s", n.WriteBack, of.Inventory.WriteBack)}
	if note.Pos.IsZero() {
		note.Pos = of.Pos
	}
	of.Inventory.WriteBack = n.WriteBack
	return reconcile.Problems{note}
}

// netbox checks where NetBox is.
func (c *checker) netbox() {
	n := c.config.NetBox
	c.ref("netbox.token", n.Token, n.Named())
	switch {
	case n.Named():
		if flaw := netboxFlaw(n.URL); flaw != "" {
			c.add("netbox.url", "", "netbox.url: %s", flaw)
		}
	case !n.Token.IsZero():
		c.add("netbox.token", "", "netbox.token: is for the NetBox at url, which is not named here")
	case n.CA != "":
		c.add("netbox.ca", "", "netbox.ca: is for the NetBox at url, which is not named here; the environment's is NETBOX_CA")
	}
}

func netboxFlaw(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || !webAddress(address):
		return "wants an address, such as https://netbox.example.com, without a user, query or fragment"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "wants https, as the token would be sent in clear; plain http goes to this machine only"
	}
	return ""
}
