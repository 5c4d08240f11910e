package main

import (
	"slices"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// A stake is what a stack has to do with NetBox, as of its last look.
type stake struct {
	uses   bool // it names devices, draws from them, or has machines
	within reconcile.Inventory
}

func stakeOf(src *reconcile.Source, wish *reconcile.Wish) stake {
	out := stake{within: src.Stack.Inventory}
	out.uses = slices.ContainsFunc(src.Manifests, func(m reconcile.Manifest) bool { return m.Key.Kind() == inventory.SelectionKind }) ||
		slices.ContainsFunc(wish.Ordered, func(w *reconcile.Wanted) bool {
			return w.Kind.Name == inventory.DeviceKind || w.Kind.IsMachine()
		})
	return out
}

// concerned are the stacks, of those that a webhook may nudge, that a device is
// about: the one whose mark it bears or bore, and all that use NetBox if it is
// nobody's. A device of nil is gone, or any.
func (s *serving) concerned(config *daemon.Config, hook string, device *reconcile.Resource, bore string) []string {
	i := slices.IndexFunc(config.Webhooks, func(w daemon.Webhook) bool { return w.Name == hook })
	if i < 0 || device != nil && device.Mark.IsZero() && bore == "" && !covers(config.NetBox.Bounds(), device) {
		return nil
	}
	var out []string
	for _, e := range config.Stacks {
		if daemon.Matches(config.Webhooks[i].Stacks, e.Name) && s.line.concerns(e.Name, device, bore) {
			out = append(out, e.Name)
		}
	}
	return out
}

func (l *line) concerns(name string, device *reconcile.Resource, bore string) bool {
	found, read := l.stakes.Load(name)
	if !read {
		return false // it is looked at soon anyway
	}
	owner, its := l.ownerOf(name), found.(stake)
	switch {
	case bore != "" && daemon.Alike(bore, owner):
		return true
	case device != nil && !device.Mark.IsZero():
		return daemon.Alike(device.Mark.Owner(), owner)
	case device == nil:
		return bore == "" && its.uses
	}
	return its.uses && covers(its.within, device)
}

// covers tells whether a device is one that a stack looks at.
func covers(within reconcile.Inventory, r *reconcile.Resource) bool {
	device, ok := r.Spec.(*inventory.Device)
	if !ok || device.Row == nil {
		return true
	}
	var tags []string
	for _, tag := range device.Row.Tags {
		tags = append(tags, tag.Slug)
	}
	return within.Covers(device.Row.Tenant.Slug, device.Row.Site.Slug, tags)
}
