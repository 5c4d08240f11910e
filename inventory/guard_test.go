package inventory

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func drop(name string) func(*stand) {
	return func(s *stand) {
		var left []reconcile.Manifest
		for _, m := range s.manifests {
			if !strings.HasSuffix(string(m.Key), "/"+name) {
				left = append(left, m)
			}
		}
		s.manifests = left
	}
}

// both is a stand with a declared device and its declared server, which agree, and a box.
func both(change func(*Device)) *stand {
	s := newStand()
	s.device(1, "bm-1", func(d *Device) {
		identified("s-1")(d)
		if change != nil {
			change(d)
		}
	})
	s.want("bm-1", nil)
	s.metal("s-1", "bm-1", metal{Note: "old"})
	s.wantMetal("bm-1", nil)
	return s
}

// What people and NetBox say of a device holds the changes of it and of its
// server, and nothing else.
func TestGuard(t *testing.T) {
	const device, server, box = reconcile.Key("Device/bm-1"), reconcile.Key("Metal/bm-1"), reconcile.Key("Box/b")
	hold := func(d *Device) { d.Row.CustomFields[FieldHold] = true }
	decommissioned := func(d *Device) { d.Row.Status = "decommissioning" }
	for _, c := range []struct {
		name  string
		stand *stand
		then  func(*stand)
		key   reconcile.Key
		want  string // part of the reason; "": it passes
	}{
		{"an update of a server", both(nil), func(s *stand) { s.wantNote("new") }, server, ""},
		{"an update of a device", both(nil), func(s *stand) { s.manifests[0] = roleOf("bm-1", "spare") }, device, ""},
		{"hold, update of a server", both(hold), func(s *stand) { s.wantNote("new") }, server, "NetBox says reconcile_hold of bm-1 (https://netbox.example.org/dcim/devices/1/), last changed there at 2026-11-21 17:00 UTC"},
		{"hold, deletion of a server", both(hold), drop("bm-1"), server, "reconcile_hold"},
		{"hold, deletion of a device", both(hold), drop("bm-1"), device, "untick reconcile_hold"},
		{"hold, update of a device", both(hold), func(s *stand) { s.manifests[0] = roleOf("bm-1", "spare") }, device, "reconcile_hold"},
		{"quarantine, reinstall", both(func(d *Device) { d.Row.Tags = append(d.Row.Tags, Ref{Slug: TagQuarantine}) }), func(s *stand) { s.manifests[1] = osOf("bm-1", "Debian_12") }, server, "tag reconcile-quarantine"},
		{"decommissioning, Git still names it", both(decommissioned), func(s *stand) { s.wantNote("new") }, server, "status decommissioning"},
		{"decommissioning, status of the device", both(decommissioned), func(*stand) {}, device, "status decommissioning"},
		{"decommissioning, Git dropped it", both(decommissioned), drop("bm-1"), server, ""},
		{"decommissioning, Git dropped the device", both(decommissioned), drop("bm-1"), device, ""},
		{"Git alone, server", both(nil), drop("bm-1"), server, "NetBox says active of bm-1"},
		{"Git alone, device", both(nil), drop("bm-1"), device, "set it to decommissioning there, or inventory.autoDelete"},
		{"Git alone is enough", both(nil), func(s *stand) { drop("bm-1")(s); s.stack.Inventory.AutoDelete = true }, server, ""},
		{"a server without a device", newStand(), func(s *stand) { s.metal("s-1", "bm-1", metal{}) }, server, "no device of NetBox says that it is decommissioned"},
		{"replacement", both(nil), func(s *stand) { s.manifests[1] = offerOf("bm-1", "EM-B") }, server, ""},
		{"a new server", newStand(), func(s *stand) { s.wantMetal("bm-1", nil) }, server, ""},
		{"a new server whose device is on hold", newStand(), func(s *stand) { s.device(1, "bm-1", hold); s.want("bm-1", nil); s.wantMetal("bm-1", nil) }, server, "which has its name"},
		{"unread, new server", newStand(), func(s *stand) { s.unread[DeviceKind] = errors.New("502"); s.wantMetal("bm-1", nil) }, server, "NetBox could not be read: list Device: 502"},
		{"unread, repair", newStand(), func(s *stand) {
			s.unread[DeviceKind] = errors.New("502")
			s.metal("s-1", "bm-1", metal{Note: "old"})
			s.wantMetal("bm-1", nil)
			s.wantNote("new")
		}, server, ""},
		{"unread, reinstall", newStand(), func(s *stand) {
			s.unread[DeviceKind] = errors.New("502")
			s.metal("s-1", "bm-1", metal{OS: "old"})
			s.manifests = append(s.manifests, osOf("bm-1", "new"))
		}, server, "NetBox could not be read"},
		{"unread, a box", newStand(), func(s *stand) {
			s.unread[DeviceKind] = errors.New("502")
			s.manifests = append(s.manifests, manifestOf("Box", "b", map[string]string{"zone": zone2}))
		}, box, ""},
		{"old, new server", newStand(), func(s *stand) { s.age = time.Hour; s.wantMetal("bm-1", nil) }, server, "what NetBox said is 1h0m0s old, and may be 15m0s"},
		{"old, but allowed", newStand(), func(s *stand) {
			s.age = time.Hour
			s.stack.Inventory.MaxAge = 2 * time.Hour
			s.wantMetal("bm-1", nil)
		}, server, ""},
		{"old, new device", newStand(), func(s *stand) { s.age = time.Hour; s.want("bm-1", nil) }, device, "1h0m0s old"},
		{"no NetBox in use", newStand(), func(s *stand) {
			s.absent, s.stack.Inventory.Pos = "none", reconcile.Pos{}
			s.wantMetal("bm-1", nil)
		}, server, ""},
		{"NetBox in use, and nobody says where it is", newStand(), func(s *stand) {
			s.absent, s.unread[DeviceKind] = "none", errors.New("none is configured")
			s.wantMetal("bm-1", nil)
		}, server, "none is configured"},
		{"no NetBox any more", newStand(), func(s *stand) {
			s.absent, s.unread[DeviceKind] = "none", errors.New("none")
			s.wrote("bm-9", "9", dusk.Add(-time.Hour), "")
			s.wantMetal("bm-1", nil)
		}, server, "NetBox could not be read"},
		{"only read", both(nil), func(s *stand) { s.stack.Inventory.WriteBack = "none"; s.manifests[0] = roleOf("bm-1", "spare") }, device, "writeBack is none"},
		{"only noted, update", both(nil), func(s *stand) {
			s.stack.Inventory.WriteBack = "journal-only"
			s.manifests[0] = roleOf("bm-1", "spare")
		}, device, ""},
		{"only noted, creation", newStand(), func(s *stand) { s.stack.Inventory.WriteBack = "journal-only"; s.want("bm-1", nil) }, device, "neither made nor deleted"},
		{"only read, server", both(nil), func(s *stand) { s.stack.Inventory.WriteBack = "none"; s.wantNote("new") }, server, ""},
		{"another tenant's device", both(func(d *Device) { d.Row.Tenant.Slug = "red" }), func(s *stand) {
			s.stack.Inventory.Tenants = []string{"blue"}
			s.manifests[0] = roleOf("bm-1", "spare")
		}, device, "is tenant red in site fr-par-2, which is outside"},
		{"another tenant's server", both(func(d *Device) { d.Row.Tenant.Slug = "red" }), func(s *stand) {
			s.stack.Inventory.Tenants = []string{"blue"}
			s.wantNote("new")
		}, server, "outside of the stack's inventory"},
		{"a new device out of scope", newStand(), func(s *stand) { s.stack.Inventory.Sites = []string{"hall"}; s.want("bm-1", nil) }, device, "would not be seen again"},
		{"a new device in scope of a tag", newStand(), func(s *stand) { s.stack.Inventory.Tag = "shop"; s.want("bm-1", nil) }, device, ""},
		{"the tenant's project is another one", both(func(d *Device) { d.Row.Tenant.Slug = "red"; d.Row.Status = "decommissioning" }), func(s *stand) {
			s.stack.Inventory.Projects = map[string]string{"red": "p-red"}
			drop("bm-1")(s)
		}, server, "tenant red of bm-1"},
		{"two devices say that they are it", both(func(d *Device) { d.Row.Status = "decommissioning" }), func(s *stand) {
			s.device(2, "bm-2", func(d *Device) { identified("s-1")(d); d.Row.Status = "decommissioning" })
			drop("bm-1")(s)
		}, server, "both say that they are this server"},
		{"the slot's server is another one", both(nil), func(s *stand) {
			s.metals[0].Spec.Slot = "Device/bm-1"
			s.devices[0].Spec.Row.CustomFields[FieldServer] = "s-old"
			s.stack.Inventory.AutoDelete = true
			drop("bm-1")(s)
		}, server, "says in scw_server_id that it is s-old, and the server in its slot is s-1"},
		{"against what is live", both(nil), func(s *stand) {
			s.metals[0].Spec.Status = "failed"
			s.manifests[0] = statusOf("bm-1", "staged")
		}, device, "status is failed and not staged; mend the manifest"},
		{"as what is live", both(nil), func(s *stand) {
			s.metals[0].Spec.Status = "failed"
			s.manifests[0] = statusOf("bm-1", "failed")
		}, device, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.then(c.stand)
			change := changeOf(c.stand.plan(t), c.key)
			got := reason(change)
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got != "" && change != nil && change.Held[len(change.Held)-1].Pos.File != "stack.yaml" {
				t.Errorf("its place is %s", change.Held[len(change.Held)-1].Pos)
			}
		})
	}
}

