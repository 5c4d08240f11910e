package repo_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// until keeps an answer open until the client goes away.
func until(w http.ResponseWriter, r *http.Request) {
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// repeat writes a text again and again until the client goes away or enough was
// sent to show that it never will.
func repeat(w http.ResponseWriter, r *http.Request, text string) {
	for sent := 0; sent < 1<<30 && r.Context().Err() == nil; sent += len(text) {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}

// deltaTo is a delta over a one-byte base that claims to make size bytes.
func deltaTo(size uint64) string {
	head := binary.AppendUvarint([]byte{1}, size)
	return string(append(head, bytes.Repeat([]byte{0x90, 1}, 16)...))
}

// A serverCase is a server that does something wrong, and what must come of it.
type serverCase struct {
	name  string
	serve *fakeServer
	class error
}

// packOf makes a pack.
func packOf(f func(p *rawPack)) []byte {
	var p rawPack
	f(&p)
	return p.bytes(p.count)
}

// answering serves an honest list of refs and then something else.
func answering(f func(w http.ResponseWriter, req *http.Request)) *fakeServer {
	return &fakeServer{answer: f}
}

// greedyServers send more than anybody asked for.
func greedyServers(tip string) []serverCase {
	preamble := (&fakeServer{tip: tip}).preamble()
	bomb := strings.Repeat("\x00", 65<<20)
	sends := func(f func(p *rawPack)) *fakeServer { return (&fakeServer{tip: tip}).sends(packOf(f)) }
	var many rawPack
	many.add("blob", 1, "", "x")
	return []serverCase{
		{"endless pack", answering(func(w http.ResponseWriter, req *http.Request) {
			io.WriteString(w, preamble)
			repeat(w, req, pkt("\x01"+strings.Repeat("PACK\x00\x00\x00\x02", 8000)))
		}), repo.ErrLimit},
		{"a million objects", (&fakeServer{tip: tip}).sends(many.bytes(1_000_000)), repo.ErrLimit},
		{"zlib bomb", sends(func(p *rawPack) { p.add("blob", uint64(len(bomb)), "", bomb) }), repo.ErrLimit},
		{"zlib bomb that lies", sends(func(p *rawPack) { p.add("blob", 10, "", bomb) }), repo.ErrUnavailable},
		{"many bombs", sends(func(p *rawPack) {
			for range 3 {
				p.add("blob", 10<<20, "", bomb[:10<<20])
			}
		}), repo.ErrLimit},
		{"delta bomb", sends(func(p *rawPack) {
			p.add("blob", 1, "", "x")
			p.add("delta", uint64(len(deltaTo(1<<40))), gitHash("blob", "x"), deltaTo(1<<40))
		}), repo.ErrLimit},
		{"endless progress", answering(func(w http.ResponseWriter, req *http.Request) {
			io.WriteString(w, preamble)
			repeat(w, req, pkt("\x02counting objects\r"))
		}), repo.ErrLimit},
		{"endless refs", &fakeServer{refs: func(w http.ResponseWriter, req *http.Request) {
			io.WriteString(w, pkt("# service=git-upload-pack\n")+"0000"+(&fakeServer{tip: tip}).firstRef())
			repeat(w, req, strings.Repeat(pkt(tip+" refs/heads/"+strings.Repeat("x", 200)+"\n"), 100))
		}}, repo.ErrLimit},
		{"endless shallow list", answering(func(w http.ResponseWriter, req *http.Request) {
			repeat(w, req, pkt("shallow "+tip+"\n"))
		}), repo.ErrLimit},
	}
}

// silentServers stop in the middle of a sentence.
func silentServers(tip string) []serverCase {
	preamble := (&fakeServer{tip: tip}).preamble()
	return []serverCase{
		{"silence before refs", &fakeServer{refs: until}, context.DeadlineExceeded},
		{"silence within refs", &fakeServer{refs: func(w http.ResponseWriter, req *http.Request) {
			io.WriteString(w, pkt("# service=git-upload-pack\n")+"00")
			until(w, req)
		}}, context.DeadlineExceeded},
		{"silence before the pack", answering(until), context.DeadlineExceeded},
		{"silence within the pack", answering(func(w http.ResponseWriter, req *http.Request) {
			io.WriteString(w, preamble+pkt("\x01PACK"))
			until(w, req)
		}), context.DeadlineExceeded},
	}
}

// brokenServers say what is no protocol, or no pack.
func brokenServers(tip string, honest []byte) []serverCase {
	preamble := (&fakeServer{tip: tip}).preamble()
	says := func(text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
	}
	sends := func(pack []byte) *fakeServer { return (&fakeServer{tip: tip}).sends(pack) }
	flip := bytes.Clone(honest)
	flip[len(flip)-1] ^= 1
	return []serverCase{
		{"a web page", &fakeServer{refs: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>Sign in</html>")
		}}, repo.ErrUnavailable},
		{"failing", &fakeServer{refs: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }}, repo.ErrUnavailable},
		{"empty answer", answering(says("")), repo.ErrUnavailable},
		{"no pack", sends(nil), repo.ErrUnavailable},
		{"cut pack", sends(honest[:len(honest)-30]), repo.ErrUnavailable},
		{"wrong checksum", sends(flip), repo.ErrUnavailable},
		{"another repository's pack", sends(packOf(func(p *rawPack) { p.add("blob", 1, "", "x") })), repo.ErrUnavailable},
		{"lines of no length", &fakeServer{refs: says("zzzz0001")}, repo.ErrUnavailable},
		{"refs without hashes", &fakeServer{refs: says(pkt("# service=git-upload-pack\n") + "0000" + pkt("\x00\n") + pkt(" \x00 =") + "0000")}, repo.ErrUnavailable},
		{"another hash", &fakeServer{caps: " object-format=sha256"}, repo.ErrUnavailable},
		{"an error said", answering(says(pkt("ERR \x1b[2Jgo away https://u:canary@h/\n"))), repo.ErrUnavailable},
		{"an error within the pack", answering(says(preamble + pkt("\x03\x1b[2Jout of memory https://h/?private_token=canary\n"))), repo.ErrUnavailable},
		{"deltas of nothing", sends(packOf(func(p *rawPack) { p.add("delta", 2, strings.Repeat("1", 40), "\x01\x01") })), repo.ErrUnavailable},
		{"an object of no kind", sends(packOf(func(p *rawPack) { p.add("none", 1, "", "x") })), repo.ErrUnavailable},
	}
}

