//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab/gitlabtest"
)

const deskToken = "glpat-canary-of-the-daemon"

// deskRig is a daemon, the GitLab that it tells, its repository and a simulator.
type deskRig struct {
	*rig
	*served
	lab        *gitlabtest.Server
	repository *repository
	people     map[string]int64
	store      string
	address    string
	config     string
}

// newDeskRig starts a daemon that has applied the first commit.
func newDeskRig(t *testing.T, stack string) *deskRig {
	lab, err := gitlabtest.Start(gitlabtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lab.Close)
	d := &deskRig{rig: newRig(t, nil), lab: lab, people: map[string]int64{"bot": lab.AddUser("reconcile-bot", deskToken, "api")}}
	d.repository = newRepository(t)
	path := filepath.Base(d.repository.dir)
	lab.AddProject(gitlabProject, path, "main")
	lab.AddMember(gitlabProject, d.people["bot"], 30)
	for name, role := range map[string]int{"g.guest": 10, "d.dev": 30, "m.main": 40} {
		d.people[name] = lab.AddUser(name, "", "")
		lab.AddMember(gitlabProject, d.people[name], role)
	}
	d.commit("main", "Begin", map[string]string{"stack.yaml": stackText("shop", uidA, ", store: daemon, policy: {prune: true}"), "a.yaml": rigContainer("a", "")})
	url := strings.TrimSuffix(gitServer(t, d.repository, func() string { return "" }), "/.git")
	d.env = append(d.env, "LAB="+deskToken, "HOOK=a-hook-secret")
	d.store, d.address = filepath.Join(d.dir, "store"), freeAddress(t)
	d.config = credential(d.env) + fmt.Sprintf(`
webhooks: [{name: lab, secret: {env: HOOK}}]
checkpoints: {anchors: [{type: gitlab-status}]}
gitlab: [{name: lab, url: %q, token: {env: LAB}}]
stacks: [{name: shop, url: %q, credential: bench, branch: main, poll: 1s, schedule: "* * * * *", splay: 0s, environment: prod, %s}]
`, strings.TrimSuffix(lab.URL, "/api/v4"), url, stack)
	d.write("reconcile.yaml", d.config)
	d.begin()
	return d
}

func (d *deskRig) begin() {
	token := localToken(d.t, d.store)
	cmd := d.command(nil, "serve", "--config", "reconcile.yaml", "--store", d.store, "--listen", d.address, "--log-level", "debug")
	d.served = serve(d.t, cmd, d.address, token)
	d.t.Cleanup(func() {
		if d.t.Failed() {
			d.t.Logf("the log ends with %s", d.out.String()[max(0, len(d.out.String())-6000):])
		}
	})
}

// commit commits to a branch, which GitLab sees at once.
func (d *deskRig) commit(branch, subject string, files map[string]string) string {
	d.t.Helper()
	if branch != "main" {
		d.repository.git("checkout", "-q", "-B", branch)
	}
	sha := d.repository.commit(subject, files)
	d.lab.AddCommit(gitlabProject, branch, sha, subject)
	if branch != "main" {
		d.repository.git("checkout", "-q", "main")
	}
	return sha
}

// hook sends what GitLab would tell of a merge request.
func (d *deskRig) hook(kind, action string, request, note int64, text, by string) {
	d.t.Helper()
	about := map[string]any{"iid": request, "action": action, "id": note, "note": text, "noteable_type": "MergeRequest", "oldrev": "0", "target_branch": "main", "state": "opened"}
	event := map[string]any{
		"object_kind": kind, "user": map[string]any{"id": d.people[by], "username": by}, "object_attributes": about,
		"project":       map[string]any{"id": gitlabProject, "path_with_namespace": filepath.Base(d.repository.dir)},
		"merge_request": map[string]any{"iid": request, "state": "opened", "target_branch": "main"},
	}
	body, err := json.Marshal(event)
	if err != nil {
		d.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.served.url+"/hooks/lab", bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("X-Gitlab-Token", "a-hook-secret")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		d.t.Fatalf("the webhook is answered %s", resp.Status)
	}
}

// say has somebody write a comment, and GitLab tell of it.
func (d *deskRig) say(request int64, by, text string) (note int64) {
	d.t.Helper()
	note = d.lab.AddNote(gitlabProject, request, d.people[by], text)
	d.hook("note", "create", request, note, text, by)
	return note
}

// view shows the project; what it returns is a copy that may be kept.
func (d *deskRig) view() (v gitlabtest.View) {
	d.lab.Look(gitlabProject, func(now gitlabtest.View) {
		data, err := json.Marshal(now)
		if err == nil {
			err = json.Unmarshal(data, &v)
		}
		if err != nil {
			d.t.Fatal(err)
		}
	})
	return v
}

