package audittrail

import (
	"context"
	"slices"
	"strings"
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/audit_trail/v1alpha1"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// at is when the log got an event.
func at(e *sdk.Event) time.Time {
	if e.RecordedAt == nil {
		return time.Time{}
	}
	return *e.RecordedAt
}

// wrote tells whether a call was carried out and may have changed something.
func wrote(e *sdk.Event) bool {
	reads := func(verb string) bool { return strings.HasPrefix(e.MethodName, verb) }
	return e.StatusCode >= 200 && e.StatusCode < 300 && !slices.ContainsFunc([]string{"Get", "List", "Access", "Download", "Search", "Check"}, reads)
}

// about tells whether an event names a resource.
func about(e *sdk.Event, id string) bool {
	return slices.ContainsFunc(e.Resources, func(r *sdk.Resource) bool { return r != nil && r.ID == id })
}

// authorsOf are those who wrote to a resource after we last did, the latest
// first, each once. What was there before our own last call, that call has set
// right, so nobody is asked about it any more.
func authorsOf(s reconcile.Suspect, events []*sdk.Event, ours func(*sdk.Event) bool) (by []reconcile.Author) {
	for _, e := range events {
		switch {
		case !wrote(e) || !about(e, s.ID):
			continue
		case ours(e) || at(e).Before(s.Since.Add(-skew)) || len(by) == most:
			return by
		}
		a := author(e)
		again := func(o reconcile.Author) bool {
			return o.Who == a.Who && o.Program == a.Program && o.Address == a.Address && o.Call == a.Call
		}
		if !slices.ContainsFunc(by, again) {
			by = append(by, a)
		}
		if ended(e, s.ID) {
			return by // what was done to it before is gone with it
		}
	}
	return by
}

// ended tells whether a call deleted the resource itself.
func ended(e *sdk.Event, id string) bool {
	return slices.ContainsFunc(e.Resources, func(r *sdk.Resource) bool { return r != nil && r.ID == id && r.DeletedAt != nil })
}

// author is whom an event names. Nothing of it can be trusted to be fit to print.
func author(e *sdk.Event) reconcile.Author {
	a := reconcile.Author{At: at(e), Call: reconcile.Clean(e.MethodName), Request: reconcile.Clean(e.RequestID), Who: "Scaleway"}
	if e.Principal != nil {
		a.Who = e.Principal.ID
	}
	if e.SourceIP != nil {
		a.Address = e.SourceIP.String()
	}
	if e.UserAgent != nil {
		a.Program = program(*e.UserAgent)
	}
	return a
}

// programs are known by a word of their User-Agent, the first that is there:
// Pulumi's provider and Crossplane's are made of Terraform's, and all of the SDK.
var programs = []struct{ word, name string }{
	{"pulumi", "pulumi"}, {"crossplane", "crossplane"}, {"terraform", "terraform"}, {"scaleway-cli", "scw"},
	{"reconcile/", "reconcile"}, {"mozilla/", "console"},
}

// longestProgram bounds the name of a program that is not known.
const longestProgram = 40

// program is what sent a request. A browser is Scaleway's console.
func program(agent string) string {
	low := strings.ToLower(agent)
	for _, p := range programs {
		if strings.Contains(low, p.word) {
			return p.name
		}
	}
	name, _, _ := strings.Cut(strings.TrimSpace(agent), "/")
	name, _, _ = strings.Cut(name, " ")
	return reconcile.Clean(name[:min(len(name), longestProgram)])
}

// ours tells our own calls apart. The journal and IAM are asked only if there is
// a call that claims to be ours.
func (w witness) ours(ctx context.Context, events []*sdk.Event) func(*sdk.Event) bool {
	var claims []*sdk.Event
	for _, e := range events {
		if w.claims(e) {
			claims = append(claims, e)
		}
	}
	if len(claims) == 0 {
		return func(*sdk.Event) bool { return false }
	}
	sent := map[string]bool{}
	if w.sent != nil {
		sent = w.sent(ctx, at(claims[len(claims)-1]).Add(-skew-callTime))
	}
	mine := map[string]bool{}
	for _, e := range claims {
		if sent[e.RequestID] && e.Principal != nil {
			mine[e.Principal.ID] = true // whose calls we know is whose key we have
		}
	}
	if slices.ContainsFunc(claims, func(e *sdk.Event) bool { return !sent[e.RequestID] }) {
		mine[w.bearerOf(ctx)] = true
	}
	delete(mine, "") // nobody knows whose it is
	return func(e *sdk.Event) bool {
		return sent[e.RequestID] || w.claims(e) && e.Principal != nil && mine[e.Principal.ID]
	}
}

// callTime is how long before the log got a call its intent may have been written.
const callTime = 10 * time.Minute

// claims tells whether a call says to be this stack's.
func (w witness) claims(e *sdk.Event) bool {
	if e.UserAgent == nil {
		return false
	}
	tag, reconciles := scaleway.ParseAgent(*e.UserAgent)
	return reconciles && tag.Of(w.stack)
}
