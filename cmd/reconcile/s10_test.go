package main

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/gitlab/gitlabtest"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// leakRig is a stack with a secret from each place that has some, a GitLab, and
// all that tells of the stack.
type leakRig struct {
	*rig
	lab     *gitlabtest.Server
	secrets map[string]string
	job     []string       // variables of the GitLab job
	found   map[string]int // by sink: how much was searched there
	bytes   map[string]int
}

// search looks for each secret in what went into a sink, and for digests by which
// a short one could be guessed.
func (l *leakRig) search(sink, where string, data []byte) {
	l.t.Helper()
	l.found[sink]++
	l.bytes[sink] += len(data)
	for name, secret := range l.secrets {
		find(l.t, sink+", "+where+": "+name, data, secret)
		for _, text := range []string{secret, `"` + secret + `"`, secret + "\n", base64.StdEncoding.EncodeToString([]byte(secret))} {
			short, mid, long := md5.Sum([]byte(text)), sha1.Sum([]byte(text)), sha256.Sum256([]byte(text))
			for _, sum := range [][]byte{short[:], mid[:], long[:]} {
				if strings.Contains(string(data), hex.EncodeToString(sum)[:16]) || strings.Contains(string(data), base64.StdEncoding.EncodeToString(sum)[:16]) {
					l.t.Errorf("%s, %s: holds a digest of %s", sink, where, name)
				}
			}
		}
	}
}

// try runs a line, and searches what it printed. It may fail, but not die.
func (l *leakRig) try(sink string, args ...string) (string, int) {
	l.t.Helper()
	out, code := l.run(l.job, args...)
	if code < 0 || strings.Contains(out, "unknown flag") || strings.Contains(out, "goroutine ") {
		l.t.Errorf("reconcile %s: exit %d\n%s", strings.Join(args, " "), code, out)
	}
	l.search(sink, strings.Join(args, " "), []byte(out))
	return out, code
}

// report runs a verb with every format there is, and searches each file.
func (l *leakRig) report(verb ...string) (string, int) {
	l.t.Helper()
	args := slices.Clone(verb)
	for _, format := range report.FormatNames() {
		args = append(args, "--report", format+"=leak."+format)
	}
	out, code := l.try("output", args...)
	for _, format := range report.FormatNames() {
		data, err := os.ReadFile(filepath.Join(l.dir, "leak."+format))
		if err != nil {
			l.t.Errorf("%v: %v\n%s", verb, err, out)
		}
		l.search("report "+format, strings.Join(verb, " "), data)
	}
	return out, code
}

