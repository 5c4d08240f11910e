package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// guardName is the guard's in holds.
const guardName = "inventory"

// lost tells of a device whose server is not there, or is another one than its slot's.
func (c *comparison) lost(i int, key reconcile.Key) {
	d := &c.devices[i]
	id := d.says(FieldServer)
	if slot, torn := c.torn[i]; torn {
		f := c.about(i, "duplicate-identity", serious)
		f.Field, f.NetBox, f.Live, f.Drift, f.Action = FieldServer, text(id), text(c.servers[slot].Resource.ID), true, blocks
		f.Winner, f.Console = string(winner(factBinding).Sides[0]), c.servers[slot].Machine.URL
		f.Says = "the server in its slot is another one; nothing is made or deleted until a person has put right which it is"
		c.add(f, key, "device "+d.called())
		return
	}
	if id == "" || c.server[i] >= 0 || d.row.Status == "decommissioning" || !c.listedThere(d) {
		return
	}
	f := c.about(i, "in-netbox-not-live", serious)
	f.Field, f.NetBox, f.Winner, f.Drift = FieldServer, text(id), string(winner(factExistence).Sides[0]), key != ""
	f.Says = "no such server is there: set the device to decommissioning, or write the ID of its server"
	if w := c.wish.ByKey[key]; key != "" && w != nil {
		f.Git = text(string(key))
	}
	c.add(f, key, "device "+d.called())
}

// listedThere tells whether the device's server would have been listed.
func (c *comparison) listedThere(d *device) bool {
	zone, project := d.says(FieldZone), d.says(FieldProject)
	machines := machineKinds(c.kinds)
	if len(machines) == 0 || project != "" && project != c.stack.Project {
		return false
	}
	covered := zone == ""
	for _, kind := range machines {
		for _, place := range c.stack.Listed(kind) {
			if zone != "" && place != zone && place != "" {
				continue
			}
			if !c.complete(kind.Name, c.stack.Scope(kind, place)) {
				return false
			}
			covered = true
		}
	}
	return covered
}

func (c *comparison) complete(kind string, in reconcile.Scope) bool {
	return slices.ContainsFunc(c.world.Receipts, func(r reconcile.Receipt) bool { return r.Kind == kind && r.Scope == in && r.Complete })
}

// duplicates tells of devices that say to be one machine.
func (c *comparison) duplicates() {
	for _, same := range []struct {
		field string
		of    func(*device) []string
	}{
		{FieldServer, func(d *device) []string { return []string{strings.ToLower(d.says(FieldServer))} }},
		{"serial", func(d *device) []string { return []string{plainSerial(d.row.Serial)} }},
		{"primary address", func(d *device) []string { return publicIPs([]string{d.row.Primary4.Address, d.row.Primary6.Address}) }},
	} {
		groups := map[string][]int{}
		for i := range c.devices {
			for _, word := range same.of(&c.devices[i]) {
				if word != "" {
					groups[word] = append(groups[word], i)
				}
			}
		}
		for word, group := range groups {
			if len(group) > 1 {
				c.duplicate(same.field, word, group)
			}
		}
	}
	for s, claims := range c.claims {
		var sure []int
		for _, claim := range claims {
			if claim.rank < byName {
				sure = append(sure, claim.device)
			}
		}
		if len(sure) > 1 && c.rank[sure[1]] != byServerID { // else they were told of by their IDs
			c.duplicate("server", c.servers[s].Resource.ID, sure)
		}
	}
}

func (c *comparison) duplicate(field, value string, group []int) {
	var others []string
	for _, i := range group[1:] {
		others = append(others, c.devices[i].called())
	}
	first := &c.devices[group[0]]
	f := c.about(group[0], "duplicate-identity", serious)
	f.Field, f.NetBox, f.Winner, f.Action, f.Drift = field, text(value), string(winner(factBinding).Sides[0]), blocks, true
	f.Says = fmt.Sprintf("%s says the same: leave it to one of them; its server is neither made nor deleted until then", strings.Join(others, ", "))
	c.add(f, c.keyOf(first.Resource), "device "+first.called())
}

// compareServers tells of servers that NetBox does not have, and of those that
// Git does not.
func (c *comparison) compareServers() {
	for i := range c.servers {
		s := &c.servers[i]
		key := c.keyOf(s.Resource)
		known := len(c.claims[i]) > 0 && c.claims[i][0].rank < byName
		f := reconcile.Finding{Severity: warning, Live: text(s.Resource.Name), Action: reports, Console: s.Machine.URL, Winner: string(winner(factExistence).Sides[0])}
		if known {
			f.NetBox, f.Object = text(c.devices[c.claims[i][0].device].called()), c.devices[c.claims[i][0].device].ID
			f.URL = c.devices[c.claims[i][0].device].url()
		}
		switch {
		case c.wish.ByKey[key] == nil && (key != "" || s.Mark.IsZero()):
			c.orphan(f, s, key)
		case key != "" && !known:
			c.unlisted(f, i, key)
		}
	}
}

