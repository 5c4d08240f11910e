package inventory

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// line is a finding in short.
func line(f reconcile.Finding) string {
	show := func(value *string) string {
		if value == nil {
			return "-"
		}
		return *value
	}
	return fmt.Sprintf("%s %s %s.%s: %s | %s | %s -> %s %s", f.Severity, f.Class, f.Resource, f.Field, show(f.Git), show(f.NetBox), show(f.Live), f.Winner, f.Action)
}

func identified(id string) func(*Device) {
	return func(d *Device) { d.Row.CustomFields[FieldServer] = id }
}

// Each class, with what the three sides say, who wins and what is done.
func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(*stand)
		want  []string
		drift int // how many count as drift
	}{
		{"all agree", func(s *stand) {
			s.device(1, "bm-1", identified("s-1"))
			s.want("bm-1", nil)
			s.metal("s-1", "bm-1", metal{Offer: "EM-A210R-HDD", Status: "active"})
			s.wantMetal("bm-1", map[string]string{"offer": "EM-A210R-HDD"})
		}, nil, 0},
		{"no NetBox", func(s *stand) {
			s.absent, s.stack.Inventory.Pos = "none is configured", reconcile.Pos{}
			s.metal("s-1", "bm-1", metal{})
			s.wantMetal("bm-1", nil)
		}, nil, 0},
		{"a person sets a declared device's status", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { d.Row.Status = "offline" })
			s.want("bm-1", map[string]string{"status": "active"})
		}, []string{"warning status-mismatch Device/bm-1.status: active | offline | - -> git apply"}, 0},
		{"only Git has moved", func(s *stand) {
			s.device(1, "bm-1", nil)
			s.want("bm-1", map[string]string{"status": "staged"})
			s.earlier = []reconcile.Manifest{manifestOf(DeviceKind, "bm-1", map[string]string{"name": "bm-1", "site": zone2, "role": "worker", "deviceType": "em-a210r-hdd", "status": "active"})}
		}, nil, 0},
		{"NetBox follows what is live", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { identified("s-1")(d); d.Row.Status = "staged" })
			s.want("bm-1", map[string]string{"status": "failed"})
			s.metal("s-1", "bm-1", metal{Status: "failed"})
			s.wantMetal("bm-1", nil)
		}, []string{"warning status-mismatch Device/bm-1.status: failed | staged | failed -> live write-back"}, 0},
		{"Git against what is live", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { identified("s-1")(d); d.Row.Status = "failed" })
			s.want("bm-1", map[string]string{"status": "active"})
			s.metal("s-1", "bm-1", metal{Status: "failed"})
			s.wantMetal("bm-1", nil)
		}, []string{"warning status-mismatch Device/bm-1.status: active | failed | failed -> live blocked"}, 1},
		{"a device type that is not the offer", func(s *stand) {
			s.device(1, "bm-1", identified("s-1"))
			s.metal("s-1", "bm-1", metal{Offer: "EM-B420E-NVME"})
			s.wantMetal("bm-1", map[string]string{"offer": "EM-B420E-NVME"})
			s.devices[0].Mark = reconcile.Mark{}
		}, []string{"warning offer-mismatch device bm-1.deviceType: em-b420e-nvme | em-a210r-hdd | em-b420e-nvme -> live report"}, 0},
		{"site and tenant are NetBox's", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { d.Row.Site.Slug = "fr-par-1"; d.Row.Tenant.Slug = "red" })
			s.want("bm-1", map[string]string{"tenant": "blue"})
		}, []string{
			"warning tenant-project-mismatch Device/bm-1.tenant: blue | red | - -> netbox report",
			"warning site-zone-mismatch Device/bm-1.site: fr-par-2 | fr-par-1 | - -> netbox report",
		}, 2},
		{"a server in another zone than its site", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { identified("s-1")(d); d.Row.Site.Slug = "fr-par-1" })
			s.want("bm-1", map[string]string{"site": "fr-par-1"})
			s.metal("s-1", "bm-1", metal{})
			s.wantMetal("bm-1", nil)
		}, []string{"warning site-zone-mismatch Device/bm-1.site: fr-par-1 | fr-par-1 | fr-par-2 -> netbox report"}, 1},
		{"a server in another project than its tenant's", func(s *stand) {
			s.stack.Inventory.Projects = map[string]string{"blue": "p-blue"}
			s.device(1, "bm-1", func(d *Device) { identified("s-1")(d); d.Row.Tenant.Slug = "blue" })
			s.want("bm-1", map[string]string{"tenant": "blue"})
			s.metal("s-1", "bm-1", metal{})
			s.wantMetal("bm-1", nil)
		}, []string{"error tenant-project-mismatch Device/bm-1.project: p-blue | tenant blue | p-1 -> git report"}, 1},
		{"names follow Git", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { identified("s-1")(d); d.Row.Name = "by-hand" })
			s.want("bm-1", nil)
			s.metal("s-1", "bm-1", metal{})
			s.wantMetal("bm-1", nil)
		}, []string{"warning name-mismatch Device/bm-1.name: bm-1 | by-hand | bm-1 -> git apply"}, 0},
		{"an operating system", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { identified("s-1")(d); d.Row.Platform.Slug = "ubuntu-2204" })
			s.want("bm-1", map[string]string{"platform": "ubuntu-2404"})
			s.metal("s-1", "bm-1", metal{OS: "Ubuntu_24.04"})
			s.wantMetal("bm-1", map[string]string{"os": "Ubuntu_24.04"})
		}, []string{"warning platform-os-mismatch Device/bm-1.platform: ubuntu-2404 | ubuntu-2204 | Ubuntu_24.04 -> git apply"}, 0},
		{"a server to be installed anew", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { identified("s-1")(d); d.Row.Platform.Slug = "ubuntu-2404" })
			s.want("bm-1", map[string]string{"platform": "ubuntu-2404"})
			s.metal("s-1", "bm-1", metal{OS: "Ubuntu_22.04"})
			s.wantMetal("bm-1", map[string]string{"os": "Ubuntu_24.04"})
		}, []string{"warning platform-os-mismatch Device/bm-1.platform: ubuntu-2404 | ubuntu-2404 | Ubuntu_22.04 -> git apply"}, 0},
		{"addresses that NetBox lacks and has too much", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) {
				identified("s-1")(d)
				d.Row.Primary4.Address = "203.0.113.7/32"
			})
			s.want("bm-1", nil)
			s.metal("s-1", "bm-1", metal{Addresses: []string{"203.0.113.8", "10.0.0.4"}})
			s.wantMetal("bm-1", nil)
		}, []string{
			"warning ip-mismatch Device/bm-1.primaryIPv4: - | 203.0.113.7 | 203.0.113.8 -> live report",
			"warning ip-mismatch Device/bm-1.public addresses: - | 203.0.113.7 | 203.0.113.8 -> live report",
		}, 2},
		{"MAC addresses", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) {
				identified("s-1")(d)
				d.Ports = []Port{{MACs: []string{"02:00:00:00:00:01"}}}
			})
			s.want("bm-1", nil)
			s.metal("s-1", "bm-1", metal{MACs: []string{"02:00:00:00:00:0a"}})
			s.wantMetal("bm-1", nil)
		}, []string{"warning mac-mismatch Device/bm-1.MAC addresses: - | 02:00:00:00:00:01 | 02:00:00:00:00:0A -> live report"}, 1},
		{"a MAC address that Scaleway does not tell", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) {
				identified("s-1")(d)
				d.Ports = []Port{{MACs: []string{"02:00:00:00:00:01"}}}
			})
			s.want("bm-1", nil)
			s.metal("s-1", "bm-1", metal{})
			s.wantMetal("bm-1", nil)
		}, []string{"info mac-unknown Device/bm-1.MAC addresses: - | 02:00:00:00:00:01 | - -> netbox report"}, 0},
		{"a device without its server", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { identified("s-gone")(d); d.Row.CustomFields[FieldZone] = zone2 })
			s.want("bm-1", nil)
		}, []string{"error in-netbox-not-live Device/bm-1.scw_server_id: Device/bm-1 | s-gone | - -> git report"}, 1},
		{"a device whose server would be elsewhere", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { identified("s-gone")(d); d.Row.CustomFields[FieldZone] = "nl-ams-1" })
			s.want("bm-1", nil)
		}, nil, 0},
		{"a device while servers are unread", func(s *stand) {
			s.device(1, "bm-1", identified("s-gone"))
			s.want("bm-1", nil)
			s.unread["Metal"] = errors.New("503")
		}, nil, 0},
		{"a server that NetBox does not have", func(s *stand) {
			s.metal("s-1", "bm-1", metal{})
			s.wantMetal("bm-1", nil)
		}, []string{"warning live-not-in-netbox Metal/bm-1.existence: Metal/bm-1 | - | bm-1 -> live report"}, 1},
		{"a server whose device is planned", func(s *stand) {
			s.metal("s-1", "bm-1", metal{})
			s.wantMetal("bm-1", nil)
			s.manifests = append(s.manifests, withServer("bm-1", "s-1"))
		}, []string{"warning live-not-in-netbox Metal/bm-1.existence: Metal/bm-1 | - | bm-1 -> live write-back"}, 0},
		{"a server that Git does not name", func(s *stand) {
			s.stack.Inventory.AutoDelete = true
			s.metal("s-1", "bm-1", metal{})
			s.metal("s-2", "foreign", metal{}).Mark = reconcile.Mark{}
		}, []string{
			"warning live-not-in-git Metal/bm-1.existence: - | - | bm-1 -> git apply",
			"info live-not-in-git server foreign.existence: - | - | foreign -> git report",
		}, 0},
		{"a server to be made", func(s *stand) { s.wantMetal("bm-1", nil) },
			[]string{"info in-git-not-live Metal/bm-1.existence: bm-1 | - | - -> git apply"}, 0},
		{"two devices of one server", func(s *stand) {
			s.device(1, "bm-1", identified("s-1"))
			s.device(2, "bm-2", identified("S-1"))
			s.want("bm-1", nil)
			s.want("bm-2", nil)
			s.metal("s-1", "bm-1", metal{})
			s.wantMetal("bm-1", nil)
		}, []string{
			"error duplicate-identity Device/bm-1.scw_server_id: - | s-1 | - -> live blocked",
			"warning name-mismatch Device/bm-2.name: bm-2 | bm-2 | bm-1 -> git report",
		}, 2},
		{"two devices of one serial number and one address", func(s *stand) {
			for id, name := range map[int64]string{1: "bm-1", 2: "bm-2"} {
				s.device(id, name, func(d *Device) { d.Row.Serial = "CZ2D1B0042"; d.Row.Primary4.Address = "203.0.113.7/32" })
				s.want(name, nil)
			}
		}, []string{
			"error duplicate-identity Device/bm-1.primary address: - | 203.0.113.7 | - -> live blocked",
			"error duplicate-identity Device/bm-1.serial: - | CZ2D1B0042 | - -> live blocked",
		}, 2},
		{"a slot's server is another one", func(s *stand) {
			s.device(1, "bm-1", identified("s-old"))
			s.want("bm-1", nil)
			s.metal("s-1", "bm-1", metal{Slot: "Device/bm-1"})
			s.wantMetal("bm-1", nil)
		}, []string{
			"error duplicate-identity Device/bm-1.scw_server_id: - | s-old | s-1 -> live blocked",
			"warning live-not-in-netbox Metal/bm-1.existence: Metal/bm-1 | - | bm-1 -> live report",
		}, 2},
		{"holds of people", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { d.Row.CustomFields[FieldHold] = true })
			s.device(2, "bm-2", func(d *Device) { d.Row.Tags = append(d.Row.Tags, Ref{Slug: TagQuarantine}) })
			s.device(3, "bm-3", func(d *Device) { d.Row.Status = "decommissioning" })
			for _, name := range []string{"bm-1", "bm-2", "bm-3"} {
				s.want(name, nil)
			}
		}, []string{
			"warning quarantined Device/bm-2.tag reconcile-quarantine: - | true | - -> netbox blocked",
			"warning held Device/bm-1.reconcile_hold: - | true | - -> netbox blocked",
			"warning held Device/bm-3.status: active | decommissioning | - -> netbox blocked",
		}, 0},
		{"our tag is gone", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { d.Row.Tags = nil })
			s.wrote("bm-1", "1", dusk.Add(-2*time.Hour), "")
			s.manifests = []reconcile.Manifest{manifestOf(DeviceKind, "bm-1", map[string]string{"name": "bm-1", "site": zone2, "role": "worker", "deviceType": "em-a210r-hdd"})}
		}, []string{"error unmanaged-tag-lost Device/bm-1.tag reconcile-managed: Device/bm-1 | - | - -> git report"}, 1},
		{"NetBox cannot be read", func(s *stand) {
			s.unread[DeviceKind] = errors.New("502 Bad Gateway")
			s.want("bm-1", nil)
			s.metal("s-1", "bm-1", metal{})
			s.wantMetal("bm-1", nil)
		}, []string{"error stale-inventory NetBox.listing: - | - | - -> netbox blocked"}, 0},
		{"NetBox was read long ago", func(s *stand) { s.age = time.Hour },
			[]string{"error stale-inventory NetBox.listing: - | - | - -> netbox blocked"}, 0},
		{"a write that NetBox refused", func(s *stand) {
			s.device(1, "bm-1", func(d *Device) { d.Row.Role.Slug = "spare" })
			s.want("bm-1", nil)
			key := reconcile.Key("Device/bm-1")
			s.memory[key] = reconcile.Memo{Key: key, ID: "1", Created: dusk.Add(-9 * time.Hour), Write: reconcile.Attempt{Action: reconcile.Update, At: dusk.Add(-time.Hour), Event: reconcile.Result, Failed: true}}
		}, []string{"warning writeback-pending Device/bm-1.role: - | - | - -> git apply"}, 0},
		{"a write that the stack does not let be", func(s *stand) {
			s.stack.Inventory.WriteBack = "none"
			s.device(1, "bm-1", func(d *Device) { d.Row.Role.Slug = "spare" })
			s.want("bm-1", nil)
		}, []string{"warning writeback-pending Device/bm-1.role: - | - | - -> git blocked"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand()
			c.build(s)
			var got []string
			drift := 0
			for _, f := range s.plan(t).Findings {
				got = append(got, line(f))
				if f.Drift {
					drift++
				}
				if f.Drift && f.Key != "" {
					t.Errorf("%s counts twice", line(f))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
			if drift != c.drift {
				t.Errorf("%d count as drift, want %d", drift, c.drift)
			}
		})
	}
}

