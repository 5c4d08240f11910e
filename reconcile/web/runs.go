package web

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

type runs struct {
	Runs []reconcile.Run `json:"runs"`
	Next string          `json:"next"` // before of the next page; "" if there is none
}

const (
	usualRuns = 50
	mostRuns  = 500
)

// asked reads the values of a query, and keeps the first that is none.
type asked struct {
	url.Values
	err error
}

func (c *call) asked() *asked { return &asked{Values: c.r.URL.Query()} }

func (a *asked) refuse(name, want string) {
	if a.err == nil {
		a.err = invalid("%s=%s: want %s", name, a.Get(name), want)
	}
}

func (a *asked) time(name string) time.Time {
	text := a.Get(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		a.refuse(name, "a time such as 2026-11-21T10:00:00Z")
	}
	return at
}

func (a *asked) number(name string) int64 {
	text := a.Get(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		a.refuse(name, "a number from 0")
	}
	return n
}

func (a *asked) key(name string) reconcile.Key {
	key := reconcile.Key(a.Get(name))
	if key != "" && !key.Valid() {
		a.refuse(name, "a key such as Container/api")
	}
	return key
}

func (a *asked) jid(name string) string {
	jid := a.Get(name)
	if jid != "" && !jidForm.MatchString(jid) {
		a.refuse(name, "a job ID of 20 digits")
	}
	return jid
}

func (c *call) runs() (any, error) {
	q := c.asked()
	f := reconcile.RunFilter{
		Status: reconcile.RunStatus(q.Get("status")), Launch: reconcile.Launch(q.Get("launch_type")),
		Key: q.key("key"), Since: q.time("since"), Before: q.jid("before"), Limit: int(min(q.number("limit"), mostRuns)),
	}
	if f.Limit == 0 {
		f.Limit = usualRuns
	}
	if q.err != nil {
		return nil, q.err
	}
	var err error
	if f.Stack, err = c.filter(); err != nil {
		return nil, err
	}
	return c.page(f)
}

// page collects runs that the caller may see. One more than asked for tells
// whether there is a next page.
func (c *call) page(f reconcile.RunFilter) (runs, error) {
	want := f.Limit
	f.Limit++
	out := runs{Runs: []reconcile.Run{}}
	for {
		found, err := c.store.Runs(c.ctx, f)
		if err != nil {
			return out, err
		}
		for _, run := range found {
			ok, err := c.seesRun(run)
			switch {
			case err != nil:
				return out, err
			case !ok:
			case len(out.Runs) == want:
				out.Next = out.Runs[want-1].JID
				return out, nil
			default:
				out.Runs = append(out.Runs, run)
			}
		}
		if len(found) < f.Limit {
			return out, nil
		}
		f.Before = found[len(found)-1].JID
	}
}

// seesRun tells whether the caller may see a run; one of a stack that was never
// read has a name only.
func (c *call) seesRun(run reconcile.Run) (bool, error) {
	if run.Stack == "" {
		return c.who.covers(run.Name), nil
	}
	return c.sees(run.Stack)
}

// findRun finds a run that the caller may see.
func (c *call) findRun(jid string) (reconcile.Run, error) {
	if !jidForm.MatchString(jid) {
		return reconcile.Run{}, invalid("%q is no job ID; want 20 digits", jid)
	}
	found, err := c.store.Runs(c.ctx, reconcile.RunFilter{JID: jid, Limit: 1})
	if err != nil {
		return reconcile.Run{}, err
	}
	if len(found) == 0 {
		return reconcile.Run{}, notFound("there is no run %s", jid)
	}
	ok, err := c.seesRun(found[0])
	if err == nil && !ok {
		err = forbidden("this token is not for the stack of run %s", jid)
	}
	return found[0], err
}

func (c *call) run() (any, error) { return c.findRun(c.r.PathValue("jid")) }

func (c *call) saveRun() (any, error) {
	run := *c.in.(*reconcile.Run)
	if jid := c.r.PathValue("jid"); run.JID != jid || !jidForm.MatchString(jid) {
		return nil, invalid("the run's job ID %q is not that of the address, or not 20 digits", run.JID)
	}
	if !plainName.MatchString(run.Stack) {
		return nil, invalid("%q is no owner word of a stack", run.Stack)
	}
	if err := c.may(run.Stack); err != nil {
		return nil, err
	}
	old, err := c.findRun(run.JID)
	switch {
	case err == nil && old.Stack != run.Stack:
		return nil, conflict("run %s is one of stack %s", run.JID, old.Stack)
	case err == nil:
		err, run.Actor = c.mayRewrite(old), old.Actor
	case refusalOf(err).status == http.StatusNotFound:
		err, run.Actor = c.given(run.JID), c.who.as(run.Actor)
	}
	if err != nil {
		return nil, err
	}
	if err := c.ownName(run); err != nil {
		return nil, err
	}
	if err := c.store.SaveRun(c.ctx, run); err != nil {
		return nil, err
	}
	if old.Finished.IsZero() {
		c.meters.saved(run)
	}
	return nil, nil
}

// mayRewrite refuses to write over another's run. Whoever holds the stack may
// say that a run which did not end is over: its process is gone.
func (c *call) mayRewrite(old reconcile.Run) error {
	switch {
	case old.Actor.Via == c.who.actor.Via:
		return nil
	case old.Finished.IsZero() && c.leases.holds(old.Stack, c.who.id):
		return nil
	}
	return conflict("run %s was made by another; it is not written over", old.JID)
}

// farAhead is how far clocks may be apart.
const farAhead = 24 * time.Hour

// given refuses a job ID of a time to come that the store did not give: its run
// would be the newest for ever.
func (c *call) given(jid string) error {
	now := c.clock.Now()
	if jid < now.Add(farAhead).UTC().Format("20060102150405") {
		return nil
	}
	next, err := c.store.Journal(reconcile.EveryStack).NextJID(c.ctx, now) // a simulated time may be ahead
	if err == nil && jid >= next {
		err = invalid("job ID %s is of a time to come; ask for the next one at /api/v1/jids", jid)
	}
	return err
}

// ownName refuses a run that goes by the name of another stack of the daemon.
func (c *call) ownName(run reconcile.Run) error {
	n, err := c.stackNames(c.ctx, false)
	if err != nil {
		return err
	}
	if owner, served := n.owner[run.Name]; served && owner != "" && owner != run.Stack {
		return invalid("%s is the name of another stack than %s", run.Name, run.Stack)
	}
	return nil
}

func (c *call) artefact() (any, error) {
	file, err := fileName(c.r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	run, err := c.findRun(c.r.PathValue("jid"))
	if err != nil {
		return nil, err
	}
	body, err := c.store.Artefact(c.ctx, run.JID, file)
	if err != nil {
		return nil, err
	}
	c.file(file, body)
	return streamed{}, nil
}

// saveArtefact keeps a file of a run. Whoever may not see all stacks must have
// kept the run before, or it would not be known whose the file is.
func (c *call) saveArtefact() (any, error) {
	file, err := fileName(c.r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	jid := c.r.PathValue("jid")
	run, err := c.findRun(jid)
	if err == nil {
		err = c.mayRewrite(run)
	} else if !c.who.limited() && refusalOf(err).status == http.StatusNotFound {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return nil, c.store.SaveArtefact(c.ctx, jid, file, c.body)
}
