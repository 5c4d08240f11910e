package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/remote"
)

// quorum is whose approval a plan of the stack needs, and the revision that it
// is about: as its daemon says, whom the operator may have told to ask for more,
// else as the manifests do.
func (t *aimed) quorum() (reconcile.Quorum, reconcile.Revision) {
	switch {
	case t.standing != nil && t.standing.Quorum != nil:
		return *t.standing.Quorum, t.standing.Revision
	case t.standing != nil:
		return reconcile.Quorum{}, t.standing.Revision
	case t.session != nil:
		return t.session.src.Stack.Policy.Quorum, t.session.src.Revision
	}
	return reconcile.Quorum{}, reconcile.Revision{}
}

// mayApprove refuses an approval that would not count. A daemon's API says so
// itself: only it knows who asks.
func (t *aimed) mayApprove() error {
	if _, asked := t.store.(*remote.Store); asked {
		return nil
	}
	quorum, of := t.quorum()
	why := quorum.Refuses(t.actor(), of)
	if why == "" {
		return nil
	}
	where := ""
	if !quorum.Pos.IsZero() {
		where = " (" + quorum.Pos.Short() + ")"
	}
	return fmt.Errorf("approve: this approval would not count: %s%s; somebody else has to approve", why, where)
}

// tally is how far the approval of what an order covers has come.
func (t *aimed) tally(ctx context.Context, o reconcile.Order) (reconcile.Tally, error) {
	all, err := t.store.Orders(ctx, o.Stack, false)
	if err != nil {
		return reconcile.Tally{}, err
	}
	alike := slices.DeleteFunc(all, func(other reconcile.Order) bool {
		return other.Verb != reconcile.Approve || !slices.ContainsFunc(o.Changes, func(a reconcile.Approval) bool {
			return slices.ContainsFunc(other.Changes, func(b reconcile.Approval) bool { return a.Key == b.Key && a.Hash == b.Hash })
		})
	})
	quorum, of := t.quorum()
	return quorum.Tally(alike, of), nil
}

// stillWanted says how far an approval has come and who is still wanted, "" where
// one person's is enough.
func (t *aimed) stillWanted(ctx context.Context, o reconcile.Order) (string, error) {
	quorum, of := t.quorum()
	if o.Verb != reconcile.Approve || !quorum.Asks() {
		return "", nil
	}
	tally, err := t.tally(ctx, o)
	if err != nil {
		return "", err
	}
	if tally.Missing() == 0 {
		return fmt.Sprintf("%d of %d approvals: it may run", len(tally.By), tally.Want), nil
	}
	others := slices.Clone(tally.By)
	for _, barred := range []struct {
		on  bool
		who string
	}{{quorum.NotAuthor, of.Author}, {quorum.NotCommitter, of.Committer}} {
		if name, _, _ := strings.Cut(barred.who, " <"); barred.on && name != "" && !slices.Contains(others, name) {
			others = append(others, name)
		}
	}
	return fmt.Sprintf("%d of %d approvals; still to come: reconcile approve by somebody else than %s", len(tally.By), tally.Want, strings.Join(others, " and ")), nil
}

// planMoves says what the plan that was to be approved had otherwise than the one
// now, if the store still has it.
func (t *aimed) planMoves(ctx context.Context, hash string) []string {
	if t.standing == nil {
		return nil
	}
	runs, err := t.store.Runs(ctx, reconcile.RunFilter{Stack: t.owner, Limit: 100})
	i := slices.IndexFunc(runs, func(r reconcile.Run) bool { return strings.HasPrefix(r.Plan, hash) })
	if err != nil || i < 0 {
		return nil
	}
	before, err := t.store.Artefact(ctx, runs[i].JID, "plan.json")
	if err != nil {
		return nil
	}
	now, err := t.store.Artefact(ctx, reconcile.LastLook(t.standing.Name), "plan.json")
	if err != nil {
		return nil
	}
	return planDifferences(changesShown(before), changesShown(now), fieldMoves(before, now))
}
