package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Compare finds what Git, NetBox and live machines disagree about. It proposes
// nothing that the table of winners does not say, and says nothing of a side that
// could not be read. Where no NetBox is in use it finds nothing.
func Compare(kinds reconcile.Kinds, stack *reconcile.Stack) reconcile.Comparison {
	return func(plan *reconcile.Plan, wish *reconcile.Wish, world *reconcile.World) []reconcile.Finding {
		p := look(kinds, stack.Inventory, world)
		if !p.inUse {
			return nil
		}
		c := &comparison{picture: p, kinds: kinds, stack: stack, plan: plan, wish: wish, world: world, changes: map[reconcile.Key]*reconcile.Change{}}
		c.index()
		c.staleness()
		if !p.unread {
			c.compareDevices()
			c.duplicates()
			c.compareServers()
		}
		c.wanted()
		c.pending()
		slices.SortStableFunc(c.found, before)
		return c.found
	}
}

// The classes of findings, in the order in which they are told.
var classes = []string{
	"stale-inventory", "duplicate-identity", "in-netbox-not-live", "live-not-in-netbox", "in-git-not-live", "live-not-in-git",
	"unmanaged-tag-lost", "quarantined", "held", "tenant-project-mismatch", "site-zone-mismatch", "offer-mismatch", "status-mismatch",
	"ip-mismatch", "mac-mismatch", "platform-os-mismatch", "name-mismatch", "writeback-pending", "mac-unknown",
}

// The severities of findings.
const (
	info    = "info"
	warning = "warning"
	serious = "error"
)

// What is done about a finding.
const (
	writesBack = "write-back" // NetBox is written what is live
	applies    = "apply"      // what Git says is done
	reports    = "report"     // a person decides
	blocks     = "blocked"    // something is held for it
)

func before(a, b reconcile.Finding) int {
	rank := func(f reconcile.Finding) int { return slices.Index([]string{serious, warning, info}, f.Severity) }
	return cmp.Or(rank(a)-rank(b), slices.Index(classes, a.Class)-slices.Index(classes, b.Class),
		strings.Compare(a.Resource, b.Resource), strings.Compare(a.Field, b.Field), strings.Compare(a.Object, b.Object))
}

// comparison is one comparison under way.
type comparison struct {
	*picture
	kinds   reconcile.Kinds
	stack   *reconcile.Stack
	plan    *reconcile.Plan
	wish    *reconcile.Wish
	world   *reconcile.World
	changes map[reconcile.Key]*reconcile.Change // of the plan, but those of surplus
	adopted map[string]reconcile.Key            // IDs that manifests take over
	moved   map[reconcile.Key]reconcile.Key     // keys that manifests had before
	once    map[string][]reconcile.Key          // keys under which the journal knows devices, by ID
	coming  map[string]*reconcile.Change        // devices that are to be made, by the ID of their server and the keys that they are below
	found   []reconcile.Finding
}

func (c *comparison) index() {
	c.coming = map[string]*reconcile.Change{}
	for _, change := range c.plan.Changes() {
		if !change.Surplus {
			c.changes[change.Key] = change
		}
		if change.Kind == DeviceKind && change.Action == reconcile.Create {
			c.coming[change.Want.Spec.(*Device).Server.ID] = change
			for key := range above(change.Key) {
				c.coming[string(key)] = change
			}
		}
	}
	c.once = map[string][]reconcile.Key{}
	for _, key := range slices.Sorted(maps.Keys(c.world.Memory)) {
		if memo := c.world.Memory[key]; key.Kind() == DeviceKind && memo.ID != "" && !memo.Gone {
			c.once[memo.ID] = append(c.once[memo.ID], key)
		}
	}
	c.adopted, c.moved = map[string]reconcile.Key{}, map[reconcile.Key]reconcile.Key{}
	for _, w := range c.wish.Ordered {
		if w.Adopt != "" {
			c.adopted[w.Adopt] = w.Key
		}
		for _, from := range w.Moved {
			c.moved[from] = w.Key
		}
	}
}

// keyOf is the key that a live resource has in this stack, "" if it is not the stack's.
func (c *comparison) keyOf(r *reconcile.Resource) reconcile.Key {
	if key := c.adopted[r.ID]; key != "" {
		return key
	}
	if r.Mark.IsZero() || !c.stack.MayRead(r.Mark) {
		return ""
	}
	if key := c.moved[r.Mark.Key]; key != "" && c.wish.ByKey[r.Mark.Key] == nil {
		return key
	}
	return r.Mark.Key
}

// add adds a finding about a resource, given by its key or by what it is called.
func (c *comparison) add(f reconcile.Finding, key reconcile.Key, called string) {
	f.Resource = cmp.Or(string(key), called)
	if w := c.wish.ByKey[key]; w != nil && f.Pos.IsZero() {
		f.Pos = w.Manifest.Pos
	}
	c.found = append(c.found, f)
}

// by is the change that puts a finding right, with what is done.
func by(f *reconcile.Finding, change *reconcile.Change, action string) {
	f.Key, f.Action, f.Drift = change.Key, action, false
	if len(change.Held) > 0 {
		f.Action, f.Says = blocks, change.Held[0].Reason
	}
}

func text(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

func (c *comparison) staleness() {
	if c.stale != "" {
		c.add(reconcile.Finding{Class: "stale-inventory", Severity: serious, Field: "listing", Winner: string(NetBox), Action: blocks,
			Says: c.stale + "; machines are neither made nor deleted until it can be read", Since: c.since}, "", "NetBox")
	}
}
