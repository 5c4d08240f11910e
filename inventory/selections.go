package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// DeviceSelection selects devices of NetBox: the settings of the kind of that name.
type DeviceSelection struct {
	Select Selection `yaml:"select" doc:"Which devices: those for which all that is said here holds, and those that this selection has taken over already."`
	Device Selected  `yaml:"device" doc:"What each of the devices gets. Whatever is left out stays as NetBox has it."`
}

// Selection is what holds for the devices of a DeviceSelection.
type Selection struct {
	Roles    []string `yaml:"roles" plan:"set" doc:"Slugs of roles; any if left out."`
	Sites    []string `yaml:"sites" plan:"set" doc:"Slugs of sites; any if left out."`
	Tenants  []string `yaml:"tenants" plan:"set" doc:"Slugs of tenants; any if left out."`
	Tags     []string `yaml:"tags" plan:"set" doc:"Slugs of tags, all of which a device bears."`
	Statuses []string `yaml:"statuses" plan:"set" doc:"Statuses; planned and staged if left out."`
}

// Selected is what the devices of a DeviceSelection get.
type Selected struct {
	Status   string `yaml:"status" doc:"Status, such as active."`
	Role     string `yaml:"role" doc:"Slug of the role."`
	Platform string `yaml:"platform" doc:"Slug of the platform."`
}

// selections are the provider of kind DeviceSelection, which is only its devices.
type selections struct{}

var (
	_ reconcile.Provider[DeviceSelection]  = selections{}
	_ reconcile.Drawer[DeviceSelection]    = selections{}
	_ reconcile.Validator[DeviceSelection] = selections{}
)

var errNoResource = errors.New("a DeviceSelection is only its devices, and no resource itself")

// List implements reconcile.Provider.
func (selections) List(context.Context, reconcile.Scope) ([]reconcile.Live[DeviceSelection], error) {
	return nil, nil
}

// Create implements reconcile.Provider.
func (selections) Create(context.Context, reconcile.Desired[DeviceSelection]) (string, error) {
	return "", errNoResource
}

// Update implements reconcile.Provider.
func (selections) Update(context.Context, reconcile.Live[DeviceSelection], reconcile.Desired[DeviceSelection]) error {
	return errNoResource
}

// Delete implements reconcile.Provider.
func (selections) Delete(context.Context, reconcile.Live[DeviceSelection]) error {
	return errNoResource
}

// Validate implements reconcile.Validator.
func (selections) Validate(spec DeviceSelection, _ []string) []reconcile.Fault {
	if spec.Device.Status == goingAway {
		return []reconcile.Fault{{Path: "device.status", Message: "device.status: decommissioning is a person's word in NetBox, and nothing that Git says"}}
	}
	return nil
}

// Draws implements reconcile.Drawer.
func (selections) Draws() []string { return []string{DeviceKind} }

