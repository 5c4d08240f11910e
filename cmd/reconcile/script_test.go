package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"reconcile": func() {
		a := process()
		a.clock = quickClock()
		dieAt(a, os.Getenv("RECONCILE_TEST_DIE"))
		os.Exit(run(a, os.Args[1:]))
	}})
}

// speed is how much faster than real time the scripts' simulator and waits are.
const speed = 200

// quick is a clock that runs as fast as the scripts' simulator, from the same moment.
type quick struct{ epoch time.Time }

func quickClock() reconcile.Clock {
	nanos, err := strconv.ParseInt(os.Getenv("RECONCILE_TEST_EPOCH"), 10, 64)
	if err != nil {
		return reconcile.RealClock{}
	}
	return quick{time.Unix(0, nanos)}
}

func (q quick) Now() time.Time { return q.epoch.Add(time.Since(q.epoch) * speed) }

func (q quick) Sleep(ctx context.Context, d time.Duration) error {
	return reconcile.RealClock{}.Sleep(ctx, d/speed)
}

// TestScript drives the real binary. Each script says what a user does and sees.
// Besides testscript's own commands there are:
//
//	commit MESSAGE            commits everything below the folder
//	sim [OPTION=VALUE]...     starts a simulator and leads the environment to it
//	fault JSON                adds a fault to it
//	api METHOD PATH [JSON]    speaks to it behind reconcile's back; $ID is the last answer's id
//	advance SECONDS           moves its clock
//	netbox as USER METHOD PATH [FIELD=VALUE]... [JSON]
//	                          does as a person in its NetBox: PATH is dcim/devices/12, or dcim/devices and what finds one there
//	netbox seed|hooks         has two devices that people look after; shows the webhooks that were sent
//	exits CODE COMMAND...     runs reconcile and wants that exit status
//	remember NAME PATTERN     sets a variable to what matches in the last standard output
//	agekey NAME               makes an age key; $NAME is it, $NAME_FOR its recipient, NAME.key a file with it, NAME.rule a .sops.yaml
//
// and those of serve_test.go, gitlabscript_test.go and inventoryscript_test.go. $SOON is a day three
// months from now.
func TestScript(t *testing.T) {
	commands := serveCommands()
	maps.Copy(commands, map[string]func(*testscript.TestScript, bool, []string){
		"commit": commit, "sim": startSim, "fault": addFault, "api": callAPI, "advance": advance, "exits": exits, "remember": remember, "agekey": ageKey,
		"gitlab": gitlabCommand, "netbox": callNetBox, "saltapi": saltCommand,
	})
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup:              setUpScript,
		Cmds:               commands,
		Condition: func(cond string) (bool, error) {
			_, err := exec.LookPath(cond)
			return err == nil, nil
		},
	})
}

func setUpScript(env *testscript.Env) error {
	for _, variable := range []string{
		"HOME=" + env.WorkDir, "NO_COLOR=1", "COLUMNS=100", "GORACE=atexit_sleep_ms=0", "GIT_CONFIG_NOSYSTEM=1", "TZ=America/St_Johns",
		"GIT_AUTHOR_NAME=R. Leone", "GIT_AUTHOR_EMAIL=r@example.com", "GIT_COMMITTER_NAME=R. Leone", "GIT_COMMITTER_EMAIL=r@example.com",
		"GIT_AUTHOR_DATE=2026-11-21T09:00:00Z", "GIT_COMMITTER_DATE=2026-11-21T09:00:00Z",
	} {
		name, value, _ := strings.Cut(variable, "=")
		env.Setenv(name, value)
	}
	env.Setenv("SOON", time.Now().UTC().AddDate(0, 3, 0).Format(time.DateOnly))
	for _, name := range []string{"CI", "GITLAB_CI", "SCW_ACCESS_KEY", "SCW_SECRET_KEY", "SCW_API_URL", "SCW_PROFILE", "SCW_CONFIG_PATH", "SCW_DEFAULT_PROJECT_ID", "NETBOX_URL", "NETBOX_TOKEN", "NETBOX_CA"} {
		env.Setenv(name, "")
	}
	return nil
}

// commit makes the folder a repository if it is none, and commits all of it.
func commit(ts *testscript.TestScript, neg bool, args []string) {
	if _, err := exec.LookPath("git"); err != nil {
		ts.Fatalf("git is needed for this script")
	}
	dir := ts.MkAbs(".")
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		ts.Check(ts.Exec("git", "init", "-q", "-b", "main", "."))
	}
	ts.Check(ts.Exec("git", "add", "-A"))
	ts.Check(ts.Exec("git", "commit", "-q", "--allow-empty", "-m", strings.Join(args, " ")))
}

// startSim starts a simulator in this process and names it in the environment.
func startSim(ts *testscript.TestScript, neg bool, args []string) {
	o := simulator.Options{Clock: fmt.Sprintf("fast=%d", speed), CheapHashes: true, Seed: 1}
	for _, arg := range args {
		switch name, value, _ := strings.Cut(arg, "="); name {
		case "clock":
			o.Clock = value
		case "netbox":
			o.NetBoxVersion = value
		default:
			ts.Fatalf("sim knows no %s", name)
		}
	}
	ts.Setenv("RECONCILE_TEST_EPOCH", strconv.FormatInt(time.Now().UnixNano(), 10))
	sim, err := simulator.New(o)
	ts.Check(err)
	url, stop, err := simulator.Listen(sim, "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { stop(); sim.Close() })
	for _, variable := range sim.Environment(url) {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
}

func request(ts *testscript.TestScript, method, path, body string) string {
	req, err := http.NewRequest(method, ts.Getenv("SCW_API_URL")+path, strings.NewReader(body))
	ts.Check(err)
	req.Header.Set("X-Auth-Token", ts.Getenv("SCW_SECRET_KEY"))
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode >= 300 {
		ts.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return string(text)
}

func addFault(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 1 && args[0] == "none" {
		request(ts, "DELETE", "/_sim/faults", "")
		return
	}
	request(ts, "POST", "/_sim/faults", strings.Join(args, " "))
}

func callAPI(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: api METHOD PATH [JSON]")
	}
	path := args[1]
	if !strings.HasPrefix(path, "/_sim/") && !strings.HasPrefix(path, "/secret-manager/") {
		path = "/containers/v1/regions/fr-par" + path
	}
	answer := request(ts, args[0], path, strings.Join(args[2:], " "))
	ts.Setenv("ID", firstID(answer))
	_, err := fmt.Fprintln(ts.Stdout(), answer)
	ts.Check(err)
}

// firstID is the first "id" of an answer.
func firstID(answer string) string {
	_, rest, found := strings.Cut(answer, `"id":"`)
	if !found {
		return ""
	}
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

func advance(ts *testscript.TestScript, neg bool, args []string) {
	request(ts, "POST", "/_sim/advance", `{"seconds":`+args[0]+`}`)
}

// remember sets a variable to the first text of the last standard output that fits a pattern.
func remember(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: remember NAME PATTERN")
	}
	found := regexp.MustCompile(args[1]).FindString(ts.ReadFile("stdout"))
	if found == "" {
		ts.Fatalf("nothing fits %s", args[1])
	}
	ts.Setenv(args[0], found)
}

// exits runs reconcile and wants an exit status: testscript knows only success and failure.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("reconcile", args[1:]...)
	got := "0"
	if exit, ok := err.(*exec.ExitError); ok {
		got = fmt.Sprint(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("reconcile %s: exit %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}
