//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// What happens to the store below daemons, and to the host.

// TestR28DiskFull fills the disk that a daemon's store is on.
func TestR28DiskFull(t *testing.T) {
	t.Parallel()
	h := newHerd(t, nil)
	disk := smallDisk(t)
	h.folders[0] = filepath.Join(disk, "store")
	h.token = localToken(t, h.folders[0])
	h.serving("a")
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	before := len(h.sim.Log())
	h.write("a.yaml", sized("a", 512, ""))
	h.write("b.yaml", sized("b", 256, ""))
	commitAll(t, h.dir, "Change")
	said := func() bool { return strings.Contains(h.daemons[0].out.String(), "disk") }
	for end := time.Now().Add(20 * time.Second); !said(); time.Sleep(50 * time.Millisecond) {
		h.nudge("rig")
		if time.Now().After(end) {
			t.Fatalf("it does not say that the disk is full:\n%s", h.daemons[0].out.String())
		}
	}
	h.quiet(before, "the disk is full")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	h.settled(time.Minute)
	h.proper()
	t.Log("R28: disk full: 0 calls without a journal, said so, in sync once there was room")
}

// fill writes a file until there is no room.
func fill(t *testing.T, name string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for size := 1 << 20; size > 0; {
		if _, err := file.Write(bytes.Repeat([]byte{1}, size)); err != nil {
			size /= 2
		}
	}
}

