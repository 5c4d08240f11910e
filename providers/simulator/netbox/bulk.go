package netbox

import (
	"fmt"
	"net/http"
	"strconv"
)

// Writes of several rows in one request, all or none.

// A failure is what is wrong with one entry of a list.
type failure struct {
	at      int   // its place in the list
	id      int64 // its object, 0 if it has none yet
	refused *refusal
}

// bulkCreate makes a row of each entry.
func (c *call) bulkCreate(list []any) *refusal {
	if len(list) == 0 && c.oneByOne() {
		return c.s.broken("UnboundLocalError", "cannot access local variable 'serializer' where it is not associated with a value")
	}
	var body []byte
	x := c.tx()
	refused := c.s.change(x, func() *refusal {
		var rows []*row
		var failed []failure
		for i, entry := range list {
			fields, refused := asObject(entry)
			var r *row
			if refused == nil {
				r, refused = x.create(c.table, fields)
			}
			if refused != nil {
				failed = append(failed, failure{i, 0, refused})
				continue
			}
			rows = append(rows, r)
		}
		if len(failed) > 0 {
			return c.failed("created", len(list), failed)
		}
		body = c.encodedList(rows)
		return nil
	})
	if refused == nil {
		c.json(http.StatusCreated, body)
	}
	return refused
}

// oneByOne tells whether a list is checked and stored entry by entry, and ends at
// the first that is wrong.
func (c *call) oneByOne() bool { return c.table.path == "dcim/devices" && !c.s.version.has(v47) }

func (c *call) encodedList(rows []*row) []byte {
	e := c.encoder()
	shown := c.shown()
	e.open('[')
	for _, r := range rows {
		e.next()
		e.row(c.table.rows[r.id], shown)
	}
	e.close(']')
	return e.buf
}

// failed is the answer to a list of which some entries are wrong.
func (c *call) failed(verb string, total int, failed []failure) *refusal {
	if c.s.version.has(v47) {
		return failedSince47(verb, total, failed)
	}
	first := failed[0].refused
	if verb != "created" || first.status != http.StatusBadRequest || c.oneByOne() {
		return first
	}
	body := make([]any, total)
	for i := range body {
		body[i] = map[string]any{}
	}
	for _, f := range failed {
		body[f.at] = f.refused.body
	}
	return &refusal{status: http.StatusBadRequest, body: body}
}

func failedSince47(verb string, total int, failed []failure) *refusal {
	var entries []any
	status := http.StatusBadRequest
	for _, f := range failed {
		entry := map[string]any{"errors": fieldErrors(f.refused)}
		if entry["index"] = f.at; f.id != 0 {
			delete(entry, "index")
			entry["id"] = f.id
		}
		entries = append(entries, entry)
		if f.refused.status == http.StatusForbidden || f.refused.status > status && status != http.StatusForbidden {
			status = f.refused.status
		}
	}
	return &refusal{status: status, body: map[string]any{
		"detail": fmt.Sprintf("%d of %d objects could not be %s.", len(failed), total, verb), "errors": entries}}
}

func fieldErrors(r *refusal) any {
	fields, ok := r.body.(map[string]any)
	if text, plain := fields["detail"].(string); ok && plain {
		var held int
		if r.status == http.StatusForbidden {
			text = "You do not have permission to perform this action on this object."
		} else if _, err := fmt.Sscanf(text, holding, &held); err == nil {
			text = fmt.Sprintf("Unable to delete: %d dependent object(s) prevent deletion.", held)
		}
		return map[string]any{whole: []string{text}}
	}
	return r.body
}

