package inventory

import (
	"fmt"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// outside is why a device is none that the stack may write, or a machine one
// whose device is not the stack's.
func (c *concern) outside() string {
	for _, i := range c.of {
		d := &c.devices[i]
		if !c.settings.Covers(d.row.Tenant.Slug, d.row.Site.Slug, slugs(d.row.Tags)) {
			return fmt.Sprintf("%s is tenant %s in site %s, which is outside of the stack's inventory", c.about(i), none(d.row.Tenant.Slug), none(d.row.Site.Slug))
		}
	}
	if c.machine || c.Live != nil || c.Want == nil {
		return ""
	}
	want := c.Want.Spec.(*Device)
	if !c.settings.Covers(want.Tenant, want.Site, []string{c.settings.Tag}) {
		return fmt.Sprintf("tenant %s and site %s are outside of the stack's inventory, so it would not be seen again once it is made", none(want.Tenant), none(want.Site))
	}
	return ""
}

func none(word string) string {
	if word == "" {
		return "(none)"
	}
	return word
}

// unclear keeps a machine as it is while it is not clear which device it is.
func (c *concern) unclear() string {
	if !c.makes() {
		return ""
	}
	sure := 0
	for _, i := range c.of {
		if slot, torn := c.torn[i]; torn {
			return fmt.Sprintf("%s says in %s that it is %s, and the server in its slot is %s; put right which it is, there or by the server's tag", c.about(i), FieldServer, c.devices[i].says(FieldServer), c.servers[slot].Resource.ID)
		}
		if c.machine && c.server >= 0 && c.rank[i] < byName {
			sure++
		}
	}
	if sure > 1 {
		return fmt.Sprintf("%s and %s both say that they are this server; leave it to one of them", c.about(c.of[0]), c.about(c.of[1]))
	}
	return ""
}

// project keeps a machine from being destroyed that is not in the project of its
// device's tenant, or whose tenant is not the one that Git names.
func (c *concern) project() string {
	if !c.machine || !c.destroys() || c.server < 0 {
		return ""
	}
	for _, i := range c.of {
		tenant := c.devices[i].row.Tenant.Slug
		project, mapped := c.settings.Projects[tenant]
		if is := c.servers[c.server].Project; mapped && is != "" && is != project {
			return fmt.Sprintf("it is in project %s, and tenant %s of %s belongs to project %s; nothing is destroyed until that is put right", is, tenant, c.about(i), project)
		}
	}
	return ""
}

// destroys tells whether a machine, a device, or what is on its disks goes away.
func (c *concern) destroys() bool {
	return c.Action == reconcile.Delete || c.Action == reconcile.Replace || c.Action == reconcile.Reinstall
}

// alone is why a deletion is not done on Git's word alone: it takes NetBox's, or
// the stack's leave to do without.
func (c *concern) alone() string {
	deletes := c.Action == reconcile.Delete || c.Action == reconcile.Replace && c.First == reconcile.Delete
	copied := c.Surplus && !c.machine
	if !deletes || c.settings.AutoDelete && !copied {
		return ""
	}
	if c.Action == reconcile.Replace {
		return "it would be deleted before the new one is there, which takes inventory.autoDelete; or take it out of Git and say decommissioning in NetBox first"
	}
	for _, i := range c.of {
		if c.rankOf(i) < byName && c.devices[i].row.Status == "decommissioning" {
			return ""
		}
	}
	if copied && len(c.of) > 0 {
		return fmt.Sprintf("another device has its key too, as when somebody clones one; if %s is one of its own, take the tag %s and the fields of reconcile off it, else set it to decommissioning", c.about(c.of[0]), TagManaged)
	}
	if len(c.of) == 0 {
		return "Git no longer names it, and no device of NetBox says that it is decommissioned; inventory.autoDelete would do without that"
	}
	return fmt.Sprintf("Git no longer names it, and NetBox says %s of %s; set it to decommissioning there, or inventory.autoDelete in the stack", none(string(c.devices[c.of[0]].row.Status)), c.about(c.of[0]))
}

// rankOf is how sure it is that a device is what the change is about.
func (c *concern) rankOf(i int) rank {
	if c.machine {
		return c.rank[i]
	}
	return byServerID
}

// loses is why a device is not written: the live server says otherwise, and what
// is live wins.
func (c *concern) loses() string {
	if c.machine || c.Action != reconcile.Update || c.server < 0 || c.rank[c.of[0]] == byName {
		return ""
	}
	s, want := &c.servers[c.server], c.Want.Spec.(*Device)
	var wrong []string
	for i := range c.aspects {
		a := &c.aspects[i]
		says := map[Side]string{Git: a.device(want), Live: a.live(s)}
		writes := !a.same(says[Git], a.device(c.devices[c.of[0]].spec))
		if writes && a.wins.Sides[0] == Live && says[Git] != "" && says[Live] != "" && !a.agrees(Git, Live, says) {
			wrong = append(wrong, fmt.Sprintf("%s is %s and not %s", a.field, says[Live], says[Git]))
		}
	}
	if len(wrong) == 0 {
		return ""
	}
	return "the server " + s.Resource.ID + " says otherwise, and what is live wins: " + strings.Join(wrong, "; ") + "; mend the manifest"
}