// TestR29Damaged spoils the store of a daemon in some ways. It does not begin
// with such a store, says what to do, and with a new one there is nothing to do.
func TestR29Damaged(t *testing.T) {
	t.Parallel()
	h := newHerd(t, nil)
	h.serving("a", "b")
	h.daemons[0].stop()
	store := filepath.Join(h.folders[0], "store.db")
	whole, err := os.ReadFile(store)
	if err != nil {
		t.Fatal(err)
	}
	before := len(h.sim.Log())
	spoiled := bytes.Clone(whole)
	for i := range spoiled {
		if i > 4096 && i%13 == 0 {
			spoiled[i] ^= 0xff
		}
	}
	for what, bytes := range map[string][]byte{"flipped": spoiled, "cut off": whole[:len(whole)/2], "not a database": []byte(strings.Repeat("x", 8192))} {
		if err := os.WriteFile(store, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		os.Remove(store + "-wal")
		os.Remove(store + "-shm")
		out, code := h.run(nil, "serve", "--config", h.file, "--store", h.folders[0], "--listen", h.addresses[0])
		if code != 1 || !strings.Contains(out, "damaged") || !strings.Contains(out, "mkdir") {
			t.Errorf("%s: exit %d:\n%s", what, code, out)
		}
	}
	h.quiet(before, "the store is damaged")
	if err := os.MkdirAll(filepath.Join(h.folders[0], "damaged"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range must(filepath.Glob(store[:len(store)-2] + "*")) { // as it says
		if err := os.Rename(name, filepath.Join(h.folders[0], "damaged", filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	h.token = localToken(t, h.folders[0])
	h.start()
	h.settled(time.Minute)
	h.quiet(before, "the store is new, and everything is ours by its marks")
	h.proper()
	t.Log("R29: damaged in 3 ways: refused; with a new store 0 calls")
}

// TestR30HostLost loses host and store: a new folder with the repository and the
// credentials is in sync with no call that changes anything. (Issue: under 60 s.)
func TestR30HostLost(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		h.serving("a", "b", "c")
		h.write("d.yaml", sized("d", 256, rigTrigger))
		commitAll(t, h.dir, "Add d")
		h.settled(time.Minute)
		for _, s := range h.daemons {
			s.kill()
		}
		before := len(h.sim.Log())
		fresh := newHerdBeside(h)
		start := time.Now()
		fresh.start()
		fresh.settled(time.Minute)
		took := time.Since(start)
		fresh.looked("rig")
		fresh.quiet(before, "host and store are new")
		fresh.proper()
		t.Logf("R30: host and store lost: in sync after %s, 0 calls", took.Round(10*time.Millisecond))
	})
}

// newHerdBeside has a new store, and the same repository and Scaleway.
func newHerdBeside(h *herd) *herd {
	h.t.Helper()
	other := newHerd(h.t, h.server)
	env := append([]string(nil), h.rig.env...)
	for i, variable := range env {
		if strings.HasPrefix(variable, "RECONCILE_DATABASE_URL=") {
			env[i] = "RECONCILE_DATABASE_URL=" + other.dsn
		}
	}
	other.rig = &rig{t: h.t, dir: h.dir, sim: h.sim, env: env}
	other.configure("", "name: rig")
	return other
}

// TestR31OlderStore restores an older backup of the store below a daemon.
func TestR31OlderStore(t *testing.T) {
	t.Parallel()
	h := newHerd(t, nil)
	h.serving("a", "b")
	h.daemons[0].stop()
	backup := filepath.Join(t.TempDir(), "store")
	cloned(t, h.folders[0], backup)
	h.start()
	h.write("a.yaml", sized("a", 512, ""))
	h.write("c.yaml", sized("c", 256, ""))
	commitAll(t, h.dir, "Change a, add c")
	h.settled(time.Minute)
	if err := os.Remove(filepath.Join(h.dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	commitAll(t, h.dir, "Remove b")
	h.settled(time.Minute)
	h.daemons[0].kill()
	before := len(h.sim.Log())
	if err := os.RemoveAll(h.folders[0]); err != nil {
		t.Fatal(err)
	}
	cloned(t, backup, h.folders[0])
	h.start()
	h.settled(time.Minute)
	h.quiet(before, "the store is older than what is live")
	h.write("a.yaml", sized("a", 1024, ""))
	commitAll(t, h.dir, "Go on")
	h.settled(time.Minute)
	if calls := h.writes(before); len(calls) != 1 || calls[0].Method != http.MethodPatch {
		t.Errorf("%v, want one change", calls)
	}
	h.proper()
	t.Log("R31: an older store below the daemon: 0 wrong calls")
}

// cloned copies a folder as a backup does that keeps modes.
func cloned(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestR33TwoDaemons starts a second daemon on the folder of the first, and one
// on a copy of it.
func TestR33TwoDaemons(t *testing.T) {
	t.Parallel()
	h := newHerd(t, nil)
	h.serving("a")
	start, before := time.Now(), len(h.sim.Log())
	out, code := h.run(nil, "serve", "--config", h.file, "--store", h.folders[0], "--listen", freeAddress(t))
	if code != int(exitLocked) || !strings.Contains(out, "another daemon serves") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	refused := time.Since(start)
	h.daemons[0].stop()
	other := newHerdBeside(h)
	other.folders[0] += "-copy"
	cloned(t, h.folders[0], other.folders[0])
	other.token = h.token
	h.start()
	other.start()
	for _, one := range []*herd{h, other} {
		one.settled(time.Minute)
		one.looked("rig")
	}
	h.quiet(before, "two daemons agree")
	h.proper()
	t.Logf("R33: a second daemon was refused within %s; one on a copy of the store did nothing", refused.Round(time.Millisecond))
}

// TestR12Rotation gives every credential a successor while runs are under way: the
// Scaleway key, the Git token, a webhook's secret and the API's token. No call
// fails, though each old one is refused soon after.
func TestR12Rotation(t *testing.T) {
	t.Parallel()
	h := newHerd(t, nil)
	h.write("stack.yaml", rigStack)
	h.write("a.yaml", sized("a", 256, ""))
	commitAll(t, h.dir, "Begin")
	dir := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".new", []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	var tokens sync.Map // those of Git that are valid
	var denied atomic.Int64
	url := gitDoor(t, &repository{t, h.dir}, func(password string) bool {
		_, ok := tokens.Load(password)
		if !ok && password != "" { // go-git asks without one first
			denied.Add(1)
		}
		return ok
	})
	secret := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	gitToken := func(n int) string { return fmt.Sprintf("glpat-of-the-rotation-%d", n) }
	hookSecret := func(n int) string { return fmt.Sprintf("a-secret-of-32-characters-or-more-%d", n) }
	renew := func(n int) {
		tokens.Store(gitToken(n), true)
		put("access", fmt.Sprintf("SCWROTATION%09d", n))
		put("secret", secret(n))
		put("git", gitToken(n))
		put("hook", hookSecret(n)+"\n"+hookSecret(n-1)) // those who call may still have the old one
	}
	renew(0)
	h.configure(fmt.Sprintf("credentials: [{name: bench, accessKey: {file: %[1]s/access}, secretKey: {file: %[1]s/secret}, apiUrl: %[2]q, project: %[3]s, rate: 5000}]\n"+
		"git: [{name: lab, host: 127.0.0.1, token: {file: %[1]s/git}}]\nwebhooks: [{name: gitlab, secret: {file: %[1]s/hook}}]\n",
		dir, envOf(h.env, "SCW_API_URL"), envOf(h.env, "SCW_DEFAULT_PROJECT_ID")), "name: rig, poll: 20s, url: "+url)
	h.start()
	h.settled(time.Minute)
	h.sim.AddFault(simulator.Fault{Kind: "latency", Seconds: 0.02}) // so that calls are under way
	rotations := 4 * runs(1)
	for n := 1; n <= rotations; n++ {
		for i := range 4 {
			h.write("a.yaml", sized("a", 128*(1+(4*n+i)%8), ""))
			h.write(fmt.Sprintf("c%d.yaml", n%20), sized(fmt.Sprintf("c%d", n%20), 256+128*i, ""))
			commitAll(t, h.dir, "Change")
			hooked(t, h.daemons[0].url, hookSecret(n-1))
			switch i {
			case 1:
				renew(n)
			case 2:
				h.token = rotatedToken(h)
			}
		}
		h.settled(time.Minute)
		tokens.Delete(gitToken(n - 1))
		h.sim.AddKey(simulator.Key{Secret: secret(n - 1), Revoked: true})
	}
	failed := 0
	for _, m := range regexp.MustCompile(`(?m)^reconcile_api_requests_total\{class="(\w+)"\} (\d+)`).FindAllStringSubmatch(h.daemons[0].metrics(), -1) {
		if m[1] != "ok" && m[2] != "0" {
			failed++
			t.Errorf("%s calls ended with %s", m[2], m[1])
		}
	}
	if failed+int(denied.Load()) > 0 || strings.Contains(h.daemons[0].out.String(), "denied") {
		t.Errorf("%d calls of Git were denied; the log ends with\n%s", denied.Load(), h.daemons[0].out.String())
	}
	h.proper()
	t.Logf("R12: %d rotations of all credentials while runs were under way: %d changes, 0 calls failed", rotations, len(h.writes(0)))
}

// rotatedToken makes a token with another, and revokes that.
func rotatedToken(h *herd) string {
	h.t.Helper()
	secret, hash := reconcile.NewToken()
	d := h.daemons[0]
	var old struct{ Tokens []reconcile.Token }
	d.call(http.MethodGet, "/api/v1/tokens", nil, &old)
	d.call(http.MethodPost, "/api/v1/tokens", reconcile.Token{Name: "successor", Role: reconcile.Grant, Hash: hash}, nil)
	d.token = secret
	for _, token := range old.Tokens {
		if token.Revoked.IsZero() {
			d.call(http.MethodDelete, "/api/v1/tokens/"+token.ID, nil, nil)
		}
	}
	return secret
}