// withServer declares a device with its server.
func withServer(name, id string) reconcile.Manifest {
	m := manifestOf(DeviceKind, name, map[string]string{"name": name, "site": zone2, "role": "worker", "deviceType": "em-a210r-hdd"})
	m.Spec = m.Spec.With(reconcile.Entry{Key: "server", Value: reconcile.Map(m.Pos, reconcile.Entry{Key: "id", Value: reconcile.String(id, m.Pos)})})
	return m
}

// anything is a stand with devices, servers and manifests that agree or not.
func anything(random *rand.Rand) *stand {
	s := newStand()
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	for i := range int64(4) {
		name := fmt.Sprintf("bm-%d", i)
		if random.IntN(4) > 0 {
			s.device(i+1, name, func(d *Device) {
				d.Row.Status = Choice(pick("active", "failed", "offline", "decommissioning"))
				d.Row.Platform.Slug, d.Row.Tenant.Slug = pick("", "ubuntu-2404", "debian-12"), pick("", "red", "blue")
				d.Row.Site.Slug, d.Row.Serial = pick(zone2, "fr-par-1", "hall"), pick("", "A1", "n/a")
				d.Row.Primary4.Address = pick("", "203.0.113.7/32", "203.0.113.8/32", "10.0.0.1/24")
				if id := pick("", "s-0", "s-1", "s-2", "s-9"); id != "" {
					d.Row.CustomFields[FieldServer] = id
				}
				d.Row.CustomFields[FieldHold] = random.IntN(6) == 0
				if random.IntN(6) == 0 {
					d.Row.Tags = nil
				}
			})
		}
		if random.IntN(4) > 0 {
			s.want(name, map[string]string{"status": pick("active", "failed"), "platform": pick("ubuntu-2404", "debian-12"), "tenant": pick("", "red")})
		}
		if random.IntN(4) > 0 {
			s.metal(fmt.Sprintf("s-%d", i), name, metal{Status: pick("", "active", "failed"), OS: pick("", "Ubuntu_24.04"), Offer: pick("", "EM-A210R-HDD", "EM-B"),
				Addresses: [][]string{nil, {"203.0.113.7"}, {"203.0.113.8", "10.0.0.2"}}[random.IntN(3)], Serial: pick("", "A1")})
		}
		if random.IntN(4) > 0 {
			s.wantMetal(name, map[string]string{"os": pick("Ubuntu_24.04", "Debian_12"), "offer": pick("EM-A210R-HDD", "EM-B")})
		}
	}
	s.stack.Inventory.Projects = map[string]string{"red": pick("p-1", "p-2")}
	return s
}

