package reconcile

import "time"

// StackKind describes the Stack's own manifest as if it were of a kind, for its
// schema and its reference page. It has no provider; package manifest reads it.
func StackKind() Kind {
	return Kind{
		About: About{
			Name: "Stack",
			Doc: "Says what the manifests of a folder are together: whose resources are theirs, where they live, and what may be " +
				"done without a person. A folder without one is a stack that bears the folder's name, and of which nothing is pruned.",
		},
		Fields: fieldsOf[stackSpec](),
	}
}

type stackSpec struct {
	Scaleway  stackScaleway `yaml:"scaleway" doc:"Where the resources live."`
	Store     string        `yaml:"store" default:"local" check:"enum=local|daemon|postgres" doc:"Where the journal is kept: in a folder of one machine, by a daemon, or in PostgreSQL. Its address never stands in Git."`
	Policy    stackPolicy   `yaml:"policy" doc:"What may be done without a person."`
	Inventory Inventory     `yaml:"inventory" doc:"What of NetBox is the stack's, and what is written there. Where it is the operator says, or NETBOX_URL."`
}

type stackScaleway struct {
	Project string   `yaml:"project" doc:"ID of the project; SCW_DEFAULT_PROJECT_ID if left out."`
	Regions []string `yaml:"regions" doc:"Regions that are read, such as fr-par; SCW_DEFAULT_REGION if left out. A manifest elsewhere is an error."`
	Zones   []string `yaml:"zones" doc:"Zones that are read, such as fr-par-2; SCW_DEFAULT_ZONE if left out."`
}

type stackPolicy struct {
	Mode        string        `yaml:"mode" default:"auto" check:"enum=auto|propose|observe" doc:"auto applies; propose applies only saved plans and what was approved; observe changes nothing."`
	Prune       bool          `yaml:"prune" default:"false" doc:"Delete what Git no longer names."`
	MaxDeletes  int           `yaml:"maxDeletes" check:"min=0" doc:"Of how many manifests resources may be destroyed in one run; a tenth of what the stack owns, and at least 1, if left out."`
	AllowEmpty  bool          `yaml:"allowEmpty" default:"false" doc:"A source without any manifest may delete everything."`
	Protect     []string      `yaml:"protect" plan:"set" doc:"Keys, such as Container/api, that are never deleted or replaced, with all below them."`
	Windows     []Window      `yaml:"windows" doc:"When changes may run, or may not."`
	Rules       Rules         `yaml:"rules" doc:"What changes have to keep to; what does not is held, and the rule's line named."`
	Approvals   Quorum        `yaml:"approvals" doc:"Whose approval a plan needs in mode propose."`
	Ignore      []Ignore      `yaml:"ignore" doc:"Fields that may be live as they are; what is hidden so is listed."`
	RepairAfter time.Duration `yaml:"repairAfter" default:"0s" doc:"How long a daemon only shows and tells of what somebody changed by hand, before it is changed back, such as 30m."`
}
