package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// tellTime is how long telling GitLab may take: nobody waits for it longer.
const tellTime = 20 * time.Second

func gitlabFlag(cmd *cobra.Command, into *string) {
	*into = "auto"
	cmd.Flags().Var(gitlabChoice{into}, "gitlab", "auto or off: in jobs of GitLab's CI that have a token, tell GitLab what came of it")
}

// gitlabChoice is the value of --gitlab.
type gitlabChoice struct{ word *string }

func (c gitlabChoice) String() string {
	if c.word == nil {
		return ""
	}
	return *c.word
}

func (gitlabChoice) Type() string { return "auto|off" }

func (c gitlabChoice) Set(word string) error {
	if word != "auto" && word != "off" {
		return errors.New("there are auto and off")
	}
	*c.word = word
	return nil
}

// ciJob is a job of GitLab's CI, as its variables describe it.
type ciJob struct {
	url, ca     string
	token       reconcile.Secret
	project     string
	job         int64
	pipeline    int64
	sha, ref    string
	tag, main   bool // the ref is a tag; it is the default branch
	into        string
	page        string // of the job
	environment string

	merge int64  // IID of the merge request; 0: the pipeline is of none
	where string // project that the merge request is in
	base  string // commit that it starts from
}

func (a *app) ciJob() ciJob {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(a.getenv(name), 10, 64)
		return n
	}
	j := ciJob{
		url: a.getenv("CI_API_V4_URL"), ca: a.getenv("CI_SERVER_TLS_CA_FILE"), project: a.getenv("CI_PROJECT_ID"),
		token: reconcile.NewSecret(strings.TrimSpace(orElse(a.getenv("RECONCILE_GITLAB_TOKEN"), a.getenv("GITLAB_TOKEN")))),
		job:   number("CI_JOB_ID"), pipeline: number("CI_PIPELINE_ID"), sha: a.getenv("CI_COMMIT_SHA"), ref: a.getenv("CI_COMMIT_REF_NAME"), tag: a.getenv("CI_COMMIT_TAG") != "",
		page: a.getenv("CI_JOB_URL"), environment: a.getenv("CI_ENVIRONMENT_NAME"), merge: number("CI_MERGE_REQUEST_IID"),
		base: orElse(a.getenv("CI_MERGE_REQUEST_TARGET_BRANCH_SHA"), a.getenv("CI_MERGE_REQUEST_DIFF_BASE_SHA")), // a pipeline of the merged result has the former
		into: orElse(a.getenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"), a.getenv("CI_DEFAULT_BRANCH")),
	}
	j.where = orElse(a.getenv("CI_MERGE_REQUEST_PROJECT_ID"), j.project)
	j.main = j.merge == 0 && j.into != "" && a.getenv("CI_COMMIT_BRANCH") == j.into
	return j
}

// client is one that speaks to the job's GitLab.
func (a *app) gitlabClient(j ciJob) (*gitlab.Client, error) {
	o := gitlab.Options{URL: j.url, Token: j.token, Clock: a.clock, UserAgent: "reconcile/" + version()}
	if j.ca != "" {
		var err error
		if o.CA, err = os.ReadFile(j.ca); err != nil {
			return nil, fmt.Errorf("read CI_SERVER_TLS_CA_FILE: %w", err)
		}
	}
	return gitlab.New(o)
}

// silence says why GitLab is told nothing, "" if it is told.
func (s *session) silence(j ciJob) string {
	switch {
	case s.gitlab == "off":
		return "--gitlab is off"
	case j.token.Reveal() == "":
		return "there is no token in RECONCILE_GITLAB_TOKEN or GITLAB_TOKEN; jobs of forks and of unprotected branches do not get protected ones"
	case j.project != j.where:
		return "the merge request is from a fork"
	case j.sha == "" || s.revision.Hash != j.sha:
		return "what was read is not the commit of this job"
	}
	return ""
}

// A teller tells GitLab what came of a job of its own.
type teller struct {
	*session
	ciJob
	client *gitlab.Client
}

