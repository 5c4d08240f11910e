package web

import (
	"net/http"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

type me struct {
	Name    string         `json:"name"`
	Role    reconcile.Role `json:"role"`
	Stacks  []string       `json:"stacks"`  // names or patterns; empty is all
	Expires time.Time      `json:"expires"` // zero: never
}

type standings struct {
	Stacks []reconcile.Standing `json:"stacks"`
}

type nudged struct {
	Nudged []string `json:"nudged"` // names of stacks
}

// resource is what is known of a key: nothing if it is as it shall be and was
// never changed.
type resource struct {
	Item    *reconcile.Item    `json:"item"`
	Records []reconcile.Record `json:"records"` // the newest, by number
	Runs    []reconcile.Run    `json:"runs"`    // the newest first
}

// How much of a resource's history is told.
const (
	historyRecords = 200
	historyRuns    = 20
)

func (c *call) me() (any, error) {
	return me{c.who.name, c.who.role, append([]string{}, c.who.stacks...), c.who.expires}, nil
}

// shown is a standing without what is the daemon's own.
func shown(s reconcile.Standing) reconcile.Standing {
	s.Seen, s.Told = nil, nil
	return s
}

func (c *call) stacks() (any, error) {
	all, err := c.store.Standings(c.ctx)
	if err != nil {
		return nil, err
	}
	out := standings{[]reconcile.Standing{}}
	for i := range all {
		if c.who.covers(all[i].Name) {
			out.Stacks = append(out.Stacks, shown(all[i]))
		}
	}
	return out, nil
}

// standing finds how the stack of the address stands.
func (c *call) standing() (reconcile.Standing, error) {
	word := c.r.PathValue("stack")
	name, _, err := c.name(word)
	if err != nil {
		return reconcile.Standing{}, err
	}
	return c.standingOf(name)
}

func (c *call) standingOf(name string) (reconcile.Standing, error) {
	all, err := c.store.Standings(c.ctx)
	if err != nil {
		return reconcile.Standing{}, err
	}
	for i := range all {
		if all[i].Name == name {
			return all[i], nil
		}
	}
	return reconcile.Standing{}, notFound("stack %s was not looked at yet", name)
}

func (c *call) stack() (any, error) {
	found, err := c.standing()
	return shown(found), err
}

func (c *call) nudge() (any, error) {
	name, _, err := c.name(c.r.PathValue("stack"))
	if err != nil {
		return nil, err
	}
	return nudged{[]string{name}}, c.store.Nudge(c.ctx, name, reconcile.ByPerson)
}

func (c *call) stackArtefact() (any, error) {
	name, _, err := c.name(c.r.PathValue("stack"))
	if err != nil {
		return nil, err
	}
	file, err := fileName(c.r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	body, err := c.store.Artefact(c.ctx, reconcile.LastLook(name), file)
	if err != nil {
		return nil, err
	}
	c.file(file, body)
	return streamed{}, nil
}

// file answers with a file that somebody else wrote. It is never shown as a page.
func (c *call) file(name string, body []byte) {
	media := "application/octet-stream"
	switch {
	case strings.HasSuffix(name, ".json"):
		media = "application/json"
	case strings.HasSuffix(name, ".txt"):
		media = "text/plain; charset=utf-8"
	}
	c.w.Header().Set("Content-Type", media)
	c.w.WriteHeader(http.StatusOK)
	c.send(body)
}

// send writes what is left of an answer. Whoever has gone gets nothing, which
// the access log tells.
func (c *call) send(body []byte) {
	if _, err := c.w.Write(body); err != nil {
		c.log.Debug("the answer was not taken", "request_id", c.id, "error", err)
	}
}

func fileName(name string) (string, error) {
	if !plainName.MatchString(name) {
		return "", invalid("%q is no name of a file that a run made", name)
	}
	return name, nil
}

func (c *call) resource() (any, error) {
	key := reconcile.Key(c.r.PathValue("key"))
	if !key.Valid() {
		return nil, invalid("%q is no key; want one such as Container/api", key)
	}
	found, err := c.standing()
	if err != nil {
		return nil, err
	}
	out := resource{Records: []reconcile.Record{}, Runs: []reconcile.Run{}}
	for i := range found.Items {
		if found.Items[i].Key == key {
			out.Item = &found.Items[i]
		}
	}
	if found.Stack == "" {
		return out, nil
	}
	for r, err := range c.store.Records(c.ctx, reconcile.RecordFilter{Stack: found.Stack, Key: key}) {
		if err != nil {
			return nil, err
		}
		if out.Records = append(out.Records, r); len(out.Records) >= 2*historyRecords {
			out.Records = append(out.Records[:0], out.Records[historyRecords:]...)
		}
	}
	out.Records = out.Records[max(0, len(out.Records)-historyRecords):]
	runs, err := c.store.Runs(c.ctx, reconcile.RunFilter{Stack: found.Stack, Key: key, Limit: historyRuns})
	out.Runs = append(out.Runs, runs...)
	return out, err
}
