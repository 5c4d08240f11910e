package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const (
	secret = "rct_canary-token"
	shop   = "shop.5b0c1f2e"
)

// serve starts a server that answers as told, and opens its store.
func serve(t *testing.T, answer http.HandlerFunc) *Store {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return open(t, server.URL)
}

func open(t *testing.T, address string) *Store {
	t.Helper()
	s, err := Open(Options{URL: address, Token: func() (string, error) { return secret, nil }, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	s.pauses = []time.Duration{time.Millisecond, time.Millisecond}
	t.Cleanup(func() { s.Close() })
	return s
}

// refuse answers as the daemon refuses.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	answer(w, map[string]any{"error": map[string]string{"code": code, "message": message, "request_id": "r-17"}})
}

func answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func TestAddresses(t *testing.T) {
	for address, fine := range map[string]bool{
		"https://reconcile.example.com": true, "https://example.com/reconcile/": true, "http://127.0.0.1:7373": true,
		"http://localhost:7373": true, "http://[::1]:7373": true,
		"http://reconcile.example.com": false, "http://127.0.0.1.example.com": false, "http://10.0.0.1": false, "ftp://example.com": false,
		"https://user:sesame@example.com": false, "https://example.com?token=sesame": false, "https://example.com#sesame": false,
		"reconcile.example.com": false, "": false, "https://": false, "://sesame": false,
	} {
		_, err := Open(Options{URL: address})
		if (err == nil) != fine {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: the error tells it: %v", address, err)
		}
	}
}

// The token stands in the header of each request, read anew for each, and
// nowhere else.
func TestTokenIsReadEachTime(t *testing.T) {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		if body, _ := io.ReadAll(r.Body); strings.Contains(r.URL.String()+string(body), "rct_") {
			t.Errorf("it stands in %s %s %s", r.Method, r.URL, body)
		}
		answer(w, map[string]any{})
	}))
	defer server.Close()
	tokens := []string{"rct_one", "rct_two"}
	s, err := Open(Options{URL: server.URL, Token: func() (string, error) {
		token := tokens[0]
		tokens = tokens[1:]
		return token, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Heads(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(seen) != "[Bearer rct_one Bearer rct_two]" {
		t.Error(seen)
	}
}

// A redirect to elsewhere is not followed: neither a token nor a record gets there.
func TestNoRedirectElsewhere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer elsewhere.Close()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	})
	if _, err := s.Heads(t.Context()); err == nil || !strings.Contains(err.Error(), "another address") {
		t.Error(err)
	}
	if err := s.SaveRun(t.Context(), reconcile.Run{JID: "1"}); err == nil {
		t.Error("a change was taken for done")
	}
}

func TestRefusalsHaveClasses(t *testing.T) {
	tests := []struct {
		status int
		code   string
		class  reconcile.Class
	}{
		{401, "unauthorized", reconcile.Forbidden}, {403, "forbidden", reconcile.Forbidden}, {404, "not_found", reconcile.NotFound},
		{409, "conflict", reconcile.Conflict}, {413, "too_large", reconcile.Invalid}, {422, "invalid", reconcile.Invalid},
		{429, "limited", reconcile.RateLimited}, {500, "internal", reconcile.Unavailable}, {503, "unavailable", reconcile.Unavailable},
	}
	for _, test := range tests {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, test.status, test.code, "no\x1b[31m") })
		_, err := s.Order(t.Context(), reconcile.Order{Verb: reconcile.Suspend})
		var e *reconcile.Error
		if !errors.As(err, &e) || e.Class != test.class || e.RequestID != "r-17" {
			t.Errorf("%d: %v", test.status, err)
		}
		if text := fmt.Sprint(err); !strings.Contains(text, "order suspend at http://127.0.0.1") || !strings.Contains(text, `no\x1b[31m (request r-17)`) {
			t.Errorf("%d says %q", test.status, text)
		}
	}
}

