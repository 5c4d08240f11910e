package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// chromium is a browser without a window, spoken to over two pipes.
type chromium struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	last    int
	session string
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
		t.Skip("there is no Chromium here: the pages are not looked at")
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
	c := &chromium{t: t, in: ourOut, out: bufio.NewReaderSize(ourIn, 1<<20)}
	t.Cleanup(func() {
		ended.Stop()
		c.session = ""
		c.call("Browser.close", nil) // so that its children end too
		cmd.Wait()
	})
	target := c.call("Target.createTarget", map[string]any{"url": "about:blank"})["targetId"]
	c.session, _ = c.call("Target.attachToTarget", map[string]any{"targetId": target, "flatten": true})["sessionId"].(string)
	c.call("Page.enable", nil)
	return c
}

// call sends a command and gives its result.
func (c *chromium) call(method string, params map[string]any) map[string]any {
	c.t.Helper()
	c.last++
	message := map[string]any{"id": c.last, "method": method}
	if params != nil {
		message["params"] = params
	}
	if c.session != "" {
		message["sessionId"] = c.session
	}
	body, _ := json.Marshal(message)
	if _, err := c.in.Write(append(body, 0)); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	for {
		line, err := c.out.ReadBytes(0)
		if err != nil {
			c.t.Fatalf("%s: %v", method, err)
		}
		var answer struct {
			ID     int            `json:"id"`
			Result map[string]any `json:"result"`
			Error  any            `json:"error"`
		}
		if err := json.Unmarshal(line[:len(line)-1], &answer); err != nil {
			c.t.Fatal(err)
		}
		if answer.Error != nil && answer.ID == c.last {
			c.t.Fatalf("%s: %v", method, answer.Error)
		}
		if answer.ID == c.last {
			return answer.Result
		}
	}
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

// until waits for an expression to be true.
func (c *chromium) until(expression string) {
	c.t.Helper()
	ok := c.eval(`new Promise(done => { let n = 0; const look = () => { let ok = false; try { ok = !!(` + expression + `) } catch {}
		if (ok || n++ > 400) done(ok); else setTimeout(look, 25); }; look(); })`)
	if ok != true {
		c.t.Fatalf("it never came to be that %s\nthe page is\n%v", expression, c.eval("document.body.innerText"))
	}
}

// open goes to a page; what it must not do is noted from the first moment.
func (c *chromium) open(address string) {
	c.t.Helper()
	c.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `globalThis.wrongs = [];
		addEventListener("securitypolicyviolation", e => wrongs.push("policy: " + e.violatedDirective + " " + e.blockedURI));
		addEventListener("error", e => wrongs.push("error: " + e.message)); addEventListener("unhandledrejection", e => wrongs.push("rejection: " + e.reason));`})
	c.call("Page.navigate", map[string]any{"url": address})
	c.until(`location.protocol === "http:" && document.readyState === "complete" && document.querySelector("h1")`)
}

// width makes the window so many pixels wide.
func (c *chromium) width(pixels int) {
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": pixels, "height": 800, "deviceScaleFactor": 1, "mobile": false})
}

// says tells whether the page shows a text.
func says(text string) string {
	quoted, _ := json.Marshal(text)
	return fmt.Sprintf("document.body.innerText.includes(%s)", quoted)
}

// wrongs are what went wrong on the page.
func (c *chromium) wrongs() string {
	list, _ := c.eval("wrongs.join('\\n')").(string)
	return strings.TrimSpace(list)
}

// to goes to another of our pages, and waits until it is there.
func (c *chromium) to(page, ready string) {
	c.t.Helper()
	quoted, _ := json.Marshal(page)
	c.eval(`document.getElementById("main").replaceChildren(); if (location.hash === ` + string(quoted) + `) dispatchEvent(new HashChangeEvent("hashchange")); else location.hash = ` + string(quoted))
	c.until(ready)
}