func newLeakRig(t *testing.T) *leakRig {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	lab, err := gitlabtest.Start(gitlabtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lab.Close)
	l := &leakRig{lab: lab, found: map[string]int{}, bytes: map[string]int{}, secrets: map[string]string{}, rig: newRig(t, map[string]string{
		"stack.yaml": rigStack, ".gitignore": "leak.*\n*.plan\ntoken.txt\nkept.txt\n", "policy-tests.yaml": "cases:\n- name: all may run\n  wants: [{key: Container/a, action: create}]\n",
		"a.yaml": leakContainer(`{valueFrom: {env: APP_PIN}}`, `{valueFrom: {sops: s.enc.yaml#pin}}`),
		"b.yaml": "apiVersion: reconcile/v1\nkind: Secret\nmetadata: {name: given}\nspec: {path: /reconcile/rig, value: {valueFrom: {env: APP_GIVEN}}}\n---\n" +
			"apiVersion: reconcile/v1\nkind: Secret\nmetadata: {name: made}\nspec: {path: /reconcile/rig, generate: {length: 40}}\n",
	})}
	for _, name := range []string{"ENV", "PIN", "GIVEN", "FILE", "KEPT", "SOPS", "SOPSPIN", "URL", "LAB"} {
		secret, _ := reconcile.NewToken()
		l.secrets[name] = strings.ToLower(name[:3]) + "-" + secret[4:20]
	}
	l.secrets["LAB"] = "glpat-" + l.secrets["LAB"]
	l.secrets["AGE"], l.secrets["KEY"] = key.String(), envOf(l.env, "SCW_SECRET_KEY")
	l.write("token.txt", l.secrets["FILE"]+"\n")
	l.write("kept.txt", l.secrets["KEPT"]+"\n")
	bot := lab.AddUser("reconcile-bot", l.secrets["LAB"], "api")
	lab.AddProject(gitlabProject, "acme/shop", "main")
	lab.AddMember(gitlabProject, bot, 30)
	lab.AddCommit(gitlabProject, "feature", "", "A change")
	lab.AddMergeRequest(gitlabProject, 7, "feature")
	l.env = append(l.env, "APP_ENV="+l.secrets["ENV"], "APP_PIN="+l.secrets["PIN"], "APP_GIVEN="+l.secrets["GIVEN"], "SOPS_AGE_KEY="+key.String(), "RECONCILE_ALLOW_ENV=APP_*",
		"CI=true", "GITLAB_CI=true", "CI_API_V4_URL="+lab.URL, fmt.Sprint("CI_PROJECT_ID=", gitlabProject), "CI_DEFAULT_BRANCH=main", "CI_JOB_ID=1",
		"CI_PROJECT_URL=https://gitlab.example.com/acme/shop", "CI_JOB_URL=https://gitlab.example.com/acme/shop/-/jobs/1", "GITLAB_USER_LOGIN=r.leone", "RECONCILE_GITLAB_TOKEN="+l.secrets["LAB"])
	l.git("init", "-q", "-b", "main")
	for name, value := range map[string]string{"a": "SOPS", "pin": "SOPSPIN"} {
		l.write("value.txt", l.secrets[value])
		args := []string{"config", "set", name, "--sops", "s.enc.yaml", "--from-file", "value.txt"}
		if _, err := os.Stat(filepath.Join(l.dir, "s.enc.yaml")); err != nil {
			args = append(args, "--age", key.Recipient().String())
		}
		if out, code := l.try("config", args...); code != 0 {
			t.Fatal(out)
		}
	}
	if out, code := l.try("config", "config", "set", "kept", "--from-file", "kept.txt", "-v"); code != 0 {
		t.Fatal(out)
	}
	os.Remove(filepath.Join(l.dir, "value.txt"))
	return l
}

// leakContainer is a container with secrets from everywhere; pin and its like are
// values of variables that are no secrets by their kind.
func leakContainer(pin, sops string) string {
	return rigContainer("a", "  env:\n    secrets: [{name: E, valueFrom: {env: APP_ENV}}, {name: F, valueFrom: {file: token.txt}}, {name: K, valueFrom: {secretManager: kept}}, {name: S, valueFrom: {sops: s.enc.yaml#a}}]\n"+
		"    variables: {PIN: "+pin+", SOPSPIN: "+sops+", LOG: info}\n")
}

// commit commits the folder, and makes jobs of it: of main, or of merge request !7.
func (l *leakRig) commit(subject string, merge bool) {
	l.t.Helper()
	l.git("add", "-A")
	l.git("commit", "-q", "--allow-empty", "-m", subject)
	says := func(args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir = l.dir
		return strings.TrimSpace(string(must(cmd.Output())))
	}
	head := says("rev-parse", "HEAD")
	branch, variables := "main", []string{"CI_COMMIT_BRANCH=main", "CI_COMMIT_REF_NAME=main"}
	if merge {
		branch = "feature"
		variables = []string{"CI_COMMIT_REF_NAME=feature", "CI_MERGE_REQUEST_IID=7", fmt.Sprint("CI_MERGE_REQUEST_PROJECT_ID=", gitlabProject), "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main",
			"CI_MERGE_REQUEST_DIFF_BASE_SHA=" + says("rev-list", "--max-parents=0", "HEAD")}
	}
	l.lab.AddCommit(gitlabProject, branch, head, subject)
	l.job = append(variables, "CI_COMMIT_SHA="+head, fmt.Sprint("CI_PIPELINE_ID=", l.lab.AddPipeline(gitlabProject, head, branch)))
}