// A hostile or broken server costs no more than the limits allow, ends in an
// error, and leaves other repositories alone. The limits are small here.
func TestS3HostileServers(t *testing.T) {
	r := newRaw(t)
	tip := r.head(r.put("tree", line("100644", "a.yaml", r.put("blob", "fine"))))
	honest := r.pack()
	cases := append(append(greedyServers(tip), silentServers(tip)...), brokenServers(tip, honest)...)
	var slowest time.Duration
	for _, c := range cases {
		c.serve.tip = tip
		if c.serve.answer == nil {
			c.serve.sends(honest)
		}
		o := repo.Options{Store: store(t), MaxPack: 1 << 20, MaxObjects: 1000, Timeout: 30 * time.Second}
		if errors.Is(c.class, context.DeadlineExceeded) {
			o.Timeout = 100 * time.Millisecond
		}
		start := time.Now()
		_, _, err := open(t, c.serve.start(t), o).Tree(context.Background())
		slowest = max(slowest, time.Since(start))
		if !errors.Is(err, c.class) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.class)
		}
		if err != nil && (strings.ContainsAny(err.Error(), "\x1b\n\r") || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: the error is not fit to be shown: %q", c.name, err)
		}
		if n := bytesIn(t, o.Store); n > 4096 {
			t.Errorf("%s: %d bytes were left in the store", c.name, n)
		}
	}
	// The same limits let an honest server through.
	honestly := open(t, (&fakeServer{tip: tip}).sends(honest).start(t), repo.Options{Store: store(t), MaxPack: 1 << 20})
	if files, _ := tree(t, honestly); read(t, files, "a.yaml") != "fine" {
		t.Error("an honest server is not read")
	}
	t.Logf("S3: %d servers, each stopped at its limit, the slowest after %v", len(cases), slowest.Round(time.Millisecond))
}

