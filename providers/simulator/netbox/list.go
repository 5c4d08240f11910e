package netbox

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const pageSize = 50 // of those who name none

// A page is the part of a listing that a request asks for.
type page struct {
	limit, offset int
	start         int64 // the first id that may be on it; -1 is a page by offset
}

// list answers with a page of rows.
func (c *call) list() *refusal {
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	query := c.r.URL.Query()
	p, refused := c.page(query)
	if refused != nil {
		return refused
	}
	sel, bad := c.s.selection(c.table, query)
	if len(bad) > 0 {
		return bad.refusal()
	}
	if p.start >= 0 {
		c.json(http.StatusOK, c.cursor(p, sel, query))
		return nil
	}
	rows := c.rows(sel, query.Get("ordering"))
	c.json(http.StatusOK, c.window(p, rows, query))
	return nil
}

// page reads where a page begins and how long it is. What makes no sense counts
// as not sent, but for cursors.
func (c *call) page(query url.Values) (page, *refusal) {
	p := page{limit: min(pageSize, c.s.options.MaxPageSize), start: -1}
	if n, err := strconv.Atoi(query.Get("limit")); err == nil && n >= 0 {
		if p.limit = min(n, c.s.options.MaxPageSize); n == 0 {
			p.limit = c.s.options.MaxPageSize
		}
	}
	if n, err := strconv.Atoi(query.Get("offset")); err == nil && n > 0 {
		p.offset = n
	}
	if !query.Has("start") || !c.s.version.has(v46) {
		return p, nil
	}
	n, err := strconv.ParseInt(query.Get("start"), 10, 64)
	switch {
	case err != nil || n < 0:
		return p, listed("Invalid 'start' parameter: must be a non-negative integer.")
	case query.Has("offset"):
		return p, listed("'start' and 'offset' are mutually exclusive.")
	case query.Has("ordering"):
		return p, listed("Ordering cannot be specified in conjunction with cursor-based pagination.")
	}
	p.start = n
	return p, nil
}

// listed is a 400 whose body is a list.
func listed(text string) *refusal {
	return &refusal{status: http.StatusBadRequest, body: []string{text}}
}

// cursor writes the rows from an id on.
func (c *call) cursor(p page, sel selection, query url.Values) []byte {
	ids := sel.from(c.table)
	at, _ := slices.BinarySearch(ids, p.start)
	var rows []*row
	for _, id := range ids[at:] {
		if len(rows) == p.limit {
			break
		}
		if r := c.table.rows[id]; c.shows(r, sel) {
			rows = append(rows, r)
		}
	}
	next := ""
	if len(rows) == p.limit {
		next = c.link(query, map[string]int64{"start": rows[len(rows)-1].id + 1, "limit": int64(p.limit)})
	}
	return c.results("null", next, "", rows)
}

func (c *call) shows(r *row, sel selection) bool {
	return r != nil && sel.keeps(r) && c.s.sees(c.who, r)
}

// rows are all that a request selects, in order.
func (c *call) rows(sel selection, ordering string) []*row {
	var out []*row
	for _, id := range sel.from(c.table) {
		if r := c.table.rows[id]; c.shows(r, sel) {
			out = append(out, r)
		}
	}
	c.s.sort(c.table, out, ordering)
	return out
}

// window writes a part of rows that are in order.
func (c *call) window(p page, rows []*row, query url.Values) []byte {
	count := len(rows)
	from := min(p.offset, count)
	to := min(from+p.limit, count)
	next, previous := "", ""
	if p.offset+p.limit < count {
		next = c.link(query, map[string]int64{"limit": int64(p.limit), "offset": int64(p.offset + p.limit)})
	}
	if p.offset > 0 {
		before := int64(p.offset - p.limit)
		if before <= 0 {
			before = -1
		}
		previous = c.link(query, map[string]int64{"limit": int64(p.limit), "offset": before})
	}
	return c.results(strconv.Itoa(count), next, previous, rows[from:to])
}