func declared(name, field, value string) reconcile.Manifest {
	fields := map[string]string{"name": name, "site": zone2, "role": "worker", "deviceType": "em-a210r-hdd"}
	fields[field] = value
	return manifestOf(DeviceKind, name, fields)
}

func roleOf(name, role string) reconcile.Manifest     { return declared(name, "role", role) }
func statusOf(name, status string) reconcile.Manifest { return declared(name, "status", status) }

func osOf(name, os string) reconcile.Manifest {
	return manifestOf("Metal", name, map[string]string{"zone": zone2, "os": os, "note": "old"})
}

func offerOf(name, offer string) reconcile.Manifest {
	return manifestOf("Metal", name, map[string]string{"zone": zone2, "offer": offer, "note": "old"})
}

// wantNote has Git want the last machine with another note.
func (s *stand) wantNote(note string) {
	s.manifests[len(s.manifests)-1] = manifestOf("Metal", "bm-1", map[string]string{"zone": zone2, "note": note})
}

// recall changes what the journal knows of a key.
func (s *stand) recall(key reconcile.Key, change func(*reconcile.Memo)) {
	memo := s.memory[key]
	change(&memo)
	s.memory[key] = memo
}

// fleet is a stand with so many declared devices that were written an hour ago.
func fleet(n int) *stand {
	s := newStand()
	for i := range n {
		name := fmt.Sprintf("bm-%d", i)
		s.device(int64(i+1), name, func(d *Device) {
			d.Row.CustomFields[FieldLastRun] = "20261121170000000000"
			d.Row.Updated = dusk.Add(-time.Hour)
		})
		s.want(name, nil)
		s.wrote(name, fmt.Sprint(i+1), dusk.Add(-time.Hour), "20261121170000000000")
	}
	s.wantMetal("new", nil)
	return s
}

