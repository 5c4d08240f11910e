package simulator

import (
	"net/http"
	"net/url"
	"time"
)

// A call is one request on its way through the simulator. Functions that take
// one run under the world's lock.
type call struct {
	world   *world
	route   *route
	kind    *kind
	now     time.Time
	place   string
	id      string
	above   string // the id of what it lives in, where the path names that
	client  string // the client's address
	agent   string // its User-Agent
	secret  string // its key's
	request string // the ID of the request
	query   url.Values
	body    doc
	view    view
	slow    time.Duration // what it begins takes so much longer
	pages   int           // items of a page when the client names none, 0 for the kind's
}

// object is the one that the path names, with what it shows.
func (c *call) object(at time.Time) (*object, *phase) {
	o := c.world.find(c.kind.name, c.place, c.id)
	if o == nil {
		return nil, nil
	}
	return o, o.at(at)
}

func get(c *call) answer {
	_, p := c.object(c.now.Add(-c.view.getLag))
	if p == nil {
		return notFound(c.kind.missingName(), c.id)
	}
	return rawReply(http.StatusOK, c.kind.show(p))
}

func create(c *call) answer {
	k, e := c.kind, &edit{}
	d := e.create(k.fields, c.body, "")
	if k.check != nil && e.bad == nil {
		e.bad = k.check(d)
	}
	if e.bad != nil {
		return invalid(e.bad...)
	}
	if k.admit != nil {
		if refused := k.admit(c, d); refused != nil {
			return *refused
		}
	}
	o := &object{kind: k, id: c.newID(), place: c.place}
	parent := c.settle(o, d)
	if k.quota != nil {
		if n := c.world.count(o, c.now); n >= k.quota.most {
			return quotaExceeded(k.name, k.quota.most, n)
		}
	}
	d[k.id] = o.id
	d["created_at"], d["updated_at"] = c.now.Format(stamp), c.now.Format(stamp)
	o.phases = c.slowed(k.birth(with(d, k.derive(o, d, parent)), c.now))
	c.world.add(o)
	a := c.wrote(o, o.at(c.now))
	if k.created != nil {
		a.body = encode(with(o.at(c.now).doc, k.created(c, o)))
	}
	return a
}

// settle finds where a new object lives: its parent, project and organization.
func (c *call) settle(o *object, d doc) *object {
	w, k := c.world, o.kind
	var parent *object
	if k.parent != "" {
		parent = w.find(k.parent, o.place, text(d, k.within))
	}
	if parent != nil {
		o.in = append([]string{parent.id}, parent.in...)
		o.project, o.organization = parent.project, parent.organization
		return parent
	}
	o.project = text(d, "project_id")
	if o.organization = text(d, "organization_id"); o.organization == "" {
		o.organization = w.projectOrganization(o.project, c.now)
	}
	return nil
}

func (c *call) newID() string {
	if c.kind.id == "access_key" {
		return c.world.newAccessKey()
	}
	return c.world.newID()
}

// slowed lets all but the first of new phases come later.
func (c *call) slowed(phases []*phase) []*phase {
	for _, p := range phases[1:] {
		p.at = p.at.Add(c.slow)
	}
	return phases
}

func update(c *call) answer {
	o, p := c.object(c.now)
	if p == nil {
		return notFound(c.kind.missingName(), c.id)
	}
	if status := busy(p); status != "" {
		return transient(c.kind.name, c.id, status)
	}
	e := &edit{}
	d := e.update(c.kind.fields, c.body, p.doc, "")
	if c.kind.check != nil && e.bad == nil {
		e.bad = c.kind.check(d)
	}
	if e.bad != nil {
		return invalid(e.bad...)
	}
	c.change(o, d, e.touched)
	return c.wrote(o, o.at(c.now))
}

// change gives an object new fields and lets its kind change others with it.
func (c *call) change(o *object, d doc, touched map[string]bool) {
	parent := (*object)(nil)
	if len(o.in) > 0 {
		parent = c.world.find(o.kind.parent, o.place, o.in[0])
	}
	d = with(d, o.kind.derive(o, d, parent))
	o.write(c.now, c.slowed(o.kind.change(d, c.now, touched))...)
	if o.kind.updated != nil {
		o.kind.updated(c, o, touched)
	}
}

// remove deletes an object and all that lives in it. What is going away already
// goes at its own time.
func remove(c *call) answer {
	o, p := c.object(c.now)
	if p == nil {
		return notFound(c.kind.missingName(), c.id)
	}
	switch status := busy(p); status {
	case "deleting":
		return c.wrote(o, p)
	case "":
	default:
		return transient(c.kind.name, c.id, status)
	}
	for _, other := range append(c.world.inside(o.id), o) {
		if shown := other.at(c.now); shown != nil && shown.status() != "deleting" {
			other.write(c.now, c.slowed(other.kind.death(shown.doc, c.now))...)
		}
	}
	if c.kind.removed != nil {
		c.kind.removed(c, o)
	}
	return c.wrote(o, o.at(c.now))
}

// wrote answers a write with the object, or with nothing if it is gone.
func (c *call) wrote(o *object, p *phase) answer {
	if p == nil {
		a := noContent()
		a.id = o.id
		return a
	}
	a := rawReply(http.StatusOK, c.kind.show(p))
	if c.kind.written != nil {
		a = reply(http.StatusOK, with(p.doc, c.kind.written))
	}
	a.id = o.id
	return a
}