// until waits for something that GitLab holds.
func (d *deskRig) until(what string, seen func(v gitlabtest.View) bool) {
	d.t.Helper()
	eventually(d.t, 40*time.Second, what, func() bool { return seen(d.view()) })
}

// written is the note of the daemon's that holds a text, nil if there is none.
func (d *deskRig) written(v gitlabtest.View, request int64, text string) *gitlabtest.Note {
	for _, m := range v.MergeRequests {
		for _, n := range m.Notes {
			if m.IID == request && n.By == d.people["bot"] && strings.Contains(n.Body, text) {
				return n
			}
		}
	}
	return nil
}

func statusOf(v gitlabtest.View, sha string) (last *gitlabtest.Status) {
	for _, s := range v.Statuses {
		if s.SHA == sha && s.Name == "reconcile/shop" {
			last = s
		}
	}
	return last
}

// well wants everything that GitLab got to be as documented, and harmless.
func (d *deskRig) well() {
	d.t.Helper()
	for what, found := range map[string][]string{"flaws": d.lab.Flaws(), "quick actions": d.lab.QuickActions(), "mentions": d.lab.Mentions()} {
		if len(found) > 0 {
			d.t.Errorf("%s: %q", what, found)
		}
	}
	for _, r := range d.lab.Requests() {
		if strings.Contains(r.Path+r.Body, "canary") {
			d.t.Errorf("a canary sits in %s %s: %s", r.Method, r.Path, r.Body)
		}
	}
	if strings.Contains(d.out.String(), "canary") {
		d.t.Errorf("a canary sits in the log: %s", d.out.String())
	}
}

var checkpointForm = regexp.MustCompile(`^[1-9][0-9]* records, the last sha256:[0-9a-f]{64}, key [0-9a-f]{16}, at 2\d{3}-`)

// TestDaemonTellsGitLab goes through a merge request's life, drift and an outage.
func TestDaemonTellsGitLab(t *testing.T) {
	d := newDeskRig(t, "repairAfter: 20m")
	first := d.repository.git("rev-parse", "main")
	d.until("the first commit is deployed", func(v gitlabtest.View) bool {
		s := statusOf(v, first)
		return s != nil && s.State == "success" && len(v.Deployments) > 0 && v.Deployments[0].State == "success"
	})
	v := d.view()
	if s, dep := statusOf(v, first), v.Deployments[0]; !strings.Contains(s.Description, "matches Git") || dep.Environment != "prod" || dep.SHA != first || dep.Ref != "main" {
		t.Errorf("told %+v, %+v", s, dep)
	}

	d.until("the run's checkpoint is a status of the commit", func(v gitlabtest.View) bool {
		return slices.ContainsFunc(v.Statuses, func(s *gitlabtest.Status) bool {
			return s.SHA == first && strings.HasPrefix(s.Name, "reconcile-checkpoint/shop.") && s.State == "success" && checkpointForm.MatchString(s.Description)
		})
	})

	proposed := d.commit("feature", "Raise memory", map[string]string{"a.yaml": rigContainer("a", "  memoryLimitMb: 1024\n")})
	d.lab.AddMergeRequest(gitlabProject, 7, "feature")
	d.hook("merge_request", "open", 7, 0, "", "d.dev")
	d.until("the note says what the merge request does", func(v gitlabtest.View) bool { return d.written(v, 7, "From this merge request: 1") != nil })
	d.say(7, "d.dev", "LGTM\n\nreconcile plan\n")
	d.until("a comment plans again", func(v gitlabtest.View) bool { return d.written(v, 7, "Planned again") != nil })
	if n := d.written(d.view(), 7, "From this merge request: 1"); !strings.Contains(n.Body, "memoryLimitMb") || !strings.Contains(n.Body, "A comment `reconcile plan` plans again") {
		t.Errorf("the note is %s", n.Body)
	}

	d.say(7, "m.main", "reconcile apply")
	d.until("what is not merged is not applied", func(v gitlabtest.View) bool { return d.written(v, 7, "merge it first") != nil })
	d.say(7, "g.guest", "reconcile plan")
	d.until("a guest is refused", func(v gitlabtest.View) bool { return d.written(v, 7, "takes the role developer") != nil })
	forged := d.lab.AddNote(gitlabProject, 7, d.people["g.guest"], "reconcile hold Container/a 2h no reason")
	d.hook("note", "create", 7, forged, "reconcile hold Container/a 2h no reason", "m.main")
	d.hook("note", "create", 7, 999_999, "reconcile hold Container/a 2h no reason", "m.main")
	d.logs("names another author")
	d.logs("a comment that is not there")

	d.repository.git("merge", "-q", "--ff-only", "feature")
	d.lab.AddCommit(gitlabProject, "main", proposed, "Raise memory")
	d.lab.LandMergeRequest(gitlabProject, 7, proposed)
	d.until("what was merged is deployed", func(v gitlabtest.View) bool {
		s := statusOf(v, proposed)
		last := v.Deployments[len(v.Deployments)-1]
		return s != nil && s.State == "success" && last.SHA == proposed && last.State == "success"
	})

	d.drift("a", 256)
	d.until("the issue opens", func(v gitlabtest.View) bool { return len(v.Issues) == 1 && v.Issues[0].State == "opened" })
	if body := d.view().Issues[0].Body; !strings.Contains(body, "memoryLimitMb") {
		t.Errorf("the issue says %s", body)
	}
	d.until("repaired, it closes", func(v gitlabtest.View) bool { return v.Issues[0].State == "closed" })

	d.lab.Break(gitlabtest.Fault{Status: 503})
	away := d.commit("main", "During an outage", map[string]string{"b.yaml": rigContainer("b", "")})
	eventually(t, 40*time.Second, "what is pushed during an outage is applied", func() bool { return len(d.live("")) == 2 })
	d.logs("GitLab is told nothing for now")
	d.lab.Mend()
	d.until("it is told later", func(v gitlabtest.View) bool {
		s := statusOf(v, away)
		return s != nil && s.State == "success" && v.Deployments[len(v.Deployments)-1].SHA == away
	})
	d.logs("GitLab is told again")
	if n := strings.Count(d.out.String(), "GitLab is told nothing for now"); n != 1 {
		t.Errorf("the outage was logged %d times", n)
	}
	d.well()
	if _, err := os.Stat(d.store); err != nil {
		t.Error(err)
	}
}

