package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// serve is the last chapter: from here on nobody types apply.
func (s *story) serve() error {
	if !s.versioned {
		return nil // a daemon follows a branch
	}
	say("Nobody has to type any of this. The daemon follows the branch, and looks at what is live every ten",
		"minutes. It prints where it is, with a token for the pages and the API.")
	d, err := s.start()
	if err != nil {
		return err
	}
	defer func() { _ = d.end() }()
	for _, chapter := range []func(*watch) error{s.push, s.meddleAgain, s.look} {
		if err := chapter(d); err != nil {
			return err
		}
	}
	say("A signal stops it: running calls may end, no more begin.")
	prompt("kill %1")
	return d.end()
}

// push commits a change and waits until it is live.
func (s *story) push(d *watch) error {
	say("Somebody commits a change, or merges one: the container gets more memory.")
	file := filepath.Join(s.dir, "hello.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	more := strings.Replace(string(text), "memoryLimitMb: 256", "memoryLimitMb: 512", 1)
	if more == string(text) {
		return errors.New("hello.yaml has no memoryLimitMb: 256 to change")
	}
	if err := os.WriteFile(file, []byte(more), 0o600); err != nil {
		return err
	}
	prompt(`sed -i 's/memoryLimitMb: 256/memoryLimitMb: 512/' hello.yaml && git commit -am "Give it more memory"`)
	if err := s.git("commit", "-qam", "Give it more memory"); err != nil {
		return err
	}
	begun := time.Now()
	if err := d.await("the commit is applied", func(st standing) bool {
		return st.Revision.Subject == "Give it more memory" && st.Condition == "synced"
	}); err != nil {
		return err
	}
	fmt.Printf("(applied, and settled, %.1f seconds after the commit; a container takes ten seconds to restart,\nwhich pass faster here)\n", time.Since(begun).Seconds())
	return nil
}

// meddleAgain changes something behind the daemon's back and lets time pass.
func (s *story) meddleAgain(d *watch) error {
	say("Somebody changes the container behind Git's back once more, through the simulator that the daemon",
		"has begun. Nothing tells the daemon; its next look finds it. Ten minutes pass: the simulator's clock,",
		"which is the daemon's here, is moved.")
	if err := patch(d.env); err != nil {
		return err
	}
	prompt(`curl -X POST -d '{"seconds": 720}' $SCW_API_URL/_sim/advance`)
	if err := d.advance(720); err != nil {
		return err
	}
	return d.await("the drift is repaired", func(standing) bool { return d.repaired() })
}

// look shows what is left of it all.
func (s *story) look(*watch) error {
	say("Found and repaired. What happened stands in the same store, for the pages and for the terminal.")
	if err := s.run(0, "status"); err != nil {
		return err
	}
	return s.run(0, "runs")
}

// watch is a daemon that the story has begun.
type watch struct {
	cmd        *exec.Cmd
	url, token string
	env        map[string]string // leads to its simulator
}

// standing is as much of a stack's standing as the story needs.
type standing struct {
	Condition string
	Sentence  string
	Revision  struct{ Subject string }
}

var greeting = regexp.MustCompile(`^Serving .* at (http://\S+)/#token=(\S+)`)

func (s *story) start() (*watch, error) {
	d := &watch{cmd: s.command("serve", "--simulator", "--listen", "127.0.0.1:0", "."), env: map[string]string{}}
	prompt("reconcile serve --simulator . &")
	out, err := d.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for d.env["NETBOX_TOKEN"] == "" && lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "{") {
			continue // its log
		}
		fmt.Println(line)
		if m := greeting.FindStringSubmatch(line); m != nil {
			d.url, d.token = m[1], m[2]
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		d.env[name] = value
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	if d.token == "" {
		return nil, errors.Join(errors.New("the daemon does not say where it is"), d.end())
	}
	return d, d.await("the first look", func(st standing) bool { return st.Condition == "synced" })
}

// end stops the daemon. A second call does nothing.
func (d *watch) end() error {
	if d.cmd.ProcessState != nil {
		return nil
	}
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return d.cmd.Wait()
}

// await waits for something to be seen, for half a minute at most. The
// simulator's clock is moved along, so that nothing is waited for in vain.
func (d *watch) await(what string, seen func(standing) bool) error {
	var all struct{ Stacks []standing }
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		all.Stacks = nil
		if err := d.get("/api/v1/stacks", &all); err != nil {
			return err
		}
		if len(all.Stacks) == 1 && seen(all.Stacks[0]) {
			return nil
		}
		if err := d.advance(1); err != nil {
			return err
		}
	}
	return fmt.Errorf("waited half a minute, and it did not happen: %s; in the end there was %+v", what, all.Stacks)
}

// repaired tells whether a look by schedule has changed something and succeeded.
func (d *watch) repaired() bool {
	var all struct {
		Runs []struct {
			Launch string `json:"launch_type"`
			Status string `json:"status"`
		}
	}
	if d.get("/api/v1/runs", &all) != nil || len(all.Runs) == 0 {
		return false
	}
	return all.Runs[0].Launch == "schedule" && all.Runs[0].Status == "successful"
}

func (d *watch) advance(seconds int) error {
	return call(http.MethodPost, d.env["SCW_API_URL"]+"/_sim/advance", d.env["SCW_SECRET_KEY"], fmt.Sprintf(`{"seconds": %d}`, seconds), nil)
}

func (d *watch) get(path string, into any) error {
	request, err := http.NewRequest(http.MethodGet, d.url+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+d.token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
