package simulator

import (
	"cmp"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// netboxPage is a page of a listing.
type netboxPage struct {
	Count    *int              `json:"count"`
	Next     *string           `json:"next"`
	Previous *string           `json:"previous"`
	Results  []json.RawMessage `json:"results"`
}

// shown is the page of a listing without what faults hide. Other answers are as
// they are.
func (c *netboxCall) shown(s *Server, v view, a answer) answer {
	var p netboxPage
	if !v.empty && v.hide == 0 && v.restrict == 0 && v.shift == 0 || a.status != http.StatusOK ||
		json.Unmarshal(a.body, &p) != nil || p.Results == nil {
		return a
	}
	gone := 0
	if v.empty {
		p.Results, p.Next = []json.RawMessage{}, nil
		gone = *cmp.Or(p.Count, new(int))
	}
	if v.hide > 0 || v.restrict > 0 {
		ids := s.allRows(c, c.path, c.request.URL.RawQuery)
		hidden := rowsToHide(ids, v.hide, v.seed)
		if v.restrict > 0 {
			hidden = rowsToHide(s.allRows(c, c.path, ""), v.restrict, v.seed)
		}
		p.Results = slices.DeleteFunc(p.Results, func(row json.RawMessage) bool { return hidden[rowID(row)] })
		gone = len(ids) - len(slices.DeleteFunc(ids, func(id string) bool { return hidden[id] }))
	}
	if p.Count != nil && (!v.kept || v.restrict > 0) {
		*p.Count = max(*p.Count-gone-v.shift, 0)
	}
	a.body = encode(p)
	return a
}

func rowID(row json.RawMessage) string {
	var id struct{ ID json.Number }
	_ = json.Unmarshal(row, &id)
	return id.ID.String()
}

// rowsToHide are n of some rows. Which ones depends on the seed and their ids
// alone, so that all pages agree.
func rowsToHide(ids []string, n int, seed uint64) map[string]bool {
	rank := func(id string) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(strconv.FormatUint(seed, 16) + "/" + id))
		return h.Sum64()
	}
	ranked := slices.SortedFunc(slices.Values(ids), func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	hidden := map[string]bool{}
	for _, id := range ranked[:min(n, len(ranked))] {
		hidden[id] = true
	}
	return hidden
}

// allRows asks NetBox for the ids of all rows of a listing, whatever its pages.
func (s *Server) allRows(c *netboxCall, table, query string) []string {
	filters, _ := url.ParseQuery(query)
	for _, name := range []string{"limit", "offset", "start", "brief", "fields", "omit", "exclude"} {
		filters.Del(name)
	}
	filters.Set("fields", "id")
	filters.Set("limit", "1000")
	var ids []string
	for {
		filters.Set("offset", strconv.Itoa(len(ids)))
		var p netboxPage
		if json.Unmarshal(s.askNetBox(c.reading(table, filters.Encode()), nil).body, &p) != nil || len(p.Results) == 0 {
			return ids
		}
		for _, row := range p.Results {
			ids = append(ids, rowID(row))
		}
	}
}

// reading is a request with the caller's credentials that reads something else.
func (c *netboxCall) reading(path, query string) *http.Request {
	r := c.request.Clone(c.request.Context())
	r.Method, r.URL = http.MethodGet, &url.URL{Path: path, RawQuery: query}
	r.RequestURI = r.URL.RequestURI()
	return r
}
