package report

import "gitlab.com/reconciled/reconciled/reconcile"

// blameExtras are what JSON says of a change about people and money.
type blameExtras struct {
	By    []writer       `json:"by,omitempty"` // the latest first; empty if nobody knows
	Known *acceptedDrift `json:"known,omitempty"`
	Costs *costs         `json:"costs,omitempty"`
}

// A writer is somebody who wrote to a resource, as JSON has it.
type writer struct {
	Who     string `json:"who"`
	Sort    string `json:"sort,omitempty"` // "user" or "application"
	At      string `json:"at,omitempty"`
	Address string `json:"address,omitempty"`
	Program string `json:"program,omitempty"`
	Call    string `json:"call,omitempty"`
	Request string `json:"request,omitempty"`
}

// An acceptedDrift is drift that somebody accepted for a time, as JSON has it.
type acceptedDrift struct {
	Reason string `json:"reason"`
	Until  string `json:"until"`
	By     string `json:"by,omitempty"`
	Line   string `json:"line,omitempty"` // of the baseline
}

// An ignored is a difference that a rule hides.
type ignored struct {
	Address string `json:"address"`
	Path    string `json:"path"`
	Git     any    `json:"git"`
	Live    any    `json:"live"`
	Reason  string `json:"reason"`
	Line    string `json:"line,omitempty"` // of the rule
}

// costs are euros a month without tax: before, after, and between them.
type costs struct {
	Currency   string `json:"currency"`
	Before     cost   `json:"before"`
	After      cost   `json:"after"`
	Difference cost   `json:"difference"`
	Text       string `json:"text"`
}

type cost struct {
	Least   float64 `json:"least"`
	Most    float64 `json:"most"`
	Unknown string  `json:"unknown,omitempty"` // why it is not known, or not in full
}

func blameOf(c *reconcile.Change) blameExtras {
	out := blameExtras{Costs: costsOf(c.Bill)}
	for _, a := range c.By {
		out.By = append(out.By, writer{a.Who, a.Sort, stamp(a.At), a.Address, a.Program, a.Call, a.Request})
	}
	if c.Known != nil {
		k := knownOf(*c.Known)
		out.Known = &k
	}
	return out
}

func knownOf(k reconcile.Known) acceptedDrift {
	return acceptedDrift{k.Reason, k.Until, k.By, k.Pos.Short()}
}

// acceptedLive is why a resource may be unmanaged for a time, nil if nobody said so.
func acceptedLive(p *reconcile.Plan, r *reconcile.Resource) *acceptedDrift {
	k, ok := p.KnownLive[r.ID]
	if !ok {
		return nil
	}
	out := knownOf(k)
	return &out
}

func expiredOf(p *reconcile.Plan) []acceptedDrift {
	out := []acceptedDrift{}
	for _, k := range p.Expired {
		out = append(out, knownOf(k))
	}
	return out
}

func ignoredOf(p *reconcile.Plan) []ignored {
	out := []ignored{}
	for i := range p.Ignored {
		g := &p.Ignored[i]
		out = append(out, ignored{string(g.Key), g.Path, g.Git, g.Live, g.Rule.Reason, g.Rule.Pos.Short()})
	}
	return out
}

func costsOf(b *reconcile.Bill) *costs {
	if b == nil {
		return nil
	}
	between := reconcile.Cost{Least: b.To.Least - b.From.Least, Most: b.To.Most - b.From.Most, Unknown: unpriced(b)}
	return &costs{"EUR", costOf(b.From), costOf(b.To), costOf(between), Costs(b)}
}

func costOf(c reconcile.Cost) cost {
	return cost{inEuros(c.Least), inEuros(c.Most), c.Unknown}
}

func inEuros(m reconcile.Money) float64 { return float64(m) / float64(reconcile.Euro) }

// coverageOf is how much of what is there is managed, in percent; all of nothing.
func coverageOf(p *reconcile.Plan) int {
	if percent, ok := covered(p); ok {
		return percent
	}
	return 100
}
