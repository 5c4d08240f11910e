package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// repository is a Git repository that a test writes.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	r := &repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "main", ".")
	return r
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+r.dir, "GIT_AUTHOR_NAME=R. Leone", "GIT_AUTHOR_EMAIL=r@example.com",
		"GIT_COMMITTER_NAME=R. Leone", "GIT_COMMITTER_EMAIL=r@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files and returns the commit that has them.
func (r *repository) commit(subject string, files map[string]string) string {
	r.t.Helper()
	for name, text := range files {
		at := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", subject)
	return r.git("rev-parse", "HEAD")
}

func stackText(name, uid, more string) string {
	return "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: " + name + ", uid: " + uid + "}\nspec: {scaleway: {regions: [fr-par]}" + more + "}\n"
}

const (
	uidA = "0f8e2d64-3c55-4d5c-9b0e-6f2d1c7ab901"
	uidB = "1f8e2d64-3c55-4d5c-9b0e-6f2d1c7ab902"
)

// testLine is a line to a simulator, and the URL of that.
func testLine(t *testing.T, env map[string]string) (*line, string) {
	t.Helper()
	url, simulated := startSimulator(t)
	for name, value := range simulated {
		if _, given := env[name]; !given {
			env[name] = value
		}
	}
	getenv := func(name string) string { return env[name] }
	a := &app{getenv: getenv, lookup: func(name string) (string, bool) { value, ok := env[name]; return value, ok }, home: t.TempDir()}
	l := newLine(a, &daemon.Config{}, lineOptions{
		folder: filepath.Join(t.TempDir(), "git"), clock: reconcile.RealClock{}, getenv: getenv, masks: newMasks(),
		stores: func(daemon.Entry) []string { return []string{atDaemon} },
	})
	return l, url
}

// A stack that names no store is served, with a warning where commands would look elsewhere.
func TestLineWarnsOfAnUnnamedStore(t *testing.T) {
	r := newRepository(t)
	l, _ := testLine(t, map[string]string{})
	commit := r.commit("Begin", map[string]string{"a/stack.yaml": stackText("a", uidA, ""), "b/stack.yaml": stackText("b", uidB, ", store: daemon")})
	for path, want := range map[string]bool{"a": true, "b": false} {
		ready, err := l.Ready(t.Context(), daemon.Entry{Name: path, URL: r.dir, Branch: "main", Path: path}, commit)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(ready.Warnings) == 1 && strings.Contains(ready.Warnings[0].String(), "write store: daemon"); got != want {
			t.Errorf("%s: %v", path, ready.Warnings)
		}
	}
}

func TestLineReadsCommits(t *testing.T) {
	r := newRepository(t)
	l, _ := testLine(t, map[string]string{})
	e := daemon.Entry{Name: "shop", URL: r.dir, Branch: "main", Path: "shop"}
	first := r.commit("Begin", map[string]string{"shop/stack.yaml": stackText("shop", uidA, ""), "shop/a.yaml": rigContainer("a", "")})
	second := r.commit("Add b", map[string]string{"shop/b.yaml": rigContainer("b", "")})
	r.git("checkout", "-q", "-b", "aside") // what is checked out does not matter
	r.commit("Elsewhere", nil)
	if head, err := l.Head(t.Context(), e); head != second || err != nil {
		t.Fatalf("the head is %s (%v), want %s", head, err, second)
	}
	for commit, want := range map[string]struct {
		subject string
		count   int
	}{first: {"Begin", 1}, second: {"Add b", 2}} {
		for range 2 { // read, and taken from what was read
			ready, err := l.Ready(t.Context(), e, commit)
			if err != nil {
				t.Fatal(err)
			}
			containers := 0
			for _, w := range ready.Wish.Ordered {
				if w.Kind.Name == "Container" {
					containers++
				}
			}
			if ready.Engine.Revision.Subject != want.subject || ready.Head != commit || containers != want.count || ready.Owner != "shop.0f8e2d64" {
				t.Errorf("at %.7s: %d containers, %+v", commit, containers, ready.Engine.Revision)
			}
			ready.Stack.Policy.Prune = true // as the daemon narrows it: the next reading must not have it
			ready.Stack.Policy.Protect = append(ready.Stack.Policy.Protect, "Container/a")
		}
		if ready, err := l.Ready(t.Context(), e, commit); err != nil || ready.Stack.Policy.Prune || len(ready.Stack.Policy.Protect) > 0 {
			t.Errorf("a policy that was narrowed stays so: %+v, %v", ready.Stack.Policy, err)
		}
	}
	for _, test := range []struct {
		newer, older string
		want         bool
	}{{second, first, true}, {first, second, false}, {second, second, true}} {
		if got, err := l.Follows(t.Context(), e, test.newer, test.older); got != test.want || err != nil {
			t.Errorf("%.7s follows %.7s: %v, %v", test.newer, test.older, got, err)
		}
	}
	if _, err := l.Ready(t.Context(), e, strings.Repeat("1", 40)); err == nil {
		t.Error("a commit that is not there was read")
	}
}

func TestLineRefuses(t *testing.T) {
	stack := map[string]string{"shop/stack.yaml": stackText("shop", uidA, "")}
	tests := []struct {
		name  string
		files map[string]string
		entry daemon.Entry
		want  string // of the error; "" wants none
	}{
		{name: "bad YAML", files: map[string]string{"shop/a.yaml": "kind: [Container\n"}, want: "a.yaml:1"},
		{name: "an unknown field", files: map[string]string{"shop/a.yaml": rigContainer("a", "  prot: 1\n")}, want: "did you mean port?"},
		{name: "the uid of another stack", files: map[string]string{"other/stack.yaml": stackText("other", uidA, "")}, want: "is that of the stack at"},
		{name: "another uid", files: map[string]string{"other/stack.yaml": stackText("other", uidB, "")}},
		{name: "another store", files: map[string]string{"shop/stack.yaml": stackText("shop", uidA, ", store: local")}, want: "write store: daemon"},
		{name: "this store", files: map[string]string{"shop/stack.yaml": stackText("shop", uidA, ", store: daemon")}},
		{name: "no signature", entry: daemon.Entry{Verify: daemon.Verify{AllowedSigners: "testdata/signers"}}, want: "unsigned"},
		{name: "no such folder", entry: daemon.Entry{Path: "shops"}, want: "does not exist"},
		{name: "no such credential file", entry: daemon.Entry{Verify: daemon.Verify{GPGKeys: "nowhere"}}, want: "read the keys that may sign"},
	}
	signers := filepath.Join(t.TempDir(), "signers")
	key := "r@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIP3bhh5x2eAfwdlFfWb2nNMK3eNaLPVmPAHnlrsUe4d\n"
	if err := os.WriteFile(signers, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRepository(t)
			l, _ := testLine(t, map[string]string{})
			r.commit("Begin", stack)
			commit := r.commit("More", test.files)
			e := test.entry
			e.Name, e.URL, e.Path = "shop", r.dir, orElse(e.Path, "shop")
			if e.Verify.AllowedSigners != "" {
				e.Verify.AllowedSigners = signers
			}
			_, err := l.Ready(t.Context(), e, commit)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// TestS20Projects: a repository reaches its credential's project, and those that
// the operator names. Without a word of his, another team's is not among them.
func TestS20Projects(t *testing.T) {
	const own, others = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	r := newRepository(t)
	l, _ := testLine(t, map[string]string{"SCW_DEFAULT_PROJECT_ID": own})
	allowed, denied := 0, 0
	for _, c := range []struct {
		project string
		bounds  []string
		want    bool
	}{
		{"", nil, true}, {own, nil, true}, {others, nil, false}, {others, []string{own}, false}, {others, []string{"33*"}, false},
		{others, []string{others}, true}, {others, []string{"*"}, true}, {own, []string{others}, false}, {"", []string{others}, false},
	} {
		named := ""
		if c.project != "" {
			named = ", project: " + c.project
		}
		commit := r.commit("Name "+c.project, map[string]string{"stack.yaml": "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: shop, uid: " + uidA +
			"}\nspec: {scaleway: {regions: [fr-par]" + named + "}}\n", "a.yaml": rigContainer("a", "")})
		e := daemon.Entry{Name: "shop", URL: r.dir, Bounds: daemon.Bounds{Prune: true, MaxDeletes: -1, Projects: c.bounds}}
		ready, err := l.Ready(t.Context(), e, commit)
		if err == nil { // as a look goes on
			_, problems := daemon.Tighten(ready.Stack, e)
			err = problems.Err()
		}
		if (err == nil) != c.want {
			t.Errorf("project %q within %q: %v", c.project, c.bounds, err)
		}
		if allowed++; !c.want {
			allowed, denied = allowed-1, denied+1
		}
	}
	t.Logf("S20: of projects, %d allowed and %d denied", allowed, denied)
}

func TestLineValues(t *testing.T) {
	const canary = `c4n4ry"&/+?long-enough-to-find`
	r := newRepository(t)
	l, _ := testLine(t, map[string]string{"ALLOWED_TOKEN": canary, "OTHER": "x"})
	commit := r.commit("Begin", map[string]string{
		"stack.yaml": stackText("shop", uidA, ""), "token.txt": "from a file\n",
		"a.yaml": rigContainer("a", "  env: {secrets: [{name: T, valueFrom: {env: ALLOWED_TOKEN}}, {name: U, valueFrom: {env: OTHER}}, {name: V, valueFrom: {file: token.txt}}]}\n"),
	})
	held := func(bounds daemon.Bounds) string {
		ready, err := l.Ready(t.Context(), daemon.Entry{Name: "shop", URL: r.dir, Bounds: bounds}, commit)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, receipt := range ready.Engine.Lookups {
			out = append(out, receipt.Reason)
		}
		return strings.Join(out, "\n")
	}
	if got := held(daemon.Bounds{}); !strings.Contains(got, "bounds.env") {
		t.Errorf("nothing is allowed, and it says %q", got)
	}
	if got := held(daemon.Bounds{Env: []string{"ALLOWED_*", "OTHER"}}); got != "" {
		t.Errorf("all is allowed, and it says %q", got)
	}
	if got := held(daemon.Bounds{Env: []string{"*"}, Files: []string{"other.txt"}}); !strings.Contains(got, "bounds.files") {
		t.Errorf("the file is not allowed, and it says %q", got)
	}
	if text := l.masks.clean("it is " + canary + "."); strings.Contains(text, "c4n4ry") {
		t.Errorf("a value that was looked up is logged: %s", text)
	}
}

// TestLineShares plans two stacks of one repository and one project.
func TestLineShares(t *testing.T) {
	r := newRepository(t)
	l, url := testLine(t, map[string]string{})
	commit := r.commit("Begin", map[string]string{
		"a/stack.yaml": stackText("a", uidA, ""), "a/c.yaml": rigContainer("one", ""),
		"b/stack.yaml": stackText("b", uidB, ""), "b/c.yaml": rigContainer("two", ""),
	})
	total := func() (n int) {
		for _, count := range requests(t, url) {
			n += count
		}
		return n
	}
	plan := func(path string) {
		ready, err := l.Ready(t.Context(), daemon.Entry{Name: path, URL: r.dir, Path: path}, commit)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := ready.Engine.Plan(ready.Within(t.Context(), "", 0), ready.Wish); err != nil {
			t.Fatal(err)
		}
		if want := reconcile.DefaultSettle + listingsAge; ready.Engine.Settle != want {
			t.Errorf("settle time %s, want %s: what is listed may be that old", ready.Engine.Settle, want)
		}
	}
	plan("a")
	first := total()
	plan("b")
	if more := total(); first == 0 || more != 0 {
		t.Errorf("the first stack took %d requests, the second %d more", first, more)
	}
}

func TestLineOutsideGit(t *testing.T) {
	l, _ := testLine(t, map[string]string{})
	_, err := l.Head(t.Context(), daemon.Entry{Name: "x", URL: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "not in a Git repository") {
		t.Errorf("a folder outside Git: %v", err)
	}
	r := &repository{t, t.TempDir()}
	r.git("init", "-q", ".")
	if _, err = l.Head(t.Context(), daemon.Entry{Name: "x", URL: r.dir}); err == nil {
		t.Error("a repository without a commit has a head")
	}
	var problems reconcile.Problems
	if errors.As(err, &problems) {
		t.Error("that is no problem of manifests")
	}
}

// gitServer serves a repository over HTTP to who has the token.
func gitServer(t *testing.T, r *repository, token func() string) (url string) {
	t.Helper()
	return gitDoor(t, r, func(password string) bool { return password == token() })
}

// gitDoor serves a repository over HTTP to whom it admits.
func gitDoor(t *testing.T, r *repository, admits func(password string) bool) (url string) {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(r.dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + r.dir},
	}
	if _, err := os.Stat(backend.Path); err != nil {
		t.Skip("this git cannot serve over HTTP")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, password, _ := req.BasicAuth(); !admits(password) {
			http.Error(w, "denied", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/" + filepath.Base(r.dir) + "/.git"
}

// TestLineOverHTTP reads a repository from a server, whose token is changed meanwhile.
func TestLineOverHTTP(t *testing.T) {
	r := newRepository(t)
	env := map[string]string{"GITLAB_TOKEN": "glpat-the-first-one"}
	url := gitServer(t, r, func() string { return env["GITLAB_TOKEN"] })
	l, _ := testLine(t, env)
	git := daemon.Git{Name: "gitlab", Host: "127.0.0.1", Token: daemon.Ref{Env: "GITLAB_TOKEN"}}
	l.config.Store(&daemon.Config{Git: []daemon.Git{git}})
	e := daemon.Entry{Name: "shop", URL: url}
	var commits []string
	for i, subject := range []string{"Begin", "Go on", "Go on once more"} {
		env["GITLAB_TOKEN"] = fmt.Sprintf("glpat-number-%d", i)
		commit := r.commit(subject, map[string]string{"stack.yaml": stackText("shop", uidA, ""), "a.yaml": rigContainer(fmt.Sprintf("a%d", i), "")})
		head, err := l.Head(t.Context(), e)
		if err != nil || head != commit {
			t.Fatalf("the head is %s, want %s: %v", head, commit, err)
		}
		ready, err := l.Ready(t.Context(), e, head)
		if err != nil || ready.Engine.Revision.Subject != subject {
			t.Fatalf("%+v, %v", ready, err)
		}
		commits = append(commits, commit)
	}
	if follows, err := l.Follows(t.Context(), e, commits[2], commits[0]); err != nil || !follows {
		t.Errorf("history is not followed: %v, %v", follows, err)
	}
	if follows, err := l.Follows(t.Context(), e, commits[0], commits[2]); err != nil || follows {
		t.Errorf("history is followed backwards: %v, %v", follows, err)
	}
	if text := l.masks.clean("glpat-number-1"); text != reconcile.Masked {
		t.Errorf("a Git token is logged: %s", text)
	}
	env["GITLAB_TOKEN"] = ""
	l.config.Store(&daemon.Config{})
	if _, err := l.Head(t.Context(), e); err != nil {
		t.Errorf("without a token, which the server does not want now: %v", err)
	}
}