// More than a fifth of the devices that were there are listed no more: nothing is
// made or deleted until a person says that this is right.
func TestVanished(t *testing.T) {
	for _, c := range []struct {
		name       string
		known, are int
		held       bool
	}{
		{"all there", 10, 10, false}, {"one of two", 2, 1, false}, {"one gone", 4, 3, false}, {"a fifth", 10, 8, false}, {"more than a fifth", 10, 7, true},
		{"two of two", 2, 0, true}, {"two of five", 5, 3, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fleet(c.known)
			s.devices = s.devices[:c.are]
			plan := s.plan(t)
			for _, key := range []reconcile.Key{"Metal/new", reconcile.NewKey(DeviceKind, fmt.Sprintf("bm-%d", c.known-1))} {
				change := changeOf(plan, key)
				if change == nil && c.are == c.known {
					continue
				}
				if got := reason(change); strings.Contains(got, "NetBox no longer shows") != c.held {
					t.Errorf("%s: %q", key, got)
				}
			}
			s.memory[DeviceKind] = reconcile.Memo{Key: DeviceKind, Accepted: reconcile.JIDOf(dusk)}
			if got := reason(changeOf(s.plan(t), "Metal/new")); got != "" {
				t.Errorf("accepted: %q", got)
			}
		})
	}
}

