//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// hostileDaemon serves a repository of somebody who means harm, from the binary
// itself, with a umask that keeps nothing from anybody.
func hostileDaemon(t *testing.T, r *rig, repository *repository, format string, done func(log string) bool) *served {
	t.Helper()
	folder, address := filepath.Join(r.dir, "store"), freeAddress(t)
	r.write("reconcile.yaml", credential(r.env)+"checkpoints: {anchors: [{type: file, path: anchors.jsonl}]}\nstacks:\n- {name: shop, url: "+repository.dir+", branch: main, credential: bench, poll: 1s}\n")
	token := localToken(t, folder)
	cmd := exec.Command("sh", "-c", "umask 000; exec reconcile serve --config reconcile.yaml --store store --log-level debug --log-format "+format+" --listen "+address)
	cmd.Dir, cmd.Env = r.dir, r.env
	s := serve(t, cmd, address, token)
	eventually(t, 30*time.Second, "it has looked", func() bool { return done(s.out.String()) })
	return s
}

// TestS28Daemon: what others wrote neither steers a terminal nor makes lines of a log.
func TestS28Daemon(t *testing.T) {
	const hostile = "evil\x1b[2J\x1b]8;;http://evil\x07\r\u202egnp\u009b31m"
	for _, format := range []string{"text", "json"} {
		repository := newRepository(t)
		repository.commit("Begin", map[string]string{"stack.yaml": stackText("shop", uidA, ", store: daemon"), "a.yaml": rigContainer("a", "  description: \"evil\\e[2J\\r\\a\\u202e\"\n")})
		repository.git("-c", "user.name="+hostile, "commit", "-q", "--allow-empty", "-m", "subject "+hostile+"\nmsg=\"all is well\"")
		r := newRig(t, nil)
		r.sim.AddFault(simulator.Fault{Kind: "status", Status: 400, Method: http.MethodPost, Path: "/containers$", Count: 3,
			Body: fmt.Sprintf(`{"type":"invalid_arguments","message":%s}`, quoted(hostile+"\ntime=2026-01-01 level=INFO msg=forged"))})
		s := hostileDaemon(t, r, repository, format, func(log string) bool { return strings.Contains(log, "run ended") })
		lines := 0
		for line := range strings.Lines(s.out.String()) {
			lines++
			if format == "json" && !json.Valid([]byte(line)) || strings.HasPrefix(line, "time=2026-01-01") {
				t.Errorf("a line of the log is %q", line)
			}
			if i := strings.IndexFunc(line, steers); i >= 0 {
				t.Errorf("the log holds %q", line[max(0, i-40):min(len(line), i+10)])
			}
		}
		outputs, evil := 0, strings.Count(s.out.String(), "evil")
		for _, verb := range []string{"status", "status --stack shop", "runs", "why Container/a --stack shop", "audit show --stack shop.0f8e2d64", "hold Container/a --stack shop --for 1h --reason x"} {
			out, _ := r.run([]string{"RECONCILE_URL=" + s.url, "RECONCILE_TOKEN=" + s.token}, strings.Fields(verb)...)
			outputs++
			evil += strings.Count(out, "evil")
			if i := strings.IndexFunc(out, steers); i >= 0 {
				t.Errorf("%s prints %q", verb, out[max(0, i-40):min(len(out), i+10)])
			}
		}
		if evil == 0 {
			t.Error("nothing hostile was told, so nothing was tested")
		}
		t.Logf("S28: %s: %d lines and %d outputs with %d hostile words, 0 control characters", format, lines, outputs, evil)
	}
}

// TestS29Daemon: whatever the umask, what a daemon keeps is for its owner only.
func TestS29Daemon(t *testing.T) {
	repository := newRepository(t)
	repository.commit("Begin", map[string]string{"stack.yaml": stackText("shop", uidA, ", store: daemon"), "a.yaml": rigContainer("a", "")})
	r := newRig(t, nil)
	hostileDaemon(t, r, repository, "json", func(string) bool {
		_, err := os.Stat(filepath.Join(r.dir, "anchors.jsonl"))
		return err == nil
	})
	files := 0
	for _, top := range []string{"store", "anchors.jsonl"} {
		filepath.WalkDir(filepath.Join(r.dir, top), func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // it goes on, and some files come and go
			}
			if info, err := d.Info(); err == nil {
				if files++; info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s has mode %o", name, info.Mode().Perm())
				}
			}
			return nil
		})
	}
	t.Logf("S29: %d files and folders of a daemon, 0 open to others", files)
}

// TestS21NoHostOfARepository: whatever hosts manifests name, nobody here goes there.
func TestS21NoHostOfARepository(t *testing.T) {
	var came atomic.Int64
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	go func() {
		for {
			conn, err := trap.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(trap.Addr().String())
	hosts := []string{"127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "169.254.169.254"}
	files := map[string]string{"stack.yaml": stackText("shop", uidA, ", store: daemon")}
	for i, host := range hosts {
		at := host + ":" + port
		name := fmt.Sprintf("c%d", i)
		files[name+".yaml"] = strings.Replace(rigContainer(name, "  triggers: [{name: q, sqs: {queueUrl: 'http://"+at+"/q', accessKeyId: K, secretAccessKey: {valueFrom: {env: APP}}}}]\n"),
			"docker.io/library/nginx:1.29", "'"+at+"/x/y:1'", 1)
	}
	repository := newRepository(t)
	repository.commit("Begin", files)
	r := newRig(t, nil)
	s := hostileDaemon(t, r, repository, "json", func(log string) bool { return strings.Contains(log, `"msg":"looked"`) })
	s.stop()
	for _, url := range []string{"http://" + trap.Addr().String(), "https://" + trap.Addr().String()} { // nor may it say where its store is
		repository.commit("Elsewhere", map[string]string{"stack.yaml": stackText("shop", uidA, ", store: '"+url+"'")})
		if out, code := r.run([]string{"RECONCILE_TOKEN=canary"}, "plan", repository.dir); code != 1 || !strings.Contains(out, "store") {
			t.Errorf("a store at %s: exit %d\n%s", url, code, out)
		}
	}
	if n := came.Load(); n > 0 {
		t.Errorf("%d requests went to hosts that the repository names", n)
	}
	t.Logf("S21: %d hosts in manifests, %d requests", len(hosts)+2, came.Load())
}
