package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// apply has what was merged applied: in mode auto that is a look, in mode propose
// an approval of the very plan whose hash the comment names.
func (a *asking) apply(ctx context.Context, e daemon.Entry, s reconcile.Standing) error {
	if a.merge.State != "merged" {
		return a.answer(ctx, "Nothing was done: merge it first. What is on "+report.Code(a.merge.Target)+" is applied, and nothing else.")
	}
	if s.Mode == "observe" {
		return a.answer(ctx, "Nothing was done: "+report.Code(e.Name)+" is in mode observe, in which nothing is applied.")
	}
	seen, err := a.of.s.line.Follows(ctx, e, s.Revision.ID, a.merge.Landed)
	if err != nil || !seen {
		if err := a.nudge(ctx, e); err != nil {
			return err
		}
		return a.answer(ctx, fmt.Sprintf("%s was last looked at with %s, which does not have this merge request yet. It is looked at again now.", report.Code(e.Name), report.Code(s.Revision.Short()))+a.then(s))
	}
	if s.Mode == "propose" {
		return a.approve(ctx, e, s)
	}
	if err := a.nudge(ctx, e); err != nil {
		return err
	}
	return a.answer(ctx, fmt.Sprintf("%s is looked at again now; before: %s", report.Code(e.Name), report.Prose(s.Sentence)))
}

func (a *asking) then(s reconcile.Standing) string {
	if s.Mode != "propose" {
		return ""
	}
	return " " + report.Code("reconcile apply") + " shows the plan once it is made."
}

// approve approves the plan that waits if the comment names its hash, and shows
// it if the comment names none: what is approved is what was shown.
func (a *asking) approve(ctx context.Context, e daemon.Entry, s reconcile.Standing) error {
	changes, err := a.waiting(ctx, e, s)
	switch {
	case errors.Is(err, errChanging):
		return a.answer(ctx, "Nothing was done: the plan is changing just now. Ask again in a moment.")
	case err != nil:
		return err
	case len(changes) == 0:
		return a.answer(ctx, fmt.Sprintf("Nothing of %s waits for approval: %s", report.Code(e.Name), report.Prose(s.Sentence)))
	case a.plan == "":
		return a.show(ctx, e, s)
	case !strings.HasPrefix(s.Plan, a.plan):
		return a.answer(ctx, fmt.Sprintf("Nothing was approved: the plan is another one by now, %s. %s shows it.", report.Code(short(s.Plan, shortestPlanHash)), report.Code("reconcile apply")))
	}
	if why := a.barred(s); why != "" {
		return a.answer(ctx, "Nothing was approved, as this approval would not count: "+report.Prose(why)+". Somebody else has to approve.")
	}
	if err := a.order(ctx, e, reconcile.Order{Verb: reconcile.Approve, Stack: s.Stack, Value: s.Plan, Changes: changes}); err != nil {
		return err
	}
	return a.answer(ctx, fmt.Sprintf("Plan %s of %s is approved by %s: %s.", report.Code(short(s.Plan, shortestPlanHash)), report.Code(e.Name), report.Code(a.note.By.Username), allowed(changes)))
}

// barred says why an approval would not count. Who opened the merge request
// stands for its author: names in commits are whatever their writer likes.
func (a *asking) barred(s reconcile.Standing) string {
	if s.Quorum == nil {
		return ""
	}
	if s.Quorum.NotAuthor && a.merge.Author == a.note.By.ID {
		return a.note.By.Username + " opened the merge request"
	}
	for _, known := range []reconcile.Actor{a.actor(), {Kind: "gitlab", User: a.note.By.Name}} {
		if why := s.Quorum.Refuses(known, s.Revision); why != "" && known.User != "" {
			return why
		}
	}
	return ""
}

// errChanging is a look that is being written down.
var errChanging = errors.New("the plan is changing just now")

// waiting is what an approval of the last look's plan covers, nothing if nothing waits.
func (a *asking) waiting(ctx context.Context, e daemon.Entry, s reconcile.Standing) (changes []reconcile.Approval, err error) {
	if s.Plan == "" {
		return nil, nil
	}
	body, err := a.of.s.store.Artefact(ctx, reconcile.LastLook(e.Name), "approvals.json")
	if reconcile.ClassOf(err) == reconcile.NotFound {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(body, &changes)
	}
	for _, c := range changes { // the files of a look are kept before its standing
		if !slices.ContainsFunc(s.Items, func(i reconcile.Item) bool { return i.Key == c.Key && i.Hash == c.Hash }) {
			return nil, errChanging
		}
	}
	return changes, err
}

// mostShown is how much of a plan an answer shows, in bytes.
const mostShown = 50_000

// show shows the plan that waits, and how it is approved.
func (a *asking) show(ctx context.Context, e daemon.Entry, s reconcile.Standing) error {
	text, err := a.of.s.store.Artefact(ctx, reconcile.LastLook(e.Name), "plan.txt")
	if err != nil {
		return err
	}
	plan, more := cleanLines(string(text)), ""
	if len(plan) > mostShown {
		plan, more = strings.ToValidUTF8(plan[:mostShown], "")+"\n", "It is longer than this; `reconcile approve` shows all of it.\n\n"
	}
	return a.answer(ctx, fmt.Sprintf("This waits for approval in %s:\n\n%s\n%sThis comment, on a line of its own, approves it:\n\n    reconcile apply %s %s\n",
		report.Code(e.Name), report.Fenced(plan), more, e.Name, short(s.Plan, shortestPlanHash)))
}