// entries reads a list of objects with ids, and finds their rows. Ids that are
// not there are dropped; since 4.7 they are refused.
func (c *call) entries() (map[int64]map[string]any, []int64, *refusal) {
	sent, refused := c.body()
	if refused != nil {
		return nil, nil, refused
	}
	list, ok := sent.([]any)
	if !ok {
		return nil, nil, c.noList(sent)
	}
	byID, ids := map[int64]map[string]any{}, []int64{}
	for i, entry := range list {
		fields, _ := entry.(map[string]any)
		id, err := strconv.ParseInt(str(fields["id"]), 10, 64)
		if err != nil {
			return nil, nil, c.noID(i, len(list), fields["id"])
		}
		byID[id], ids = fields, append(ids, id)
	}
	return byID, ids, nil
}

func (c *call) noList(sent any) *refusal {
	if c.s.version.has(v47) {
		if fields, empty := sent.(map[string]any); sent == nil || empty && len(fields) == 0 {
			return detail(http.StatusBadRequest, "Expected a list of objects, but no data was submitted.")
		}
		return detail(http.StatusBadRequest, fmt.Sprintf("Expected a list of objects, but got %s.", kindOf(sent)))
	}
	return problems{"non_field_errors": []string{fmt.Sprintf("Expected a list of items but got type %q.", kindOf(sent))}}.refusal()
}

func (c *call) noID(at, total int, id any) *refusal {
	text := map[bool]string{true: "This field is required.", false: "A valid integer is required."}[id == nil]
	wrong := map[string]any{"id": []string{text}}
	if c.s.version.has(v47) {
		return &refusal{status: http.StatusBadRequest, body: map[string]any{
			"detail": fmt.Sprintf("1 of %d objects failed validation.", total),
			"errors": []any{map[string]any{"index": at, "errors": wrong}}}}
	}
	body := make([]any, total)
	for i := range body {
		body[i] = map[string]any{}
	}
	body[at] = wrong
	return &refusal{status: http.StatusBadRequest, body: body}
}

// each runs a write on each row of a list, in the order of the request.
func (c *call) each(x *tx, verb string, write func(r *row, fields map[string]any) *refusal) *refusal {
	byID, ids, refused := c.entries()
	if refused != nil {
		return refused
	}
	return c.s.change(x, func() *refusal {
		var failed, missing []failure
		for i, id := range ids {
			r, absent := c.visible(id)
			if absent != nil {
				missing = append(missing, failure{i, id, absent})
				continue
			}
			if refused := write(r, byID[id]); refused != nil {
				failed = append(failed, failure{i, id, refused})
			}
		}
		switch {
		case len(missing) > 0 && c.s.version.has(v47):
			return missingSince47(missing, len(ids))
		case len(failed) > 0:
			return c.failed(verb, len(ids), failed)
		}
		return nil
	})
}

func missingSince47(missing []failure, total int) *refusal {
	var entries []any
	for _, f := range missing {
		entries = append(entries, map[string]any{"id": f.id,
			"errors": map[string]any{"id": []string{fmt.Sprintf("Object with ID %d does not exist", f.id)}}})
	}
	return &refusal{status: http.StatusBadRequest, body: map[string]any{
		"detail": fmt.Sprintf("%d of %d objects could not be found.", len(missing), total), "errors": entries}}
}

func (c *call) bulkUpdate() *refusal {
	var rows []*row
	x := c.tx()
	refused := c.each(x, "updated", func(r *row, fields map[string]any) *refusal {
		r, refused := x.update(r, fields, c.r.Method == http.MethodPut)
		rows = append(rows, r)
		return refused
	})
	if refused != nil {
		return refused
	}
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	c.json(http.StatusOK, c.encodedList(c.still(rows)))
	return nil
}

// still are the rows that are there; others may have come and gone meanwhile.
func (c *call) still(rows []*row) []*row {
	var out []*row
	for _, r := range rows {
		if c.table.rows[r.id] != nil {
			out = append(out, r)
		}
	}
	return out
}

func (c *call) bulkDelete() *refusal {
	x := c.tx()
	refused := c.each(x, "deleted", func(r *row, fields map[string]any) *refusal {
		x.message = changelogMessage(c.s, fields)
		return x.remove(r)
	})
	if refused == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return refused
}