// link is the URL of another page; a negative value takes a key away.
func (c *call) link(query url.Values, set map[string]int64) string {
	out := url.Values{}
	for key, values := range query {
		out[key] = values
	}
	for key, n := range set {
		out.Set(key, strconv.FormatInt(n, 10))
		if n < 0 {
			out.Del(key)
		}
	}
	return c.encoder().base + c.r.URL.Path + "?" + out.Encode()
}

func (c *call) results(count, next, previous string, rows []*row) []byte {
	e := c.encoder()
	e.buf = make([]byte, 0, 256+len(rows)*2048)
	orNull := func(s string) {
		if s == "" {
			e.raw("null")
			return
		}
		e.text(s)
	}
	e.open('{')
	e.key("count")
	e.raw(count)
	e.key("next")
	orNull(next)
	e.key("previous")
	orNull(previous)
	e.key("results")
	e.open('[')
	shown := c.shown()
	for _, r := range rows {
		e.next()
		e.row(r, shown)
	}
	e.close(']')
	e.close('}')
	return e.buf
}

// sort puts rows in the order that is asked for, else in the table's own. Rows
// come in the order of their ids.
func (s *Server) sort(t *table, rows []*row, ordering string) {
	var order []string
	for key := range strings.SplitSeq(ordering, ",") {
		if key = strings.TrimSpace(key); t.sorts(strings.TrimPrefix(key, "-")) {
			order = append(order, key)
		}
	}
	if len(order) == 0 {
		order = strings.Split(t.order, ",")
	}
	if order[0] == "id" {
		return
	}
	keys := make(map[*row][]any, len(rows))
	for _, r := range rows {
		keys[r] = s.sortKeys(r, order)
	}
	slices.SortStableFunc(rows, func(a, b *row) int {
		for i, x := range keys[a] {
			y := keys[b][i]
			n := compare(x, y)
			if order[i][0] == '-' || order[i][0] == '^' && (x == nil || y == nil) {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		if order[0][0] == '-' {
			return cmp.Compare(b.id, a.id)
		}
		return cmp.Compare(a.id, b.id)
	})
}

func (t *table) sorts(name string) bool {
	f := t.columns[name]
	return name == "id" || name == "created" || name == "last_updated" || f != nil && f.form != formShown
}

func (s *Server) sortKeys(r *row, order []string) []any {
	out := make([]any, len(order))
	for i, key := range order {
		switch name := strings.TrimLeft(key, "-^"); name {
		case "id":
			out[i] = r.id
		case "created":
			out[i] = r.created
		case "last_updated":
			out[i] = r.updated
		default:
			out[i] = s.sortKey(r, name)
		}
	}
	return out
}

// sortKey is what a row is sorted by in a field: references by their names.
func (s *Server) sortKey(r *row, name string) any {
	v := r.get(name)
	if net, ok := v.(netip.Prefix); ok && name == "address" && s.version.has(v46) {
		return netip.PrefixFrom(net.Addr(), net.Addr().BitLen()) // by host
	}
	if f := r.table.columns[name]; f != nil && f.form == formRef && v != nil {
		if other := s.row(f.to, v.(int64)); other != nil {
			return s.name(other)
		}
	}
	return v
}

// compare orders values of one field; null is last.
func compare(a, b any) int {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return natural(x, y)
		}
	case int64:
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y)
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y)
		}
	case netip.Prefix:
		if y, ok := b.(netip.Prefix); ok {
			return cmp.Or(x.Addr().Compare(y.Addr()), cmp.Compare(x.Bits(), y.Bits()))
		}
	case bool:
		if y, ok := b.(bool); ok && x != y {
			return map[bool]int{false: -1, true: 1}[x]
		}
	case json.Number:
		if y, ok := b.(json.Number); ok {
			m, _ := x.Float64()
			n, _ := y.Float64()
			return cmp.Compare(m, n)
		}
	}
	return cmp.Compare(map[bool]int{true: 1}[a == nil], map[bool]int{true: 1}[b == nil])
}
