package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var (
	leone  = reconcile.Actor{Kind: "cli", User: "rleone", Host: "laptop"}
	doe    = reconcile.Actor{Kind: "gitlab-ci", User: "j.doe", Email: "jane.doe@example.com"}
	doeToo = reconcile.Actor{Kind: "api", User: "Jane.Doe@example.com", Email: "Jane.Doe@example.com", Via: "Jane.Doe@example.com"}
	laptop = reconcile.Actor{Kind: "api", User: "laptop", Via: "laptop"}
	minted = reconcile.Actor{Kind: "api", User: "x@example.com", Email: "x@example.com", Via: "x@example.com", Maker: "j.doe"}
	commit = reconcile.Revision{ID: "4f2a91c00000", Author: "R. Leone <r@example.com>", Committer: "GitLab <noreply@gitlab.example.com>"}
)

func TestTally(t *testing.T) {
	two := reconcile.Quorum{Count: 2}
	notAuthor := reconcile.Quorum{Count: 1, NotAuthor: true}
	for name, tt := range map[string]struct {
		quorum reconcile.Quorum
		by     []reconcile.Actor
		of     reconcile.Revision
		want   string
		enough bool
	}{
		"nobody":                               {two, nil, commit, "0 of 2", false},
		"one":                                  {two, []reconcile.Actor{leone}, commit, "1 of 2 (rleone)", false},
		"two":                                  {two, []reconcile.Actor{leone, doe}, commit, "2 of 2 (rleone, jane.doe@example.com)", true},
		"one twice":                            {two, []reconcile.Actor{doe, doe}, commit, "1 of 2 (jane.doe@example.com)", false},
		"one twice, otherwise written":         {two, []reconcile.Actor{doe, doeToo}, commit, "1 of 2 (jane.doe@example.com)", false},
		"one with a token of one's own making": {two, []reconcile.Actor{doe, minted}, commit, "1 of 2 (jane.doe@example.com)", false},
		"two that a third one shows to be one": {two, []reconcile.Actor{leone, {Kind: "gitlab", User: "rl", Email: "rl@example.com"}, {Kind: "api", User: "rleone", Email: "rl@example.com", Via: "x"}}, commit, "1 of 2 (rleone)", false},
		"nobody that is known":                 {two, []reconcile.Actor{{Kind: "cli"}, {Kind: "cli"}}, commit, "0 of 2; not counted: nobody knows who approved", false},
		"nobody asks who":                      {reconcile.Quorum{}, []reconcile.Actor{{}}, commit, "1 of 1 (somebody)", true},
		"the author, by name":                  {notAuthor, []reconcile.Actor{leone}, commit, "0 of 1; not counted: rleone wrote the commit", false},
		"the author, by what is before the @":  {notAuthor, []reconcile.Actor{{Kind: "cli", User: "r"}}, commit, "0 of 1; not counted: r wrote the commit", false},
		"the author, by address":               {notAuthor, []reconcile.Actor{{Kind: "api", User: "x", Via: "y", Email: "R@Example.com"}}, commit, "0 of 1; not counted: R@Example.com wrote the commit", false},
		"somebody else":                        {notAuthor, []reconcile.Actor{doe}, commit, "1 of 1 (jane.doe@example.com)", true},
		"a token of nobody":                    {notAuthor, []reconcile.Actor{laptop}, commit, "0 of 1; not counted: laptop says nothing of whose it is, so it cannot be told from who wrote the commit; name tokens by a mail address", false},
		"a token of nobody, of two":            {two, []reconcile.Actor{laptop, doe}, commit, "2 of 2 (laptop, jane.doe@example.com)", true},
		"an ID token of no person":             {notAuthor, []reconcile.Actor{{Kind: "api", User: "project_path:shop:ref:main", Via: "shop"}}, commit, "0 of 1; not counted: project_path:shop:ref:main says nothing of whose it is, so it cannot be told from who wrote the commit; name tokens by a mail address", false},
		"an ID token of a person":              {notAuthor, []reconcile.Actor{{Kind: "api", User: "j.doe", Via: "group/shop"}}, commit, "1 of 1 (j.doe)", true},
		"a folder without commits":             {notAuthor, []reconcile.Actor{doe}, reconcile.Revision{ID: "abc+"}, "0 of 1; not counted: who wrote abc+ is not known: it is no commit", false},
		"uncommitted changes":                  {notAuthor, []reconcile.Actor{doe}, reconcile.Revision{ID: "4f2a91c+", Author: "R. Leone <r@example.com>"}, "0 of 1; not counted: who wrote 4f2a91c+ is not known: it is no commit", false},
		"the committer":                        {reconcile.Quorum{NotCommitter: true}, []reconcile.Actor{{Kind: "cli", User: "Jane"}}, reconcile.Revision{ID: "c1", Committer: "J <123-jane@users.noreply.gitlab.com>"}, "0 of 1; not counted: Jane committed the commit", false},
		"the author may, the committer not":    {reconcile.Quorum{NotCommitter: true}, []reconcile.Actor{leone}, commit, "1 of 1 (rleone)", true},
	} {
		t.Run(name, func(t *testing.T) {
			var orders []reconcile.Order
			for _, by := range tt.by {
				orders = append(orders, reconcile.Order{Verb: reconcile.Approve, By: by})
			}
			tally := tt.quorum.Tally(orders, tt.of)
			if tally.String() != tt.want || (tally.Missing() == 0) != tt.enough {
				t.Errorf("got %s, %d missing; want %s", tally, tally.Missing(), tt.want)
			}
		})
	}
}

