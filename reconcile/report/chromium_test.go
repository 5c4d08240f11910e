package report_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// chromium is a browser without a window, spoken to over two pipes. It looks at
// files, and notes what they ask the network for.
type chromium struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	last    int
	session string
	asked   []string // addresses that a page asked for
	dir     string
}

// newChromium starts one, or skips the test where there is none.
func newChromium(t *testing.T) *chromium {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
		}
	}
	if path == "" {
		t.Skip("there is no Chromium here: the page is not looked at")
	}
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	ended := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	c := &chromium{t: t, in: ourOut, out: bufio.NewReaderSize(ourIn, 1<<20), dir: t.TempDir()}
	t.Cleanup(func() {
		ended.Stop()
		c.session = ""
		c.call("Browser.close", nil) // so that its children end too
		cmd.Wait()
	})
	target := c.call("Target.createTarget", map[string]any{"url": "about:blank"})["targetId"]
	c.session, _ = c.call("Target.attachToTarget", map[string]any{"targetId": target, "flatten": true})["sessionId"].(string)
	c.call("Page.enable", nil)
	c.call("Network.enable", nil)
	c.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `globalThis.wrongs = [];
		addEventListener("securitypolicyviolation", e => wrongs.push("policy: " + e.violatedDirective + " " + e.blockedURI));
		addEventListener("error", e => wrongs.push("error: " + e.message)); addEventListener("unhandledrejection", e => wrongs.push("rejection: " + e.reason));`})
	return c
}

// call sends a command and gives its result.
func (c *chromium) call(method string, params map[string]any) map[string]any {
	c.t.Helper()
	c.last++
	command := map[string]any{"id": c.last, "method": method}
	if params != nil {
		command["params"] = params
	}
	if c.session != "" {
		command["sessionId"] = c.session
	}
	body, _ := json.Marshal(command)
	if _, err := c.in.Write(append(body, 0)); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	for {
		if answer := c.next(method); answer.ID == c.last {
			if answer.Error != nil {
				c.t.Fatalf("%s: %v", method, answer.Error)
			}
			return answer.Result
		}
	}
}

// A message is the answer to a command, or tells of something that happened.
type message struct {
	ID     int
	Method string
	Result map[string]any
	Error  any
	Params struct{ Request struct{ URL string } }
}

// next reads one message, while something is waited for.
func (c *chromium) next(awaited string) (m message) {
	c.t.Helper()
	text, err := c.out.ReadBytes(0)
	if err != nil {
		c.t.Fatalf("%s: %v", awaited, err)
	}
	if err := json.Unmarshal(text[:len(text)-1], &m); err != nil {
		c.t.Fatal(err)
	}
	if m.Method == "Network.requestWillBeSent" {
		c.asked = append(c.asked, m.Params.Request.URL)
	}
	return m
}

// eval gives the value of an expression, or of its promise.
func (c *chromium) eval(expression string) any {
	c.t.Helper()
	got := c.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true})
	if thrown, ok := got["exceptionDetails"]; ok {
		c.t.Fatalf("%s\nthrew %v", expression, thrown)
	}
	return got["result"].(map[string]any)["value"]
}

// open writes a page into a file, goes there, and waits until it is read.
func (c *chromium) open(name, page string) {
	c.t.Helper()
	file := filepath.Join(c.dir, name+".html")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.call("Page.navigate", map[string]any{"url": "file://" + file})
	for c.eval("document.readyState + location.pathname") != "complete"+file {
		c.next(name) // whatever happens next
	}
}

// look makes the window so many pixels wide, and light or dark.
func (c *chromium) look(pixels int, scheme string) {
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": pixels, "height": 800, "deviceScaleFactor": 1, "mobile": false})
	c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]any{{"name": "prefers-color-scheme", "value": scheme}}})
}

func quote(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

// wrongs are what went wrong on the page.
func (c *chromium) wrongs() string {
	list, _ := c.eval("wrongs.join('\\n')").(string)
	return strings.TrimSpace(list)
}
