package web

import (
	"encoding/json"
	"regexp"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

type orders struct {
	Orders []reconcile.Order `json:"orders"`
}

// rule is what an order of a verb must have.
type rule struct {
	role   reconcile.Role
	reason bool             // it must say why
	key    bool             // it is about a key
	kind   bool             // it may be about a kind in place of a value
	all    bool             // it may be for every stack
	value  *regexp.Regexp   // form of Value; nil: none
	means  string           // of Value
	launch reconcile.Launch // why the stack is looked at then
	check  func(*call, *reconcile.Order) error
}

var (
	hashForm   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	commitForm = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
	jidForm    = regexp.MustCompile(`^[0-9]{20}$`)
	kindForm   = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
)

// rules are those of all verbs.
func rules() map[reconcile.Verb]rule {
	return map[reconcile.Verb]rule{
		reconcile.Suspend:  {role: reconcile.Operate, reason: true, all: true},
		reconcile.HoldKey:  {role: reconcile.Operate, reason: true, key: true},
		reconcile.Freeze:   {role: reconcile.Grant, reason: true, all: true},
		reconcile.Approve:  {role: reconcile.Grant, value: hashForm, means: "the hash of a plan", check: (*call).approve},
		reconcile.Override: {role: reconcile.Grant, reason: true, all: true},
		reconcile.Accept:   {role: reconcile.Grant, value: commitForm, means: "a commit", kind: true},
		reconcile.Rollback: {role: reconcile.Grant, value: commitForm, means: "a commit", launch: reconcile.ByRollback},
		reconcile.Cancel:   {role: reconcile.Operate, value: jidForm, means: "a job ID", check: (*call).ofRun},
		reconcile.Relaunch: {role: reconcile.Operate, value: jidForm, means: "a job ID", launch: reconcile.ByRelaunch, check: (*call).ofRun},
	}
}

const longestReason = 2000 // bytes

func (c *call) orders() (any, error) {
	owner, err := c.filter()
	if err != nil {
		return nil, err
	}
	all, err := c.store.Orders(c.ctx, owner, c.r.URL.Query().Get("ended") == "1")
	if err != nil {
		return nil, err
	}
	out := orders{[]reconcile.Order{}}
	for _, o := range all {
		ok, err := c.sees(o.Stack)
		if err != nil {
			return nil, err
		}
		if ok || o.Stack == reconcile.EveryStack { // which is about the caller's stacks too
			out.Orders = append(out.Orders, o)
		}
	}
	return out, nil
}

func (c *call) order() (any, error) {
	o := *c.in.(*reconcile.Order)
	o.ID, o.By, o.At, o.Ended, o.Changes = "", c.who.actor, time.Time{}, time.Time{}, nil
	verb, ok := rules()[o.Verb]
	if !ok {
		return nil, invalid("verb %q: there is suspend, hold, freeze, approve, override, accept, rollback, cancel and relaunch", o.Verb)
	}
	if !c.who.role.Allows(verb.role) {
		return nil, forbidden("to order %s takes a token of role %s; yours is of role %s", o.Verb, verb.role, c.who.role)
	}
	if err := verb.fits(o, c.clock.Now()); err != nil {
		return nil, err
	}
	var err error
	if o.Stack, err = c.ordered(o.Stack); err != nil {
		return nil, err
	}
	if verb.check != nil {
		if err := verb.check(c, &o); err != nil {
			return nil, err
		}
	}
	if o, err = c.store.Order(c.ctx, o); err != nil {
		return nil, err
	}
	return o, c.tell(o.Stack, verb.launch)
}

// fits checks the form of an order.
func (r rule) fits(o reconcile.Order, now time.Time) error {
	switch {
	case o.Stack == "":
		return invalid("the order must name a stack, or %q for all", reconcile.EveryStack)
	case o.Stack == reconcile.EveryStack && !r.all:
		return invalid("%s is for one stack, not for all", o.Verb)
	case r.reason && o.Reason == "":
		return invalid("%s takes a reason, for those who find it later", o.Verb)
	case len(o.Reason) > longestReason:
		return invalid("the reason is longer than %d bytes", longestReason)
	case !o.Until.IsZero() && !o.Until.After(now):
		return invalid("the order would end at %s, which is past", o.Until.UTC().Format(time.RFC3339))
	case r.key && !o.Key.Valid():
		return invalid("%q is no key; want one such as Container/api", o.Key)
	case r.kind && o.Key != "" && (o.Value != "" || !kindForm.MatchString(string(o.Key)) || o.Reason == ""):
		return invalid("%s of a kind, such as Device, takes a reason and no value", o.Verb)
	case r.kind && o.Key != "":
	case !r.key && o.Key != "":
		return invalid("%s is about a stack, not about a key", o.Verb)
	case r.value == nil && o.Value != "":
		return invalid("%s takes no value", o.Verb)
	case r.value != nil && !r.value.MatchString(o.Value):
		return invalid("%s takes %s as its value, not %q", o.Verb, r.means, o.Value)
	}
	return nil
}

// ordered gives the owner word of the stack that an order is for, which must be
// one that somebody works on.
func (c *call) ordered(word string) (string, error) {
	owner, err := c.owner(word)
	if err != nil || owner == reconcile.EveryStack {
		return owner, err
	}
	n, err := c.stackNames(c.ctx, false)
	if err != nil || len(n.names[owner]) > 0 {
		return owner, err
	}
	if _, served := n.owner[owner]; served {
		return "", conflict("stack %s was never read, so nothing can be ordered yet", word)
	}
	heads, err := c.store.Heads(c.ctx)
	for _, h := range heads {
		if h.Stack == owner {
			return owner, nil
		}
	}
	if err != nil {
		return "", err
	}
	return "", notFound("there is no stack %s", word)
}

// tell has the stacks of an order looked at.
func (c *call) tell(owner string, why reconcile.Launch) error {
	names, err := c.namesOf(owner)
	if err != nil {
		return err
	}
	if why == "" {
		why = reconcile.ByPerson
	}
	for _, name := range names {
		if err := c.store.Nudge(c.ctx, name, why); err != nil {
			return err
		}
	}
	return nil
}

// approve checks that the plan is the one that waits, and writes into the order
// what it covers.
func (c *call) approve(o *reconcile.Order) error {
	names, err := c.namesOf(o.Stack)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return conflict("the daemon does not serve stack %s, so no plan of it waits here", o.Stack)
	}
	standing, err := c.standingOf(names[0])
	if err != nil {
		return err
	}
	if standing.Plan != o.Value {
		r := conflict("the plan has changed: %s was to be approved, and %s is the plan now; look at it again", o.Value, orNone(standing.Plan))
		r.plans = &[2]string{o.Value, standing.Plan}
		return r
	}
	if standing.Quorum != nil {
		if why := standing.Quorum.Refuses(c.who.actor, standing.Revision); why != "" {
			return forbidden("this approval would not count: %s; somebody else has to approve", why)
		}
	}
	body, err := c.store.Artefact(c.ctx, reconcile.LastLook(names[0]), "approvals.json")
	if err == nil {
		err = json.Unmarshal(body, &o.Changes)
	}
	if err != nil {
		return conflict("what plan %s changes is not kept; wait for the next look, and approve then: %v", o.Value, err)
	}
	if len(o.Changes) == 0 {
		return conflict("plan %s changes nothing, so there is nothing to approve", o.Value)
	}
	return sameLook(standing, o.Changes)
}

