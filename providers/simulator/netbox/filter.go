package netbox

import (
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A filter is one of a table's, beside those that follow from its fields.
type filter struct {
	name         string
	path         string // references that lead to the row that is named, by dots
	alone        bool   // no _id beside it
	since        int
	test         func(s *Server, r *row) bool                       // for true and false
	special      func(s *Server, values []string) func(r *row) bool // any other; nil result keeps nothing
	must, mustBy string                                             // a table, and by which of its fields values must name rows of it
}

// far filters by a row that several references lead to, by its name and its id.
func far(name, path string) filter { return filter{name: name, path: path} }

// from is for filters that NetBox has since a version.
func (f filter) from(since int) filter { f.since = since; return f }

func (f filter) only() filter { f.alone = true; return f }

func test(name string, holds func(s *Server, r *row) bool) filter {
	return filter{name: name, test: holds}
}

func special(name string, keep func(s *Server, values []string) func(r *row) bool) filter {
	return filter{name: name, special: keep}
}

// A selection is what a query's filters keep.
type selection struct {
	keep   []func(r *row) bool
	ids    []int64 // no others are kept, if narrow
	narrow bool
}

func (s *selection) keeps(r *row) bool {
	for _, keep := range s.keep {
		if !keep(r) {
			return false
		}
	}
	return true
}

// from are the ids to look at, ascending.
func (s *selection) from(t *table) []int64 {
	if s.narrow {
		return s.ids
	}
	return t.ids
}

// among narrows the selection to some ids.
func (s *selection) among(ids []int64) {
	if s.narrow && len(s.ids) <= len(ids) {
		return
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	s.ids, s.narrow = slices.Compact(ids), true
}

// A query reads the filters of one request.
type query struct {
	s   *Server
	t   *table
	out selection
	bad problems
}

// selection reads a query's filters. Unknown ones are ignored.
func (s *Server) selection(t *table, params url.Values) (selection, problems) {
	q := &query{s: s, t: t, bad: problems{}}
	for _, key := range slices.Sorted(maps.Keys(params)) {
		values := slices.DeleteFunc(slices.Clone(params[key]), func(v string) bool { return v == "" })
		if len(values) > 0 {
			q.read(key, values)
		}
	}
	return q.out, q.bad
}

func (q *query) keep(test func(r *row) bool) { q.out.keep = append(q.out.keep, test) }

func (q *query) read(key string, values []string) {
	name, lookup, _ := strings.Cut(key, "__")
	switch {
	case key == "q":
		q.search(values[0])
	case name == "id":
		q.ids(lookup, values)
	case name == "tag" || name == "tag_id":
		q.tags(name, lookup, values)
	case name == "created" || name == "last_updated":
		q.moment(name, lookup, values)
	case strings.HasSuffix(key, "_by_request"):
		q.byRequest(key, values[0])
	case strings.HasPrefix(name, "cf_"):
		q.custom(strings.TrimPrefix(name, "cf_"), lookup, values)
	case q.named(name, lookup, values):
	case q.t.columns[name] != nil:
		q.field(q.t.columns[name], lookup, values)
	case q.t.columns[strings.TrimSuffix(name, "_id")] != nil:
		if f := q.t.columns[strings.TrimSuffix(name, "_id")]; f.form == formRef {
			q.related(name, f.name, "id", lookup, values)
		}
	default:
		q.span(name, values[0])
	}
}

// search keeps rows that have a text anywhere.
func (q *query) search(text string) {
	names := q.t.search
	if names == nil {
		names = []string{"name", "slug", "description"}
	}
	text = strings.ToLower(strings.TrimSpace(text))
	ip, _ := netip.ParseAddr(text)
	q.keep(func(r *row) bool {
		return ip.IsValid() && q.s.reachedBy(r, ip) || slices.ContainsFunc(names, func(name string) bool {
			return strings.Contains(strings.ToLower(plainText(r, name)), text)
		})
	})
}

// reachedBy tells whether an address is a machine's primary one.
func (s *Server) reachedBy(r *row, ip netip.Addr) bool {
	for _, name := range []string{"primary_ip4", "primary_ip6"} {
		if netOf(s.row("ipam/ip-addresses", r.ref(name)), "address").Addr() == ip {
			return true
		}
	}
	return false
}

func (q *query) ids(lookup string, values []string) {
	numbers, ok := q.numbers("id", values)
	if !ok {
		return
	}
	if lookup == "" {
		q.out.among(numbers)
	}
	q.keep(numberTest(lookup, numbers, func(r *row) any { return r.id }))
}

// tags keeps rows that have all of some tags, or any of them (4.6.6).
func (q *query) tags(name, lookup string, values []string) {
	tags := q.s.tables["extras/tags"]
	by := map[string]string{"tag": "slug", "tag_id": "id"}[name]
	ids, ok := q.resolve(name, tags, by, values)
	if !ok || lookup == "any" && !q.s.version.has(v466) || lookup != "" && lookup != "any" && lookup != "n" {
		return
	}
	q.keep(func(r *row) bool {
		n := 0
		for id := range ids {
			if slices.Contains(r.tags, id) {
				n++
			}
		}
		switch lookup {
		case "any":
			return n > 0
		case "n":
			return n < len(ids)
		}
		return n == len(ids)
	})
}

// resolve finds the rows that values name. What names none is refused.
func (q *query) resolve(key string, t *table, by string, values []string) (map[int64]bool, bool) {
	out := map[int64]bool{}
	for _, value := range values {
		if value == "null" {
			out[0] = true
			continue
		}
		ids := t.named(by, value)
		if len(ids) == 0 {
			if by == "id" && !wholeNumber.MatchString(value) {
				q.bad.add(key, "“"+value+"” is not a valid value.")
			} else {
				q.bad.add(key, "Select a valid choice. "+value+" is not one of the available choices.")
			}
			return nil, false
		}
		for _, id := range ids {
			out[id] = true
		}
	}
	return out, true
}

var wholeNumber = regexp.MustCompile(`^-?[0-9]+$`)

// named are the rows with a value in the field that filters know them by.
func (t *table) named(by, value string) []int64 {
	if by == "" {
		by = "slug"
	}
	var out []int64
	for _, id := range t.ids {
		if plainText(t.rows[id], by) == value {
			out = append(out, id)
		}
	}
	return out
}

// named reads a filter that the table lists.
func (q *query) named(name, lookup string, values []string) bool {
	for _, f := range q.t.filters {
		switch {
		case !q.s.version.has(f.since):
			continue
		case f.path != "" && name == f.name:
			q.related(name, f.path, "", lookup, values)
		case f.path != "" && name == f.name+"_id" && !f.alone:
			q.related(name, f.path, "id", lookup, values)
		case f.path != "" || name != f.name:
			continue
		case f.test != nil:
			if want, ok := truth(values[0]); ok {
				q.keep(func(r *row) bool { return f.test(q.s, r) == want })
			}
		default:
			if f.must != "" {
				if _, ok := q.resolve(name, q.s.tables[f.must], f.mustBy, values); !ok {
					return true
				}
			}
			keep := f.special(q.s, values)
			q.keep(func(r *row) bool { return keep != nil && keep(r) == (lookup != "n") })
		}
		return true
	}
	return false
}

// truth reads a boolean filter's value; others are ignored.
func truth(value string) (is, ok bool) {
	switch strings.ToLower(value) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

// related keeps rows from which references lead to one that values name, or to
// one that stands below it in a tree.
func (q *query) related(key, path, by, lookup string, values []string) {
	steps := strings.Split(path, ".")
	t := q.t
	for _, step := range steps {
		t = q.s.tables[t.columns[step].to]
	}
	if by == "" {
		by = t.key
	}
	ids, ok := q.resolve(key, t, by, values)
	if !ok || lookup != "" && lookup != "n" {
		return
	}
	t.descend(ids)
	if len(steps) == 1 && lookup == "" && !ids[0] {
		var among []int64
		for id := range ids {
			among = append(among, q.t.by(path, id)...)
		}
		q.out.among(among)
	}
	q.keep(func(r *row) bool { return ids[q.s.follow(r, steps)] == (lookup == "") })
}

// descend adds what stands below rows of a tree.
func (t *table) descend(ids map[int64]bool) {
	if t.columns["parent"] == nil {
		return
	}
	todo := slices.Collect(maps.Keys(ids))
	for len(todo) > 0 {
		id := todo[0]
		todo = todo[1:]
		for _, child := range t.by("parent", id) {
			if !ids[child] {
				ids[child], todo = true, append(todo, child)
			}
		}
	}
}

// follow is the id that references lead to, 0 if one is null.
func (s *Server) follow(r *row, steps []string) int64 {
	for _, step := range steps[:len(steps)-1] {
		if r = s.row(r.table.columns[step].to, r.ref(step)); r == nil {
			return 0
		}
	}
	return r.ref(steps[len(steps)-1])
}
