package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab"
	"gitlab.com/reconciled/reconciled/reconcile/report"
	"gitlab.com/reconciled/reconciled/reconcile/web"
)

// A project is one of a GitLab, with the stacks that a webhook may speak of.
type project struct {
	*desk
	path   string
	stacks []daemon.Entry
}

// remark takes what a webhook tells of a merge request; false says that too much
// waits. Nothing in it counts but that there is something to look at.
func (g *desks) remark(hook daemon.Webhook, r web.Remark) bool {
	p, ok := g.project(hook, r.Path)
	if !ok {
		return true
	}
	switch conf := p.settings(); {
	case r.Action == "note":
		if _, found := commandIn(r.Text); !found || !conf.Commands.Any() {
			return true
		}
		return p.in.take(errand{key: fmt.Sprint("note ", p.path, " ", r.Note), what: "comment", do: func(ctx context.Context) error { return p.comment(ctx, r) }})
	case conf.Notes && (r.Action == "open" || r.Action == "update"):
		return p.in.take(errand{key: fmt.Sprint("merge ", p.path, " ", r.Request), what: "note on a merge request", do: func(ctx context.Context) error { return p.proposed(ctx, r.Request) }})
	}
	return true
}

// project finds the stacks whose repository a webhook tells of.
func (g *desks) project(hook daemon.Webhook, path string) (project, bool) {
	var out project
	for _, e := range g.s.config.Load().Stacks {
		d, at := g.of(e)
		if d == nil || at != path || !daemon.Matches(hook.Stacks, e.Name) || out.desk != nil && out.desk != d {
			continue
		}
		out.desk, out.path, out.stacks = d, at, append(out.stacks, e)
	}
	return out, out.desk != nil
}

// into are the stacks that follow a branch.
func (p *project) into(ctx context.Context, branch string) ([]daemon.Entry, error) {
	var out []daemon.Entry
	for _, e := range p.stacks {
		follows, err := p.branch(ctx, e, p.path)
		if err != nil {
			return nil, err
		}
		if follows == branch {
			out = append(out, e)
		}
	}
	return out, nil
}

// proposed writes the notes on a merge request that was opened, or got other commits.
func (p *project) proposed(ctx context.Context, request int64) error {
	client, err := p.speak()
	if err != nil {
		return err
	}
	m, err := client.Merge(ctx, p.path, request)
	if err != nil || m.State != "opened" {
		return err
	}
	stacks, err := p.into(ctx, m.Target)
	if err != nil || len(stacks) == 0 {
		return err
	}
	if m.Fork {
		return p.fromFork(ctx, client, m)
	}
	for _, e := range stacks {
		if err := p.noteIfTouched(ctx, client, m, e); err != nil {
			return err
		}
	}
	return nil
}

// fromFork says why there is no plan: whoever may fork a project could have its
// secrets looked up.
func (p *project) fromFork(ctx context.Context, client *gitlab.Client, m gitlab.Merge) error {
	return client.Note(ctx, p.path, m.IID, gitlab.Marker("fork", p.path),
		"This merge request comes from a fork, so the daemon does not plan it: a plan looks up what only the project's members may name.\n")
}

// noteIfTouched writes the note of a stack whose folder a merge request changes,
// or on which it has a note already.
func (p *project) noteIfTouched(ctx context.Context, client *gitlab.Client, m gitlab.Merge, e daemon.Entry) error {
	same, err := p.of.untouched(ctx, e, m.Head)
	if err == nil && same {
		noted, err := client.Noted(ctx, p.path, m.IID, p.of.planMarker(e))
		if err != nil || !noted {
			return err
		}
	}
	return p.note(ctx, client, m, e)
}

// planMarker marks the note of a stack, as that of a job of GitLab's is.
func (g *desks) planMarker(e daemon.Entry) string {
	return gitlab.Marker("plan", orElse(g.s.line.ownerOf(e.Name), e.Name))
}

// note plans a merge request for a stack and says so in its one note.
func (p *project) note(ctx context.Context, client *gitlab.Client, m gitlab.Merge, e daemon.Entry) error {
	in := p.of.planMerge(ctx, e, m)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	marker := p.of.planMarker(e)
	in.Stack, in.Branch, in.Folder, in.Program, in.Blob = e.Name, m.Target, e.Path, version(), p.blob(p.path, m.Head)
	in.Report, in.Orders, in.Limit = p.of.page("/stacks/"+e.Name), p.settings().Commands.Any(), gitlab.NoteLimit-len(marker)-1
	var text strings.Builder
	if err := report.Note(&text, in); err != nil {
		return err
	}
	return client.Note(ctx, p.path, m.IID, marker, p.of.s.masks.clean(text.String()))
}