// What another program answers is no success and no panic.
func TestStrangers(t *testing.T) {
	for body, status := range map[string]int{"<html>": 200, "": 200, "[]": 200, "<h1>Bad Gateway": 502, `{"error":"no"}`: 404, "null": 401} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); io.WriteString(w, body) })
		if _, err := s.Heads(t.Context()); err == nil {
			t.Errorf("%d %q was taken for heads", status, body)
		}
		if _, err := s.Lease(t.Context(), shop, "me"); err == nil {
			t.Errorf("%d %q was taken for a lease", status, body)
		}
		if err := s.Journal(shop).Append(t.Context(), reconcile.Record{}); err == nil {
			t.Errorf("%d %q was taken for a record", status, body)
		}
		if _, err := s.Journal(shop).NextJID(t.Context(), time.Now()); err == nil {
			t.Errorf("%d %q was taken for a job ID", status, body)
		}
	}
}

// Reads are tried again, changes are sent once.
func TestOnlyReadsAreTriedAgain(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n := calls.Add(1); r.Method == http.MethodGet && n == 3 {
			answer(w, map[string]any{"heads": []reconcile.Head{{Stack: shop, Count: 1}}})
			return
		}
		refuse(w, 503, "unavailable", "starting")
	})
	if heads, err := s.Heads(t.Context()); err != nil || len(heads) != 1 || calls.Load() != 3 {
		t.Errorf("%v %v after %d calls", heads, err, calls.Load())
	}
	calls.Store(0)
	err := s.SaveRun(t.Context(), reconcile.Run{JID: "1"})
	if reconcile.ClassOf(err) != reconcile.Unavailable || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
	calls.Store(0)
	for _, err := range s.Records(t.Context(), reconcile.RecordFilter{}) {
		if err == nil {
			t.Error("a record came out of nothing")
		}
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls for a stream", calls.Load())
	}
}

// An answer that is lost may stand for what was done; where nobody listens,
// nothing was.
func TestLostAnswers(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	})
	err := s.Journal(shop).Append(t.Context(), reconcile.Record{Event: reconcile.Intent})
	if reconcile.ClassOf(err) != reconcile.Ambiguous || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("append: %v", err)
	}
	if _, err := s.Heads(t.Context()); reconcile.ClassOf(err) != reconcile.Unavailable {
		t.Errorf("read: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := open(t, "http://"+listener.Addr().String())
	listener.Close()
	if err := nobody.SaveRun(t.Context(), reconcile.Run{JID: "1"}); reconcile.ClassOf(err) != reconcile.Unavailable {
		t.Errorf("nobody listens: %v", err)
	}
}

// An append that is under way is not given up by whoever waits for it, and no
// answer lasts for ever.
func TestAppendOutlivesItsContext(t *testing.T) {
	arrived, goOn := make(chan struct{}), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var sent records
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		close(arrived)
		<-goOn
		sent.Records[0].Seq = 7
		answer(w, sent)
	})
	ctx, cancel := context.WithCancel(t.Context())
	list := []reconcile.Record{{Event: reconcile.Result}}
	done := make(chan error)
	go func() { done <- s.Journal(shop).Append(ctx, list...) }()
	<-arrived
	cancel()
	close(goOn)
	if err := <-done; err != nil || list[0].Seq != 7 || list[0].Stack != shop {
		t.Errorf("%v %+v", err, list[0])
	}
	if err := s.Journal(shop).Append(ctx, list...); !errors.Is(err, context.Canceled) {
		t.Errorf("one that has not begun: %v", err)
	}
}

func TestSilenceEnds(t *testing.T) {
	hold := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/records" {
			io.WriteString(w, line(t, reconcile.Record{Stack: shop}))
			w.(http.Flusher).Flush()
		}
		<-hold
	})
	t.Cleanup(func() { close(hold) }) // before the server's Close waits
	s.patience, s.pauses = 50*time.Millisecond, nil
	if _, err := s.Heads(t.Context()); reconcile.ClassOf(err) != reconcile.Unavailable {
		t.Errorf("an answer: %v", err)
	}
	count := 0
	var last error
	for _, err := range s.Records(t.Context(), reconcile.RecordFilter{}) {
		count++
		last = err
	}
	if count != 2 || reconcile.ClassOf(last) != reconcile.Unavailable || !strings.Contains(last.Error(), "nothing came for 50ms") {
		t.Errorf("a stream: %d items, %v", count, last)
	}
}

