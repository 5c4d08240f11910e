//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// What goes wrong with repositories, under daemons.

// fromServer has the herd read its folder from a Git server over HTTP, which can
// be taken away.
func (h *herd) fromServer(more string, entry string) (down *atomic.Bool) {
	h.t.Helper()
	down = &atomic.Bool{}
	url := gitServer(h.t, &repository{h.t, h.dir}, func() string {
		if down.Load() {
			return "nobody knows it"
		}
		return "glpat-for-the-test"
	})
	h.env = append(h.env, "HERD_GIT_TOKEN=glpat-for-the-test")
	h.configure("git: [{name: lab, host: 127.0.0.1, token: {env: HERD_GIT_TOKEN}}]\n"+more, entry+", url: "+url)
	return down
}

// TestR20UnreachableRepository: while the server refuses, drift is repaired
// against what was last accepted, and nothing else happens.
func TestR20UnreachableRepository(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		h.write("stack.yaml", rigStack)
		h.write("a.yaml", sized("a", 256, ""))
		commitAll(t, h.dir, "Begin")
		down := h.fromServer("", "name: rig")
		h.start()
		h.settled(time.Minute)
		down.Store(true)
		h.write("a.yaml", sized("a", 1024, ""))
		commitAll(t, h.dir, "Nobody can read this yet")
		h.becomes("rig", time.Minute, "unread", func(s reconcile.Standing) bool { return s.Condition == reconcile.Unread })
		before := len(h.sim.Log())
		h.looked("rig")
		h.quiet(before, "the repository cannot be read")
		h.drift("a", 512)
		h.becomes("rig", time.Minute, "repaired", func(reconcile.Standing) bool { return h.live("")[0].MemoryLimit == 256e6 })
		if got := len(h.writes(before)); got != 2 { // the drift, and its repair
			t.Errorf("%d calls, want 2", got)
		}
		for _, s := range h.daemons {
			s.stop() // a daemon that starts without the repository knows what it accepted
		}
		before = len(h.sim.Log())
		h.start()
		h.becomes("rig", time.Minute, "unread", func(s reconcile.Standing) bool { return s.Condition == reconcile.Unread })
		h.looked("rig")
		h.quiet(before, "it was started anew and cannot read the repository")
		down.Store(false)
		h.settled(time.Minute)
		h.proper()
		t.Log("R20: repository away: 0 calls for it, drift repaired, in sync once it was back")
	})
}

// TestR21Emptied: a repository that is emptied, or whose folder is renamed,
// takes nothing down.
func TestR21Emptied(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		h.folder("prod", map[string]string{"stack.yaml": rigStack, "a.yaml": sized("a", 256, ""), "b.yaml": sized("b", 256, "")})
		good := commitAll(t, h.dir, "Begin")
		h.configure("", "name: rig, path: prod")
		h.start()
		h.settled(time.Minute)
		before := len(h.sim.Log())
		for what, change := range map[string]func(){
			"every manifest removed": func() { os.Remove(h.dir + "/prod/a.yaml"); os.Remove(h.dir + "/prod/b.yaml") },
			"the stack removed too":  func() { os.RemoveAll(h.dir + "/prod") },
			"the folder renamed":     func() { os.Rename(h.dir+"/prod", h.dir+"/production") },
			"all files renamed": func() {
				os.Rename(h.dir+"/prod/a.yaml", h.dir+"/prod/a.txt")
				os.Rename(h.dir+"/prod/b.yaml", h.dir+"/prod/b.txt")
			},
		} {
			git(t, h.dir, "checkout", "-q", good, "--", ".")
			change()
			head := commitAll(t, h.dir, what)
			s := h.becomes("rig", time.Minute, "held: "+what, func(s reconcile.Standing) bool {
				return s.Head == head && (s.Condition == reconcile.OnHold || s.Condition == reconcile.Unread)
			})
			if h.quiet(before, what); s.Sentence == "" {
				t.Errorf("%s: nothing is said", what)
			}
			git(t, h.dir, "rm", "-rq", "--ignore-unmatch", ".")
		}
		git(t, h.dir, "checkout", "-q", good, "--", ".")
		commitAll(t, h.dir, "As it was")
		h.settled(time.Minute)
		h.quiet(before, "all is as it was")
		h.proper()
		t.Log("R21: emptied and renamed in 4 ways: 0 deletions")
	})
}