// teller is nil where nobody is to be told.
func (s *session) teller() *teller {
	if s == nil || s.source == nil || s.src == nil {
		return nil
	}
	j := s.ciJob()
	if j.url == "" || j.project == "" {
		return nil // this is no job of GitLab's
	}
	if why := s.silence(j); why != "" {
		if s.app.flags.verbose {
			fmt.Fprintf(s.err, "GitLab is told nothing: %s.\n", why)
		}
		return nil
	}
	t := &teller{session: s, ciJob: j}
	var err error
	if t.client, err = s.gitlabClient(j); err != nil {
		t.warn(err)
		return nil
	}
	return t
}

// tidings are what there is to tell: a plan, or why there is none.
type tidings struct {
	plan  *reconcile.Plan
	drift bool
	err   error
}

// tellGitLab tells GitLab of a plan, where a job of it runs. That it cannot be
// told never fails a plan, nor holds it up for long. s may be nil.
func (s *session) tellGitLab(ctx context.Context, about tidings) {
	t := s.teller()
	if t == nil {
		return
	}
	var body string
	if t.merge != 0 && !about.drift {
		body = t.note(ctx, about)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime)
	defer cancel()
	issue := func() error { return t.driftIssue(ctx, about.plan) }
	note := func() error { return t.client.Note(ctx, t.where, t.merge, t.marker("plan"), body) }
	status := func() error { return t.planStatus(ctx, about) }
	switch {
	case about.drift:
		t.warn(each(issue)...)
	case body != "":
		t.warn(each(note, status)...)
	default:
		t.warn(each(status)...)
	}
}

// each tells one thing after the other, as long as GitLab can be reached, and
// returns what could not be told.
func each(tell ...func() error) (errs []error) {
	for _, one := range tell {
		err := one()
		if err != nil {
			errs = append(errs, err)
		}
		switch reconcile.ClassOf(err) {
		case reconcile.Unavailable, reconcile.RateLimited, reconcile.Ambiguous:
			return errs
		}
	}
	return errs
}

// warn says what GitLab was not told, and why: what has one cause together.
func (t *teller) warn(errs ...error) {
	var causes []string
	told := map[string]string{} // what was attempted, by cause
	fix := ""
	for _, err := range errs {
		what, cause := "", err.Error()
		var refused *reconcile.Error
		if errors.As(err, &refused) {
			what, cause = strings.TrimSuffix(err.Error(), refused.Error()), refused.Message
			fix = orElse(fix, refused.Fix)
		}
		if before, said := told[cause]; said {
			what = strings.TrimSuffix(before, ": ") + ", " + what
		} else {
			causes = append(causes, cause)
		}
		told[cause] = what
	}
	for i, cause := range causes {
		causes[i] = reconcile.Clean(told[cause] + cause)
	}
	if len(causes) == 0 {
		return
	}
	fmt.Fprintf(t.err, "GitLab was not told: %s\n", strings.Join(causes, "; "))
	if fix != "" {
		fmt.Fprintf(t.err, "   fix: %s\n", reconcile.Clean(fix))
	}
}

func (t *teller) marker(what string) string { return gitlab.Marker(what, t.owner()) }

// status is a commit status of the stack.
func (t *teller) status(ctx context.Context, state gitlab.State, text string) error {
	return t.client.Status(ctx, t.project, gitlab.Status{
		SHA: t.sha, Ref: t.ref, Pipeline: t.pipeline, Name: gitlab.StatusName(t.src.Stack.Name), State: state, Description: text, URL: t.page,
	})
}

// planStatus says what came of a plan. That there is something to do is no
// failure: whether the job fails for it is the job's business.
func (t *teller) planStatus(ctx context.Context, about tidings) error {
	if about.err != nil {
		return t.status(ctx, gitlab.Failed, "There is no plan; the job's log says why.")
	}
	counts, state := report.Has(about.plan), gitlab.Success
	if counts.Unknown > 0 {
		state = gitlab.Failed
	}
	return t.status(ctx, state, counts.Summary())
}