// behind changes the container behind Git.
func (l *leakRig) behind(body string) {
	l.t.Helper()
	l.api(http.MethodPatch, "/containers/v1/regions/fr-par/containers/"+l.live("")[0].ID, body, nil)
	_, _ = l.run(nil, "apply", "--yes", "--target", "Namespace/none") // time goes on until it has settled
}

// repeats has the API refuse calls, and repeat what it was sent in doing so.
func (l *leakRig) repeats(method, path string, status int, names ...string) {
	text := ""
	for _, name := range names {
		text += l.secrets[name] + " " + base64.StdEncoding.EncodeToString([]byte(l.secrets[name])) + " "
	}
	body, _ := json.Marshal(map[string]any{"type": "invalid_arguments", "message": "no: " + text, "details": []any{map[string]any{"argument_name": text, "reason": "format", "help_message": text}}})
	l.sim.AddFault(simulator.Fault{Kind: "status", Status: status, Method: method, Path: path, Count: 3, Body: string(body)})
}

// TestS10Reports drives all that tells of plans and drift with secrets of every
// origin, when all is well and when everybody refuses and repeats them, and looks
// for them in each sink: every format of a report, what GitLab was sent, plan
// files, differences of stale plans, edits of manifests, baselines, the journal.
func TestS10Reports(t *testing.T) {
	l := newLeakRig(t)
	l.commit("Begin", false)
	l.report("plan", "-v", "--out", "first.plan")
	l.refused()
	l.settle()
	l.drifting()
	l.stale()
	l.moved()
	l.broken()
	l.kept()
	for _, sink := range slices.Sorted(maps.Keys(l.found)) {
		if l.bytes[sink] == 0 {
			t.Errorf("%s: nothing was there to search", sink)
		}
		t.Logf("S10: %4d searched, %8d bytes: %s", l.found[sink], l.bytes[sink], sink)
	}
	t.Logf("S10: %d sinks, %d secrets", len(l.found), len(l.secrets))
}

// refused is when Scaleway refuses what it is sent, and repeats it.
func (l *leakRig) refused() {
	sent := []string{"ENV", "PIN", "FILE", "KEPT", "SOPS", "SOPSPIN", "KEY"}
	l.repeats(http.MethodPost, "/containers$", 400, sent...)
	all := ""
	for range 3 {
		out, _ := l.try("output", "apply", "--yes", "--no-wait", "-v")
		all += out
	}
	if n := strings.Count(all, reconcile.Masked+" "+reconcile.Masked); n < 2*len(sent) {
		l.t.Errorf("%d values were kept out\n%s", n, all)
	}
	l.healed()
	l.repeats(http.MethodPost, "/versions$", 400, "GIVEN", "KEY")
	l.try("output", "apply", "--yes", "--no-wait", "-v", "-o", "json")
	l.try("output", "apply", "--yes", "--no-wait", "-v", "-o", "json")
	l.healed()
	l.repeats(http.MethodPost, "/versions$", 400, "KEPT", "KEY")
	l.try("config", "config", "set", "kept", "--from-file", "kept.txt", "-v")
	l.try("config", "config", "set", "kept", "--from-file", "kept.txt", "-v")
	l.healed()
}