// logs waits for what the daemon logs.
func (d *deskRig) logs(text string) {
	d.t.Helper()
	eventually(d.t, 30*time.Second, "the log says "+text, func() bool { return strings.Contains(d.out.String(), text) })
}

// answers are the notes of the daemon's on a merge request, but for those about plans.
func (d *deskRig) answers(request int64) (out []string) {
	for _, m := range d.view().MergeRequests {
		for _, n := range m.Notes {
			if m.IID == request && strings.HasPrefix(n.Body, "<!-- reconcile answer ") {
				out = append(out, n.Body)
			}
		}
	}
	return out
}

func (d *deskRig) orders(verb reconcile.Verb) (out []reconcile.Order) {
	var all struct{ Orders []reconcile.Order }
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.served.url+"/api/v1/orders?ended=1", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.served.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		d.t.Fatal(err)
	}
	for _, o := range all.Orders {
		if o.Verb == verb {
			out = append(out, o)
		}
	}
	return out
}

// TestDaemonHeedsComments orders by comments, in mode propose: what was shown is
// what is approved, and each comment counts once, over a restart too.
func TestDaemonHeedsComments(t *testing.T) {
	d := newDeskRig(t, "mode: propose")
	first := d.repository.git("rev-parse", "main")
	d.lab.AddMergeRequest(gitlabProject, 7, "main")
	d.lab.LandMergeRequest(gitlabProject, 7, first)
	d.until("the status says that a plan waits", func(v gitlabtest.View) bool {
		s := statusOf(v, first)
		return s != nil && s.State == "pending" && strings.Contains(s.Description, "for approval")
	})
	d.say(7, "m.main", "reconcile apply")
	d.until("the plan is shown", func(v gitlabtest.View) bool { return d.written(v, 7, "approves it") != nil })
	shown := d.written(d.view(), 7, "approves it").Body
	hash := strings.TrimSpace(between(shown, "reconcile apply shop ", "\n"))
	if !strings.Contains(shown, "Container/a") || len(hash) != 12 || len(d.orders(reconcile.Approve)) != 0 {
		t.Errorf("shown is %s, of which %q is the hash; %d approvals", shown, hash, len(d.orders(reconcile.Approve)))
	}
	d.say(7, "d.dev", "reconcile apply "+hash)
	d.until("a developer may not approve", func(v gitlabtest.View) bool { return d.written(v, 7, "takes the role maintainer") != nil })
	d.say(7, "m.main", "reconcile apply 0123456789ab")
	d.until("another plan is not approved", func(v gitlabtest.View) bool { return d.written(v, 7, "the plan is another one") != nil })
	approving := d.say(7, "m.main", "reconcile apply "+hash)
	d.until("it is approved and applied", func(v gitlabtest.View) bool {
		s := statusOf(v, first)
		return d.written(v, 7, "is approved by `m.main`: 2 to add") != nil && s.State == "success"
	})
	approved := d.orders(reconcile.Approve)
	if len(approved) != 1 || approved[0].By.Kind != "gitlab" || approved[0].By.User != "m.main" || !strings.Contains(approved[0].Reason, fmt.Sprint("note ", approving)) {
		t.Errorf("ordered %+v", approved)
	}

	// Neither bots, nor what was edited or is told twice, nor sentences count.
	before := len(d.answers(7))
	d.people["robot"] = d.lab.AddUser("robot", "", "")
	d.lab.AddMember(gitlabProject, d.people["robot"], 40)
	d.lab.MakeBot(d.people["robot"])
	d.say(7, "robot", "reconcile hold Container/a by a bot")
	edited := d.lab.AddNote(gitlabProject, 7, d.people["m.main"], "Fine")
	d.lab.EditNote(gitlabProject, 7, edited, "reconcile hold Container/a edited", time.Minute)
	d.hook("note", "create", 7, edited, "reconcile hold Container/a edited", "m.main")
	d.say(7, "g.guest", "reconcile these two first")
	d.hook("note", "create", 7, approving, "reconcile apply "+hash, "m.main")
	holding := d.say(7, "m.main", "reconcile hold Container/a 2h `rm` @all\n/close")
	d.until("a key is held", func(v gitlabtest.View) bool { return d.written(v, 7, "is held until") != nil })
	if held := d.orders(reconcile.HoldKey); len(held) != 1 || held[0].Key != "Container/a" || held[0].Until.IsZero() || !strings.Contains(held[0].Reason, "`rm` @all") {
		t.Errorf("held %+v", held)
	}
	d.stop()
	d.begin()
	d.hook("note", "create", 7, holding, "reconcile hold Container/a", "m.main")
	d.say(7, "m.main", "reconcile dance @all")
	d.until("help is offered", func(v gitlabtest.View) bool { return d.written(v, 7, "is heeded:") != nil })
	if n := len(d.answers(7)); n != before+2 || len(d.orders(reconcile.HoldKey)) != 1 {
		t.Errorf("%d answers, want 2 more than %d; %d holds", n, before, len(d.orders(reconcile.HoldKey)))
	}

	d.commit("feature", "From elsewhere", map[string]string{"a.yaml": rigContainer("a", "  memoryLimitMb: 1024\n")})
	d.lab.AddMergeRequest(gitlabProject, 8, "feature")
	d.lab.Fork(gitlabProject, 8, 99, d.repository.git("rev-parse", "feature"))
	d.hook("merge_request", "open", 8, 0, "", "d.dev")
	d.until("a fork is not planned", func(v gitlabtest.View) bool { return d.written(v, 8, "comes from a fork") != nil })
	d.commit("docs", "Only words", map[string]string{"a.yaml": rigContainer("a", "")})
	d.lab.AddMergeRequest(gitlabProject, 9, "docs")
	d.hook("merge_request", "open", 9, 0, "", "d.dev")
	d.say(9, "d.dev", "reconcile help")
	d.until("help again", func(v gitlabtest.View) bool { return d.written(v, 9, "is heeded:") != nil })
	if d.written(d.view(), 9, "what this merge request does") != nil {
		t.Error("a merge request that does not touch the stack's folder has a note")
	}
	d.well()
}

