package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab"
	"gitlab.com/reconciled/reconciled/reconcile/report"
	"gitlab.com/reconciled/reconciled/reconcile/web"
)

// commentAge is how old a comment may be: what is older is sent again by
// somebody, or was too long under way to be meant still.
const commentAge = 15 * time.Minute

// An asking is one command of one comment, that somebody may give.
type asking struct {
	*project
	command
	client *gitlab.Client
	note   gitlab.Comment
	merge  gitlab.Merge
	stacks []daemon.Entry // that the merge request is for, or the one that is named
}

// comment carries out what a comment orders. What the webhook says of it is only
// where to look: the comment, who wrote it and what they may do is GitLab's word.
func (p *project) comment(ctx context.Context, r web.Remark) error {
	client, err := p.speak()
	if err != nil {
		return err
	}
	note, err := client.Comment(ctx, p.path, r.Request, r.Note)
	if reconcile.ClassOf(err) == reconcile.NotFound {
		p.of.s.log.Warn("a webhook tells of a comment that is not there; nothing was done", "gitlab", p.settings().Name, "project", p.path, "note", r.Note)
		return nil
	}
	if err != nil {
		return err
	}
	if why := p.ignores(note, r); why != "" {
		p.of.s.log.Info("a comment was not heeded", "gitlab", p.settings().Name, "project", p.path, "note", r.Note, "why", why)
		return nil
	}
	line, found := commandIn(note.Text)
	if !found {
		return nil
	}
	answered, err := client.Noted(ctx, p.path, r.Request, answerMarker(note.ID))
	if err != nil || answered {
		return err
	}
	a := &asking{project: p, client: client, note: note}
	if a.merge, err = client.Merge(ctx, p.path, r.Request); err != nil {
		return err
	}
	if a.stacks, err = p.into(ctx, a.merge.Target); err != nil || len(a.stacks) == 0 {
		return err
	}
	a.command = parseCommand(line, names(a.stacks), p.of.clock.Now())
	return a.heed(ctx)
}

// ignores says why nobody heeds a comment, "" if it counts.
func (p *project) ignores(note gitlab.Comment, r web.Remark) string {
	switch {
	case note.Own || note.System || note.By.Bot:
		return "no person wrote it"
	case r.By.ID != note.By.ID:
		return "the webhook names another author than GitLab does"
	case note.Changed:
		return "it was edited, perhaps by somebody else; write a new one"
	case p.of.clock.Now().Sub(note.At) > commentAge:
		return "it is older than " + commentAge.String()
	}
	return ""
}

func answerMarker(note int64) string { return gitlab.Marker("answer", strconv.FormatInt(note, 10)) }

func names(stacks []daemon.Entry) []string {
	out := make([]string, len(stacks))
	for i, e := range stacks {
		out[i] = e.Name
	}
	return out
}

// roles are the words of the operator's file.
var roles = map[string]gitlab.Access{"developer": gitlab.Developer, "maintainer": gitlab.Maintainer, "owner": gitlab.Owner}

// least is the role that a command takes, "off" if nobody may give it.
func least(c daemon.Commands, verb string) string {
	switch verb {
	case "plan":
		return c.Plan
	case "apply":
		return c.Apply
	case "hold":
		return c.Hold
	}
	return "developer" // of help
}

// heed carries out a command if its author may give it, and answers.
func (a *asking) heed(ctx context.Context) error {
	role := least(a.settings().Commands, a.verb)
	if role == "off" {
		return a.answer(ctx, "The operator of the daemon has turned "+report.Code("reconcile "+a.verb)+" off.")
	}
	level, err := a.client.AccessLevel(ctx, a.path, a.note.By.ID)
	if err != nil {
		return err
	}
	if level < roles[role] {
		if !slices.Contains([]string{"plan", "apply", "hold"}, a.verb) {
			return nil // a sentence that begins so, more likely than not
		}
		a.of.s.log.Warn("a command in a comment was refused", "project", a.path, "user", a.note.By.Username, "command", a.verb, "takes", role)
		return a.answer(ctx, fmt.Sprintf("Sorry, %s takes the role %s in this project, and %s does not have it. Nothing was done.", report.Code("reconcile "+a.verb), role, report.Code(a.note.By.Username)))
	}
	if a.wrong != "" {
		return a.answer(ctx, "Nothing was done: "+report.Code("reconcile "+a.verb)+" was not understood, as "+report.Prose(a.wrong)+".\n\n"+a.help())
	}
	if a.stack != "" {
		for _, e := range a.stacks {
			if e.Name == a.stack {
				a.stacks = []daemon.Entry{e}
				break
			}
		}
	}
	return a.carryOut(ctx)
}

