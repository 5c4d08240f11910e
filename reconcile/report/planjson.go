package report

import (
	"io"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// JSONOptions are what PlanJSON says beyond the plan.
type JSONOptions struct {
	Version string // of the program
	Error   string // why the plan could not be finished; "" if it could
}

// PlanJSON writes a plan in the shape of terraform show -json, format 1.2, so
// that what reads Terraform's plans (conftest, GitLab's widget, jq one-liners)
// reads ours. What is ours alone stands under "reconcile", at the top and in
// each change.
//
// Every change that the plan knows of is in resource_changes with the actions
// that it would take: steps in their order, then held changes, then adopted
// ones, which are no-op. A policy that must never see a deletion thus sees held
// ones too, as approval would let them run; one that asks what happens now skips
// those whose reconcile.held is not empty:
//
//	deny[msg] {
//	  c := input.resource_changes[_]
//	  c.change.actions[_] == "delete"
//	  count(c.reconcile.held) == 0
//	  msg := sprintf("%s is deleted", [c.address])
//	}
//
// Counts that leave held changes out are in reconcile.summary. A reinstall is
// ["delete","create"], since a server's disks do not outlive it; its action in
// full is in reconcile.action. A further live resource of a key that stays is
// deposed, as Terraform calls it. complete is false if anything in scope could
// not be read. Secrets are masked, and say so in before_sensitive and
// after_sensitive.
func PlanJSON(w io.Writer, p *reconcile.Plan, o JSONOptions) error {
	counts := Has(p)
	out := planDoc{
		FormatVersion:   "1.2",
		ResourceDrift:   []resourceChange{},
		ResourceChanges: []resourceChange{},
		OutputChanges:   struct{}{},
		Timestamp:       p.At.UTC().Format(time.RFC3339),
		Applyable:       counts.Changes() && o.Error == "",
		Complete:        counts.Unknown == 0 && o.Error == "",
		Errored:         o.Error != "",
		Reconcile:       ours(p, o),
	}
	for _, changes := range [][]reconcile.Change{p.Steps, p.Held, p.Adopted} {
		for i := range changes {
			out.ResourceChanges = append(out.ResourceChanges, changeOf(&changes[i]))
			if drifted, ok := driftOf(&changes[i]); ok {
				out.ResourceDrift = append(out.ResourceDrift, drifted)
			}
		}
	}
	return writeJSON(w, out)
}

type planDoc struct {
	FormatVersion   string           `json:"format_version"`
	ResourceDrift   []resourceChange `json:"resource_drift"`
	ResourceChanges []resourceChange `json:"resource_changes"`
	OutputChanges   struct{}         `json:"output_changes"`
	Timestamp       string           `json:"timestamp"`
	Applyable       bool             `json:"applyable"`
	Complete        bool             `json:"complete"`
	Errored         bool             `json:"errored"`
	Reconcile       planExtras       `json:"reconcile"`
}

type resourceChange struct {
	Address         string       `json:"address"`
	PreviousAddress string       `json:"previous_address,omitempty"`
	Mode            string       `json:"mode"`
	Type            string       `json:"type"`
	Name            string       `json:"name"`
	ProviderName    string       `json:"provider_name"`
	Deposed         string       `json:"deposed,omitempty"`
	Change          change       `json:"change"`
	ActionReason    string       `json:"action_reason,omitempty"`
	Reconcile       changeExtras `json:"reconcile"`
}

type change struct {
	Actions         []string   `json:"actions"`
	Before          any        `json:"before"`
	After           any        `json:"after"`
	AfterUnknown    any        `json:"after_unknown"`
	BeforeSensitive any        `json:"before_sensitive"`
	AfterSensitive  any        `json:"after_sensitive"`
	ReplacePaths    [][]string `json:"replace_paths,omitempty"`
	Importing       *importing `json:"importing,omitempty"`
}

type importing struct {
	ID string `json:"id"`
}

func changeOf(c *reconcile.Change) resourceChange {
	out := resourceOf(c)
	before, after := before(c), after(c)
	out.Change = change{
		Actions: actions(c), Before: before.value, After: after.value, AfterUnknown: after.unknown,
		BeforeSensitive: before.secret, AfterSensitive: after.secret, ReplacePaths: replacePaths(c),
	}
	if c.Action == reconcile.Adopt && c.Live != nil {
		out.Change.Importing = &importing{c.Live.ID}
	}
	return out
}

func resourceOf(c *reconcile.Change) resourceChange {
	out := resourceChange{
		Address: string(c.Key), Mode: "managed", Type: c.Kind, Name: c.Key.Name(), ProviderName: "scaleway",
		ActionReason: actionReason(c), Reconcile: extrasOf(c),
	}
	if c.Live == nil {
		return out
	}
	if c.Surplus {
		out.Deposed = c.Live.ID
	}
	if was := c.Live.Mark.Key; was != c.Key && was.Valid() {
		out.PreviousAddress = string(was)
	}
	return out
}

// actions are a change's in Terraform's words.
func actions(c *reconcile.Change) []string {
	switch c.Action {
	case reconcile.Replace:
		if c.First == reconcile.Create {
			return []string{"create", "delete"}
		}
		return []string{"delete", "create"}
	case reconcile.Reinstall:
		return []string{"delete", "create"}
	case reconcile.Adopt:
		return []string{"no-op"}
	}
	return []string{string(c.Action)}
}

func actionReason(c *reconcile.Change) string {
	switch {
	case c.Action == reconcile.Replace || c.Action == reconcile.Reinstall:
		return "replace_because_cannot_update"
	case c.Action == reconcile.Delete && !c.Surplus:
		return "delete_because_no_resource_config"
	}
	return ""
}

// before is the live state, null for what is not there.
func before(c *reconcile.Change) tree {
	switch {
	case c.Action == reconcile.Create:
		return plant(nil, nil, nil)
	case c.Live != nil && c.Live.Spec != nil:
		return plant(c.Live.Spec, nil, c.Masked)
	}
	return graft(c, func(f *reconcile.FieldChange) any { return f.From })
}

// after is the desired state, null for what goes away.
func after(c *reconcile.Change) tree {
	switch {
	case c.Action == reconcile.Delete || c.Action == reconcile.Forget:
		return plant(nil, nil, nil)
	case c.Action == reconcile.Adopt: // nothing is written yet
		return before(c)
	case c.Want != nil && c.Want.Spec != nil:
		return plant(c.Want.Spec, c.Want.Unknown, c.Masked)
	}
	t := graft(c, func(f *reconcile.FieldChange) any {
		if f.Unknown != "" {
			return nil
		}
		return f.To
	})
	unknown := map[string]any{}
	for i := range c.Fields {
		if f := &c.Fields[i]; f.Unknown != "" {
			set(unknown, pathOf(c, f.Path), true)
		}
	}
	t.unknown = unknown
	return t
}

func replacePaths(c *reconcile.Change) [][]string {
	var out [][]string
	for i := range c.Fields {
		if f := &c.Fields[i]; f.Replace || f.Reinstall {
			out = append(out, names(pathOf(c, f.Path)))
		}
	}
	return out
}

func names(path []segment) []string {
	out := make([]string, len(path))
	for i := range path {
		out[i] = path[i].name
	}
	return out
}

// driftOf is what happened to a resource outside of Git: from what Git said when
// it was last changed to what is live. Only the fields that moved are shown.
func driftOf(c *reconcile.Change) (resourceChange, bool) {
	cause := c.Cause()
	if cause != drift && cause != conflict && cause != missing {
		return resourceChange{}, false
	}
	moved := *c
	moved.Fields = nil
	for _, f := range c.Fields {
		if f.Label == reconcile.Drifted || f.Label == reconcile.Conflicting {
			moved.Fields = append(moved.Fields, f)
		}
	}
	out := resourceOf(&moved)
	out.ActionReason = ""
	if cause == missing {
		out.Change = change{Actions: []string{"delete"}, AfterUnknown: struct{}{}, BeforeSensitive: false, AfterSensitive: false}
		return out, true
	}
	was := graft(&moved, func(f *reconcile.FieldChange) any { return f.Base })
	is := graft(&moved, func(f *reconcile.FieldChange) any { return f.From })
	out.Change = change{
		Actions: []string{"update"}, Before: was.value, After: is.value, AfterUnknown: is.unknown,
		BeforeSensitive: was.secret, AfterSensitive: is.secret,
	}
	return out, true
}