// orphan is a server that Git does not name.
func (c *comparison) orphan(f reconcile.Finding, s *server, key reconcile.Key) {
	f.Class, f.Field, f.Says = "live-not-in-git", "existence", "take it over (reconcile/adopt: "+s.Resource.ID+"), or delete it by hand"
	if key == "" {
		f.Severity = info
	} else if change := c.changes[key]; change != nil {
		f.Says = ""
		by(&f, change, applies)
	}
	c.add(f, key, "server "+s.Resource.Name)
}

// unlisted is a server that NetBox does not have.
func (c *comparison) unlisted(f reconcile.Finding, i int, key reconcile.Key) {
	s := &c.servers[i]
	f.Class, f.Field, f.Git, f.Drift, f.Winner = "live-not-in-netbox", "existence", text(string(key)), true, string(Live)
	f.Says = "declare a Device for it, with server.id: " + s.Resource.ID
	if claims := c.claims[i]; len(claims) > 0 {
		d := &c.devices[claims[0].device]
		f.Says = fmt.Sprintf("candidate: device %s has its name; if it is it, write %s into its %s", d.called(), s.Resource.ID, FieldServer)
		f.URL, f.Object = d.url(), d.ID
	}
	if change := cmp.Or(c.coming[s.Resource.ID], c.coming[string(key)]); change != nil {
		f.Says = ""
		by(&f, change, writesBack)
	}
	c.add(f, key, "server "+s.Resource.Name)
}

// wanted tells of machines that Git names and that are not there.
func (c *comparison) wanted() {
	there := map[reconcile.Key]bool{}
	for i := range c.servers {
		there[c.keyOf(c.servers[i].Resource)] = true
	}
	slots := map[reconcile.Key]*device{}
	for i := range c.devices {
		for key := range above(c.devices[i].Mark.Key) {
			slots[key] = &c.devices[i]
		}
	}
	machines := machineKinds(c.kinds)
	for _, w := range c.wish.Ordered {
		change := c.changes[w.Key]
		if _, machine := machines[w.Kind.Name]; !machine || there[w.Key] || change == nil || change.Action != reconcile.Create {
			continue
		}
		f := reconcile.Finding{Class: "in-git-not-live", Severity: info, Field: "existence", Git: text(w.Name), Winner: string(winner(factExistence).Sides[0])}
		if change.Missing {
			f.Severity = warning
		}
		if d := slots[w.Key]; d != nil {
			f.NetBox, f.URL, f.Object = text(d.called()), d.url(), d.ID
		}
		by(&f, change, applies)
		c.add(f, w.Key, "")
	}
}

// pending tells of writes to NetBox that failed, or whose effect is not seen yet.
func (c *comparison) pending() {
	told := map[reconcile.Key]bool{}
	for i := range c.found {
		if f := &c.found[i]; f.Key != "" || f.Action == blocks {
			told[f.Key], told[reconcile.Key(f.Resource)] = true, true
		}
	}
	for _, change := range c.plan.Changes() {
		if change.Kind != DeviceKind || change.Surplus || change.Want == nil {
			continue
		}
		memo := c.world.Memory[change.Key]
		why := waits(change, memo)
		if why == "" || told[change.Key] && !memo.Write.Failed {
			continue
		}
		f := reconcile.Finding{Class: "writeback-pending", Severity: warning, Winner: string(Git), Since: memo.Write.At}
		if change.Live != nil {
			f.URL, f.Object = change.Live.Outputs["url"], change.Live.ID
		}
		by(&f, change, applies)
		f.Says = why
		f.Field = fieldsOf(change)
		c.add(f, change.Key, "")
	}
}

// waits is why a write to NetBox is still to come, "" if it was never tried and
// may run.
func waits(change *reconcile.Change, memo reconcile.Memo) string {
	at := clockTime(memo.Write.At)
	switch {
	case len(change.Held) > 0:
		return change.Held[0].Reason
	case memo.Write.Failed:
		return "NetBox refused it at " + at + "; it is tried again"
	case memo.Write.Event == reconcile.Unchanged:
		return "NetBox took it at " + at + ", but nothing changed"
	case !change.Until.IsZero():
		return "sent at " + at + ", and not seen yet"
	}
	return ""
}

// fieldsOf names the fields that a change writes, the first few of them.
func fieldsOf(change *reconcile.Change) string {
	if change.Action == reconcile.Create {
		return "existence"
	}
	var names []string
	for i := range change.Fields {
		names = append(names, change.Fields[i].Path)
	}
	if more := len(names) - 3; more > 0 {
		names = append(names[:3], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
