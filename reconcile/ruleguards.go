package reconcile

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
)

// A breach is what of a resource breaks a rule.
type breach struct {
	rule   string // its name, as manifests write it
	path   string // of the field
	reason string
}

// all are the repository's rules and the operator's. Each counts by itself, so
// that neither loosens what the other asks for.
func (p *Policy) all() []*Rules {
	out := []*Rules{&p.Rules}
	for i := range p.Bounds {
		out = append(out, &p.Bounds[i])
	}
	return out
}

// rules holds a change that breaks a rule: one that makes a resource, or that
// leaves the field broken which it writes. What is broken already and not touched
// is told of, and nothing that goes away is held.
func (p *decider) rules(c *Change) {
	if c.Want == nil {
		return
	}
	for _, r := range p.stack.Policy.all() {
		for _, b := range r.breaches(c.Want) {
			if c.writes(b.path) {
				c.hold(Hold{Guard: b.rule, Reason: b.reason, Pos: r.At[b.rule]})
			}
		}
		if c.Action == Replace && c.First == Delete {
			p.unjudged(c, r)
		}
	}
}

// unjudged holds a replacement of which nobody knows yet whether the new one may
// be: the old one would be gone by then.
func (p *decider) unjudged(c *Change, r *Rules) {
	asked := map[string]string{"offer": "", "image": ""}
	if len(r.Offers) > 0 {
		asked["offer"] = "offers"
	}
	if r.RequireDigest {
		asked["image"] = "requireDigest"
	}
	if len(r.Registries) > 0 {
		asked["image"] = "registries"
	}
	for _, at := range sortedKeys(c.Want.Unknown) {
		f := fieldAt(c.Want.Kind.Fields, at)
		if f == nil || asked[f.Means] == "" {
			continue
		}
		rule := asked[f.Means]
		c.hold(Hold{Guard: rule, Pos: r.At[rule], Reason: at + " is not known before the old one is deleted, so nobody can tell whether the rule allows it"})
	}
}

// writes tells whether a change makes the resource, or writes a field of it.
func (c *Change) writes(path string) bool {
	if c.Action == Create || c.Action == Replace {
		return true
	}
	return slices.ContainsFunc(c.Fields, func(f FieldChange) bool { return below(f.Path, path) || below(path, f.Path) })
}

// breaches are what of a resource breaks the rules, as far as its values are known.
func (r *Rules) breaches(w *Wanted) []breach {
	out := append(r.labels(w), r.place(w)...)
	if len(r.Offers) == 0 && len(r.Registries) == 0 && !r.RequireDigest {
		return out
	}
	for _, l := range leaves(w.Kind.Fields, w.Spec) {
		if l.field.Means == "" {
			continue
		}
		for _, value := range texts(l.value) {
			for _, b := range r.value(l.field.Means, value, w.Sourced[l.path]) {
				b.path = l.path
				out = append(out, b)
			}
		}
	}
	return out
}

// texts are a leaf's values.
func texts(v reflect.Value) []string {
	if v.Kind() == reflect.Slice {
		return printed(v)
	}
	return []string{fmt.Sprint(v.Interface())}
}

// labels are those of the manifest in the source: what it expands to has no say.
func (r *Rules) labels(w *Wanted) []breach {
	top := w.Manifest
	if w.top != nil {
		top = w.top
	}
	var out []breach
	for _, label := range r.RequiredLabels {
		if top.Labels[label] != "" {
			continue
		}
		reason := "the label " + label + " is missing"
		if top.Key != w.Key {
			reason += " at " + string(top.Key)
		}
		out = append(out, breach{"requiredLabels", "labels." + label, reason})
	}
	return out
}

// place is where the resource is to be. A zone is inside its region.
func (r *Rules) place(w *Wanted) []breach {
	at := w.Scope.Place
	inside := func(allowed string) bool { return at == allowed || strings.HasPrefix(at, allowed+"-") }
	if len(r.Regions) == 0 || at == "" || slices.ContainsFunc(r.Regions, inside) {
		return nil
	}
	field := "region"
	if f := w.Kind.placeField(); f != nil {
		field = f.Path
	}
	return []breach{{"regions", field, at + " is none of " + strings.Join(r.Regions, ", ")}}
}

// value judges one value by what it means. One that was looked up is not shown.
func (r *Rules) value(means, value string, hidden bool) []breach {
	shown := value
	if hidden {
		shown = Masked
	}
	switch means {
	case "offer":
		return r.offer(value, shown)
	case "image":
		return r.image(value, shown)
	}
	return nil
}

func (r *Rules) offer(value, shown string) []breach {
	fits := func(pattern string) bool {
		ok, err := path.Match(pattern, value)
		return ok && err == nil
	}
	if len(r.Offers) == 0 || slices.ContainsFunc(r.Offers, fits) {
		return nil
	}
	return []breach{{rule: "offers", reason: "the offer " + shown + " is none of " + strings.Join(r.Offers, ", ")}}
}

func (r *Rules) image(value, shown string) []breach {
	named, ok := parseImage(value)
	var out []breach
	from := func(registry string) bool {
		prefix, valid := parseRegistry(registry)
		return ok && valid && named.under(prefix)
	}
	if len(r.Registries) > 0 && !slices.ContainsFunc(r.Registries, from) {
		reason := "the image " + shown + " comes from none of " + strings.Join(r.Registries, ", ")
		if !ok {
			reason = "the image " + shown + " is no reference that can be held against " + strings.Join(r.Registries, ", ")
		}
		out = append(out, breach{rule: "registries", reason: reason})
	}
	if r.RequireDigest && named.digest == "" {
		out = append(out, breach{rule: "requireDigest", reason: "the image " + shown + " names no digest (@sha256: and 64 hex digits)"})
	}
	return out
}
