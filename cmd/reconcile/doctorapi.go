package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	account "github.com/scaleway/scaleway-sdk-go/api/account/v3"
	iam "github.com/scaleway/scaleway-sdk-go/api/iam/v1alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// What doctor asks of Scaleway: whether it answers, what time it is there, and
// what the key may do.

const (
	defaultURL  = "https://api.scaleway.com"
	answerLimit = 10 * time.Second
	mostSkew    = time.Minute         // beyond it what is young looks old, and the other way round
	soonOver    = 14 * 24 * time.Hour // a key's end that is worth a word
)

// reachable asks the API for anything at all, without the key. The answer also
// tells its time.
func (d *doctor) reachable(ctx context.Context) bool {
	url := orElse(d.client.URL, defaultURL)
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/", nil)
	if err != nil {
		d.fail("api", err, "set SCW_API_URL right, or unset it")
		return false
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	asked := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		d.fail("api", err, "check the network, HTTPS_PROXY and SCW_API_URL")
		return false
	}
	defer resp.Body.Close()
	took := time.Since(asked)
	if resp.StatusCode >= 500 {
		d.fail("api", fmt.Errorf("%s answers with %s", url, resp.Status), "try again later; status.scaleway.com tells about failures")
		return false
	}
	d.well("api", "%s answers in %d ms", url, took.Milliseconds())
	d.skew("clock", "the API", resp.Header.Get("Date"), asked.Add(took/2))
	return true
}

// skew compares this machine's clock with that of a server, which gives whole seconds.
func (d *doctor) skew(name, of, date string, here time.Time) {
	there, err := http.ParseTime(date)
	if err != nil {
		d.skip(name, "the answer of %s has no date to compare with", of)
		return
	}
	switch off := here.Sub(there.Add(500 * time.Millisecond)).Round(time.Second); {
	case off > mostSkew:
		d.fail(name, fmt.Errorf("this machine is %s ahead of %s", off, of), "let NTP set the clock")
	case off < -mostSkew:
		d.fail(name, fmt.Errorf("this machine is %s behind %s", -off, of), "let NTP set the clock")
	default:
		d.well(name, "within %s of that of %s", max(off.Abs(), time.Second), of)
	}
}

// key looks at the API key itself; it is false if the key is refused.
func (d *doctor) key(ctx context.Context) bool {
	ctx, calls := reconcile.WithCalls(ctx)
	key, err := iam.NewAPI(d.client.SDK).GetAPIKey(&iam.GetAPIKeyRequest{AccessKey: d.client.AccessKey}, scw.WithContext(ctx))
	switch status := lastStatus(calls()); {
	case err == nil:
		return d.end(key.ExpiresAt)
	case status == http.StatusForbidden:
		d.skip("key", "it is accepted, but may not be read, so its end is not known (IAMReadOnly would show it)")
		return true
	case status == http.StatusNotFound:
		d.fail("key", errors.New("there is no key with this SCW_ACCESS_KEY, though its secret is accepted"),
			"set SCW_ACCESS_KEY and SCW_SECRET_KEY to the two parts of one key")
		return true
	default:
		d.fail("key", scaleway.Classify(err), "make a new API key in the console under IAM")
		return status != http.StatusUnauthorized
	}
}

func (d *doctor) end(at *time.Time) bool {
	left := time.Duration(0)
	if at != nil {
		left = at.Sub(d.clock.Now())
	}
	switch {
	case at == nil:
		d.well("key", "accepted; it has no end")
	case left <= 0:
		d.fail("key", fmt.Errorf("it expired on %s", at.UTC().Format(time.RFC3339)), "make a new API key in the console under IAM")
		return false
	case left < soonOver:
		d.well("key", "accepted; it ends soon, on %s: make a new one", at.UTC().Format(time.RFC3339))
	default:
		d.well("key", "accepted until %s", at.UTC().Format(time.RFC3339))
	}
	return true
}

// lastStatus is that of the last call, 0 if it had no answer.
func lastStatus(calls []reconcile.Call) int {
	if len(calls) == 0 {
		return 0
	}
	return calls[len(calls)-1].Status
}

// project reads the stack's project. A wrong one lists nothing rather than failing.
func (d *doctor) project(ctx context.Context) {
	id := d.src.Stack.Project
	project, err := account.NewProjectAPI(d.client.SDK).GetProject(&account.ProjectAPIGetProjectRequest{ProjectID: id}, scw.WithContext(ctx))
	if err != nil {
		d.fail("project", fmt.Errorf("%s cannot be read: %w", id, scaleway.Classify(err)),
			"check the ID (the Stack's scaleway.project, or SCW_DEFAULT_PROJECT_ID), and give the key's owner ProjectReadOnly")
		return
	}
	d.well("project", "%s (%s)", project.Name, id)
}

// listings asks for each kind in each place of the stack, as plan does.
func (d *doctor) listings(ctx context.Context) {
	for _, kind := range d.kinds {
		if kind.Abstract || kind.Elsewhere && !d.seesNetbox {
			continue
		}
		for _, place := range d.src.Stack.Places(kind) {
			d.listing(ctx, kind, d.src.Stack.Scope(kind, place))
		}
	}
}

func (d *doctor) listing(ctx context.Context, kind reconcile.Kind, in reconcile.Scope) {
	name := "list " + kind.Name + " " + orElse(in.Place, "everywhere")
	live, err := kind.List(ctx, in)
	switch forbidden := reconcile.ClassOf(err) == reconcile.Forbidden; {
	case err == nil:
		d.well(name, "permitted; %d there", len(live))
	case forbidden && !d.uses(kind.Name):
		d.skip(name, "not permitted, but no manifest stands for one: %v", err)
	case forbidden:
		d.fail(name, err, "give the key's owner the permission in this project")
	default:
		d.fail(name, err, "try again; if it stays, look at status.scaleway.com")
	}
}

// uses tells whether a manifest stands for resources of the kind. Where there
// are no manifests to go by, all kinds count.
func (d *doctor) uses(kind string) bool {
	return d.wish == nil || len(d.wish.Ordered) == 0 ||
		slices.ContainsFunc(d.wish.Ordered, func(w *reconcile.Wanted) bool { return w.Kind.Name == kind })
}