// settle applies, and learns the value that was made up.
func (l *leakRig) settle() {
	if out, code := l.try("output", "apply", "--yes", "-v"); code != 0 {
		l.t.Fatalf("exit %d\n%s", code, out)
	}
	var made struct{ Data []byte }
	l.api(http.MethodGet, "/secret-manager/v1beta1/regions/fr-par/secrets-by-path/versions/latest/access?secret_path=/reconcile/rig&secret_name=made&project_id="+envOf(l.env, "SCW_DEFAULT_PROJECT_ID"), "", &made)
	if len(made.Data) != 40 {
		l.t.Fatalf("what was made is %d bytes long", len(made.Data))
	}
	l.secrets["MADE"] = string(made.Data)
	if out, code := l.report("plan", "--detailed-exitcode"); code != 0 {
		l.t.Fatalf("exit %d\n%s", code, out)
	}
}

// drifting is when live moves: secrets too.
func (l *leakRig) drifting() {
	digest := func(name string) string {
		l.try("baseline", "drift", "--accept", "Container/a", "--until", "2026-12-31", "--reason", "why", "--baseline", name)
		data := must(os.ReadFile(filepath.Join(l.dir, name)))
		l.search("baseline", name, data)
		return between(string(data), "was: ", "\n")
	}
	l.behind(`{"environment_variables":{"PIN":"` + l.secrets["URL"] + `","SOPSPIN":"` + l.secrets["SOPSPIN"] + `","LOG":"debug"}}`)
	if out, code := l.report("drift", "-v"); code != 2 {
		l.t.Errorf("exit %d\n%s", code, out)
	}
	one := digest("leak.one.yaml")
	if out, code := l.report("drift", "--baseline", "leak.one.yaml"); code != 0 {
		l.t.Errorf("accepted, it is exit %d\n%s", code, out)
	}
	l.behind(`{"environment_variables":{"PIN":"0000","SOPSPIN":"` + l.secrets["SOPSPIN"] + `","LOG":"debug"}}`)
	if two := digest("leak.two.yaml"); one == "" || one != two {
		l.t.Errorf("a baseline tells one value of a secret from another: %q and %q", one, two)
	}
	before := must(os.ReadFile(filepath.Join(l.dir, "a.yaml")))
	l.try("edits", "drift", "--write")
	l.try("edits", "set", "Container/a", "env.variables.LOG=trace")
	l.try("edits", "set", "Container/a", "env.variables.PIN=x")
	l.try("edits", "set", "Container/a", "env.secrets.E=x")
	after := must(os.ReadFile(filepath.Join(l.dir, "a.yaml")))
	if !strings.Contains(string(after), "LOG: trace") {
		l.t.Errorf("nothing was edited: %s", after)
	}
	l.search("edits", "a.yaml", after)
	l.write("a.yaml", string(before))
}

// stale is when the world moves after a plan.
func (l *leakRig) stale() {
	l.try("plan file", "plan", "--out", "stale.plan", "-o", "json")
	l.behind(`{"environment_variables":{"PIN":"` + l.secrets["URL"] + `","SOPSPIN":"other","LOG":"warn"},"memory_limit_bytes":512000000}`)
	if out, code := l.try("stale plan", "apply", "stale.plan"); code != int(exitStale) || !strings.Contains(out, "LOG") {
		l.t.Errorf("exit %d\n%s", code, out)
	}
	l.try("output", "apply", "--yes")
}

// moved is when Git moves: what was a secret stands in the manifest, or is gone.
func (l *leakRig) moved() {
	l.write("a.yaml", leakContainer("plain", "plain"))
	l.commit("In clear", true)
	l.report("plan", "-v", "--out", "moved.plan")
	l.report("drift", "-v")
	l.try("edits", "drift", "--write")
	os.Remove(filepath.Join(l.dir, "a.yaml"))
	l.commit("Without", true)
	l.report("plan", "-v")
	os.RemoveAll(filepath.Join(l.dir, ".reconcile")) // Git alone knows what was looked up
	l.report("plan", "-v", "--out", "removed.plan")
	l.write("a.yaml", leakContainer("plain", "plain"))
	l.commit("In clear again", true)
	l.report("plan", "-v", "--out", "forgotten.plan")
	l.write("a.yaml", leakContainer(`{valueFrom: {env: APP_PIN}}`, `{valueFrom: {sops: s.enc.yaml#pin}}`))
	l.commit("As it was", true)
}

