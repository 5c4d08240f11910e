package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Commands of scripts about the daemon:
//
//	serve [-not] ARGS          starts reconcile serve in the background, and waits until it says where it
//	                           is; $URL, $TOKEN and the file serve.log then tell of it
//	await REGEXP COMMAND...    runs a command again and again until what it prints matches
//	logged REGEXP              waits until the daemon's log matches
//	hup                        sends SIGHUP
//	stops [SIGNAL]             stops it (TERM) and wants it to end well, within 30 seconds
//	get [-status N] PATH       asks its API with $TOKEN
func serveCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"serve": startServe, "await": awaitCommand, "logged": awaitLog, "hup": sendHup, "stops": stopServe, "get": getServe,
	}
}

// patience is how long scripts wait for what is to come.
const patience = 30 * time.Second

// background is a daemon that a script started.
type background struct {
	cmd   *exec.Cmd
	log   string // file
	ended chan struct{}
}

// started are those of all scripts, by working folder.
var started sync.Map

func daemonOf(ts *testscript.TestScript) *background {
	found, ok := started.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("no daemon was started")
	}
	return found.(*background)
}

// environment is the script's, as far as the program reads it.
func environment(ts *testscript.TestScript) []string {
	out := append(os.Environ(), "HOME="+ts.Getenv("HOME"), "PATH="+ts.Getenv("PATH"))
	for _, name := range []string{
		"NO_COLOR", "COLUMNS", "GORACE", "TZ", "CI", "GITLAB_CI", "CANARY", "GITLAB_TOKEN", "NOTIFY_SOCKET", "RECONCILE_TEST_EPOCH", "RECONCILE_ALLOW_ENV",
		"RECONCILE_URL", "RECONCILE_TOKEN", "SCW_ACCESS_KEY", "SCW_SECRET_KEY", "SCW_API_URL", "SCW_PROFILE", "SCW_CONFIG_PATH",
		"SCW_DEFAULT_PROJECT_ID", "SCW_DEFAULT_ORGANIZATION_ID", "SCW_DEFAULT_REGION", "SCW_DEFAULT_ZONE",
		"NETBOX_URL", "NETBOX_TOKEN", "NETBOX_CA",
	} {
		out = append(out, name+"="+ts.Getenv(name))
	}
	return out
}

var greeting = regexp.MustCompile(`Serving .* at (http://\S+)/#token=(rct_\S+)`)

func startServe(ts *testscript.TestScript, neg bool, args []string) {
	b := &background{log: ts.MkAbs("serve.log"), ended: make(chan struct{})}
	out, err := os.OpenFile(b.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	binary, err := exec.LookPath("reconcile")
	ts.Check(err)
	b.cmd = exec.Command(binary, append([]string{"serve"}, args...)...)
	b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = ts.MkAbs("."), out, out
	b.cmd.Env = environment(ts)
	ts.Check(b.cmd.Start())
	go func() { b.cmd.Wait(); out.Close(); close(b.ended) }()
	started.Store(ts.Getenv("WORK"), b)
	ts.Defer(func() { b.cmd.Process.Kill(); <-b.ended })
	known, _ := os.ReadFile(b.log) // of earlier daemons
	begun := ts.Getenv("READY")    // what the log says where no token is printed
	until(ts, "the daemon says where it is", b.tail, func() bool {
		select {
		case <-b.ended:
			ts.Fatalf("the daemon ended: %s", b.tail())
		default:
		}
		text, _ := os.ReadFile(b.log)
		text = text[len(known):]
		if m := greeting.FindAllSubmatch(text, -1); m != nil {
			last := m[len(m)-1]
			ts.Setenv("URL", string(last[1]))
			ts.Setenv("URL_HOST", strings.TrimPrefix(string(last[1]), "http://"))
			ts.Setenv("TOKEN", string(last[2]))
			return true
		}
		return begun != "" && bytes.Contains(text, []byte(begun))
	})
}

func (b *background) tail() string {
	text, _ := os.ReadFile(b.log)
	return string(text[max(0, len(text)-4000):])
}

// until waits for what a condition says.
func until(ts *testscript.TestScript, what string, seen func() string, done func() bool) {
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("waited for %s; in the end there was\n%s", what, seen())
		}
	}
}

func awaitCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: await REGEXP COMMAND...")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	said := ""
	until(ts, args[0], func() string { return said }, func() bool {
		cmd := exec.Command(args[1], args[2:]...)
		cmd.Dir, cmd.Env = ts.MkAbs("."), environment(ts)
		out, _ := cmd.CombinedOutput()
		said = string(out)
		return want.MatchString(said) != neg
	})
	_, err = fmt.Fprint(ts.Stdout(), said)
	ts.Check(err)
}

func awaitLog(ts *testscript.TestScript, neg bool, args []string) {
	b := daemonOf(ts)
	want, err := regexp.Compile(strings.Join(args, " "))
	ts.Check(err)
	if neg {
		if want.MatchString(b.tail()) {
			ts.Fatalf("the log has %s", want)
		}
		return
	}
	until(ts, want.String(), b.tail, func() bool { return want.MatchString(b.tail()) })
}

func sendHup(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(daemonOf(ts).cmd.Process.Signal(syscall.SIGHUP))
}

func stopServe(ts *testscript.TestScript, neg bool, args []string) {
	b := daemonOf(ts)
	ts.Check(b.cmd.Process.Signal(map[string]os.Signal{"INT": os.Interrupt, "KILL": os.Kill, "": syscall.SIGTERM}[strings.Join(args, "")]))
	select {
	case <-b.ended:
	case <-time.After(patience):
		ts.Fatalf("the daemon did not end: %s", b.tail())
	}
	if code := b.cmd.ProcessState.ExitCode(); code != 0 && len(args) == 0 {
		ts.Fatalf("the daemon exits %d: %s", code, b.tail())
	}
}

func getServe(ts *testscript.TestScript, neg bool, args []string) {
	want := http.StatusOK
	if len(args) > 2 && args[0] == "-status" {
		_, err := fmt.Sscan(args[1], &want)
		ts.Check(err)
		args = args[2:]
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, ts.Getenv("URL")+args[0], nil)
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("TOKEN"))
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode != want {
		ts.Fatalf("GET %s: %s %s", args[0], resp.Status, text)
	}
	_, err = ts.Stdout().Write(text)
	ts.Check(err)
}
