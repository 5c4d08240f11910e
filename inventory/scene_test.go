package inventory

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// metal is the settings of a kind of machines that only these tests have.
type metal struct {
	Zone   string `yaml:"zone" plan:"place"`
	Offer  string `yaml:"offer" plan:"replace"`
	OS     string `yaml:"os" plan:"reinstall"`
	Note   string `yaml:"note"`
	Status string `yaml:"status" plan:"-"`

	Addresses, MACs []string
	Serial, Slot    string
}

// stand is a world that is made up: devices, machines and a kind besides.
type stand struct {
	stack     reconcile.Stack
	devices   []reconcile.Live[Device]
	metals    []reconcile.Live[metal]
	boxes     []reconcile.Live[metal]
	unread    map[string]error
	memory    map[reconcile.Key]reconcile.Memo
	manifests []reconcile.Manifest
	earlier   []reconcile.Manifest // at the revision last applied; nil: the same
	absent    string
	age       time.Duration
	guards    bool
}

var dusk = time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)

const (
	standUID = "5b0c0000-0000-4000-8000-000000000000"
	standRev = "4f2a91c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6"
	zone2    = "fr-par-2"
)

func newStand() *stand {
	settings := reconcile.NewInventory()
	settings.Pos = reconcile.Pos{File: "stack.yaml", Line: 9}
	return &stand{
		stack: reconcile.Stack{Name: "shop", UID: standUID, Declared: true, Project: "p-1", Zones: []string{zone2}, Inventory: settings,
			Policy: reconcile.Policy{Mode: "auto", Prune: true, MaxDeletes: 100, AllowEmpty: true, Rules: reconcile.Rules{MaxMonthlyEUR: -1}, Quorum: reconcile.Quorum{Count: 1}}},
		unread: map[string]error{}, memory: map[reconcile.Key]reconcile.Memo{}, guards: true,
	}
}

func mine(key reconcile.Key) reconcile.Mark {
	return reconcile.Mark{Stack: "shop", UID: standUID[:8], Key: key, Rev: standRev}
}

// row is a device as NetBox has it, with all that makes it the stack's.
func (s *stand) device(id int64, name string, change func(*Device)) *reconcile.Live[Device] {
	row := &DeviceRow{ID: id, Name: name, Status: "active", Site: Ref{Slug: zone2}, Role: Ref{Slug: "worker"}, Type: Ref{Slug: "em-a210r-hdd"},
		Tags: []Ref{{Slug: TagManaged}}, CustomFields: CustomValues{}, Updated: dusk.Add(-time.Hour), Created: dusk.Add(-30 * 24 * time.Hour)}
	spec := Device{Row: row}
	if change != nil {
		change(&spec)
	}
	spec.Name, spec.Site, spec.Tenant, spec.Role, spec.DeviceType, spec.Platform = row.Name, row.Site.Slug, row.Tenant.Slug, row.Role.Slug, row.Type.Slug, row.Platform.Slug
	spec.Status, spec.Serial = string(row.Status), row.Serial
	spec.Server = Identity{ID: row.CustomFields.Text(FieldServer), Project: row.CustomFields.Text(FieldProject), Zone: row.CustomFields.Text(FieldZone)}
	live := reconcile.Live[Device]{ID: strconv.FormatInt(id, 10), Name: row.Name, Created: row.Created, Spec: spec, Phase: reconcile.Ready,
		Outputs: map[string]string{"url": "https://netbox.example.org/dcim/devices/" + strconv.FormatInt(id, 10) + "/"}}
	if Tagged(row.Tags, TagManaged) {
		live.Mark = mine(reconcile.NewKey(DeviceKind, name))
	}
	s.devices = append(s.devices, live)
	return &s.devices[len(s.devices)-1]
}

// metal is a machine of the stack.
func (s *stand) metal(id, name string, spec metal) *reconcile.Live[metal] {
	if spec.Zone == "" {
		spec.Zone = zone2
	}
	s.metals = append(s.metals, reconcile.Live[metal]{ID: id, Name: name, Created: dusk.Add(-30 * 24 * time.Hour), Spec: spec, Phase: reconcile.Ready, Mark: mine(reconcile.NewKey("Metal", name))})
	return &s.metals[len(s.metals)-1]
}

func manifestOf(kind, name string, fields map[string]string) reconcile.Manifest {
	at := reconcile.Pos{File: name + ".yaml", Line: 1}
	spec := reconcile.Map(at)
	for i, field := range slices.Sorted(maps.Keys(fields)) {
		spec = spec.With(reconcile.Entry{Key: field, Value: reconcile.String(fields[field], reconcile.Pos{File: at.File, Line: 5 + i})})
	}
	return reconcile.Manifest{Key: reconcile.NewKey(kind, name), Pos: at, Spec: spec}
}

// want declares a device; wantMetal a machine.
func (s *stand) want(name string, fields map[string]string) {
	all := map[string]string{"name": name, "site": zone2, "role": "worker", "deviceType": "em-a210r-hdd"}
	maps.Copy(all, fields)
	s.manifests = append(s.manifests, manifestOf(DeviceKind, name, all))
}

