package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// serve runs a rig's server as cmd does, until the test or stop ends it.
func (r *rig) serve() (addr string, stop func() error) {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Serve(ctx, l) }()
	over := false
	stop = func() error {
		if over {
			return nil
		}
		over = true
		cancel()
		return <-ended
	}
	r.t.Cleanup(func() { stop() })
	return l.Addr().String(), stop
}

func TestServeEndsWithItsContext(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Clock = nil })
	addr, stop := r.serve()
	l := &liveRig{rig: r}
	request, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+"/api/v1/events", nil)
	request.Header.Set("Authorization", "Bearer "+r.tokens["read"])
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	l.take("operate", shopOwner)
	began := time.Now()
	if err := stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(began); took > stopTime/2 {
		t.Errorf("a reader of events held it up for %s", took)
	}
	if _, err := io.ReadAll(answer.Body); err != nil {
		t.Errorf("the stream was cut off: %v", err)
	}
	if len(r.store.leases) != 0 {
		t.Error("a lease outlived the server")
	}
}

func TestAPanicEndsItsRequestOnly(t *testing.T) {
	r := newRig(t)
	r.server.mux.Handle("GET /thrown", r.server.endpoint(route{pattern: "/thrown", status: 200, do: func(*call) (any, error) { panic("boom") }}))
	f := r.refused(500, "internal", ask{path: "/thrown"})
	if strings.Contains(f.Error.Message, "boom") || !strings.Contains(r.log.String(), "boom") || !strings.Contains(r.log.String(), f.Error.RequestID) {
		t.Errorf("the answer tells too much, or the log too little: %+v\n%s", f, r.log)
	}
	r.want(200, ask{path: "/healthz"})
}

func TestTheLogHoldsNoSecrets(t *testing.T) {
	r := newRig(t)
	r.do(ask{path: "/api/v1/records?stack=net&private=hush-hush", token: "read", header: map[string]string{"X-Gitlab-Token": "hush-hush"}})
	r.do(ask{path: "/api/v1/me?token=hush-hush", token: "wrong"})
	r.do(ask{method: "POST", path: "/hooks/gitlab", body: `{"token":"hush-hush"}`, header: map[string]string{"X-Gitlab-Token": hookSecret}})
	r.do(ask{path: "/%1b[2J%E2%80%AE"})
	text := r.log.String()
	for _, secret := range []string{"hush-hush", hookSecret, r.tokens["read"], r.tokens["wrong"], reconcile.HashToken(r.tokens["read"])} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if strings.ContainsAny(text, "\x1b\u202e") || !strings.Contains(text, `"who":"read"`) || !strings.Contains(text, `"request_id"`) {
		t.Errorf("the log is\n%s", text)
	}
}

// Who only reads is no news: pages and readers ask again and again.
func TestTheLogLeavesReadersToDebug(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		of    ask
		level string
	}{
		{ask{path: "/api/v1/me", token: "read"}, "DEBUG"},
		{ask{path: "/healthz"}, "DEBUG"},
		{ask{path: "/api/v1/me", token: "wrong"}, "INFO"},
		{ask{path: "/nowhere"}, "INFO"},
		{ask{method: "POST", path: "/hooks/gitlab", header: map[string]string{"X-Gitlab-Token": "wrong"}}, "INFO"},
	} {
		r.log.Reset()
		r.do(c.of)
		if !strings.Contains(r.log.String(), `"level":"`+c.level+`","msg":"request"`) {
			t.Errorf("%s %s is not logged at %s:\n%s", c.of.method, c.of.path, c.level, r.log)
		}
	}
}

// pair writes a certificate that signs itself, and its key.
func pair(t *testing.T, files TLS, serial int64, names []string, until time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "x"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
		DNSNames: names, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: raw}, files.Key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(serial) * time.Second) // written later than the one before
		os.Chtimes(file, at, at)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestS13TLS: a client takes our certificate if it knows who made it, and no other.
func TestS13TLS(t *testing.T) {
	files := TLS{filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")}
	late := time.Now().Add(time.Hour)
	first := pair(t, files, 1, []string{"localhost"}, late)
	r := newRig(t, func(o *Options) { o.TLS, o.Clock = files, nil })
	addr, _ := r.serve()
	_, port, _ := net.SplitHostPort(addr)
	get := func(known *x509.Certificate, name string, version uint16) (serial int64, err error) {
		pool := x509.NewCertPool()
		if known != nil {
			pool.AddCert(known)
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MaxVersion: version, ServerName: name}}}
		defer client.CloseIdleConnections()
		answer, err := client.Get("https://localhost:" + port + "/healthz")
		if err != nil {
			return 0, err
		}
		defer answer.Body.Close()
		return answer.TLS.PeerCertificates[0].SerialNumber.Int64(), nil
	}
	want := func(what string, known *x509.Certificate, name string, version uint16, serial int64) {
		t.Helper()
		if got, err := get(known, name, version); got != serial || (err != nil) != (serial == 0) {
			t.Errorf("%s: certificate %d, %v; want %d", what, got, err, serial)
		}
	}
	want("known", first, "localhost", 0, 1)
	want("of nobody we know", nil, "localhost", 0, 0)
	want("for another name", first, "other.example", 0, 0)
	want("by an old version", first, "localhost", tls.VersionTLS11, 0)
	second := pair(t, files, 2, []string{"localhost"}, late)
	want("renewed", second, "localhost", 0, 2)
	want("renewed, with the old one known", first, "localhost", 0, 0)
	if err := os.WriteFile(files.Cert, []byte("half a certif"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("half written: the one before goes on", second, "localhost", 0, 2)
	expired := pair(t, files, 3, []string{"localhost"}, time.Now().Add(-time.Hour))
	want("expired", expired, "localhost", 0, 0)
	if answer, err := http.Get("http://localhost:" + port + "/healthz"); err == nil {
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			t.Error("plain HTTP is answered too")
		}
	}
}

func TestACertificateMustBeThere(t *testing.T) {
	if _, err := (TLS{Cert: "/nowhere/c.pem", Key: "/nowhere/k.pem"}).config(slog.Default()); err == nil {
		t.Error("a certificate that is not there is none")
	}
	if config, err := (TLS{}).config(slog.Default()); config != nil || err != nil {
		t.Error("without files it is plain HTTP")
	}
}

func TestRequestsHaveDeadlines(t *testing.T) {
	t.Parallel() // it waits
	r := newRig(t, func(o *Options) { o.Clock = nil })
	addr, _ := r.serve()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") // and no more
	began := time.Now()
	conn.SetReadDeadline(began.Add(3 * headerTime))
	if _, err := io.ReadAll(conn); err != nil && os.IsTimeout(err) {
		t.Errorf("after %s it still waits for the header", time.Since(began))
	}
	big, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer big.Close()
	go io.WriteString(big, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Big: "+strings.Repeat("x", 2*mostHeader)+"\r\n\r\n")
	big.SetReadDeadline(time.Now().Add(headerTime))
	head := make([]byte, 12)
	if io.ReadFull(big, head); string(head) != "HTTP/1.1 431" {
		t.Errorf("a large header is answered %q", head)
	}
}