// Draw implements reconcile.Drawer: a Device manifest for each device that is
// selected and nobody's, and for each that this selection has already. What NetBox
// says of it stands in its manifest, so that only what the selection says differs.
func (selections) Draw(m *reconcile.Manifest, spec DeviceSelection, seen *reconcile.Seen) reconcile.Expansion {
	x := drawing{m: m, seen: seen, drawn: map[reconcile.Key]*reconcile.Resource{}, out: reconcile.Expansion{Omit: true}}
	live, why := seen.Of(DeviceKind)
	if why != "" {
		x.out.Unknown = why
		return x.out
	}
	live = slices.Clone(live)
	slices.SortFunc(live, func(a, b *reconcile.Resource) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	for _, r := range live { // what has a key keeps it, the oldest first
		if x.mine(r) {
			x.taken(r)
		}
	}
	for _, r := range live {
		if !x.mine(r) {
			x.device(r, spec.Select)
		}
	}
	slices.SortFunc(x.out.Children, func(a, b reconcile.Manifest) int { return cmp.Compare(a.Key, b.Key) })
	return x.out
}

type drawing struct {
	m     *reconcile.Manifest
	seen  *reconcile.Seen
	drawn map[reconcile.Key]*reconcile.Resource
	out   reconcile.Expansion
}

// keyName is what a device's name must be like to stand in a key.
var keyName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$`)

// mine tells whether a device says that this selection has taken it over.
func (x *drawing) mine(r *reconcile.Resource) bool {
	return x.seen.Ours(r.Mark) && r.Mark.Key.Below(x.m.Key)
}

// taken draws a device that the selection has. People may write anything into the
// field of a key: where none of a drawn device stands there, nothing is deleted.
func (x *drawing) taken(r *reconcile.Resource) {
	key := r.Mark.Key
	if name := key.Name(); key == x.m.Key.Child(DeviceKind, name) && keyName.MatchString(name) {
		x.draw(key, r, r.Spec.(*Device))
		return
	}
	x.out.Unknown = fmt.Sprintf("device %s (%s) says in %s that it is %s, which is no device of it; put that right in NetBox", r.Name, r.ID, FieldResource, key)
}

func (x *drawing) device(r *reconcile.Resource, by Selection) {
	spec := r.Spec.(*Device)
	switch {
	case !by.has(spec):
	case !r.Mark.IsZero():
		x.leftOut("device %s (%s) is selected, but it is %s of %s; it", r.Name, r.ID, r.Mark.Key, r.Mark.Owner())
	case !keyName.MatchString(spec.Name):
		x.leftOut("device %s (%s) is selected, but its name %q cannot stand in a key: give it one of letters, digits, dots, - and _; it", r.Name, r.ID, spec.Name)
	default:
		x.draw(x.m.Key.Child(DeviceKind, spec.Name), r, spec)
	}
}

// has tells whether a device is selected.
func (s Selection) has(d *Device) bool {
	statuses := s.Statuses
	if len(statuses) == 0 {
		statuses = []string{"planned", "staged"}
	}
	fits := func(words []string, is string) bool { return len(words) == 0 || slices.Contains(words, is) }
	return fits(s.Roles, d.Role) && fits(s.Sites, d.Site) && fits(s.Tenants, d.Tenant) && slices.Contains(statuses, d.Status) &&
		!slices.ContainsFunc(s.Tags, func(tag string) bool { return d.Row == nil || !Tagged(d.Row.Tags, tag) })
}

func (x *drawing) leftOut(format string, args ...any) {
	x.out.Faults = append(x.out.Faults, reconcile.Fault{Path: "select", Message: fmt.Sprintf(format, args...) + " is left out", Warning: true})
}

func (x *drawing) draw(key reconcile.Key, r *reconcile.Resource, spec *Device) {
	if other := x.drawn[key]; other != nil {
		x.leftOut("devices %s and %s are both %s: give them different names in NetBox, or select one of them only; until then %s", other.ID, r.ID, key, r.ID)
		return
	}
	x.drawn[key] = r
	child := reconcile.Manifest{Key: key, Name: spec.Name, Pos: x.m.Pos, Spec: x.spec(spec), Drawn: r.ID}
	if r.Mark.IsZero() {
		child.Annotations = map[string]reconcile.Annotation{
			reconcile.AdoptAnnotation: {Value: reconcile.String(r.ID, x.m.Pos), Pos: x.m.Pos},
		}
	}
	x.out.Children = append(x.out.Children, child)
}

// spec is a device as NetBox has it, and over it what the selection says.
func (x *drawing) spec(d *Device) *reconcile.Node {
	says := reconcile.Map(x.m.Pos)
	for _, e := range []struct{ name, text string }{
		{"name", d.Name}, {"site", d.Site}, {"tenant", d.Tenant}, {"role", d.Role}, {"deviceType", d.DeviceType}, {"status", d.Status},
	} {
		if e.text != "" {
			says = says.With(reconcile.Entry{Key: e.name, Value: reconcile.Literal(e.text, x.m.Pos)})
		}
	}
	if over := x.m.Spec.Get("device"); over != nil {
		for _, e := range over.Entries {
			if !e.Value.IsNull() {
				says = says.With(e)
			}
		}
	}
	return says
}
