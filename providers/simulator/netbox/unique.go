package netbox

import (
	"fmt"
	"slices"
	"strings"
)

// key is what no two rows may have the same of; nil if the rule does not hold
// for this one.
func (u unique) key(r *row) any {
	if u.without != "" && r.get(u.without) != nil {
		return nil
	}
	var out strings.Builder
	for name := range strings.FieldsSeq(u.fields) {
		plain := strings.TrimPrefix(name, "~")
		v := r.get(plain)
		if v == nil {
			return nil
		}
		if text, ok := v.(string); ok && plain != name {
			v = strings.ToLower(text)
		}
		fmt.Fprintf(&out, "%v\x00", v)
	}
	return out.String()
}

func (u unique) index() string { return "unique " + u.fields + " " + u.without }

// checkUnique refuses what another row has already.
func (x *tx) checkUnique(t *table, r *row, bad problems) {
	for _, u := range t.uniques {
		key := u.key(r)
		if key == nil || u.about(bad) || !slices.ContainsFunc(t.by(u.index(), key), func(id int64) bool { return id != r.id }) {
			continue
		}
		bad.add(whole, u.says(x.s, t))
	}
}

func (u unique) says(s *Server, t *table) string {
	switch {
	case u.newer != "" && s.version.has(v47):
		return u.newer
	case u.message != "":
		return u.message
	}
	return capital(t.noun) + " with this " + u.called(t) + " already exists."
}

// about tells whether one of the rule's fields is wrong already.
func (u unique) about(bad problems) bool {
	for name := range strings.FieldsSeq(u.fields) {
		if bad[name] != nil {
			return true
		}
	}
	return false
}

// called are the rule's fields as messages have them: Device and Name.
func (u unique) called(t *table) string {
	var names []string
	for name := range strings.FieldsSeq(u.fields) {
		if f := t.columns[strings.TrimPrefix(name, "~")]; f != nil {
			names = append(names, capital(f.called()))
		}
	}
	return strings.Join(names, " and ")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