// sameLook refuses changes of which the standing does not tell: the files of a
// look are kept before its standing, so a new one may be half there. What is
// approved is what was shown.
func sameLook(standing reconcile.Standing, changes []reconcile.Approval) error {
	for _, change := range changes {
		shown := func(i reconcile.Item) bool { return i.Key == change.Key && i.Hash == change.Hash }
		if !slices.ContainsFunc(standing.Items, shown) {
			return conflict("the plan is changing just now; look at it again in a moment")
		}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// ofRun checks that the run is one of the stack.
func (c *call) ofRun(o *reconcile.Order) error {
	run, err := c.findRun(o.Value)
	if err != nil {
		return err
	}
	if run.Stack != o.Stack {
		return invalid("run %s is not one of stack %s", o.Value, o.Stack)
	}
	return nil
}

func (c *call) withdraw() (any, error) {
	id, reason := c.r.PathValue("id"), c.r.URL.Query().Get("reason")
	if len(reason) > longestReason {
		return nil, invalid("the reason is longer than %d bytes", longestReason)
	}
	all, err := c.store.Orders(c.ctx, "", true)
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		if o.ID != id {
			continue
		}
		if err := c.may(o.Stack); err != nil {
			return nil, err
		}
		role := reconcile.Grant // of verbs that a later version has
		if verb, ok := rules()[o.Verb]; ok {
			role = verb.role
		}
		if !c.who.role.Allows(role) {
			return nil, forbidden("to end %s takes a token of role %s; yours is of role %s", o.Verb, role, c.who.role)
		}
		if err := c.store.Withdraw(c.ctx, id, c.who.actor, reason); err != nil {
			return nil, err
		}
		return nil, c.tell(o.Stack, "")
	}
	return nil, notFound("there is no order %s", id)
}
