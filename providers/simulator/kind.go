package simulator

import (
	"maps"
	"time"
)

// A kind is a sort of resource: all that its routes need to know, as a table.
type kind struct {
	name     string             // in states and in error bodies: "container"
	missing  string             // what a 404 calls it, if not name
	path     string             // of the collection: "/containers/v1/regions/{region}/containers"
	param    string             // the path's last part: "container_id"
	id       string             // the field that holds the id
	identity func(d doc) string // the id, where no field holds it but it follows from some
	list     string             // the key of listings: "containers"
	places   []string
	parent   string // the kind that it lives in
	within   string // the field that names the parent's id
	fields   []field
	filters  []filter
	orders   []string // fields that order_by takes
	pageSize int      // when the client names none
	quota    *quota
	life     *lifecycle                      // nil: there at once, and gone at once
	actions  map[string]func(c *call) answer // POST below a resource: "redeploy"
	above    string                          // the path's part that names what it lives in, where the path does: "secret_id"
	hidden   []string                        // fields that are kept and that no answer shows

	// serves are ways of its own to answer what all kinds answer: "list",
	// "create", "get", "update", "delete".
	serves map[string]func(c *call) answer
	// further are routes beside those of all kinds.
	further func(k *kind) []*route

	// check finds what is wrong with fields that are right one by one.
	check func(d doc) []argument
	// admit may refuse a creation for the state of other resources.
	admit func(c *call, d doc) *answer
	// derive gives the fields that follow from others. parent may be nil.
	derive func(o *object, d doc, parent *object) doc
	// created gives what only the answer to a creation shows.
	created func(c *call, o *object) doc
	// written gives what answers to writes show differently.
	written doc
	// updated changes other resources after this one was updated.
	updated func(c *call, o *object, touched map[string]bool)
	// removed is told that a resource was deleted.
	removed func(c *call, o *object)
}

// A quota is how many resources of a kind there may be; PUT /_sim/state ignores it.
type quota struct {
	most int
	per  func(o *object) string
}

// A lifecycle is how long a kind's changes take and how they end.
type lifecycle struct {
	creating, updating, deleting time.Duration

	// message: settled resources show error_message, and updated_at is when
	// they settled, in whole seconds.
	message bool
	// outcome is how a change ends; nil means ready.
	outcome func(d doc) outcome
	// restarts says whether an update of these fields takes time.
	restarts func(touched map[string]bool) bool
}

// An outcome is how a change ends: ready unless it has a status.
type outcome struct {
	status, message string
	after           time.Duration
}

const (
	stamp        = "2006-01-02T15:04:05.000000Z"
	settledStamp = "2006-01-02T15:04:05Z"
)

// phases are those of a resource whose change began at t and takes a while.
func (l *lifecycle) phases(d doc, status string, t time.Time, took time.Duration) []*phase {
	end := outcome{}
	if l.outcome != nil {
		end = l.outcome(d)
	}
	if end.status == "" {
		end = outcome{status: "ready", after: took}
	}
	settled := t.Add(end.after)
	then := with(d, doc{"status": end.status})
	if l.message {
		then["error_message"] = end.message
		then["updated_at"] = settled.Format(settledStamp)
	}
	first := with(without(d, "error_message"), doc{"status": status})
	return []*phase{{at: t, doc: first}, {at: settled, doc: then}}
}

// birth are the phases of a new resource.
func (k *kind) birth(d doc, t time.Time) []*phase {
	if k.life == nil {
		return []*phase{{at: t, doc: d}}
	}
	return k.life.phases(d, "creating", t, k.life.creating)
}

// change are the phases of a resource that was updated.
func (k *kind) change(d doc, t time.Time, touched map[string]bool) []*phase {
	d = with(d, doc{"updated_at": t.Format(stamp)})
	if k.life == nil || !k.life.restarts(touched) {
		return []*phase{{at: t, doc: d}}
	}
	return k.life.phases(d, "updating", t, k.life.updating)
}

// death are the phases of a resource that was deleted.
func (k *kind) death(d doc, t time.Time) []*phase {
	if k.life == nil {
		return []*phase{{at: t}}
	}
	d = with(without(d, "error_message"), doc{"status": "deleting", "updated_at": t.Format(stamp)})
	return []*phase{{at: t, doc: d}, {at: t.Add(k.life.deleting)}}
}

// complete gives a resource the fields that a hand-written state leaves out.
func (k *kind) complete(d doc, t time.Time) doc {
	out := maps.Clone(d)
	if out == nil {
		out = doc{}
	}
	fill := func(key string, v any) {
		if _, there := out[key]; !there {
			out[key] = v
		}
	}
	if k.life != nil && out["status"] == nil {
		out["status"] = "ready"
		if k.life.message {
			fill("error_message", "")
		}
	}
	fill("created_at", t.Format(stamp))
	fill("updated_at", t.Format(stamp))
	for _, f := range k.fields {
		if _, there := out[f.key]; !there && f.standard != "" {
			out[f.key] = decoded(f.standard)
		}
	}
	return out
}

// idOf is the id of a resource whose state does not name it.
func (k *kind) idOf(w *world, d doc) string {
	if k.identity != nil {
		return k.identity(k.complete(d, time.Time{}))
	}
	if id := text(d, k.id); id != "" {
		return id
	}
	return (&call{world: w, kind: k}).newID()
}

// busy is the status of a resource that takes no writes now, or "".
func busy(p *phase) string {
	switch s := p.status(); s {
	case "creating", "updating", "deleting":
		return s
	}
	return ""
}

// show is the JSON that answers hold of a phase.
func (k *kind) show(p *phase) []byte {
	if len(k.hidden) == 0 {
		return p.bytes()
	}
	return encode(without(p.doc, k.hidden...))
}

func (k *kind) missingName() string {
	if k.missing != "" {
		return k.missing
	}
	return k.name
}

func (k *kind) sealedFields() []string {
	var keys []string
	for _, f := range k.fields {
		if f.sealed {
			keys = append(keys, f.key)
		}
	}
	return keys
}