// broken is when files, addresses and servers are not as they should be.
func (l *leakRig) broken() {
	sound := string(must(os.ReadFile(filepath.Join(l.dir, "s.enc.yaml"))))
	for _, text := range []string{strings.Replace(sound, "ENC[", "", 1), strings.Replace(sound, "data:", "data:AA", 1), sound[:len(sound)/2], "a: " + l.secrets["SOPS"] + "\n", "a: [" + l.secrets["SOPS"]} {
		l.write("s.enc.yaml", text)
		l.report("plan", "-v")
		for _, line := range []string{"config check", "config ls --sops s.enc.yaml", "config set x --random --sops s.enc.yaml"} {
			l.try("errors of SOPS", strings.Fields(line)...)
		}
	}
	l.write("s.enc.yaml", sound)
	for _, key := range []string{"AGE-SECRET-KEY-1" + l.secrets["URL"], l.secrets["URL"], l.secrets["AGE"][:40]} {
		out, _ := l.run(append(l.job, "SOPS_AGE_KEY="+key), "config", "check", "-v")
		l.search("errors of SOPS", "a wrong key", []byte(out))
	}
	for _, at := range []string{"http://u:" + l.secrets["URL"] + "@127.0.0.1:1/x.git", "http://127.0.0.1:1/x.git?private_token=" + l.secrets["URL"], "ssh://u:" + l.secrets["URL"] + "@127.0.0.1:1/x.git"} {
		l.report("plan", "-v", "--out", "url.plan", at)
		l.report("drift", at)
		l.git("remote", "add", "origin", at)
		l.report("plan", "-v", "--out", "remote.plan")
		l.git("remote", "remove", "origin")
	}
	for _, status := range []int{400, 401, 403, 500} {
		l.repeats(http.MethodGet, "", status, "KEY")
		l.report("plan", "-v")
		l.try("config", "config", "ls", "-v")
		l.try("config", "config", "check", "-v")
		l.healed()
	}
	token := l.secrets["LAB"]
	for _, fault := range []gitlabtest.Fault{{Status: 400, Body: `{"message":"bad ` + token + `"}`}, {Status: 502, Body: token},
		{Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: `[{"created_at":"` + token + `"}]`}} {
		l.lab.Break(fault)
		l.try("errors of GitLab", "plan", "-v")
		l.try("errors of GitLab", "drift")
		l.lab.Mend()
	}
	for _, address := range []string{"https://u:" + token + "@127.0.0.1/api/v4", "https://" + token + "@127.0.0.1/api/v4", "http://example.com/?t=" + token, "https://127.0.0.1:1/" + "api/v4"} {
		out, _ := l.run(append(slices.Clone(l.job), "CI_API_V4_URL="+address), "plan", "-v")
		l.search("errors of GitLab", "an odd address", []byte(out))
	}
}

// kept is what is there in the end: at GitLab, in the journal, in files.
func (l *leakRig) kept() {
	for _, line := range []string{"audit show", "audit show --format json", "audit export", "audit report --from 7d", "runs", "status", "why Container/a", "policy test", "outputs", "doctor"} {
		l.try("journal and others", strings.Fields(line)...)
	}
	writes := 0
	for _, r := range l.lab.Requests() {
		l.search("requests to GitLab", r.Method+" "+r.Path, []byte(r.Path+"\n"+r.Body))
		if r.Method != http.MethodGet && r.Status < 300 {
			writes++
		}
	}
	if writes < 5 {
		l.t.Errorf("GitLab was told %d things", writes)
	}
	filepath.WalkDir(l.dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // it may be gone by now
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.Type().IsRegular() && d.Name() != "token.txt" && d.Name() != "kept.txt":
			l.search("files", name, must(os.ReadFile(name)))
		}
		return nil
	})
}