// Whatever the three sides say: what is proposed gives the winner of the table its
// way, equal sides are no finding, and the same world gives the same findings in
// the same order.
func TestNothingIsProposedAgainstTheTable(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	order := map[string][]Side{}
	for _, a := range aspects() {
		order[a.class+"."+a.field] = winner(a.fact).Sides
	}
	for range 800 {
		s := anything(random)
		plan := s.plan(t)
		var once, again []string
		for _, f := range plan.Findings {
			once = append(once, line(f))
			checkProposal(t, plan, f, order[f.Class+"."+f.Field])
		}
		random.Shuffle(len(s.devices), func(i, j int) { s.devices[i], s.devices[j] = s.devices[j], s.devices[i] })
		random.Shuffle(len(s.metals), func(i, j int) { s.metals[i], s.metals[j] = s.metals[j], s.metals[i] })
		for _, f := range s.plan(t).Findings {
			again = append(again, line(f))
		}
		if !slices.Equal(once, again) {
			t.Fatalf("the order of the listings matters:\n%s\n\n%s", strings.Join(once, "\n"), strings.Join(again, "\n"))
		}
	}
}

func checkProposal(t *testing.T, plan *reconcile.Plan, f reconcile.Finding, order []Side) {
	t.Helper()
	says := map[Side]*string{Git: f.Git, NetBox: f.NetBox, Live: f.Live}
	if order != nil {
		for _, side := range order {
			if says[side] != nil {
				if f.Winner != string(side) {
					t.Fatalf("%s: %s would win", line(f), side)
				}
				break
			}
		}
		if f.Git != nil && f.NetBox != nil && f.Live != nil && *f.Git == *f.NetBox && *f.NetBox == *f.Live {
			t.Fatalf("%s: nothing differs", line(f))
		}
	}
	switch f.Action {
	case writesBack:
		if f.Winner != string(Live) {
			t.Fatalf("%s: only what is live is written back", line(f))
		}
	case applies:
		if f.Winner != string(Git) {
			t.Fatalf("%s: only what Git says is applied", line(f))
		}
	}
	for _, a := range aspects() {
		change := changeOf(plan, f.Key)
		if a.class+"."+a.field != f.Class+"."+f.Field || a.all != nil || change == nil || change.Kind != DeviceKind || f.Action == blocks {
			continue
		}
		if would := a.device(change.Want.Spec.(*Device)); !a.same(would, *says[Side(f.Winner)]) {
			t.Fatalf("%s: the change writes %s", line(f), would)
		}
	}
	if (f.Action == writesBack || f.Action == applies) && (changeOf(plan, f.Key) == nil || len(changeOf(plan, f.Key).Held) > 0) {
		t.Fatalf("%s: no change does it", line(f))
	}
}

// Which author a finding gets is its device's.
func TestWitnessesAreAskedAboutFindings(t *testing.T) {
	s := newStand()
	s.device(1, "bm-1", func(d *Device) { d.Row.Site.Slug = "fr-par-1" })
	s.want("bm-1", nil)
	kinds := s.kinds()
	asked := &asking{}
	e := &reconcile.Engine{Stack: &s.stack, Kinds: kinds, Revision: reconcile.Revision{ID: standRev}, Clock: standClock{new(atomic.Int32), 0}, Compare: Compare(kinds, &s.stack), Witness: asked}
	plan, _, err := e.Plan(t.Context(), s.wish(t, s.manifests, kinds))
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Findings) != 1 || plan.Findings[0].LastChange == nil || plan.Findings[0].LastChange.Who != "j.doe" {
		t.Errorf("got %+v", plan.Findings)
	}
	if len(asked.of) != 1 || asked.of[0].Kind != DeviceKind || asked.of[0].ID != "1" || asked.of[0].Hash == "" {
		t.Errorf("asked about %+v", asked.of)
	}
}
