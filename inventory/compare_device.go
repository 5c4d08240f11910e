package inventory

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func (c *comparison) compareDevices() {
	for i := range c.devices {
		d := &c.devices[i]
		key := c.keyOf(d.Resource)
		c.tagLost(d)
		if key == "" && !c.oursByServer(i) {
			continue
		}
		c.brakes(d, key)
		c.mapped(i, key)
		c.lost(i, key)
		for k := range c.aspects {
			c.compare(i, key, &c.aspects[k])
		}
	}
}

// oursByServer tells whether a device that is nobody's is a server of the stack.
func (c *comparison) oursByServer(i int) bool {
	s := c.sure(i)
	return s != nil && c.keyOf(s.Resource) != ""
}

// sure is the server that a device is, nil if that is not sure.
func (c *comparison) sure(i int) *server {
	if c.server[i] < 0 || c.rank[i] >= byName {
		return nil
	}
	return &c.servers[c.server[i]]
}

// about begins a finding about a device.
func (c *comparison) about(i int, class, severity string) reconcile.Finding {
	d := &c.devices[i]
	f := reconcile.Finding{Class: class, Severity: severity, Action: reports, Since: d.row.Updated, URL: d.url(), Object: d.ID}
	if s := c.sure(i); s != nil {
		f.Console = s.Machine.URL
	}
	return f
}

// update is the update of a device, nil if the plan has none.
func (c *comparison) update(d *device, key reconcile.Key) *reconcile.Change {
	if change := c.changes[key]; key != "" && change != nil && change.Want != nil && change.Live != nil && change.Live.ID == d.ID {
		return change
	}
	return nil
}

// compare holds what the three sides say about one aspect of a device against
// each other.
func (c *comparison) compare(i int, key reconcile.Key, a *aspect) {
	d, s, change := &c.devices[i], c.sure(i), c.update(&c.devices[i], key)
	says := map[Side]string{Git: c.git(key, s, a), NetBox: a.row(d)}
	if s != nil {
		says[Live] = a.live(s)
	}
	if a.all != nil && (says[Live] != "" || a.fact == factMAC) { // Git names only what is ours
		says[NetBox] = a.all(d)
	}
	if a.fact == factPlacement && !zone.MatchString(says[NetBox]) {
		says[Live] = "" // a site with a name of its own
	}
	side, spoke := a.wins.among(func(side Side) bool { return says[side] != "" })
	wrong := func(other Side) bool {
		return other != side && !a.agrees(other, side, says) && (says[other] != "" || other == NetBox)
	}
	switch {
	case !spoke && unanimous(says, a):
		return
	case spoke && !slices.ContainsFunc([]Side{Git, NetBox, Live}, wrong):
		c.unknownMAC(i, key, a, says, side)
		return
	case a.field == "status" && brake(d.row) == decommissioning, c.ignored(key, a), onlyGit(change, a) && !wrong(Live):
		return
	}
	f := c.about(i, a.class, warning)
	f.Field, f.Winner, f.Drift = a.field, string(side), key != "" && spoke
	f.Git, f.NetBox, f.Live = text(says[Git]), text(says[NetBox]), text(says[Live])
	if !spoke {
		f.Severity = info
	}
	if w := c.wish.ByKey[key]; w != nil {
		f.Pos = w.At(a.paths[0])
	}
	c.propose(&f, d, s, change, a, says, side)
	c.add(f, key, "device "+d.called())
}

// unanimous tells whether those that say anything say one thing.
func unanimous(says map[Side]string, a *aspect) bool {
	first := ""
	for _, side := range []Side{Git, NetBox, Live} {
		switch {
		case says[side] == "":
		case first == "":
			first = says[side]
		case !a.same(first, says[side]):
			return false
		}
	}
	return true
}

// zone is how sites are called that are zones of Scaleway.
var zone = regexp.MustCompile(`^[a-z]{2}-[a-z]{3}-[0-9]+$`)

// git is what Git says: in the device's manifest, else in that of its server.
func (c *comparison) git(key reconcile.Key, s *server, a *aspect) string {
	if w := c.wish.ByKey[key]; key != "" && w != nil && w.Kind.Name == DeviceKind {
		if value := a.device(w.Spec.(*Device)); value != "" {
			return value
		}
	}
	if s == nil {
		return ""
	}
	w := c.wish.ByKey[c.keyOf(s.Resource)]
	if w == nil || a.fact == factStatus {
		return ""
	}
	return a.live(asked(w))
}

// asked is the server that a manifest asks for, as far as Git says what it is.
func asked(w *reconcile.Wanted) *server {
	r := &reconcile.Resource{Kind: w.Kind.Name, Scope: w.Scope, Name: w.Name, Spec: w.Spec, Mark: reconcile.Mark{Key: w.Key}}
	return &server{r, w.Kind.Machine(r)}
}