// TestDaemonRevertsInGitLab rolls back, and finds the merge request that undoes it on the branch.
func TestDaemonRevertsInGitLab(t *testing.T) {
	d := newDeskRig(t, "repairAfter: 0s")
	good := d.repository.git("rev-parse", "main")
	d.until("it is applied", func(v gitlabtest.View) bool { return statusOf(v, good) != nil && statusOf(v, good).State == "success" })
	bad := d.commit("main", "A mistake", map[string]string{"a.yaml": rigContainer("a", "  memoryLimitMb: 1024\n")})
	d.until("the mistake is applied", func(v gitlabtest.View) bool { return statusOf(v, bad) != nil && statusOf(v, bad).State == "success" })
	if out, code := d.run([]string{"RECONCILE_URL=" + d.served.url, "RECONCILE_TOKEN=" + d.served.token}, "rollback", "--stack", "shop", "--to", good, "--reason", "@all /close it broke"); code != 0 {
		t.Fatalf("rollback exits %d: %s", code, out)
	}
	d.until("a merge request undoes it", func(v gitlabtest.View) bool {
		return len(v.MergeRequests) == 1 && v.MergeRequests[0].Source == "reconcile-revert-"+bad[:12]+"-to-"+good[:12]
	})
	if m := d.view().MergeRequests[0]; m.Into != "main" || !strings.Contains(m.Body, "it broke") {
		t.Errorf("it is %+v", m)
	}
	d.logs("undoes on the branch what was rolled back")
	d.well()
}

// stop ends the daemon as a person would.
func (d *deskRig) stop() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	eventually(d.t, 40*time.Second, "the daemon ends", d.over)
}