func (s *stand) wantMetal(name string, fields map[string]string) {
	all := map[string]string{"zone": zone2}
	maps.Copy(all, fields)
	s.manifests = append(s.manifests, manifestOf("Metal", name, all))
}

// wrote has the journal know a settled write to a device.
func (s *stand) wrote(name, id string, at time.Time, jid string) {
	key := reconcile.NewKey(DeviceKind, name)
	s.memory[key] = reconcile.Memo{Key: key, ID: id, Created: at, Write: reconcile.Attempt{Action: reconcile.Update, At: at, Event: reconcile.Settled, JID: jid}}
}

// shelf lists what a kind has.
type rack[S any] struct {
	live *[]reconcile.Live[S]
	err  func() error
}

func (r rack[S]) List(context.Context, reconcile.Scope) ([]reconcile.Live[S], error) {
	return slices.Clone(*r.live), r.err()
}
func (rack[S]) Create(context.Context, reconcile.Desired[S]) (string, error)          { return "", nil }
func (rack[S]) Update(context.Context, reconcile.Live[S], reconcile.Desired[S]) error { return nil }
func (rack[S]) Delete(context.Context, reconcile.Live[S]) error                       { return nil }

type metalRack struct{ rack[metal] }

func (metalRack) Machine(live reconcile.Live[metal]) reconcile.Machine {
	s := live.Spec
	return reconcile.Machine{Name: live.Name, Project: "p-1", Place: s.Zone, Offer: s.Offer, OS: s.OS, Status: s.Status, Addresses: s.Addresses,
		MACs: s.MACs, Serial: s.Serial, Slot: s.Slot, URL: "https://console.example.org/" + live.ID}
}

func (s *stand) kinds() reconcile.Kinds {
	failing := func(kind string) func() error { return func() error { return s.unread[kind] } }
	return reconcile.Kinds{
		reconcile.NewKind(reconcile.About{Name: DeviceKind, Elsewhere: true, Unique: true, Absent: s.absent}, rack[Device]{&s.devices, failing(DeviceKind)}),
		reconcile.NewKind(reconcile.About{Name: "Metal", Places: []string{zone2}}, metalRack{rack[metal]{&s.metals, failing("Metal")}}),
		reconcile.NewKind(reconcile.About{Name: "Box", Places: []string{zone2}}, rack[metal]{&s.boxes, failing("Box")}),
	}
}

// recalling is a journal that only remembers.
type recalling struct {
	memory map[reconcile.Key]reconcile.Memo
}

func (recalling) Append(context.Context, ...reconcile.Record) error { return nil }
func (r recalling) Memory(context.Context) (map[reconcile.Key]reconcile.Memo, error) {
	return r.memory, nil
}
func (recalling) Knows(context.Context, string) (bool, error) { return true, nil }
func (recalling) NextJID(_ context.Context, now time.Time) (string, error) {
	return reconcile.JIDOf(now), nil
}

// standClock is a time that jumps once, between the listings and the decision.
type standClock struct {
	asked *atomic.Int32
	age   time.Duration
}

func (c standClock) Now() time.Time {
	asked := c.asked.Add(1)
	if asked > 1+2*3 { // the listings of three kinds ask twice each
		return dusk.Add(c.age)
	}
	return dusk
}
func (standClock) Sleep(context.Context, time.Duration) error { return nil }

func (s *stand) wish(t *testing.T, manifests []reconcile.Manifest, kinds reconcile.Kinds) *reconcile.Wish {
	t.Helper()
	wish, problems := reconcile.Expand(&reconcile.Source{Stack: s.stack, Manifests: manifests, Revision: reconcile.Revision{ID: standRev}}, kinds, nil)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return wish
}

// plan is what an engine makes of it.
func (s *stand) plan(t *testing.T) *reconcile.Plan {
	t.Helper()
	kinds := s.kinds()
	e := &reconcile.Engine{Stack: &s.stack, Kinds: kinds, Revision: reconcile.Revision{ID: standRev}, Journal: recalling{s.memory}, Clock: standClock{new(atomic.Int32), s.age},
		Base: func(context.Context, string) (map[reconcile.Key]*reconcile.Wanted, error) {
			if s.earlier == nil {
				return s.wish(t, s.manifests, kinds).ByKey, nil
			}
			return s.wish(t, s.earlier, kinds).ByKey, nil
		},
		Compare: Compare(kinds, &s.stack),
	}
	if s.guards {
		e.Guards = []reconcile.Guard{Guard(kinds, s.stack.Inventory)}
	}
	plan, _, err := e.Plan(t.Context(), s.wish(t, s.manifests, kinds))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// change is the plan's for a key, nil if it has none.
func changeOf(plan *reconcile.Plan, key reconcile.Key) *reconcile.Change {
	for _, c := range plan.Changes() {
		if c.Key == key {
			return c
		}
	}
	return nil
}

// reason is why the guard holds a change, "" if it does not.
func reason(c *reconcile.Change) string {
	if c == nil {
		return "no such change"
	}
	for _, h := range c.Held {
		if h.Guard == guardName {
			return h.Reason
		}
	}
	return ""
}