// What is on its way is not held in memory: a pack of bombs costs us little.
func TestS3Memory(t *testing.T) {
	r := newRaw(t)
	tip := r.head(r.put("tree", line("100644", "a.yaml", r.put("blob", "fine"))))
	zeros := strings.Repeat("\x00", 32<<20)
	server := (&fakeServer{tip: tip}).sends(packOf(func(p *rawPack) {
		for range 8 {
			p.add("blob", 32<<20, "", zeros)
		}
	})).start(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := open(t, server, repo.Options{Store: store(t), MaxPack: 8 << 20}).Tree(context.Background())
	runtime.ReadMemStats(&after)
	if !errors.Is(err, repo.ErrLimit) {
		t.Errorf("got %v", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("%d MiB were allocated for a pack that unpacks to 256 MiB", grown>>20)
	} else {
		t.Logf("S3: a pack that unpacks to 256 MiB was refused with %d KiB allocated", grown>>10)
	}
}

func bytesIn(t testing.TB, dir string) int64 {
	t.Helper()
	var total int64
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return total
}

// A listener counts who comes, and who comes with credentials.
type listener struct{ heard, authorised atomic.Int64 }

func (l *listener) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	l.heard.Add(1)
	if r.Header.Get("Authorization") != "" {
		l.authorised.Add(1)
	}
}

func redirect(to string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, to, http.StatusFound) }
}

// A server that sends us elsewhere never learns that we came with credentials,
// nor does the other one hear of us at all.
func TestS5Redirects(t *testing.T) {
	var elsewhere listener
	other := httptest.NewServer(&elsewhere)
	defer other.Close()
	auth := lookup(map[string]string{"RECONCILE_GIT_TOKEN": "canary"})
	port := strings.TrimPrefix(other.URL, "http://127.0.0.1")
	targets := []string{other.URL + "/r.git/info/refs?service=git-upload-pack", "http://localhost" + port + "/info/refs", "https://127.0.0.1" + port + "/info/refs",
		"http://u:p@127.0.0.1" + port + "/info/refs", "//127.0.0.1" + port + "/info/refs", "file:///etc/passwd", "ftp://127.0.0.1/x"}
	tip, refused := strings.Repeat("1", 40), 0
	for _, to := range targets {
		for _, server := range []*fakeServer{{tip: tip, refs: redirect(to), answer: redirect(to)}, {tip: tip, answer: redirect(to)}} {
			_, _, err := open(t, server.start(t), repo.Options{Store: store(t), Auth: auth}).Tree(context.Background())
			if err == nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: got %v", to, err)
				continue
			}
			refused++
		}
	}
	endless := &fakeServer{tip: tip}
	endless.refs = func(w http.ResponseWriter, req *http.Request) { redirect(req.URL.String())(w, req) }
	if _, _, err := open(t, endless.start(t), repo.Options{Store: store(t)}).Tree(context.Background()); err == nil {
		t.Error("a server that redirects to itself for ever was followed")
	}
	if elsewhere.heard.Load() != 0 {
		t.Errorf("the other server heard %d requests", elsewhere.heard.Load())
	}
	t.Logf("S5: %d of %d redirects refused, %d Authorization headers seen elsewhere", refused, 2*len(targets), elsewhere.authorised.Load())
}

// Within one server a redirect is followed, as where .git was left out, and the
// credentials go with it.
func TestS5RedirectWithin(t *testing.T) {
	r := newRaw(t)
	tip := r.head(r.put("tree", line("100644", "a.yaml", r.put("blob", "fine"))))
	good := (&fakeServer{tip: tip}).sends(r.pack()).start(t)
	var last atomic.Value
	mux := http.NewServeMux()
	mux.HandleFunc("/short/", func(w http.ResponseWriter, req *http.Request) {
		redirect(strings.Replace(req.URL.String(), "/short/", "/r.git/", 1))(w, req)
	})
	mux.HandleFunc("/r.git/", func(w http.ResponseWriter, req *http.Request) {
		user, token, _ := req.BasicAuth()
		last.Store(user + ":" + token)
		res, err := http.DefaultTransport.RoundTrip(forward(req, good))
		if err != nil {
			w.WriteHeader(500)
			return
		}
		defer res.Body.Close()
		w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
		io.Copy(w, res.Body)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	auth := lookup(map[string]string{"RECONCILE_GIT_TOKEN": "canary"})
	files, _ := tree(t, open(t, server.URL+"/short", repo.Options{Store: store(t), Auth: auth}))
	if read(t, files, "a.yaml") != "fine" || last.Load() != "oauth2:canary" {
		t.Errorf("got %v", last.Load())
	}
}

func forward(req *http.Request, to string) *http.Request {
	out := req.Clone(req.Context())
	at, _ := req.URL.Parse(strings.TrimSuffix(to, "/r.git") + req.URL.RequestURI())
	out.URL, out.Host, out.RequestURI = at, "", ""
	return out
}