// propose says what is done about a disagreement: only what gives the winner its way.
func (c *comparison) propose(f *reconcile.Finding, d *device, s *server, change *reconcile.Change, a *aspect, says map[Side]string, side Side) {
	value := says[side]
	if side != NetBox && value != "" && !a.agrees(NetBox, side, says) && change != nil && a.same(a.would(d, change.Want.Spec.(*Device)), value) {
		action := writesBack
		if side == Git {
			action = applies
		}
		by(f, change, action)
		return
	}
	if side == Git && s != nil && says[Live] != "" && !a.agrees(Live, side, says) {
		if other := c.changes[c.keyOf(s.Resource)]; other != nil && other.Live != nil && other.Want != nil {
			by(f, other, applies)
			return
		}
	}
	f.Says = advice(a, says, side)
	if change != nil && len(change.Held) > 0 && change.Held[0].Guard == guardName {
		f.Action, f.Says = blocks, change.Held[0].Reason
	}
}

// advice says what a person may do where nothing is proposed.
func advice(a *aspect, says map[Side]string, side Side) string {
	w := a.wins
	switch {
	case says[side] == "":
		return fmt.Sprintf("%s would decide, and says nothing", side)
	case says[Git] != "" && !a.agrees(Git, side, says):
		return fmt.Sprintf("write %s into the manifest, or change it there", says[side])
	case side == Live && !a.agrees(NetBox, side, says):
		return "no manifest writes it: declare the device, or write it in NetBox"
	}
	return w.Others
}

// ignored tells whether a rule lets the aspect be as it is.
func (c *comparison) ignored(key reconcile.Key, a *aspect) bool {
	return slices.ContainsFunc(c.plan.Ignored, func(g reconcile.Ignored) bool { return g.Key == key && a.touches(g.Path) })
}

// onlyGit tells whether nothing but Git has moved: the change says that itself.
func onlyGit(change *reconcile.Change, a *aspect) bool {
	moved := false
	for i := range changedFields(change) {
		if f := &change.Fields[i]; a.touches(f.Path) {
			if f.Label != reconcile.Pending {
				return false
			}
			moved = true
		}
	}
	return moved
}

func changedFields(change *reconcile.Change) []reconcile.FieldChange {
	if change == nil {
		return nil
	}
	return change.Fields
}

// unknownMAC notes that nobody can tell whether a MAC address is right.
func (c *comparison) unknownMAC(i int, key reconcile.Key, a *aspect, says map[Side]string, side Side) {
	if a.fact != factMAC || c.sure(i) == nil || says[Live] != "" || cmp.Or(says[Git], says[NetBox]) == "" {
		return
	}
	f := c.about(i, "mac-unknown", info)
	f.Field, f.Winner, f.Says = a.field, string(side), "Scaleway tells no MAC address of it, so it cannot be checked"
	f.Git, f.NetBox = text(says[Git]), text(says[NetBox])
	c.add(f, key, "device "+c.devices[i].called())
}

// brakes tells of what a person has put on hold.
func (c *comparison) brakes(d *device, key reconcile.Key) {
	word := brake(d.row)
	if word == "" {
		return
	}
	i := c.of(d.Resource)
	f := c.about(i, "held", warning)
	f.Field, f.NetBox, f.Winner, f.Action, f.Says = word, text("true"), string(winner(factBrake).Sides[0]), blocks, release[word]
	switch word {
	case quarantined:
		f.Class = "quarantined"
	case decommissioning:
		f.Field, f.NetBox = "status", text("decommissioning")
		if w := c.wish.ByKey[key]; key == "" || w == nil {
			return // Git has dropped it too: they agree
		}
		f.Git = text(c.wish.ByKey[key].Spec.(*Device).Status)
	}
	c.add(f, key, "device "+d.called())
}

// tagLost tells of a device that was ours and bears our tag no more.
func (c *comparison) tagLost(d *device) {
	if !d.Mark.IsZero() || c.adopted[d.ID] != "" {
		return
	}
	for _, key := range c.once[d.ID] {
		f := c.about(c.of(d.Resource), "unmanaged-tag-lost", serious)
		f.Field, f.Winner, f.Drift = "tag "+TagManaged, string(Git), true
		f.Says = "give it the tag back, or take it over: reconcile/adopt: " + d.ID
		if c.wish.ByKey[key] == nil {
			f.Severity, f.Drift, f.Says = info, false, "Git no longer names it, and it is nobody's"
		} else {
			f.Git = text(string(key))
		}
		if change := c.changes[key]; change != nil && len(change.Held) > 0 {
			f.Key, f.Action, f.Drift = key, blocks, false
		}
		c.add(f, key, "device "+d.called())
	}
}

// mapped tells of a server that is not in the project of its device's tenant.
func (c *comparison) mapped(i int, key reconcile.Key) {
	d, s := &c.devices[i], c.sure(i)
	project, ok := c.stack.Inventory.Projects[d.row.Tenant.Slug]
	if s == nil || !ok || s.Project == "" || s.Project == project {
		return
	}
	f := c.about(i, "tenant-project-mismatch", serious)
	f.Field, f.Winner, f.Drift, f.Pos = "project", string(winner(factProject).Sides[0]), true, c.stack.Inventory.Pos
	f.Git, f.NetBox, f.Live = text(project), text("tenant "+d.row.Tenant.Slug), text(s.Project)
	f.Says = "nothing is ever moved: put the tenant right in NetBox, or the project in inventory.projects"
	c.add(f, key, "device "+d.called())
}
