//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
)

// canaries are the secrets of a daemon, each of its own kind, so that one that is
// found says where it came from.
func canaries() map[string]string {
	out := map[string]string{}
	for _, name := range []string{"VALUE", "HOOK_SECRET", "NOTIFY_URL", "NOTIFY_SECRET", "ANCHOR_URL", "ANCHOR_SECRET", "GIT_TOKEN", "DSN", "WRONG"} {
		secret, _ := reconcile.NewToken()
		out[name] = strings.ToLower(name[:3]) + "-" + secret[4:] + `"&/+?x`
	}
	for _, name := range []string{"NOTIFY_URL", "ANCHOR_URL", "DSN"} { // which are part of an address
		out[name] = strings.TrimSuffix(out[name], `"&/+?x`)
	}
	return out
}

// canaryRig is a daemon with a secret in every place that has one, and all that it wrote.
type canaryRig struct {
	*rig
	*served
	secrets map[string]string
	told    *heardBodies
	sinks   int
}

// heardBodies are what others were sent.
type heardBodies struct {
	mu   sync.Mutex
	got  bytes.Buffer
	seen int
}

func (h *heardBodies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen++
	r.URL = nil // the address is a secret that its receiver knows
	fmt.Fprintf(&h.got, "%v\n%s\n", r.Header, body)
	if h.seen%4 == 1 { // refused at times, which is logged
		http.Error(w, "no", http.StatusBadGateway)
	}
}

func (h *heardBodies) bytes() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Clone(h.got.Bytes())
}

// search looks for each secret in a place.
func (c *canaryRig) search(where string, data []byte) {
	c.t.Helper()
	c.sinks++
	for name, secret := range c.secrets {
		find(c.t, where+": "+name, data, secret)
	}
}

// TestS10Daemon drives a daemon through whatever tells of something, and looks for
// its secrets in all of that: logs, answers, pages, events, metrics, messages, files,
// rows, processes, and what is left of a crash.
func TestS10Daemon(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { canary(t, "", nil) })
	t.Run("postgres", func(t *testing.T) {
		server := pgtest.New(t)
		dsn := server.DSN(t)
		canary(t, dsn, func() []byte { return server.Dump(t, dsn) })
	})
}

func canary(t *testing.T, dsn string, rows func() []byte) {
	c := newCanaryRig(t, dsn)
	c.provoke()
	c.ask()
	c.processes()
	c.hup()
	c.stored(rows)
	c.crash()
	c.search("what others were sent", c.told.bytes())
	c.search("the log", []byte(c.out.String()))
	if c.told.seen < 2 || !strings.Contains(c.out.String(), `"level":"DEBUG"`) || !strings.Contains(c.out.String(), reconcile.Masked) {
		t.Errorf("%d messages, %d bytes of log: not much was tested\n%.3000s", c.told.seen, len(c.out.String()), c.out.String())
	}
	t.Logf("S10: %d places searched for %d secrets", c.sinks, len(c.secrets))
}

const canaryContainer = "  env: {secrets: [{name: TOKEN, valueFrom: {env: APP_VALUE}}, {name: NOT, valueFrom: {env: APP_NOT_SET}}]}\n"