// untouched tells whether a commit has a stack's folder as its branch has it.
func (g *desks) untouched(ctx context.Context, e daemon.Entry, commit string) (bool, error) {
	head, err := g.s.line.Head(ctx, e)
	if err != nil {
		return false, err
	}
	var trees [2]fs.FS
	for i, at := range []string{head, commit} {
		if trees[i], err = g.s.line.tree(ctx, e, at); err != nil {
			return false, err
		}
	}
	return sameTrees(trees[0], trees[1])
}

// planTime is how long the plans of one merge request for one stack may take.
const planTime = 10 * time.Minute

// planMerge plans a merge request's commit and its branch, in one world. Nothing
// is changed, and the daemon goes on with its looks meanwhile.
func (g *desks) planMerge(ctx context.Context, e daemon.Entry, m gitlab.Merge) (in report.NoteInput) {
	ctx, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	head, err := g.proposal(ctx, e, m.Head)
	if err != nil {
		in.Err = err
		return in
	}
	defer head.Close()
	ctx = head.Within(ctx, "", 0)
	var world *reconcile.World
	if in.Head, world, in.Err = head.Engine.Plan(ctx, head.Wish); in.Err != nil {
		return in
	}
	if in.Base, err = g.before(ctx, e, head, world); err != nil {
		in.Head.Notices = append(slices.Clone(in.Head.Notices), "what is pending already is not told apart from what this merge request changes: "+reconcile.Clean(err.Error()))
	}
	return in
}

// before is the plan of the branch, in the world that was seen already if that is enough.
func (g *desks) before(ctx context.Context, e daemon.Entry, head *daemon.Ready, world *reconcile.World) (*reconcile.Plan, error) {
	commit, err := g.s.line.Head(ctx, e)
	if err != nil {
		return nil, err
	}
	base, err := g.proposal(ctx, e, commit)
	if errors.Is(err, fs.ErrNotExist) {
		return &reconcile.Plan{}, nil // the folder is new, so nothing is pending
	}
	if err != nil {
		return nil, err
	}
	defer base.Close()
	if base.Owner != head.Owner || !samePlaces(base.Stack, head.Stack) {
		if world, err = base.Engine.Observe(ctx, base.Wish); err != nil {
			return nil, err
		}
	}
	return base.Engine.PlanIn(ctx, base.Wish, world), nil
}

// proposal reads a stack at a commit and gets it ready to be planned, within the
// operator's bounds.
func (g *desks) proposal(ctx context.Context, e daemon.Entry, commit string) (*daemon.Ready, error) {
	ready, err := g.s.line.ready(ctx, e, commit, func(owner string) error { return g.own(ctx, e, owner) })
	if err != nil {
		return nil, err
	}
	_, problems := daemon.Tighten(ready.Stack, e)
	if err := append(problems, daemon.WindowProblems(ready.Stack.Policy.Windows)...).Err(); err != nil {
		ready.Close()
		return nil, err
	}
	engine := ready.Engine
	engine.Actor, engine.Journal, engine.Timeout = g.s.daemonActor(), g.s.store.Journal(ready.Owner), e.Timeout
	engine.Guards = append(engine.Guards, daemon.Kinds(e.Bounds.Kinds))
	return ready, nil
}

// own refuses an owner word that is another stack's: a merge request that takes
// it would be planned with that stack's secrets and resources.
func (g *desks) own(ctx context.Context, e daemon.Entry, owner string) error {
	all, err := g.s.store.Standings(ctx)
	if err != nil {
		return err
	}
	by := ""
	for _, s := range all {
		switch {
		case s.Name == e.Name && s.Stack == owner:
			return nil // it has it already
		case s.Name != e.Name && s.Stack != "" && daemon.Alike(s.Stack, owner):
			by = s.Name
		}
	}
	if by != "" {
		return fmt.Errorf("the stack would call itself %s, as stack %s of the operator's file does; give it a name and a uid of its own", owner, by)
	}
	return nil
}