// line is a record as the daemon streams it.
func line(t *testing.T, r reconcile.Record) string {
	t.Helper()
	r.Stamp = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	if err := reconcile.Seal(&r, r.Prev); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data) + "\n"
}

// Each record is held against its own hash, also where a newer daemon says more
// in it than we know; a stream that breaks off is no end.
func TestStreamedRecords(t *testing.T) {
	whole := line(t, reconcile.Record{Stack: shop, Seq: 1, Event: reconcile.Ordered, Tag: "<&>"})
	changed := strings.Replace(whole, `"order"`, `"ret"`, 1)
	var later map[string]any
	if err := json.Unmarshal([]byte(whole), &later); err != nil {
		t.Fatal(err)
	}
	later["more"] = "of a later version"
	delete(later, "hash")
	data, _ := json.Marshal(later)
	canonical, err := reconcile.CanonicalJSON(data, "hash")
	if err != nil {
		t.Fatal(err)
	}
	later["hash"], _ = reconcile.Digest("", canonical)
	newer, _ := json.Marshal(later)
	for name, test := range map[string]struct {
		body  string
		fine  int
		broke bool
		class reconcile.Class
	}{
		"none":           {body: ""},
		"two":            {body: whole + whole, fine: 2},
		"of a newer one": {body: string(newer) + "\n", fine: 1},
		"changed":        {body: whole + changed + whole, fine: 1, broke: true},
		"no record":      {body: whole + "{\n", fine: 1, class: reconcile.Invalid},
		"too long":       {body: whole + strings.Repeat("x", longest+1), fine: 1, class: reconcile.Unavailable},
		"broken off":     {body: whole + `{"error":{"code":"unavailable","message":"the disk is full"}}` + "\n", fine: 1, class: reconcile.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Accept") != "application/jsonl" || r.URL.Query().Get("after") != "3" || r.URL.Query().Get("key") != "Container/a" {
					t.Errorf("it asks %s %v", r.URL, r.Header)
				}
				io.WriteString(w, test.body)
			})
			fine := 0
			var last error
			for _, err := range s.Records(t.Context(), reconcile.RecordFilter{After: 3, Key: "Container/a"}) {
				if last = err; err == nil {
					fine++
				}
			}
			var b *reconcile.Break
			if fine != test.fine || errors.As(last, &b) != test.broke || reconcile.ClassOf(last) != test.class {
				t.Errorf("%d records, then %v", fine, last)
			}
		})
	}
}

func TestRunsByPages(t *testing.T) {
	var asked []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("before")+"/"+r.URL.Query().Get("limit"))
		switch r.URL.Query().Get("before") {
		case "":
			answer(w, map[string]any{"runs": []reconcile.Run{{JID: "5"}, {JID: "4"}}, "next": "4"})
		case "4":
			answer(w, map[string]any{"runs": []reconcile.Run{{JID: "3"}, {JID: "2"}}, "next": "2"})
		default:
			answer(w, map[string]any{"runs": []reconcile.Run{}})
		}
	})
	runs, err := s.Runs(t.Context(), reconcile.RunFilter{Limit: 3})
	if err != nil || len(runs) != 3 || runs[2].JID != "3" || fmt.Sprint(asked) != "[/3 4/1]" {
		t.Errorf("%v %v %v", runs, err, asked)
	}
	if runs, err = s.Runs(t.Context(), reconcile.RunFilter{}); err != nil || len(runs) != 4 {
		t.Errorf("%v %v", runs, err)
	}
}

// What only a daemon writes is refused before it is sent.
func TestStandingsAreTheDaemons(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	if err := s.SaveStanding(t.Context(), reconcile.Standing{Name: "shop"}); reconcile.ClassOf(err) != reconcile.Forbidden {
		t.Error(err)
	}
}

func TestPathsHoldAnything(t *testing.T) {
	var path string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { path = r.RequestURI })
	if _, err := s.Artefact(t.Context(), "stack/a b/../c", "plan.json"); err != nil {
		t.Fatal(err)
	}
	if want := "/api/v1/stacks/a%20b%2F..%2Fc/artefacts/plan.json"; path != want {
		t.Errorf("%s, want %s", path, want)
	}
}
