package repo_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// A gitRepo is a repository that the real git writes, for us to read.
type gitRepo struct {
	t   testing.TB
	dir string
}

// needGit skips a test where there is no git to compare with.
func needGit(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: nothing to compare with")
	}
}

// newGit makes an empty repository.
func newGit(t testing.TB) *gitRepo {
	t.Helper()
	needGit(t)
	g := &gitRepo{t, realPath(t, t.TempDir())}
	g.git("init", "-q", "-b", "main")
	return g
}

// realPath is a folder by the path that the package itself reports.
func realPath(t testing.TB, dir string) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return real
}

// gitEnv keeps the machine's own configuration away.
func gitEnv(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_COMMITTER_DATE=1700000000 +0000",
	}
}

func (g *gitRepo) command(args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = g.dir, gitEnv(g.dir)
	return cmd
}

// git runs git and gives what it prints.
func (g *gitRepo) git(args ...string) string {
	g.t.Helper()
	out, err := g.command(args...).CombinedOutput()
	if err != nil {
		g.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// write puts a file into the work tree.
func (g *gitRepo) write(name, text string) {
	g.t.Helper()
	writeFile(g.t, filepath.Join(g.dir, name), text)
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commit writes files, as name and text in turn, commits all there is and gives
// the commit's hash.
func (g *gitRepo) commit(message string, files ...string) string {
	g.t.Helper()
	for i := 0; i < len(files); i += 2 {
		g.write(files[i], files[i+1])
	}
	g.git("add", "-A")
	g.git("commit", "-q", "--allow-empty", "-m", message)
	return g.git("rev-parse", "HEAD")
}

// A gitServer serves repositories below a folder over smart HTTP.
type gitServer struct {
	*httptest.Server
	requests atomic.Int64
}

// serve starts git's own server on loopback.
func serve(t testing.TB, root string) *gitServer {
	t.Helper()
	needGit(t)
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Dir: root, Stderr: io.Discard,
		Env: append(gitEnv(root), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1"),
	}
	s := &gitServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// url is the address of a repository on the server.
func (s *gitServer) url(g *gitRepo) string { return s.URL + "/" + filepath.Base(g.dir) + "/.git" }

// noAuth keeps the machine's own credentials away.
func noAuth() repo.Auth { return repo.Auth{Env: func(string) string { return "" }} }

// open opens a location, and closes it when the test ends.
func open(t testing.TB, location string, o repo.Options) *repo.Source {
	t.Helper()
	if o.Auth.Env == nil {
		o.Auth = noAuth()
	}
	s, err := repo.Open(context.Background(), location, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// store is a place for bare stores.
func store(t testing.TB) string { return filepath.Join(t.TempDir(), "git") }

// snapshot is all that lies below a folder: names, kinds, sizes and contents.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintln(&out, path, d.Type())
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&out, "%x\n", sha256.Sum256(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
