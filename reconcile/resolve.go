package reconcile

import (
	"cmp"
	"slices"
	"strings"
)

// choose finds the one that is the resource: the oldest that differs in no field
// that would need a replacement, else the oldest. The rest are further ones.
func (d *differ) choose(w *Wanted, spec any, unknown map[string]string) (one *Resource, fields []FieldChange, rest []*Resource) {
	for _, r := range d.ours[w.Key] {
		if r.Phase == Deleting {
			d.Settling = append(d.Settling, Status{Key: w.Key, Phase: Deleting, Detail: cmp.Or(r.Detail, "being deleted"), Origins: w.Origins, Again: r.Again})
			continue
		}
		diff := d.compare(w, r, spec, unknown)
		switch {
		case one == nil:
			one, fields = r, diff
		case w.is(r): // what the manifest names is it, whatever its age
			rest = append(rest, one)
			one, fields = r, diff
		case w.is(one):
			rest = append(rest, r)
		case replaces(fields) && (!replaces(diff) || d.first(w, one) == Create && d.first(w, r) == Delete):
			rest = append(rest, one) // of two to be replaced, the one in the new one's place is it
			one, fields = r, diff
		default:
			rest = append(rest, r)
		}
	}
	return one, fields, rest
}

// is tells whether a manifest names a live resource by its ID.
func (w *Wanted) is(r *Resource) bool { return w.Adopt == r.ID || w.Manifest.Drawn == r.ID }

func (d *differ) compare(w *Wanted, r *Resource, spec any, unknown map[string]string) []FieldChange {
	spec, unknown = d.against(w, r, spec, unknown, false)
	fields := differences(w.Kind.Fields, r.Spec, spec, unknown)
	labels := slices.DeleteFunc(labelChanges(w, r.Tags), func(f FieldChange) bool { return d.stack.ignores(w).rule(f.Path) != nil })
	return append(fields, append(labels, stillUnknown(w, r, unknown)...)...)
}

// labelChanges are the manifest's labels that the live tags lack. A label that
// was taken away cannot be told from somebody else's tag, and stays.
func labelChanges(w *Wanted, live []string) []FieldChange {
	var out []FieldChange
	for _, tag := range w.Tags {
		if slices.Contains(live, tag) {
			continue
		}
		name, value, _ := strings.Cut(tag, "=")
		out = append(out, FieldChange{Path: "labels." + name, From: labelOf(live, name), To: value})
	}
	return out
}

// stillUnknown are the fields whose values are still to come from another resource.
func stillUnknown(w *Wanted, live *Resource, unknown map[string]string) []FieldChange {
	var out []FieldChange
	for _, path := range sortedKeys(unknown) {
		f := fieldAt(w.Kind.Fields, path)
		if f == nil || unknown[path] == unreadable || f.Plan.Has("-") {
			continue
		}
		change := newFieldChange(f, path)
		change.Unknown = unknown[path]
		if live != nil {
			if l, ok := leavesByPath(w.Kind.Fields, live.Spec)[path]; ok {
				change.From = l.plain()
			}
		}
		out = append(out, change)
	}
	return out
}

func replaces(fields []FieldChange) bool {
	return slices.ContainsFunc(fields, func(f FieldChange) bool { return f.Replace })
}

// unreadable stands for a value that could not be read; the field is left alone.
const unreadable = "could not be read"

// resolve fills in the outputs of others that are known, and tells which are not.
func (d *differ) resolve(w *Wanted) (spec any, unknown map[string]string) {
	unknown = map[string]string{}
	for path, from := range w.Unknown {
		unknown[path] = from
		if w.Hold != nil {
			unknown[path] = unreadable
		}
	}
	texts := map[string]string{}
	for _, ref := range w.Refs {
		if text, missing := d.substitute(ref.Text); missing == "" {
			texts[ref.Path] = text
			delete(unknown, ref.Path)
		} else {
			unknown[ref.Path] = missing
		}
	}
	if len(texts) == 0 {
		return w.Spec, unknown
	}
	spec, err := assign(w.Kind.Fields, w.Spec, texts)
	if err != nil {
		for path := range texts { // it is held as unknown; the reason stands where people look for it
			unknown[path] = "a value that fits: " + err.Error()
		}
		return w.Spec, unknown
	}
	return spec, unknown
}

func (d *differ) substitute(text string) (out, missing string) {
	out = reference.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		key := outputKey(name)
		if one := d.outcome[key]; one != nil {
			if value := one.Outputs[name[len(key)+1:]]; value != "" {
				return value
			}
		}
		if missing = cmp.Or(missing, name); d.unread[key] {
			missing = unreadable
		}
		return ""
	})
	return out, missing
}
