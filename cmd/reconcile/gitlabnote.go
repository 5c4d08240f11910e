package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// note is what the merge request is told: what it changes itself, told apart from
// what its branch has pending already, as far as that can be had.
func (t *teller) note(ctx context.Context, about tidings) string {
	d := t.document(t.scope, t.session)
	in := report.NoteInput{
		Head: about.plan, Err: unsaid(about.err), Stack: t.src.Stack.Name, Branch: t.into, Folder: d.Folder, Blob: d.Blob, Job: d.Job, Program: d.Program,
		Limit: gitlab.NoteLimit - len(t.marker("plan")) - 1,
	}
	if about.plan != nil {
		base, err := t.before(ctx)
		in.Base = base
		if err != nil {
			head := *about.plan
			head.Notices = append(slices.Clone(head.Notices), "what is pending already is not told apart from what this merge request changes: "+reconcile.Clean(err.Error()))
			in.Head = &head
		}
	}
	var text strings.Builder
	if err := report.Note(&text, in); err != nil {
		t.warn(err)
		return ""
	}
	return text.String()
}

// before is the plan of the commit that the merge request starts from.
func (t *teller) before(ctx context.Context) (*reconcile.Plan, error) {
	if t.base == "" {
		return nil, errors.New("the job does not say which commit it starts from")
	}
	plan, err := t.planAt(ctx, t.base)
	var fetch *repo.FetchError
	if errors.Is(err, repo.ErrUnknownCommit) || errors.Is(err, repo.ErrHistoryEnds) || errors.As(err, &fetch) {
		err = fmt.Errorf("this checkout lacks the commit %s that it starts from; GIT_DEPTH: 0 brings it", shortHash(t.base))
	}
	return plan, err
}

// planAt is what there is to do at another commit, in the world that was seen
// already if that is enough. A folder that the commit does not have asks for nothing.
func (s *session) planAt(ctx context.Context, sha string) (*reconcile.Plan, error) {
	b, err := s.readAt(ctx, sha)
	if errors.Is(err, fs.ErrNotExist) {
		return &reconcile.Plan{}, nil
	}
	if err != nil {
		return nil, err
	}
	if b.sources, err = b.lookups(); err != nil {
		return nil, err
	}
	b.src.Seen = reconcile.Survey(ctx, b.src, b.kinds)
	wish, problems := reconcile.Expand(b.src, b.kinds, reconcile.Look(ctx, b.src.Manifests, b.sources))
	if problems.Err() != nil {
		return nil, fmt.Errorf("its manifests at %s have errors", shortHash(sha))
	}
	engine := b.reading.engine(b.kinds, wish, b.clock)
	engine.Actor, engine.Only, engine.Prices = s.engine.Actor, s.engine.Only, s.engine.Prices
	if s.store != nil {
		engine.Journal = s.store.Journal(b.owner())
	}
	world := s.world
	if b.owner() != s.owner() || !samePlaces(&b.src.Stack, &s.src.Stack) {
		if world, err = engine.Observe(ctx, wish); err != nil {
			return nil, err
		}
	}
	return engine.PlanIn(ctx, wish, world), nil
}

// readAt reads the stack at another commit of its repository.
func (s *session) readAt(ctx context.Context, sha string) (*session, error) {
	source, err := s.source.Pinned(ctx, sha)
	if err != nil {
		return nil, err
	}
	b := &session{app: s.app, scope: s.scope, kinds: s.kinds, client: s.client, clock: s.clock}
	if b.reading, err = readStack(ctx, source, s.kinds, s.src.Stack.Name, s.names); err != nil {
		return nil, err
	}
	if b.src.Problems.Err() != nil {
		return nil, fmt.Errorf("its manifests at %s have errors", shortHash(sha))
	}
	return b, places(&b.src.Stack, s.client)
}

func samePlaces(a, b *reconcile.Stack) bool {
	return a.Project == b.Project && slices.Equal(a.Regions, b.Regions) && slices.Equal(a.Zones, b.Zones)
}

// driftIssue keeps the issue that tells of the stack's drift. It is about all of
// the stack as the default branch has it; what nobody could look at closes nothing.
func (t *teller) driftIssue(ctx context.Context, plan *reconcile.Plan) error {
	counts := report.Has(plan)
	switch {
	case !t.ciJob.main || t.engine.Only != nil || t.getenv("RECONCILE_GITLAB_ISSUE") == "off":
		return nil
	case !counts.Drifted() && counts.Unknown > 0:
		return nil
	}
	issue := gitlab.DriftIssue{
		Marker: t.marker("drift"), Title: "Drift in " + t.src.Stack.Name, Open: counts.Drifted(),
		Clean: fmt.Sprintf("No drift any more, as of commit `%s`.%s", shortHash(t.sha), link("job", t.page)),
	}
	var err error
	if issue.Open {
		if issue.Body, err = t.driftText(plan); err == nil {
			issue.Digest, err = driftDigest(plan)
		}
	}
	if err != nil {
		return err
	}
	return t.client.DriftIssue(ctx, t.project, issue)
}

// issueRoom is how long the text of an issue may be, beside its hidden lines.
const issueRoom = 900_000

func (t *teller) driftText(plan *reconcile.Plan) (string, error) {
	d := t.document(t.scope, t.session)
	d.Plan, d.Drift, d.Limit = plan, true, issueRoom
	var text strings.Builder
	err := report.Markdown(&text, d)
	return text.String(), err
}

// driftDigest is the same as long as the same has drifted, whichever commit and
// moment it is told of: nobody is told of an issue that was edited for nothing.
func driftDigest(plan *reconcile.Plan) (string, error) {
	still := *plan
	still.At, still.Took, still.Revision, still.Hash = time.Time{}, 0, reconcile.Revision{}, ""
	still.Receipts = slices.Clone(still.Receipts)
	for i := range still.Receipts {
		still.Receipts[i].At, still.Receipts[i].Took = time.Time{}, 0
	}
	var text strings.Builder
	err := report.Markdown(&text, report.Document{Plan: &still, Drift: true, Limit: issueRoom})
	sum := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(sum[:8]), err
}

// link is a sentence that leads to an address, "" if that could be anything else.
func link(word, address string) string {
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") || strings.ContainsAny(address, "<>()[]` \n\\") {
		return ""
	}
	return fmt.Sprintf(" ([%s](<%s>))", word, address)
}