// NetBox is back from yesterday's backup: nothing is written to it, and no machine
// is made or deleted, until a person says that this is right.
func TestRestored(t *testing.T) {
	yesterday := dusk.Add(-24 * time.Hour)
	goBack := func(d *reconcile.Live[Device]) {
		d.Spec.Row.Updated, d.Spec.Row.CustomFields[FieldLastRun] = yesterday, reconcile.JIDOf(yesterday)
	}
	for _, c := range []struct {
		name   string
		change func(*stand)
		held   bool
	}{
		{"as it was", func(*stand) {}, false},
		{"as in the backup", func(s *stand) { goBack(&s.devices[1]) }, true},
		{"as in the backup, before there were job ids", func(s *stand) {
			goBack(&s.devices[1])
			delete(s.devices[1].Spec.Row.CustomFields, FieldLastRun)
		}, true},
		{"a person touched it", func(s *stand) { s.devices[1].Spec.Row.Updated = dusk }, false},
		{"a person was earlier than we", func(s *stand) {
			goBack(&s.devices[1])
			s.devices[1].Spec.Row.Updated = dusk.Add(-time.Hour - time.Minute)
		}, false},
		{"clocks apart", func(s *stand) { s.devices[1].Spec.Row.Updated = yesterday }, false},
		{"a write that nobody saw", func(s *stand) {
			goBack(&s.devices[1])
			s.recall("Device/bm-1", func(m *reconcile.Memo) { m.Write.Event = reconcile.Result })
		}, false},
		{"a write that was refused", func(s *stand) {
			goBack(&s.devices[1])
			s.recall("Device/bm-1", func(m *reconcile.Memo) { m.Write.Failed = true })
		}, false},
		{"a write a moment ago", func(s *stand) {
			goBack(&s.devices[1])
			s.recall("Device/bm-1", func(m *reconcile.Memo) { m.Write.At = dusk.Add(-time.Minute) })
		}, false},
		{"another row of the key", func(s *stand) {
			goBack(&s.devices[1])
			s.recall("Device/bm-1", func(m *reconcile.Memo) { m.ID = "77" })
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fleet(9)
			s.devices[0].Spec.Role, s.devices[0].Spec.Row.Role.Slug = "spare", "spare" // so that there is something to write
			c.change(s)
			check := func(want bool) {
				t.Helper()
				plan := s.plan(t)
				for _, key := range []reconcile.Key{"Device/bm-0", "Metal/new"} {
					if got := reason(changeOf(plan, key)); strings.Contains(got, "restored from a backup") != want {
						t.Errorf("%s: %q", key, got)
					}
				}
				if want && len(plan.Steps) > 0 {
					t.Errorf("%d steps run", len(plan.Steps))
				}
			}
			check(c.held)
			s.memory[DeviceKind] = reconcile.Memo{Key: DeviceKind, Accepted: reconcile.JIDOf(dusk.Add(-30 * time.Second))}
			check(false)
		})
	}
}

// What was known before a person accepted it counts no more; what we write after
// that does.
func TestAcceptedIsNoLicence(t *testing.T) {
	s := fleet(4)
	s.memory[DeviceKind] = reconcile.Memo{Key: DeviceKind, Accepted: reconcile.JIDOf(dusk.Add(-30 * time.Minute))}
	s.wrote("bm-1", "2", dusk.Add(-10*time.Minute), "20261121175000000000")
	if got := reason(changeOf(s.plan(t), "Metal/new")); !strings.Contains(got, "1 of 1 devices of ours as they were before our last write, bm-1 (written 2026-11-21 17:50 UTC)") {
		t.Errorf("got %q", got)
	}
}
