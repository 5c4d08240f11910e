package report

import (
	"io"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// DriftJSON writes drift under the names of driftctl's report, with what
// driftctl dropped or never had added: changed[] with its fields, surplus[], and
// complete, which is false if anything in scope could not be read; alerts say
// what and why. Coverage is managed / (managed + unmanaged) in percent, rounded
// down, 100 where there is nothing. managed[] is empty: a plan counts what is
// as it should be, and lists what is not. What a baseline knows is in known[] and
// nowhere else; by are those who may have made a change, and unknown_authors says
// why there are none.
func DriftJSON(w io.Writer, p *reconcile.Plan) error { return driftJSON(w, p, "") }

// driftJSON also says why there is no whole answer, if there is none.
func driftJSON(w io.Writer, p *reconcile.Plan, problem string) error {
	t := newTeller(p, Style{})
	out := driftDoc{
		Managed: []driftResource{}, Unmanaged: []driftResource{}, Missing: t.driftResources(missing), Surplus: t.driftResources(surplus),
		Changed: t.changedResources(drift, conflict, unclear), Known: t.changedOf(t.known()), Pending: t.driftResources(pending),
		Coverage: coverageOf(p), Complete: t.counts.Unknown == 0 && problem == "", Error: problem, Drifted: t.counts.Drifted(), Alerts: alerts(p),
		Inventory: findingsOf(p), Ignored: ignoredOf(p), Expired: expiredOf(p), Costs: costsOf(p.Total), NoAuthors: untold(p, nil), Receipts: receiptsOf(p),
		Provider: "scaleway", Duration: int64(p.Took.Round(time.Second).Seconds()), Date: p.At.UTC().Format(time.RFC3339),
		Stack: p.Stack, Revision: p.Revision.ID,
	}
	for _, r := range p.Unmanaged {
		accepted := blameExtras{Known: acceptedLive(p, r)}
		out.Unmanaged = append(out.Unmanaged, driftResource{ID: r.ID, Type: r.Kind, Name: r.Name, Place: r.Scope.Place, blameExtras: accepted})
	}
	if problem != "" && p.Managed == 0 {
		out.Coverage = 0 // nobody knows
	}
	out.Summary = driftSummary{
		Resources: p.Managed + len(p.Unmanaged) + t.gone(), Unmanaged: len(p.Unmanaged), Missing: len(out.Missing), Managed: p.Managed, Sources: 1,
		Changed: len(out.Changed), Surplus: len(out.Surplus), Pending: t.counts.Pending, Known: t.counts.Known, Ignored: t.counts.Ignored,
		Inventory: t.counts.Findings,
	}
	return writeJSON(w, out)
}

type driftDoc struct {
	Summary   driftSummary        `json:"summary"`
	Managed   []driftResource     `json:"managed"`
	Unmanaged []driftResource     `json:"unmanaged"`
	Missing   []driftResource     `json:"missing"`
	Changed   []changedResource   `json:"changed"`
	Surplus   []driftResource     `json:"surplus"`
	Known     []changedResource   `json:"known"` // of all these sorts, accepted for a time
	Pending   []driftResource     `json:"pending"`
	Inventory []reconcile.Finding `json:"inventory"` // what Git, NetBox and live machines disagree about
	Ignored   []ignored           `json:"ignored"`
	Expired   []acceptedDrift     `json:"baseline_expired"`
	Coverage  int                 `json:"coverage"`
	Complete  bool                `json:"complete"`
	Error     string              `json:"error,omitempty"`
	Drifted   bool                `json:"drifted"`
	Alerts    map[string][]alert  `json:"alerts"`
	NoAuthors string              `json:"unknown_authors,omitempty"` // why the audit trail names nobody
	Costs     *costs              `json:"costs,omitempty"`
	Receipts  []receipt           `json:"receipts"`
	Provider  string              `json:"provider_name"`
	Duration  int64               `json:"scan_duration"` // seconds
	Date      string              `json:"date"`
	Stack     string              `json:"stack"`
	Revision  string              `json:"revision"`
}

type driftSummary struct {
	Resources int `json:"total_resources"`
	Unmanaged int `json:"total_unmanaged"`
	Missing   int `json:"total_missing"`
	Managed   int `json:"total_managed"`
	Changed   int `json:"total_changed"`
	Surplus   int `json:"total_surplus"`
	Pending   int `json:"total_pending"`
	Known     int `json:"total_known"`
	Ignored   int `json:"total_ignored"`
	Inventory int `json:"total_inventory"`
	Sources   int `json:"total_iac_source_count"`
}

type driftResource struct {
	ID     string       `json:"id"`
	Type   string       `json:"type"`
	Name   string       `json:"name,omitempty"`
	Place  string       `json:"place,omitempty"`
	Source *driftSource `json:"source,omitempty"`
	blameExtras
}

// A driftSource is where the source asks for a resource: the line, the stack and the key.
type driftSource struct {
	Source       string `json:"source"`
	Namespace    string `json:"namespace"`
	InternalName string `json:"internal_name"`
}

type changedResource struct {
	driftResource
	Cause  string         `json:"cause"` // drift, conflict or unclear; of what is known also missing and surplus
	Fields []changedField `json:"fields"`
	Held   []hold         `json:"held"`
}

type changedField struct {
	Path    string `json:"path"`
	Git     any    `json:"git"`
	Live    any    `json:"live"`
	Was     any    `json:"was,omitempty"` // what Git said when the resource was last changed
	Label   string `json:"label,omitempty"`
	Secret  bool   `json:"secret,omitempty"`
	Unknown string `json:"unknown,omitempty"`
	Line    string `json:"line,omitempty"`
}

type alert struct {
	Message string `json:"message"`
}

// alerts are what could not be read, by kind.
func alerts(p *reconcile.Plan) map[string][]alert {
	out := map[string][]alert{}
	for i := range p.Receipts {
		r := &p.Receipts[i]
		if !r.Complete && !besides(r) {
			out[r.Kind] = append(out[r.Kind], alert{place(r.Kind, r.Scope) + ": " + outcome(r)})
		}
	}
	return out
}

func (t *teller) driftResources(why cause) []driftResource {
	out := []driftResource{}
	for _, c := range t.of(why) {
		out = append(out, t.driftResource(c))
	}
	return out
}

func (t *teller) driftResource(c *reconcile.Change) driftResource {
	out := driftResource{
		ID: string(c.Key), Type: c.Kind, Name: c.Key.Name(), Place: c.Scope.Place,
		Source: &driftSource{places(c.Origins), t.plan.Stack, string(c.Key)}, blameExtras: blameOf(c),
	}
	if c.Live != nil {
		out.ID, out.Name = c.Live.ID, c.Live.Name
	}
	return out
}

func (t *teller) changedResources(causes ...cause) []changedResource {
	out := []changedResource{}
	for _, why := range causes {
		out = append(out, t.changedOf(t.of(why))...)
	}
	return out
}

func (t *teller) changedOf(changes []*reconcile.Change) []changedResource {
	out := []changedResource{}
	for _, c := range changes {
		r := changedResource{driftResource: t.driftResource(c), Cause: CauseOf(c), Fields: []changedField{}, Held: holdsOf(c)}
		for i := range c.Fields {
			r.Fields = append(r.Fields, changedFieldOf(&c.Fields[i]))
		}
		out = append(out, r)
	}
	return out
}

// gone is how many resources are missing, whether that is known or not.
func (t *teller) gone() int {
	return len(t.those(func(c *reconcile.Change) bool { return c.Cause() == missing }))
}

func changedFieldOf(f *reconcile.FieldChange) changedField {
	out := changedField{
		Path: f.Path, Git: mask(f, f.To), Live: mask(f, f.From), Label: string(f.Label), Secret: f.Secret, Unknown: f.Unknown, Line: f.Pos.Short(),
	}
	if f.Label == reconcile.Conflicting {
		out.Was = mask(f, f.Base)
	}
	return out
}

// mask hides a secret's value, whatever its type.
func mask(f *reconcile.FieldChange, value any) any {
	if f.Secret && value != nil {
		return reconcile.Masked
	}
	return value
}