// TestR22ForcePushed is S24, R22 and R23: a branch that is moved back, rewritten
// or deleted is held, and goes on when a person says so.
func TestR22ForcePushed(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		h.serving("a")
		first := git(t, h.dir, "rev-parse", "HEAD")
		h.write("b.yaml", sized("b", 256, ""))
		second := commitAll(t, h.dir, "Add b")
		h.settled(time.Minute)
		before := len(h.sim.Log())
		held := func(head, what string) {
			h.becomes("rig", time.Minute, "held: "+what, func(s reconcile.Standing) bool { return s.Head == head && s.Condition == reconcile.OnHold })
			h.quiet(before, what)
		}
		git(t, h.dir, "reset", "-q", "--hard", first)
		held(first, "it was moved back")
		git(t, h.dir, "checkout", "-q", "--orphan", "other")
		h.write("a.yaml", sized("a", 1024, ""))
		unrelated := commitAll(t, h.dir, "Unrelated")
		git(t, h.dir, "branch", "-f", "main", unrelated)
		held(unrelated, "it has another root")
		git(t, h.dir, "branch", "-D", "-q", "main")
		h.becomes("rig", time.Minute, "unread", func(s reconcile.Standing) bool { return s.Condition == reconcile.Unread })
		h.quiet(before, "the branch is gone")
		git(t, h.dir, "branch", "main", second)
		h.settled(time.Minute)
		h.quiet(before, "the branch is back")
		git(t, h.dir, "branch", "-f", "main", unrelated)
		held(unrelated, "it has another root again")
		h.any().call(http.MethodPost, "/api/v1/orders", reconcile.Order{Stack: h.standing("rig").Stack, Verb: reconcile.Accept, Value: unrelated, Reason: "a new history"}, nil)
		h.settled(time.Minute)
		h.proper()
		t.Log("S24, R22, R23: moved back, rewritten, deleted: 0 calls until a person accepted it")
	})
}

// TestR24HalfPushed: with a settle time, a change that comes in two pushes is
// applied once it is whole.
func TestR24HalfPushed(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		h.write("stack.yaml", h.stack())
		h.write("a.yaml", sized("a", 256, ""))
		h.write("b.yaml", sized("b", 256, ""))
		commitAll(t, h.dir, "Begin")
		h.configure("", "name: rig, settle: 5m") // one and a half seconds, with this clock
		h.start()
		h.settled(time.Minute)
		before := len(h.sim.Log())
		os.Remove(filepath.Join(h.dir, "b.yaml"))
		half := commitAll(t, h.dir, "The first half: b is away")
		h.becomes("rig", time.Minute, "at the first half", func(s reconcile.Standing) bool { return s.Head == half })
		h.quiet(before, "the commit is too young")
		h.write("b.yaml", sized("b", 512, ""))
		commitAll(t, h.dir, "The second half: it was changed")
		h.settled(time.Minute)
		for _, call := range h.writes(before) {
			if call.Method != http.MethodPatch {
				t.Errorf("%s %s", call.Method, call.Path)
			}
		}
		h.proper()
		t.Log("R24: a change in two pushes: 0 wrong calls")
	})
}

// TestR25BrokenManifest: one broken file of many holds its stack, says where it
// is broken, and takes nothing down.
func TestR25BrokenManifest(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		names := make([]string, 20)
		for i := range names {
			names[i] = fmt.Sprintf("c%d", i)
		}
		h.serving(names...)
		before := len(h.sim.Log())
		os.Remove(filepath.Join(h.dir, "c3.yaml"))
		h.write("c7.yaml", "apiVersion: reconcile/v1\nkind: Container\nmetadata: {name: c7}\nspec: {imag: x}\n")
		head := commitAll(t, h.dir, "Break it")
		s := h.becomes("rig", time.Minute, "unread", func(s reconcile.Standing) bool { return s.Head == head && s.Condition == reconcile.Unread })
		if !strings.Contains(s.Sentence, "c7.yaml:4") {
			t.Errorf("it does not say where: %s", s.Sentence)
		}
		h.looked("rig")
		h.quiet(before, "a manifest is broken")
		h.write("c7.yaml", sized("c7", 256, ""))
		commitAll(t, h.dir, "Mend it")
		h.settled(time.Minute)
		if calls := h.writes(before); len(calls) != 1 || calls[0].Method != http.MethodDelete {
			t.Errorf("%v, want one deletion", calls)
		}
		h.proper()
		t.Log("R25: 1 broken manifest of 20: 0 calls, and said where; mended, the rest was done")
	})
}

