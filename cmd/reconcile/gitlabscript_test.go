package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"gitlab.com/reconciled/reconciled/reconcile/gitlab/gitlabtest"
)

// gitlabs are the GitLabs of all scripts, by working folder.
var gitlabs sync.Map

const (
	gitlabProject = 42
	gitlabToken   = "glpat-canary-of-scripts"
)

// gitlabCommand drives a GitLab that scripts tell things to:
//
//	gitlab start             starts one, with a project and a token, and leads the environment to it
//	gitlab job main          from now on reconcile runs in a job for the folder's commit on main
//	gitlab job merge         ... in a pipeline of merge request !7 into main
//	gitlab job production    ... on main, that says it is for that environment: GitLab has a deployment of its own
//	gitlab break JSON        it fails, as gitlabtest.Fault says
//	gitlab mend, down        it works again; it is gone
//	gitlab show              prints what the project holds
//	gitlab requests          prints what was asked of it
//	gitlab well              nothing that was sent was undocumented, a quick action, a mention or a canary
func gitlabCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: gitlab start|job|break|mend|down|show|requests|well")
	}
	if args[0] == "start" {
		startGitLab(ts)
		return
	}
	found, ok := gitlabs.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("no GitLab was started")
	}
	s := found.(*gitlabtest.Server)
	switch strings.Join(args[:min(2, len(args))], " ") {
	case "job main":
		gitlabJob(ts, s)
	case "job production":
		gitlabJob(ts, s)
		ts.Setenv("CI_ENVIRONMENT_NAME", args[1])
		s.AddJobDeployment(gitlabProject, args[1], ts.Getenv("CI_COMMIT_SHA"), "main", 1)
	case "job merge":
		gitlabMergeJob(ts, s)
	case "mend":
		s.Mend()
	case "down":
		s.Close()
	case "show":
		showGitLab(ts, s)
	case "requests":
		for _, r := range s.Requests() {
			fmt.Fprintln(ts.Stdout(), r.Method, r.Path, r.Status)
		}
	case "well":
		gitlabIsWell(ts, s)
	default:
		if args[0] != "break" {
			ts.Fatalf("gitlab knows no %s", strings.Join(args, " "))
		}
		var fault gitlabtest.Fault
		ts.Check(json.Unmarshal([]byte(strings.Join(args[1:], " ")), &fault))
		s.Break(fault)
	}
}

func startGitLab(ts *testscript.TestScript) {
	s, err := gitlabtest.Start(gitlabtest.Options{})
	ts.Check(err)
	ts.Defer(s.Close)
	bot := s.AddUser("reconcile-bot", gitlabToken, "api")
	weak := s.AddUser("weak-bot", "glpat-weak", "read_api")
	s.AddProject(gitlabProject, "acme/shop", "main")
	s.AddCommit(gitlabProject, "feature", "", "A change")
	s.AddMember(gitlabProject, bot, 30)
	s.AddMember(gitlabProject, weak, 30)
	s.AddMergeRequest(gitlabProject, 7, "feature")
	gitlabs.Store(ts.Getenv("WORK"), s)
	for name, value := range map[string]string{
		"CI": "true", "GITLAB_CI": "true", "CI_API_V4_URL": s.URL, "GITLAB_URL": s.URL, "CI_PROJECT_ID": strconv.Itoa(gitlabProject), "CI_DEFAULT_BRANCH": "main",
		"CI_PROJECT_URL": "https://gitlab.example.com/acme/shop", "CI_JOB_URL": "https://gitlab.example.com/acme/shop/-/jobs/1", "CI_JOB_ID": "1",
		"GITLAB_USER_LOGIN": "r.leone", "RECONCILE_GITLAB_TOKEN": gitlabToken,
	} {
		ts.Setenv(name, value)
	}
}

// git is what git says of the folder.
func gitSays(ts *testscript.TestScript, args ...string) string {
	out, err := exec.Command("git", append([]string{"-C", ts.MkAbs(".")}, args...)...).Output()
	ts.Check(err)
	return strings.TrimSpace(string(out))
}

func gitlabJob(ts *testscript.TestScript, s *gitlabtest.Server) {
	head := gitSays(ts, "rev-parse", "HEAD")
	s.AddCommit(gitlabProject, "main", head, "of the script")
	pipeline := s.AddPipeline(gitlabProject, head, "main")
	for name, value := range map[string]string{
		"CI_COMMIT_SHA": head, "CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_NAME": "main", "CI_PIPELINE_ID": fmt.Sprint(pipeline),
		"CI_MERGE_REQUEST_IID": "", "CI_MERGE_REQUEST_DIFF_BASE_SHA": "", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "", "CI_MERGE_REQUEST_PROJECT_ID": "",
	} {
		ts.Setenv(name, value)
	}
}

func gitlabMergeJob(ts *testscript.TestScript, s *gitlabtest.Server) {
	head := gitSays(ts, "rev-parse", "HEAD")
	s.AddCommit(gitlabProject, "feature", head, "of the script")
	pipeline := s.AddPipeline(gitlabProject, head, "refs/merge-requests/7/head")
	for name, value := range map[string]string{
		"CI_COMMIT_SHA": head, "CI_COMMIT_BRANCH": "", "CI_COMMIT_REF_NAME": "feature", "CI_PIPELINE_ID": fmt.Sprint(pipeline),
		"CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_PROJECT_ID": strconv.Itoa(gitlabProject), "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
		"CI_MERGE_REQUEST_DIFF_BASE_SHA": gitSays(ts, "merge-base", "main", "HEAD"),
	} {
		ts.Setenv(name, value)
	}
}

// showGitLab prints what there is, each thing on lines of its own.
func showGitLab(ts *testscript.TestScript, s *gitlabtest.Server) {
	s.Look(gitlabProject, func(v gitlabtest.View) {
		out := ts.Stdout()
		for _, m := range v.MergeRequests {
			fmt.Fprintf(out, "merge request !%d %s %s -> %s %q, %d notes\n", m.IID, m.State, m.Source, m.Into, m.Title, len(m.Notes))
			for _, n := range m.Notes {
				fmt.Fprintf(out, "note, %d edits\n%s\n", n.Edits, n.Body)
			}
		}
		for _, i := range v.Issues {
			fmt.Fprintf(out, "issue #%d %s %q %s, %d edits, %d notes\n%s\n", i.IID, i.State, i.Title, strings.Join(i.History, ","), i.Edits, len(i.Notes), i.Body)
			for _, n := range i.Notes {
				fmt.Fprintf(out, "note: %s\n", n.Body)
			}
		}
		for _, st := range v.Statuses {
			fmt.Fprintf(out, "status %s %s %q\n", st.Name, strings.Join(st.States, ","), st.Description)
		}
		for _, d := range v.Deployments {
			fmt.Fprintf(out, "deployment to %s of %s %s\n", d.Environment, d.Ref, strings.Join(d.States, ","))
		}
		fmt.Fprintf(out, "%d issues, %d statuses, %d deployments\n", len(v.Issues), len(v.Statuses), len(v.Deployments))
	})
}

func gitlabIsWell(ts *testscript.TestScript, s *gitlabtest.Server) {
	for what, found := range map[string][]string{"flaws": s.Flaws(), "quick actions": s.QuickActions(), "mentions": s.Mentions()} {
		if len(found) > 0 {
			ts.Fatalf("%s: %q", what, found)
		}
	}
	for _, r := range s.Requests() {
		if strings.Contains(strings.ToLower(r.Path+r.Body), "canary") {
			ts.Fatalf("a canary sits in %s %s: %s", r.Method, r.Path, r.Body)
		}
	}
}
