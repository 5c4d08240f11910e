package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// noteIgnored lists what the rules hide of a resource.
func (d *differ) noteIgnored(w *Wanted, live *Resource, spec any, unknown map[string]string) {
	rules := d.stack.ignores(w)
	if len(rules) == 0 {
		return
	}
	spec = keep(w.Kind.Fields, spec, live.Spec, w.Set)
	hidden := differences(w.Kind.Fields, rules.adopt(w.Kind.Fields, spec, live.Spec, false), spec, unknown)
	hidden = append(append(hidden, labelChanges(w, live.Tags)...), stillUnknown(w, live, unknown)...)
	for _, f := range hidden {
		rule := rules.rule(f.Path)
		if rule == nil || fixed(w.Kind.Fields, f.Path) {
			continue
		}
		if w.Sourced[f.Path] {
			f.mask()
		}
		d.maskIgnored(w.Key, &f)
		d.Ignored = append(d.Ignored, Ignored{Key: w.Key, Path: f.Path, Git: f.To, Live: f.From, Rule: *rule})
	}
}

// maskIgnored says where a value comes from that is still to come, and hides what
// the journal knows to have been looked up once.
func (d *differ) maskIgnored(key Key, f *FieldChange) {
	if f.Unknown != "" {
		f.To = "(known after " + f.Unknown + ")"
	}
	if f.From != nil && slices.Contains(strings.Split(d.world.Memory[key].Masked, "\n"), f.Path) {
		f.From = NewSecret(Masked)
	}
}

// tellIdle makes a notice of each rule that is about nothing that Git asks for.
func (d *differ) tellIdle() {
	for i := range d.stack.Policy.Ignore {
		rule := &d.stack.Policy.Ignore[i]
		if !slices.ContainsFunc(d.wish.Ordered, rule.about) {
			d.Notices = append(d.Notices, fmt.Sprintf("%signores %s of nothing that Git asks for; take the rule out", ruleAt(rule.Pos), strings.Join(rule.Fields, ", ")))
		}
	}
}

// tags are the wanted tags, of which the ignored labels are as they are live.
func (is ignores) tags(want, live []string) []string {
	out := slices.Clone(want[:0:0])
	for _, tag := range want {
		name, _, _ := strings.Cut(tag, "=")
		if is.rule("labels."+name) == nil {
			out = append(out, tag)
		} else if value := labelOf(live, name); value != nil {
			out = append(out, fmt.Sprint(name, "=", value))
		}
	}
	return out
}

// others are live tags but for labels that are ignored.
func (is ignores) others(live []string) []string {
	if len(is) == 0 {
		return live
	}
	return slices.DeleteFunc(slices.Clone(live), func(tag string) bool {
		name, _, labelled := strings.Cut(tag, "=")
		return labelled && is.rule("labels."+name) != nil
	})
}

// without leaves out the values of ignored fields.
func (is ignores) without(values map[string]any) map[string]any {
	maps.DeleteFunc(values, func(path string, _ any) bool { return is.rule(path) != nil })
	return values
}