// What the operator asks for and what the repository asks for: the stricter counts.
func TestQuorumOnlyTightens(t *testing.T) {
	at, there := reconcile.Pos{File: "stack.yaml", Line: 1}, reconcile.Pos{File: "operator", Line: 2}
	for _, tt := range []struct{ repository, operator, want reconcile.Quorum }{
		{reconcile.Quorum{}, reconcile.Quorum{}, reconcile.Quorum{Count: 1}},
		{reconcile.Quorum{Count: 3, Pos: at}, reconcile.Quorum{Count: 2, Pos: there}, reconcile.Quorum{Count: 3, Pos: at}},
		{reconcile.Quorum{Count: 1, Pos: at}, reconcile.Quorum{Count: 2, Pos: there}, reconcile.Quorum{Count: 2, Pos: there}},
		{reconcile.Quorum{Count: 2, NotAuthor: true, Pos: at}, reconcile.Quorum{Count: 1, NotCommitter: true, Pos: there}, reconcile.Quorum{Count: 2, NotAuthor: true, NotCommitter: true, Pos: there}},
	} {
		if got := tt.repository.And(tt.operator); got != tt.want {
			t.Errorf("%+v and %+v: %+v, want %+v", tt.repository, tt.operator, got, tt.want)
		}
	}
}

// A change waits until enough people have approved just it, whoever else did.
func TestApprovedByAQuorum(t *testing.T) {
	policy := reconcile.Policy{Mode: "propose", Quorum: reconcile.Quorum{Count: 2, NotAuthor: true, Pos: reconcile.Pos{File: "stack.yaml", Line: 7}}}
	want := []reconcile.Manifest{ware("a", nil)}
	by := func(actors ...reconcile.Actor) func(*reconcile.Rehearsal) {
		return func(r *reconcile.Rehearsal) { r.Revision, r.Approved = commit, actors }
	}
	for _, tt := range []struct {
		by   []reconcile.Actor
		held string
	}{
		{nil, "create Ware/a approval stack.yaml:7: waits for approval: 0 of 2"},
		{[]reconcile.Actor{doe}, "create Ware/a approval stack.yaml:7: waits for approval: 1 of 2 (jane.doe@example.com)"},
		{[]reconcile.Actor{doe, leone}, "create Ware/a approval stack.yaml:7: waits for approval: 1 of 2 (jane.doe@example.com); not counted: rleone wrote the commit"},
		{[]reconcile.Actor{doe, {Kind: "cli", User: "carol"}}, ""},
	} {
		if got := holds(rehearse(t, policy, nil, want, by(tt.by...))); got != tt.held {
			t.Errorf("%v: held %q, want %q", tt.by, got, tt.held)
		}
	}
	policy.Quorum = reconcile.Quorum{}
	if got := holds(rehearse(t, policy, nil, want)); got != "create Ware/a approval : waits for approval" {
		t.Errorf("held %q", got)
	}
}

// An approval of several people goes on over the steps of a change, and each
// covers just what it was given for.
func TestQuorumGoesOn(t *testing.T) {
	at := rehearsed
	hash := func(wish, start string) string { return strings.Repeat(wish, 32) + strings.Repeat(start, 32) }
	update := reconcile.Approval{Key: "Item/a", Action: reconcile.Update, Live: "1", Hash: hash("a", "b")}
	other := reconcile.Approval{Key: "Item/a", Action: reconcile.Update, Live: "1", Hash: hash("c", "b")}
	order := func(by reconcile.Actor, after time.Duration, what reconcile.Approval) reconcile.Order {
		return reconcile.Order{Verb: reconcile.Approve, By: by, At: at.Add(after), Changes: []reconcile.Approval{what}}
	}
	next := reconcile.Change{Key: "Item/a", Action: reconcile.Update, Hash: hash("a", "f"), Live: &reconcile.Resource{ID: "1"}, Want: &reconcile.Wanted{}}
	begun := reconcile.Memo{Write: reconcile.Attempt{Action: reconcile.Update, Hash: update.Hash, Event: reconcile.Result, At: at.Add(10 * time.Minute)}}
	quorum := reconcile.Quorum{Count: 2}
	for name, tt := range map[string]struct {
		orders []reconcile.Order
		memo   reconcile.Memo
		passes bool
	}{
		"both, begun after both":   {[]reconcile.Order{order(doe, 0, update), order(leone, 5*time.Minute, update)}, begun, true},
		"one for something else":   {[]reconcile.Order{order(doe, 0, update), order(leone, 0, other)}, begun, false},
		"begun before the second":  {[]reconcile.Order{order(doe, 0, update), order(leone, time.Hour, update)}, begun, false},
		"both, and nothing begun":  {[]reconcile.Order{order(doe, 0, update), order(leone, 0, update)}, reconcile.Memo{}, false},
		"the same one, once again": {[]reconcile.Order{order(doe, 0, update), order(doeToo, 5*time.Minute, update)}, begun, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := next
			hold := reconcile.Approved(tt.orders, quorum, commit)(&c, &reconcile.World{Memory: map[reconcile.Key]reconcile.Memo{c.Key: tt.memo}})
			if (hold == nil) != tt.passes {
				t.Errorf("got %+v, want it to pass: %v", hold, tt.passes)
			}
		})
	}
}
