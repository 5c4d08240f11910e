package reconcile

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Place notes where each of the rules stands, and says what is wrong with them.
// places are those of Settings, above is the path of the rules among them.
func (r *Rules) Place(places map[string]Pos, above string) Problems {
	fields := SettingsFields[Rules]()
	for i := range fields {
		if pos, said := places[above+"."+fields[i].Name]; said {
			if r.At == nil {
				r.At = map[string]Pos{}
			}
			r.At[fields[i].Name] = pos
		}
	}
	var problems Problems
	for _, list := range []struct {
		name  string
		items []string
		fits  func(string) bool
		wants string
	}{
		{"requiredLabels", r.RequiredLabels, func(s string) bool { return s != "" && !strings.Contains(s, "=") }, "names of labels, such as team"},
		{"regions", r.Regions, placeForm.MatchString, "regions or zones, such as fr-par or fr-par-2"},
		{"offers", r.Offers, isPattern, "offers or patterns of them, such as EM-B220E-*"},
		{"registries", r.Registries, isRegistry, "beginnings of references with their host, such as rg.fr-par.scw.cloud/shop or docker.io/library"},
	} {
		pos, said := r.At[list.name]
		if said && len(list.items) == 0 {
			problems.add(pos, "leave it out, or name some", "%s.%s: names none, and would allow nothing", above, list.name)
		}
		for _, item := range list.items {
			if !list.fits(item) {
				problems.add(pos, "", "%s.%s: %q: wants %s", above, list.name, item, list.wants)
			}
		}
	}
	return problems
}

var placeForm = regexp.MustCompile(`^[a-z]{2}-[a-z]{3}(-[0-9])?$`)

func isPattern(text string) bool {
	_, err := path.Match(text, "")
	return text != "" && err == nil
}

func isRegistry(text string) bool {
	_, ok := parseRegistry(text)
	return ok
}

// Problems says what is wrong with a rule: a kind or a field that there is not,
// or one that cannot be left as it is. at is the path of the rule.
func (i *Ignore) Problems(at string, kinds Kinds) Problems {
	var problems Problems
	for _, key := range i.Keys {
		if !key.Valid() {
			problems.add(i.Pos, "", "%s.keys: %q: wants keys, such as Container/api", at, key)
		}
	}
	about := i.kinds(at, kinds, &problems)
	for _, field := range i.Fields {
		if err := ignorable(field, about); err != nil && len(about) > 0 {
			problems.add(i.Pos, err.hint, "%s.fields: %q: %s", at, field, err.message)
		}
	}
	return problems
}

// kinds are those that a rule may be about.
func (i *Ignore) kinds(at string, kinds Kinds, problems *Problems) Kinds {
	if len(i.Kinds) == 0 {
		return kinds
	}
	var out Kinds
	var names []string
	for _, kind := range kinds {
		names = append(names, kind.Name)
	}
	for _, name := range i.Kinds {
		kind, ok := kinds.Find(name)
		if ok {
			out = append(out, kind)
			continue
		}
		hint := "there are " + strings.Join(names, ", ")
		if near := Nearest(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		problems.add(i.Pos, hint, "%s.kinds: unknown kind %q", at, name)
	}
	return out
}

// flaw is what is wrong with a field's path, and what to do about it.
type flaw struct{ message, hint string }

// ignorable says why no kind has a field that may be left as it is, nil if one has.
func ignorable(pattern string, kinds Kinds) *flaw {
	var wrong *flaw
	var known []string
	for _, kind := range kinds {
		found := patternFields(kind.Fields, pattern)
		for _, f := range found {
			switch {
			case f.locates():
				wrong = &flaw{"says where a resource is, and that cannot be otherwise than Git says", ""}
			case f.Plan.Has("-"):
				wrong = &flaw{"is not compared by itself: it says what else comes of the manifest", "ignore the fields of what comes of it, by kinds or keys"}
			default:
				return nil
			}
		}
		known = append(known, fieldPaths(kind.Fields)...)
	}
	switch near := Nearest(pattern, known); {
	case strings.HasPrefix(pattern, "labels.") || pattern == "labels":
		return nil
	case wrong != nil:
		return wrong
	case near != "":
		return &flaw{"there is no such field", "did you mean " + near + "?"}
	}
	return &flaw{"there is no such field", fmt.Sprintf("fields are written as in manifests, such as %s", strings.Join(known[:min(3, len(known))], ", "))}
}

// patternFields are the fields that a pattern leads to, through maps and named lists.
func patternFields(fields []Field, pattern string) []*Field {
	var out []*Field
	word, rest, more := strings.Cut(pattern, ".")
	for i := range fields {
		f := &fields[i]
		if word != "*" && f.Name != word {
			continue
		}
		below, deeper := rest, more
		if f.Shape == Named && more {
			_, below, deeper = strings.Cut(rest, ".")
		}
		switch {
		case !deeper || f.Shape == Pairs:
			out = append(out, f)
		case f.nests():
			out = append(out, patternFields(f.Fields, below)...)
		}
	}
	return out
}

// fieldPaths are the paths of all fields, as rules write them.
func fieldPaths(fields []Field) []string {
	var out []string
	for i := range fields {
		f := &fields[i]
		out = append(out, f.Path)
		for _, path := range fieldPaths(f.Fields) {
			if f.Shape == Named {
				path = f.Path + ".*" + strings.TrimPrefix(path, f.Path)
			}
			out = append(out, path)
		}
	}
	return slices.Clip(out)
}
