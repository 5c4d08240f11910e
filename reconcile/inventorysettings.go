package reconcile

import (
	"slices"
	"time"
)

// Inventory says how a stack uses NetBox: what of it is its own, and what it may
// write there. Where the server is, the operator or the environment says.
type Inventory struct {
	Tenants    []string          `yaml:"tenants" plan:"set" doc:"Slugs of the tenants whose devices are looked at and may be written; all if left out."`
	Sites      []string          `yaml:"sites" plan:"set" doc:"Slugs of the sites whose devices are looked at and may be written; all if left out."`
	Tag        string            `yaml:"tag" doc:"Slug of a tag that devices must bear to be looked at; any if left out."`
	WriteBack  string            `yaml:"writeBack" default:"direct" check:"enum=direct|journal-only|none" doc:"direct: devices are written as other resources are; journal-only: what would be written is noted in the journal of the device in NetBox; none: NetBox is only read."`
	AutoDelete bool              `yaml:"autoDelete" default:"false" doc:"A machine or device that Git no longer names may be deleted without NetBox saying that it is decommissioned."`
	MaxAge     time.Duration     `yaml:"maxAge" default:"15m" doc:"How old what was read of NetBox may be, so that machines are still made and deleted."`
	Projects   map[string]string `yaml:"projects" doc:"Which tenant's machines belong to which Scaleway project: IDs of projects by slugs of tenants."`
	Pos        Pos
}

// NewInventory is what a stack has that says nothing.
func NewInventory() Inventory { return Inventory{WriteBack: "direct", MaxAge: 15 * time.Minute} }

// Covers tells whether a device of a tenant and a site, with these tags, is the stack's to look at.
func (i Inventory) Covers(tenant, site string, tags []string) bool {
	return (len(i.Tenants) == 0 || slices.Contains(i.Tenants, tenant)) &&
		(len(i.Sites) == 0 || slices.Contains(i.Sites, site)) &&
		(i.Tag == "" || slices.Contains(tags, i.Tag))
}
