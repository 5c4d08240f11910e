package netbox

import (
	"fmt"
	"net/http"
	"strings"
)

// etag says which state of a row an answer is about; "" before 4.6.
func (s *Server) etag(r *row) string {
	if !s.version.has(v46) || r.updated.IsZero() {
		return ""
	}
	return `W/"` + isoformat(r.updated) + `"`
}

// visible is a row that the request may see.
func (c *call) visible(id int64) (*row, *refusal) {
	if r := c.table.rows[id]; r != nil && c.s.sees(c.who, r) {
		return r, nil
	}
	return nil, notFound(capitals(c.table.noun))
}

// capitals is a noun as NetBox's class of it is called.
func capitals(noun string) string {
	var out strings.Builder
	for word := range strings.FieldsSeq(noun) {
		out.WriteString(capital(word))
	}
	return out.String()
}

func (c *call) get(id int64) *refusal {
	c.s.mu.RLock()
	defer c.s.mu.RUnlock()
	r, refused := c.visible(id)
	if refused != nil {
		return refused
	}
	c.tag(r)
	c.json(http.StatusOK, c.encoded(r))
	return nil
}

func (c *call) tag(r *row) {
	if etag := c.s.etag(r); etag != "" {
		c.w.Header().Set("ETag", etag)
	}
}

func (c *call) encoded(r *row) []byte {
	e := c.encoder()
	e.row(r, c.shown())
	return e.buf
}

// object reads a body that is to be one object.
func (c *call) object() (map[string]any, *refusal) {
	sent, refused := c.body()
	if refused != nil {
		return nil, refused
	}
	return asObject(sent)
}

func asObject(sent any) (map[string]any, *refusal) {
	if fields, ok := sent.(map[string]any); ok {
		return fields, nil
	}
	if sent == nil {
		return nil, problems{"non_field_errors": []string{"No data provided"}}.refusal()
	}
	return nil, problems{"non_field_errors": []string{
		fmt.Sprintf("Invalid data. Expected a dictionary, but got %s.", kindOf(sent))}}.refusal()
}

// post makes a row, or several.
func (c *call) post() *refusal {
	sent, refused := c.body()
	if refused != nil {
		return refused
	}
	if list, many := sent.([]any); many {
		return c.bulkCreate(list)
	}
	fields, refused := asObject(sent)
	if refused != nil {
		return refused
	}
	var body []byte
	var etag, location string
	x := c.tx()
	refused = c.s.change(x, func() *refusal {
		r, refused := x.create(c.table, fields)
		if refused != nil {
			return refused
		}
		r = c.table.rows[r.id]
		body, etag, location = c.encoded(r), c.s.etag(r), fmt.Sprintf("%s/api/%s/%d/", c.encoder().base, c.table.path, r.id)
		return nil
	})
	if refused != nil {
		return refused
	}
	if etag != "" {
		c.w.Header().Set("ETag", etag)
	}
	c.w.Header().Set("Location", location)
	c.json(http.StatusCreated, body)
	return nil
}

// update writes into a row, if it is still the one that the request is about.
func (c *call) update(id int64) *refusal {
	fields, refused := c.object()
	if refused != nil {
		return refused
	}
	var body []byte
	var etag string
	x := c.tx()
	refused = c.s.change(x, func() *refusal {
		r, refused := c.visible(id)
		if refused == nil {
			refused = c.precondition(r)
		}
		if refused == nil {
			_, refused = x.update(r, fields, c.r.Method == http.MethodPut)
		}
		if refused == nil {
			r = c.table.rows[id]
			body, etag = c.encoded(r), c.s.etag(r)
		}
		return refused
	})
	if refused != nil {
		return refused
	}
	if etag != "" {
		c.w.Header().Set("ETag", etag)
	}
	c.json(http.StatusOK, body)
	return nil
}

// precondition refuses what is meant for another state of the row. It is asked
// under the lock under which the write happens.
func (c *call) precondition(r *row) *refusal {
	match := c.r.Header.Get("If-Match")
	etag := c.s.etag(r)
	if match == "" || match == "*" || etag == "" {
		return nil
	}
	for part := range strings.SplitSeq(match, ",") {
		if strings.TrimSpace(part) == etag {
			return nil
		}
	}
	refused := detail(http.StatusPreconditionFailed, "Precondition failed.")
	refused.etag = etag
	return refused
}

func (c *call) delete(id int64) *refusal {
	fields, refused := c.object()
	if refused != nil {
		return refused
	}
	x := c.tx()
	refused = c.s.change(x, func() *refusal {
		r, refused := c.visible(id)
		if refused == nil {
			refused = c.precondition(r)
		}
		if refused != nil {
			return refused
		}
		x.message = changelogMessage(c.s, fields)
		return x.remove(r)
	})
	if refused == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return refused
}

// act runs what stands below a row.
func (c *call) act(to route) *refusal {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodPost {
		return notAllowed(c.r.Method)
	}
	c.table = to.table
	return to.action(c, to.id)
}
