package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// standIns are what docs/operating.md relies on and a test machine does not have:
// systemd, other users, Docker. The daemon that systemctl starts is the real one.
var standIns = map[string]string{
	"systemctl": `case "$1" in
start|restart|enable|stop)
  if [ "$1" = stop ] || [ "$1" = restart ]; then
    kill "$(cat "$ROOT/pid")" && while kill -0 "$(cat "$ROOT/pid")" 2>/dev/null; do sleep 0.02; done
  fi
  [ "$1" != stop ] || exit 0
  mkdir -p -m 0700 "$ROOT/var/lib/reconcile" "$ROOT/run/credentials/reconcile.service"
  cp "$ROOT/etc/reconcile/secrets/"* "$ROOT/run/credentials/reconcile.service"
  cd "$ROOT/var/lib/reconcile"
  setsid env -u RECONCILE_TOKEN -u RECONCILE_URL reconcile serve --config "$ROOT/etc/reconcile/reconcile.yaml" >>"$ROOT/log" 2>&1 </dev/null &
  echo $! >"$ROOT/pid"
  for _ in $(seq 300); do reconcile doctor --alive "http://127.0.0.1:$PORT" >/dev/null 2>&1 && exit 0; sleep 0.05; done
  cat "$ROOT/log"; exit 1 ;;
reload) kill -HUP "$(cat "$ROOT/pid")" ;;
daemon-reload) ;;
*) echo "systemctl $*?"; exit 1 ;;
esac`,
	"runuser":          `[ "$1 $2 $3" = "-u reconcile --" ] || exit 1; shift 3; exec "$@"`,
	"systemd-sysusers": `grep -q '^u reconcile ' "$ROOT/etc/sysusers.d/reconcile.conf"`,
	"chown":            `[ -n "$2" ]`,
	"docker":           `[ "$1" = compose ] && [ -e compose.yaml ] && [ "$(ls secrets | wc -l)" = 5 ] && cat >/dev/null`,
	"journalctl":       `cat "$ROOT/log"`,
	"install": `args=()
while [ $# -gt 0 ]; do case "$1" in -o|-g) shift 2 ;; *) args+=("$1"); shift ;; esac; done
exec /usr/bin/install "${args[@]}"`,
	"jq": `sed -n 's/.*"id": "\([0-9a-f]*\)".*/\1/p' | head -n 1`, // the first is the one that is asked for
}

// TestOperatingCommands runs every command of docs/operating.md, in its order,
// below a folder of its own and against the simulator.
func TestOperatingCommands(t *testing.T) {
	for _, name := range []string{"git", "bash", "setsid", "tar", "openssl"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("there is no %s", name)
		}
	}
	if _, err := os.Stat("/usr/bin/install"); err != nil {
		t.Skip("there is no /usr/bin/install")
	}
	m := newMachine(t)
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(readText(t, "../../docs/operating.md"), -1)
	if len(blocks) < 10 {
		t.Fatalf("only %d blocks were found", len(blocks))
	}
	var script strings.Builder
	for i, block := range blocks {
		fmt.Fprintf(&script, "echo '--- block %d'\n%s", i+1, m.here(block[1]))
		if i == 0 { // where the page says: say which stacks there are
			fmt.Fprintf(&script, "cat \"$ROOT/operators.yaml\" >\"$ROOT/etc/reconcile/reconcile.yaml\"\n")
		}
	}
	out, err := m.bash(script.String())
	t.Cleanup(m.kill)
	if err != nil {
		t.Fatalf("%v\n%s\n--- the daemon's log\n%s", err, out, readText(t, filepath.Join(m.root, "log")))
	}
	for _, want := range []string{"permission-set-names.0=ContainersFullAccess", "synced", "laptop-2"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in what was printed:\n%s", want, out)
		}
	}
	if log := readText(t, filepath.Join(m.root, "log")); strings.Contains(log, m.env["SCW_SECRET_KEY"]) {
		t.Error("the daemon's log has the secret key")
	}
}