// TestR26Growth pushes again and again, and looks at how the copy of the
// repository grows.
func TestR26Growth(t *testing.T) {
	t.Parallel()
	pushes := 25
	if long() {
		pushes = 500
	}
	h := newHerd(t, nil)
	h.write("stack.yaml", rigStack)
	h.write("a.yaml", sized("a", 256, ""))
	commitAll(t, h.dir, "Begin")
	h.fromServer("", "name: rig, poll: 10m")
	h.start()
	h.settled(time.Minute)
	copies := filepath.Join(h.folders[0], "git")
	size, files := stored(t, copies)
	most, last := 0, ""
	for i := range pushes {
		h.write("notes.txt", strings.Repeat(fmt.Sprintf("push %d\n", i), 10))
		last = commitAll(t, h.dir, fmt.Sprintf("Push %d", i))
		h.nudge("rig")
		eventually(t, time.Minute, "the push is seen", func() bool { return h.standing("rig").Head == last })
		_, n := stored(t, copies)
		most = max(most, n)
	}
	h.settled(time.Minute)
	grown, _ := stored(t, copies)
	each := float64(grown-size) / float64(pushes)
	if each > 8<<10 || most > files+400 {
		t.Errorf("each push costs %.0f bytes, and %d files were there at most (%d in the beginning)", each, most, files)
	}
	t.Logf("R26: %d pushes: %.1f KiB each, %d files at most", pushes, each/1024, most)
}

// stored is what a folder takes, in bytes and files.
func stored(t *testing.T, dir string) (size int64, files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // it may be gone by now
		}
		if info, err := d.Info(); err == nil {
			size, files = size+info.Size(), files+1
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return size, files
}

// TestR27Storm pushes hundreds of commits within seconds, each with its webhook.
func TestR27Storm(t *testing.T) {
	onBoth(t, func(h *herd) {
		t := h.t
		pushes := 200
		if long() {
			pushes = 1000
		}
		h.write("stack.yaml", rigStack)
		h.write("a.yaml", sized("a", 256, ""))
		commitAll(t, h.dir, "Begin")
		h.env = append(h.env, "HOOK=a-secret-of-32-characters-or-more")
		h.configure("webhooks: [{name: gitlab, secret: {env: HOOK}, stacks: [rig]}]\n", "name: rig, poll: 1h")
		h.start()
		h.settled(time.Minute)
		commits := h.series(pushes)
		start, before := time.Now(), len(h.sim.Log())
		ref := filepath.Join(h.dir, ".git", "refs", "heads", "main")
		for i, commit := range commits {
			if err := os.WriteFile(ref+".lock", []byte(commit+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(ref+".lock", ref); err != nil {
				t.Fatal(err)
			}
			hook(t, h.daemons[i%len(h.daemons)].url)
		}
		took := time.Since(start)
		h.settled(time.Minute)
		if got := h.live("")[0].MemoryLimit; got != 1024e6 {
			t.Errorf("the last commit is not applied: %d bytes", got)
		}
		var runs struct{ Runs []reconcile.Run }
		h.any().call(http.MethodGet, "/api/v1/runs?limit=500", nil, &runs)
		if n := len(runs.Runs); n < 2 || n > 100 {
			t.Errorf("%d runs for %d pushes", n, pushes)
		}
		h.proper()
		t.Logf("R27: %d pushes in %s: %d runs, %d calls, 0 lost", pushes, took.Round(10*time.Millisecond), len(runs.Runs), len(h.writes(before)))
	})
}

// series makes commits beside the branch, each with another size of container
// a, the last with 1024 MiB.
func (h *herd) series(n int) []string {
	h.t.Helper()
	var b strings.Builder
	for i := range n {
		text := sized("a", 128*(1+(i+1)%8), "")
		if i == n-1 {
			text = sized("a", 1024, "")
		}
		fmt.Fprintf(&b, "commit refs/heads/series\ncommitter A <a@example.com> %d +0000\ndata 1\nx\n", time.Now().Unix())
		if i == 0 {
			b.WriteString("from refs/heads/main^0\n")
		}
		fmt.Fprintf(&b, "M 100644 inline a.yaml\ndata %d\n%s\n", len(text), text)
	}
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = h.dir, strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("git fast-import: %v\n%s", err, out)
	}
	return strings.Fields(git(h.t, h.dir, "rev-list", "--reverse", "main..series"))
}
