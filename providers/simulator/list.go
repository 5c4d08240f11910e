package simulator

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A filter is a query parameter that listings take. keep says whether a
// resource stays, given what the parameter was set to.
type filter struct {
	param string
	keep  func(o *object, d doc, want []string, now time.Time) bool
}

// equal filters by a field's value.
func equal(param, key string) filter {
	return filter{param, func(_ *object, d doc, want []string, _ time.Time) bool { return text(d, key) == want[0] }}
}

// flag filters by a boolean field.
func flag(key string) filter {
	return filter{key, func(_ *object, d doc, want []string, _ time.Time) bool {
		v, _ := d[key].(bool)
		return strconv.FormatBool(v) == want[0]
	}}
}

func inProject(o *object, _ doc, want []string, _ time.Time) bool { return o.project == want[0] }
func inOrganization(o *object, _ doc, want []string, _ time.Time) bool {
	return o.organization == want[0]
}

// inside filters by what a resource lives in, at any depth.
func inside(o *object, _ doc, want []string, _ time.Time) bool { return slices.Contains(o.in, want[0]) }

// view is how faults bend what reads show.
type view struct {
	listLag, getLag time.Duration
	hide            int  // so many resources are missing from listings
	empty           bool // listings show nothing
	shift           int  // pages after the first are moved by so many items
	kept            bool // total_count stays what it would have been
	anyName         bool // the name filter is ignored
	seed            uint64
	clamp           int // NetBox: a page has no more rows
	restrict        int // NetBox: so many rows are not there for the token
}

func list(c *call) answer {
	filters, order, bad := c.listing()
	if bad != nil {
		return invalid(bad...)
	}
	var shown []*phase
	at := c.now.Add(-c.view.listLag)
	for _, o := range c.world.objects[c.kind.name] {
		p := o.at(at)
		if p != nil && o.place == c.place && c.matches(filters, o, p) {
			shown = append(shown, p)
		}
	}
	sortPhases(shown, order)
	number, size, bad := c.window()
	if bad != nil {
		return invalid(bad...)
	}
	shown, total, start := c.view.bend(shown, number, size)
	start = min(max(start, 0), len(shown))
	items := make([][]byte, 0, size)
	for _, p := range shown[start:min(start+size, len(shown))] {
		items = append(items, c.kind.show(p))
	}
	return page(c.kind.list, items, total)
}

func (c *call) matches(filters []filter, o *object, p *phase) bool {
	for _, f := range filters {
		if !f.keep(o, p.doc, c.query[f.param], c.now) {
			return false
		}
	}
	return true
}

// listing gives the filters that a request sets, and the order that it asks for.
func (c *call) listing() ([]filter, string, []argument) {
	var set []filter
	for _, f := range c.kind.filters {
		sent := c.query.Get(f.param)
		ignored := c.view.anyName && f.param == "name"
		if sent != "" && !strings.HasPrefix(sent, "unknown_") && !ignored {
			set = append(set, f)
		}
	}
	order := c.query.Get("order_by")
	key, _ := cutOrder(order)
	if order != "" && !slices.Contains(c.kind.orders, key) {
		return nil, "", []argument{{"order_by", "value must be a known order", "format"}}
	}
	return set, order, nil
}

// cutOrder splits "created_at_asc".
func cutOrder(order string) (key string, descending bool) {
	if key, found := strings.CutSuffix(order, "_desc"); found {
		return key, true
	}
	return strings.TrimSuffix(order, "_asc"), false
}

// sortPhases keeps the order of creation among equals.
func sortPhases(shown []*phase, order string) {
	key, descending := cutOrder(order)
	if descending {
		slices.Reverse(shown)
	}
	if order == "" || order == "created_at_asc" || order == "created_at_desc" {
		return
	}
	slices.SortStableFunc(shown, func(a, b *phase) int {
		n := strings.Compare(text(a.doc, key), text(b.doc, key))
		if descending {
			return -n
		}
		return n
	})
}

const mostPerPage = 100

// window is the page that a request asks for, from 1, and its size.
func (c *call) window() (number, size int, bad []argument) {
	read := func(param string, otherwise int) int {
		sent := c.query.Get(param)
		n, err := strconv.Atoi(sent)
		if sent != "" && (err != nil || n < 0) {
			bad = append(bad, argument{param, "value must be a positive number", "format"})
		}
		if n <= 0 {
			return otherwise
		}
		return n
	}
	size = c.kind.pageSize
	if c.pages > 0 {
		size = c.pages
	}
	number, size = read("page", 1), min(read("page_size", size), mostPerPage)
	return min(number, 1<<20), size, bad
}

// bend changes a listing as faults ask for. start is where the page begins.
func (v view) bend(shown []*phase, number, size int) (items []*phase, total, start int) {
	total, start = len(shown), (number-1)*size
	switch {
	case v.empty:
		shown = nil
	case v.hide > 0:
		shown = hideSome(shown, v.hide, v.seed)
	}
	moved := len(shown)
	if v.shift != 0 && number > 1 {
		start += v.shift
		moved -= v.shift
	}
	if !v.kept {
		total = max(moved, 0)
	}
	return shown, total, start
}