// machine is a folder that stands for a whole machine.
type machine struct {
	t         *testing.T
	root, src string
	env       map[string]string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	_, env := startSimulator(t)
	m := &machine{t: t, root: t.TempDir(), env: env}
	m.src = filepath.Join(m.root, "src")
	for _, dir := range []string{"src/bin", "bin", "var/lib", "var/backups", "repo"} {
		m.must(os.MkdirAll(filepath.Join(m.root, dir), 0o755))
	}
	for name, text := range standIns {
		m.write("bin/"+name, "#!/usr/bin/env bash\nset -eu\n"+text+"\n", 0o755)
	}
	program, err := exec.LookPath("reconcile") // that testscript provides
	m.must(err)
	m.write("src/bin/reconcile", "#!/bin/sh\nexec "+program+" \"$@\"\n", 0o755)
	m.must(os.CopyFS(filepath.Join(m.src, "deploy"), os.DirFS("../../deploy")))
	m.write("repo/stack.yaml", "apiVersion: reconcile/v1\nkind: Stack\nmetadata: {name: shop, uid: 5b0c1f7e-9a44-4c1e-8f0e-1d2c3b4a5e6f}\n", 0o644)
	commitAll(t, filepath.Join(m.root, "repo"), "first")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	m.must(err)
	m.env["PORT"] = fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
	m.must(listener.Close())
	m.env["GIT_TOKEN"], m.env["WEBHOOK_SECRET"] = "glpat-of-nobody", "hook-of-nobody"
	m.write("operators.yaml", m.here(`listen: 127.0.0.1:7373
store: {path: /var/lib/reconcile}
credentials:
  - name: prod
    accessKey: {file: /run/credentials/reconcile.service/scaleway-access-key}
    secretKey: {file: /run/credentials/reconcile.service/scaleway-secret-key}
    project: `+m.env["SCW_DEFAULT_PROJECT_ID"]+`
    apiUrl: `+m.env["SCW_API_URL"]+`
checkpoints: {anchors: [{path: /var/lib/reconcile/checkpoints.jsonl}]}
webhooks: [{name: gitlab, secret: {file: /run/credentials/reconcile.service/gitlab-webhook}}]
stacks: [{name: shop, url: `+filepath.Join(m.root, "repo")+`, credential: prod}]
`), 0o644)
	return m
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) write(name, text string, mode os.FileMode) {
	m.t.Helper()
	m.must(os.WriteFile(filepath.Join(m.root, name), []byte(text), mode))
}

// here puts the machine's folders and port in place of the page's.
func (m *machine) here(text string) string {
	for _, top := range []string{"/etc/", "/var/", "/usr/local/", "/run/credentials/"} {
		text = strings.ReplaceAll(text, top, m.root+top)
	}
	return strings.ReplaceAll(text, "127.0.0.1:7373", "127.0.0.1:"+m.env["PORT"])
}

func (m *machine) bash(script string) (string, error) {
	cmd := exec.CommandContext(m.t.Context(), "bash", "-eux", "-o", "pipefail", "-c", script)
	cmd.Dir = m.src
	cmd.Env = append(os.Environ(), "ROOT="+m.root, "HOME="+m.root, "PATH="+filepath.Join(m.root, "bin")+":"+filepath.Join(m.root, "usr/local/bin")+":"+os.Getenv("PATH"))
	for _, name := range []string{"PORT", "GIT_TOKEN", "WEBHOOK_SECRET", "SCW_ACCESS_KEY", "SCW_SECRET_KEY"} {
		cmd.Env = append(cmd.Env, name+"="+m.env[name])
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// kill ends the daemon that the page's commands left behind.
func (m *machine) kill() {
	var pid int
	if _, err := fmt.Sscan(readText(m.t, filepath.Join(m.root, "pid")), &pid); err != nil {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	for range 100 {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
