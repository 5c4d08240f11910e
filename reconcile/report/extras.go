package report

import (
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// planExtras are what a plan says that Terraform's shape has no room for.
type planExtras struct {
	Version   string              `json:"version,omitempty"`
	Error     string              `json:"error,omitempty"`
	Stack     string              `json:"stack"`
	Owner     string              `json:"owner"`
	Revision  revision            `json:"revision"`
	Hash      string              `json:"hash"`
	Places    []string            `json:"places"`
	Kinds     int                 `json:"kinds"`
	Millis    int64               `json:"took_ms"`
	Summary   Counts              `json:"summary"`
	Steps     []step              `json:"steps"`
	Held      []heldStep          `json:"held"`
	Waiting   []waiting           `json:"waiting"`
	Settling  []settling          `json:"settling"`
	Receipts  []receipt           `json:"receipts"`
	Unmanaged []resource          `json:"unmanaged"`
	Managed   int                 `json:"managed"`
	Coverage  int                 `json:"coverage"` // managed / (managed + unmanaged) in percent, rounded down
	Foreign   int                 `json:"foreign"`
	Inventory []reconcile.Finding `json:"inventory"`
	Ignored   []ignored           `json:"ignored"`
	Expired   []acceptedDrift     `json:"baseline_expired"`
	Costs     *costs              `json:"costs,omitempty"`
	Notices   []string            `json:"notices"`
}

type revision struct {
	ID      string `json:"id"`
	Subject string `json:"subject,omitempty"`
	Author  string `json:"author,omitempty"`
	When    string `json:"when,omitempty"`

	Committer string `json:"committer,omitempty"`
}

// A step is one change in the order of the plan. Its hash is what an approval is for.
type step struct {
	Address string `json:"address"`
	Action  string `json:"action"`
	Hash    string `json:"hash"`
}

type heldStep struct {
	step
	Because []hold `json:"because"`
}

type hold struct {
	Guard  string `json:"guard"`
	Reason string `json:"reason"`
	Line   string `json:"line,omitempty"`
}

type waiting struct {
	Address string          `json:"address"`
	Until   []string        `json:"until"`
	For     []reconcile.Key `json:"for"`
}

type settling struct {
	Address string   `json:"address"`
	Phase   string   `json:"phase"`
	Detail  string   `json:"detail,omitempty"`
	Lines   []string `json:"lines"`
	Again   int64    `json:"again_ms,omitempty"` // how much longer it usually takes
}

type receipt struct {
	Type       string `json:"type"`
	Place      string `json:"place,omitempty"`
	Count      int    `json:"count"`
	Complete   bool   `json:"complete"`
	OutOfScope bool   `json:"out_of_scope,omitempty"`
	Reason     string `json:"reason,omitempty"`
	At         string `json:"at,omitempty"`
	Millis     int64  `json:"took_ms"`
}

type resource struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Name  string `json:"name"`
	Place string `json:"place,omitempty"`

	Known *acceptedDrift `json:"known,omitempty"` // its being unmanaged was accepted for a time
}

// changeExtras are the same for one change.
type changeExtras struct {
	Action string       `json:"action"`
	Cause  string       `json:"cause,omitempty"`
	Hash   string       `json:"hash,omitempty"`
	ID     string       `json:"id,omitempty"`
	Place  string       `json:"place,omitempty"`
	Lines  []string     `json:"lines"`
	Reason string       `json:"reason,omitempty"`
	Notes  []string     `json:"notes,omitempty"`
	Waits  []string     `json:"waits"`
	Held   []hold       `json:"held"`
	Fields []fieldExtra `json:"fields"`
	blameExtras
}

// A fieldExtra says of a field that differs why, and which line asks for it.
type fieldExtra struct {
	Path    string `json:"path"`
	Label   string `json:"label,omitempty"`
	Secret  bool   `json:"secret,omitempty"`
	Unknown string `json:"unknown,omitempty"`
	Replace bool   `json:"replace,omitempty"`
	Line    string `json:"line,omitempty"`
}

func ours(p *reconcile.Plan, o JSONOptions) planExtras {
	out := planExtras{
		Version: o.Version, Error: o.Error, Stack: p.Stack, Owner: p.Owner, Revision: revision(p.Revision), Hash: p.Hash,
		Places: filled(p.Places), Kinds: p.Kinds, Millis: p.Took.Milliseconds(), Summary: Has(p),
		Steps: []step{}, Held: []heldStep{}, Waiting: []waiting{}, Settling: []settling{},
		Receipts: receiptsOf(p), Unmanaged: resourcesOf(p), Managed: p.Managed, Coverage: coverageOf(p), Foreign: p.Foreign,
		Inventory: findingsOf(p), Ignored: ignoredOf(p), Expired: expiredOf(p), Costs: costsOf(p.Total), Notices: filled(p.Notices),
	}
	for i := range p.Steps {
		c := &p.Steps[i]
		out.Steps = append(out.Steps, stepOf(c))
		if len(c.Waits) > 0 {
			out.Waiting = append(out.Waiting, waiting{string(c.Key), c.Waits, filled(c.WaitsFor)})
		}
	}
	for i := range p.Held {
		out.Held = append(out.Held, heldStep{stepOf(&p.Held[i]), holdsOf(&p.Held[i])})
	}
	for _, s := range p.Settling {
		out.Settling = append(out.Settling, settling{string(s.Key), string(s.Phase), s.Detail, shorts(s.Origins), s.Again.Milliseconds()})
	}
	return out
}

func stepOf(c *reconcile.Change) step { return step{string(c.Key), string(c.Action), c.Hash} }

func holdsOf(c *reconcile.Change) []hold {
	out := []hold{}
	for _, h := range c.Held {
		out = append(out, hold{h.Guard, h.Reason, h.Pos.Short()})
	}
	return out
}

func receiptsOf(p *reconcile.Plan) []receipt {
	out := []receipt{}
	for _, r := range p.Receipts {
		out = append(out, receipt{
			Type: r.Kind, Place: r.Scope.Place, Count: r.Count, Complete: r.Complete, OutOfScope: r.OutOfScope,
			Reason: r.Reason, At: stamp(r.At), Millis: r.Took.Round(time.Millisecond).Milliseconds(),
		})
	}
	return out
}

func resourcesOf(p *reconcile.Plan) []resource {
	out := []resource{}
	for _, r := range p.Unmanaged {
		out = append(out, resource{r.ID, r.Kind, r.Name, r.Scope.Place, acceptedLive(p, r)})
	}
	return out
}

func extrasOf(c *reconcile.Change) changeExtras {
	out := changeExtras{
		Action: string(c.Action), Cause: CauseOf(c), Hash: c.Hash, Place: c.Scope.Place, Lines: shorts(c.Origins), Reason: c.Reason, Notes: c.Notes,
		Waits: filled(c.Waits), Held: holdsOf(c), Fields: []fieldExtra{}, blameExtras: blameOf(c),
	}
	if c.Live != nil {
		out.ID = c.Live.ID
	}
	for i := range c.Fields {
		f := &c.Fields[i]
		out.Fields = append(out.Fields, fieldExtra{
			Path: f.Path, Label: string(f.Label), Secret: f.Secret, Unknown: f.Unknown,
			Replace: f.Replace || f.Reinstall, Line: f.Pos.Short(),
		})
	}
	return out
}
