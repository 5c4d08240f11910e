// Package deploy_test checks what the daemon is deployed with: image, unit,
// Compose file and operator's files.
package deploy_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

func text(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func document(t *testing.T, file string) *reconcile.Node {
	t.Helper()
	documents, problems := manifest.Parse(file, []byte(text(t, file)))
	if err := problems.Err(); err != nil || len(documents) != 1 {
		t.Fatalf("%d documents: %v", len(documents), err)
	}
	return documents[0]
}

// instruction is one of an image's definition, its lines joined.
type instruction struct{ word, rest string }

func instructions(t *testing.T) []instruction {
	t.Helper()
	var out []instruction
	for line := range strings.SplitSeq(strings.ReplaceAll(text(t, "Containerfile"), "\\\n", " "), "\n") {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word != "" && !strings.HasPrefix(word, "#") {
			out = append(out, instruction{strings.ToUpper(word), strings.TrimSpace(rest)})
		}
	}
	return out
}

// S30: the image holds the program and its certificates and nothing else, no
// shell among it, and runs as nobody in particular.
func TestS30Image(t *testing.T) {
	all := instructions(t)
	last := 0
	for i, in := range all {
		if in.word == "FROM" {
			last = i
		}
		if in.word == "ADD" || strings.Contains(in.rest, "curl") || strings.Contains(in.rest, "wget") {
			t.Errorf("it fetches something: %s %s", in.word, in.rest)
		}
	}
	seen := map[string]string{}
	for _, in := range all[last:] {
		seen[in.word] = in.rest
		switch in.word {
		case "RUN":
			t.Errorf("the image itself runs %q: it has no shell", in.rest)
		case "COPY":
			if !strings.HasPrefix(in.rest, "--from=build ") {
				t.Errorf("COPY %s does not come from the build", in.rest)
			}
		case "ENTRYPOINT", "CMD":
			if !strings.HasPrefix(in.rest, "[") {
				t.Errorf("%s %s needs a shell", in.word, in.rest)
			}
		case "HEALTHCHECK":
			if !strings.Contains(in.rest, `CMD ["/reconcile"`) {
				t.Errorf("HEALTHCHECK %s needs more than the program", in.rest)
			}
		}
	}
	for word, want := range map[string]string{"FROM": "scratch", "USER": "65532:65532", "ENTRYPOINT": `["/reconcile"]`, "VOLUME": "/var/lib/reconcile", "STOPSIGNAL": "SIGTERM"} {
		if seen[word] != want {
			t.Errorf("%s is %q, want %q", word, seen[word], want)
		}
	}
	if seen["HEALTHCHECK"] == "" || seen["CMD"] == "" {
		t.Error("it has no HEALTHCHECK, or no CMD")
	}
	if build := text(t, "Containerfile"); !strings.Contains(build, "CGO_ENABLED=0") || !strings.Contains(build, "-trimpath") {
		t.Error("the program is not built static and reproducible")
	}
}

// S30: the program runs on a root on which there is nothing else. It is the one
// that "make build" made, in RECONCILE_STATIC.
func TestS30AnEmptyRootIsEnough(t *testing.T) {
	program := os.Getenv("RECONCILE_STATIC")
	if program == "" {
		t.Skip("RECONCILE_STATIC names no static build of the program")
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("there is no unshare")
	}
	root := t.TempDir()
	if out, err := exec.Command(unshare, "--map-root-user", "--root", root, "/nothing").CombinedOutput(); !strings.Contains(string(out), "No such file") {
		t.Skipf("an own root is not permitted here: %v %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(root, "reconcile"), []byte(text(t, program)), 0o755); err != nil {
		t.Fatal(err)
	}
	inside := func(args ...string) (string, error) {
		cmd := exec.Command(unshare, slices.Concat([]string{"--map-root-user", "--root", root, "/reconcile"}, args)...)
		cmd.Env = []string{"HOME=/"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := inside("version"); err != nil {
		t.Errorf("version: %v\n%s", err, out)
	}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	if out, err := inside("doctor", "--alive", server.URL); err != nil {
		t.Errorf("the image's health check: %v\n%s", err, out)
	}
	server.Close()
	if out, err := inside("doctor", "--alive", server.URL); err == nil {
		t.Errorf("the health check passes without a daemon: %s", out)
	}
}

// settings are the lines of a unit's section, by name.
func settings(unit, section string) map[string][]string {
	out := map[string][]string{}
	in := ""
	for line := range strings.SplitSeq(unit, "\n") {
		switch name, value, ok := strings.Cut(line, "="); {
		case strings.HasPrefix(line, "["):
			in = strings.Trim(line, "[]")
		case ok && in == section && !strings.HasPrefix(line, "#"):
			out[name] = append(out[name], value)
		}
	}
	return out
}

func TestUnit(t *testing.T) {
	got := settings(text(t, "reconcile.service"), "Service")
	for name, want := range map[string]string{
		"Type": "notify", "User": "reconcile", "DynamicUser": "", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "NoNewPrivileges": "yes",
		"MemoryDenyWriteExecute": "yes", "CapabilityBoundingSet": "", "StateDirectory": "reconcile", "StateDirectoryMode": "0700", "UMask": "0077",
		"TimeoutStopSec": "35", "ExecReload": "/bin/kill -HUP $MAINPID", "WatchdogSec": "60", "Restart": "always",
	} {
		if strings.Join(got[name], "\n") != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	for _, line := range got["Environment"] {
		if strings.Contains(line, "SECRET") || strings.Contains(line, "TOKEN") {
			t.Errorf("a secret stands in the environment: %s", line)
		}
	}
	config := text(t, "reconcile.yaml")
	for _, line := range got["LoadCredential"] {
		name, _, _ := strings.Cut(line, ":")
		if !strings.Contains(config, "/run/credentials/reconcile.service/"+name) {
			t.Errorf("the credential %s is not what reconcile.yaml reads", name)
		}
	}
	if n := strings.Count(config, "/run/credentials/"); n != len(got["LoadCredential"]) {
		t.Errorf("reconcile.yaml reads %d credentials, and the unit loads %d", n, len(got["LoadCredential"]))
	}
}

// The unit as systemd itself sees it.
func TestUnitBySystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	unit := filepath.Join(t.TempDir(), "reconcile.service")
	installed := strings.Replace(text(t, "reconcile.service"), "ExecStart=/usr/local/bin/reconcile", "ExecStart=/bin/true", 1)
	if err := os.WriteFile(unit, []byte(installed), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		out, err := exec.Command(analyze, args...).CombinedOutput()
		return string(out), err
	}
	if out, err := run("verify", "--man=no", unit); err != nil || out != "" {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err := run("security", "--offline=yes", "--no-pager", "--threshold=15", unit)
	var exit *exec.ExitError
	if errors.As(err, &exit) && (strings.Contains(out, "unrecognized option") || strings.Contains(out, "Unknown")) {
		t.Skip("this systemd-analyze does not judge units that are not installed")
	}
	if err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
	t.Logf("S30: %s", strings.TrimSpace(out[max(strings.LastIndex(out, "Overall"), 0):]))
}

// The operator's files are ones that the daemon takes.
func TestOperatorsFiles(t *testing.T) {
	for _, file := range []string{"reconcile.yaml", "compose/reconcile.yaml"} {
		config, problems := daemon.Decode(document(t, file))
		if len(problems) > 0 {
			t.Errorf("%s: %v", file, problems)
		}
		for _, c := range config.Credentials {
			if c.SecretKey.File == "" || c.AccessKey.File == "" {
				t.Errorf("%s: credential %s is in no file", file, c.Name)
			}
		}
		for _, stack := range config.Stacks {
			if stack.Credential == "" || stack.Mode == "" {
				t.Errorf("%s: stack %s lacks what defaults say: %+v", file, stack.Name, stack)
			}
		}
	}
}

// words are the scalars of a list.
func words(n *reconcile.Node) []string {
	if n == nil {
		return nil
	}
	var out []string
	for _, item := range n.Items {
		out = append(out, item.Text)
	}
	return out
}

func TestCompose(t *testing.T) {
	file := document(t, "compose/compose.yaml")
	secrets := map[string]bool{}
	for _, e := range file.Get("secrets").Entries {
		secrets[e.Key] = true
		if e.Value.Get("file") == nil {
			t.Errorf("the secret %s is no file", e.Key)
		}
	}
	for _, e := range file.Get("services").Entries {
		one := e.Value
		if one.Get("read_only") == nil || one.Get("read_only").Text != "true" {
			t.Errorf("%s: its root can be written", e.Key)
		}
		if got := words(one.Get("cap_drop")); !slices.Equal(got, []string{"ALL"}) {
			t.Errorf("%s drops %v", e.Key, got)
		}
		if got := words(one.Get("security_opt")); !slices.Contains(got, "no-new-privileges:true") {
			t.Errorf("%s may gain privileges", e.Key)
		}
		if one.Get("user") == nil || one.Get("privileged") != nil || one.Get("healthcheck") == nil {
			t.Errorf("%s has no user of its own, is privileged, or is not checked", e.Key)
		}
		for _, name := range words(one.Get("secrets")) {
			if !secrets[name] {
				t.Errorf("%s: there is no secret %s", e.Key, name)
			}
		}
		if env := one.Get("environment"); env != nil {
			for _, v := range env.Entries {
				if strings.Contains(v.Key, "PASSWORD") && !strings.HasSuffix(v.Key, "_FILE") {
					t.Errorf("%s: %s stands in the environment", e.Key, v.Key)
				}
			}
		}
	}
	ours := file.Get("services").Get("reconcile")
	if n := ours.Get("deploy").Get("replicas").Text; n != "2" {
		t.Errorf("%s replicas", n)
	}
	for _, port := range words(ours.Get("ports")) {
		if !strings.HasPrefix(port, "127.0.0.1:") {
			t.Errorf("port %s is open to everybody", port)
		}
	}
	if !strings.Contains(strings.Join(words(ours.Get("healthcheck").Get("test")), " "), "/reconcile doctor --alive") {
		t.Error("the daemon is not checked by itself")
	}
	config := text(t, "compose/reconcile.yaml")
	for _, name := range words(ours.Get("secrets")) {
		if !strings.Contains(config, "/run/secrets/"+name+"}") {
			t.Errorf("the secret %s is not what reconcile.yaml reads", name)
		}
	}
}