func newCanaryRig(t *testing.T, dsn string) *canaryRig {
	secrets := canaries()
	repository := newRepository(t)
	repository.commit("Begin", map[string]string{"stack.yaml": stackText("shop", uidA, ", store: "+map[bool]string{true: "daemon", false: "postgres"}[dsn == ""]),
		"a.yaml": rigContainer("a", "  env: {secrets: [{name: TOKEN, valueFrom: {env: APP_VALUE}}]}\n"), "b.yaml": rigContainer("b", canaryContainer)})
	told := &heardBodies{}
	receiver := httptest.NewServer(told)
	t.Cleanup(receiver.Close)
	c := &canaryRig{rig: newRig(t, nil), secrets: secrets, told: told}
	gitToken := secrets["GIT_TOKEN"] // the map grows while the server answers
	git := gitServer(t, repository, func() string { return gitToken })
	env := append([]string(nil), c.rig.env...)
	for name, value := range map[string]string{
		"APP_VALUE": secrets["VALUE"], "HOOK": secrets["HOOK_SECRET"], "NOTIFY": receiver.URL + "/services/" + secrets["NOTIFY_URL"], "NOTIFY_KEY": secrets["NOTIFY_SECRET"],
		"ANCHOR": receiver.URL + "/anchors/" + secrets["ANCHOR_URL"], "RECONCILE_ANCHOR_SECRET": secrets["ANCHOR_SECRET"], "GIT": secrets["GIT_TOKEN"],
		"DSN": dsn + " password=" + secrets["DSN"], "BAD_DSN": "postgres://u:" + secrets["DSN"] + "@127.0.0.1:1/x",
	} {
		env = append(env, name+"="+value)
	}
	database := ""
	if dsn != "" {
		database = "store: {postgres: {env: DSN}}\n"
	}
	address, folder := freeAddress(t), filepath.Join(c.dir, "store")
	c.write("reconcile.yaml", database+credential(env)+`
git: [{name: git, host: 127.0.0.1, token: {env: GIT}}]
webhooks: [{name: gitlab, secret: {env: HOOK}}]
notify:
- {name: chat, type: slack, url: {env: NOTIFY}}
- {name: pager, url: {env: NOTIFY}, secret: {env: NOTIFY_KEY}}
checkpoints: {anchors: [{type: webhook, url: {env: ANCHOR}}]}
stacks:
- {name: shop, url: "`+git+`", branch: main, credential: bench, poll: 1s, bounds: {env: ["APP_*"]}}
- {name: office, url: "http://127.0.0.1:1/nowhere.git", credential: bench, poll: 1s}
`)
	token := c.token(dsn, folder)
	c.sim.AddFault(simulator.Fault{Kind: "status", Status: 400, Method: http.MethodPost, Path: "/containers$", Count: 2,
		Body: fmt.Sprintf(`{"type":"invalid_arguments","message":%q,"details":[{"argument_name":%q,"reason":"format"}]}`, "bad value "+secrets["VALUE"], secrets["VALUE"])})
	cmd := c.command(nil, "serve", "--config", "reconcile.yaml", "--store", folder, "--listen", address, "--log-level", "debug", "--log-format", "json")
	cmd.Env = env
	c.served = serve(t, cmd, address, token)
	c.secrets["TOKEN"] = token
	c.secrets["KEY"] = envOf(env, "SCW_SECRET_KEY")
	return c
}

// token puts a token into the store.
func (c *canaryRig) token(dsn, folder string) string {
	if dsn == "" {
		return localToken(c.t, folder)
	}
	st, err := postgres.Open(c.t.Context(), dsn, postgres.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	defer st.Close()
	secret, hash := reconcile.NewToken()
	if err := st.SaveToken(c.t.Context(), reconcile.Token{ID: "canary", Name: "canary", Role: reconcile.Grant, Hash: hash, Created: time.Now()}); err != nil {
		c.t.Fatal(err)
	}
	return secret
}

// request asks the daemon, searches the answer, and returns it.
func (c *canaryRig) request(method, path, body string, headers ...string) (int, string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	if strings.HasPrefix(path, "/api/v1/events") {
		ctx, cancel = context.WithTimeout(c.t.Context(), 1500*time.Millisecond)
	}
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.served.token)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body) // events go on until their time is over
	c.search(method+" "+path, fmt.Appendf(nil, "%v\n%s", resp.Header, text))
	return resp.StatusCode, string(text)
}

// provoke has the daemon apply, fail, and be told of things that are wrong.
func (c *canaryRig) provoke() {
	defer func() {
		if c.t.Failed() {
			c.t.Logf("the log ends with %s", c.served.out.String()[max(0, len(c.served.out.String())-3000):])
		}
	}()
	tries := 0
	eventually(c.t, time.Minute, "a container is there", func() bool {
		if tries++; tries%100 == 0 { // what failed is not left to wait
			c.request(http.MethodPost, "/api/v1/stacks/shop/nudge", `{}`)
		}
		made := 0
		for _, call := range c.sim.Log() {
			if call.Method == http.MethodPost && strings.HasSuffix(call.Template, "/containers") && call.Status < 300 {
				made++
			}
		}
		return made > 0
	})
	wrong := c.secrets["WRONG"]
	for _, bearer := range []string{"rct_" + wrong, "a." + wrong + ".c", wrong} {
		c.request(http.MethodGet, "/api/v1/stacks?token="+wrong[:20], "", "Authorization", "Bearer "+bearer)
	}
	for _, secret := range []string{wrong, c.secrets["HOOK_SECRET"]} {
		c.request(http.MethodPost, "/hooks/gitlab", `{"object_kind":"push","ref":"refs/heads/main"}`, "X-Gitlab-Token", secret)
	}
	c.request(http.MethodPost, "/api/v1/orders", `{"verb":"suspend","stack":"shop","reason":"a while","until":"2999-01-01T00:00:00Z"}`)
	c.request(http.MethodPost, "/api/v1/stacks/shop/nudge", `{}`)
	c.request(http.MethodPost, "/api/v1/tokens", `{"name":"x","role":"read","hash":"`+reconcile.HashToken(wrong)+`"}`)
	c.request(http.MethodPost, "/api/v1/leases", `{"stack":"other.12345678","holder":"me"}`)
}