func (a *asking) carryOut(ctx context.Context) error {
	switch {
	case a.verb == "plan":
		return a.replan(ctx)
	case a.verb != "apply" && a.verb != "hold":
		return a.answer(ctx, a.help())
	case len(a.stacks) > 1:
		return a.answer(ctx, fmt.Sprintf("Nothing was done: several stacks follow this branch, so name one after %s: %s.", report.Code("reconcile "+a.verb), quotedAll(names(a.stacks))))
	}
	e := a.stacks[0]
	standing, err := a.of.s.leases.Standing(ctx, e.Name)
	if reconcile.ClassOf(err) == reconcile.NotFound || err == nil && standing.Stack == "" {
		return a.answer(ctx, "Nothing was done: the daemon has not read "+report.Code(e.Name)+" yet.")
	}
	if err != nil {
		return err
	}
	if a.verb == "hold" {
		return a.hold(ctx, e, standing)
	}
	return a.apply(ctx, e, standing)
}

// replan writes the notes anew, and says so.
func (a *asking) replan(ctx context.Context) error {
	if a.merge.Fork {
		return a.fromFork(ctx, a.client, a.merge)
	}
	for _, e := range a.stacks {
		if err := a.project.note(ctx, a.client, a.merge, e); err != nil {
			return err
		}
	}
	return a.answer(ctx, "Planned again: see the note for "+quotedAll(names(a.stacks))+".")
}

func (a *asking) hold(ctx context.Context, e daemon.Entry, s reconcile.Standing) error {
	o := reconcile.Order{Verb: reconcile.HoldKey, Stack: s.Stack, Key: a.key, Until: a.until, Reason: a.reason}
	if err := a.order(ctx, e, o); err != nil {
		return err
	}
	until := "until somebody ends it with " + report.Code("reconcile hold "+string(a.key)+" --end")
	if !a.until.IsZero() {
		until = "until " + a.until.UTC().Format("2006-01-02 15:04 MST")
	}
	return a.answer(ctx, fmt.Sprintf("%s of %s is held %s.", report.Code(string(a.key)), report.Code(e.Name), until))
}

// order gives an order, unless this comment has given it already, and has the
// stack looked at.
func (a *asking) order(ctx context.Context, e daemon.Entry, o reconcile.Order) error {
	from := fmt.Sprintf("(%s!%d, note %d)", a.path, a.merge.IID, a.note.ID)
	all, err := a.of.s.store.Orders(ctx, o.Stack, true)
	if err != nil {
		return err
	}
	for _, given := range all {
		if given.Verb == o.Verb && given.Stack == o.Stack && strings.HasSuffix(given.Reason, from) {
			return nil
		}
	}
	o.By = a.actor()
	o.Reason = strings.TrimSpace(reconcile.Clean(o.Reason) + " " + from)
	if _, err = a.of.s.store.Order(ctx, o); err != nil {
		return err
	}
	a.of.s.log.Info("ordered by a comment", "stack", e.Name, "verb", o.Verb, "user", a.note.By.Username, "project", a.path, "note", a.note.ID)
	return a.nudge(ctx, e)
}

func (a *asking) nudge(ctx context.Context, e daemon.Entry) error {
	return a.of.s.store.Nudge(ctx, e.Name, reconcile.ByPerson)
}

// actor is who wrote the comment, as the journal has it.
func (a *asking) actor() reconcile.Actor {
	return reconcile.Actor{Kind: "gitlab", User: a.note.By.Username, Email: a.note.By.Email, Version: version()}
}

// answer says what came of it, in a note of its own that bears the comment's ID.
func (a *asking) answer(ctx context.Context, text string) error {
	return a.client.Note(ctx, a.path, a.merge.IID, answerMarker(a.note.ID), a.of.s.masks.clean(text)+"\n")
}

func (a *asking) help() string {
	conf := a.settings().Commands
	var lines []string
	for _, one := range []struct{ form, does, role string }{
		{"reconcile plan [STACK]", "plans this merge request again, and updates its note", conf.Plan},
		{"reconcile apply [STACK] [PLANHASH]", "once it is merged: has the branch applied now, or approves the plan that waits", conf.Apply},
		{"reconcile hold [STACK] KEY [UNTIL] REASON", "has nothing done about a key", conf.Hold},
	} {
		if one.role != "off" {
			lines = append(lines, fmt.Sprintf("- %s %s (role %s)", report.Code(one.form), one.does, one.role))
		}
	}
	return "A line that begins with one of these is heeded:\n\n" + strings.Join(lines, "\n")
}

func quotedAll(texts []string) string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = report.Code(text)
	}
	return strings.Join(out, ", ")
}