// ask reads whatever can be read, by the list of it.
func (c *canaryRig) ask() {
	_, runs := c.request(http.MethodGet, "/api/v1/runs?stack=shop", "")
	jid := between(runs, `"jid":"`, `"`)
	if jid == "" {
		c.t.Fatalf("there is no run: %s", runs)
	}
	asked := 0
	for _, path := range []string{"/", "/assets/app.js", "/stacks/shop", "/runs/" + jid, "/healthz", "/readyz", "/metrics", "/openapi.json", "/nowhere",
		"/api/v1/me", "/api/v1/stacks", "/api/v1/stacks/shop", "/api/v1/stacks/office", "/api/v1/stacks/shop/resources/Container/a",
		"/api/v1/stacks/shop/artefacts/plan.json", "/api/v1/stacks/shop/artefacts/drift.json", "/api/v1/stacks/shop/artefacts/plan.txt", "/api/v1/stacks/shop/artefacts/approvals.json",
		"/api/v1/orders?ended=1", "/api/v1/runs", "/api/v1/runs/" + jid, "/api/v1/runs/" + jid + "/artefacts/plan.json", "/api/v1/runs/" + jid + "/artefacts/return.json",
		"/api/v1/runs/" + jid + "/artefacts/highstate.txt", "/api/v1/records?stack=shop", "/api/v1/heads", "/api/v1/journals/shop/memory", "/api/v1/tokens", "/api/v1/events"} {
		if code, _ := c.request(http.MethodGet, path, ""); code == http.StatusOK {
			asked++
		}
	}
	if asked < 20 {
		c.t.Errorf("only %d answers held something", asked)
	}
}

func between(text, begin, end string) string {
	_, rest, _ := strings.Cut(text, begin)
	out, _, _ := strings.Cut(rest, end)
	return out
}

// processes looks at how the daemon and all its children were called. Its own
// environment is where the operator puts secrets; nobody else's is.
func (c *canaryRig) processes() {
	pid := strconv.Itoa(c.served.cmd.Process.Pid)
	line, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if err != nil {
		c.t.Skip("there is no /proc")
	}
	c.search("its command line", line)
	children, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
	for _, file := range children {
		list, _ := os.ReadFile(file)
		for child := range strings.FieldsSeq(string(list)) {
			for _, of := range []string{"cmdline", "environ"} {
				data, _ := os.ReadFile("/proc/" + child + "/" + of)
				c.search("child "+of, data)
			}
		}
	}
}

// hup has it read a file that holds secrets where none belong, and one that differs.
func (c *canaryRig) hup() {
	before := must(os.ReadFile(filepath.Join(c.dir, "reconcile.yaml")))
	for _, text := range []string{strings.Replace(string(before), "poll: 1s", "poll: 2s", 1), strings.Replace(string(before), "{env: GIT}", "{env: NOWHERE}", 1)} {
		c.write("reconcile.yaml", text)
		known := len(c.out.String())
		c.served.cmd.Process.Signal(syscall.SIGHUP)
		eventually(c.t, 20*time.Second, "it was read again", func() bool { return strings.Contains(c.out.String()[known:], "operator's file") })
	}
}

// stored looks into all files, the write-ahead log among them, and rows.
func (c *canaryRig) stored(rows func() []byte) {
	files := 0
	for _, top := range []string{"store", "again"} {
		filepath.WalkDir(filepath.Join(c.dir, top), func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				data, err := os.ReadFile(name)
				if err == nil {
					files++
					c.search(name, data)
				}
			}
			return nil
		})
	}
	if rows == nil && files < 3 {
		c.t.Errorf("only %d files", files)
	}
	if rows != nil {
		all := rows()
		if len(all) < 2000 {
			c.t.Errorf("only %d bytes of rows", len(all))
		}
		c.search("rows", all)
	}
}

// crash has it write down where each of its goroutines is.
func (c *canaryRig) crash() {
	c.served.cmd.Process.Signal(syscall.SIGQUIT)
	<-c.served.done
	if !strings.Contains(c.out.String(), "goroutine ") {
		c.t.Error("it wrote no dump")
	}
}
