package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// leaping is a clock on which a day passes whenever somebody sleeps, and the
// last day ends a context.
type leaping struct {
	now, last time.Time
	end       func()
}

func (c *leaping) Now() time.Time { return c.now }

func (c *leaping) Sleep(ctx context.Context, _ time.Duration) error {
	if c.now = c.now.Add(24 * time.Hour); c.now.After(c.last) {
		c.end()
	}
	return ctx.Err()
}

// days lets a daemon's housekeeping go on for some time.
func (w *swept) days(n int) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	clock := w.clock.(*leaping)
	clock.last, clock.end = clock.now.AddDate(0, 0, n), cancel
	w.tidy(ctx)
}

// Runs and records leave the store when they are as old as the operator says,
// records to a folder, and not before an anchor vouches for them.
func TestRetention(t *testing.T) {
	const owner = "shop.5b0c1f2e"
	w := newSwept(t)
	clock := &leaping{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	w.clock, w.line = clock, &line{listings: reconcile.NewListings(clock, time.Second), clients: &clients{}}
	export := filepath.Join(t.TempDir(), "export")
	w.file = "reconcile.yaml"
	w.config.Store(&daemon.Config{
		Retention:   daemon.Retention{Runs: 90 * 24 * time.Hour, Records: 30 * 24 * time.Hour, Export: export},
		Checkpoints: daemon.Checkpoints{Key: daemon.Ref{File: w.key}, Anchors: []daemon.Anchor{{Type: "file", Path: w.place.Path}}},
	})
	for _, jid := range []string{"20260101120000000001", "20260101120000000002"} {
		run := reconcile.Run{JID: jid, Stack: owner, Name: "shop", Status: reconcile.RunSuccessful, Started: clock.now, Finished: clock.now}
		record := reconcile.Record{Stamp: clock.now, JID: jid, Event: reconcile.RunEnded, Revision: strings.Repeat("a", 40)}
		if err := w.store.Journal(owner).Append(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		if err := w.store.SaveRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		if err := w.store.SaveArtefact(t.Context(), jid, "plan.json", []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	left := func(days, wantRuns int, wantFirst bool) {
		t.Helper()
		w.days(days)
		runs, err := w.store.Runs(t.Context(), reconcile.RunFilter{Stack: owner})
		if err != nil || len(runs) != wantRuns {
			t.Errorf("%s: %d runs, not %d: %v", clock.now, len(runs), wantRuns, err)
		}
		for r, err := range w.store.Records(t.Context(), reconcile.RecordFilter{Stack: owner, Limit: 1}) {
			if err != nil || (r.Seq == 1) != wantFirst {
				t.Errorf("%s: the first record is number %d: %v", clock.now, r.Seq, err)
			}
		}
	}
	left(29, 2, true)
	if _, err := os.Stat(export); !os.IsNotExist(err) {
		t.Errorf("something was exported: %v", err)
	}
	left(3, 2, false)
	left(50, 2, false)
	left(12, 0, false)
	if _, err := w.store.Artefact(t.Context(), "20260101120000000001", "plan.json"); reconcile.ClassOf(err) != reconcile.NotFound {
		t.Errorf("a file of a run that is gone: %v", err)
	}
	if files, err := os.ReadDir(export); err != nil || len(files) == 0 {
		t.Errorf("exported: %v, %v", files, err)
	}
	for _, said := range []string{"old records were exported and removed", "old runs were removed"} {
		if !strings.Contains(w.said.String(), said) {
			t.Errorf("%q is not told:\n%s", said, &w.said)
		}
	}
}

// Records that no anchor vouches for stay, and that is told.
func TestRetentionWithoutAnchor(t *testing.T) {
	w := newSwept(t)
	w.file = "reconcile.yaml"
	clock := &leaping{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	w.clock, w.line = clock, &line{listings: reconcile.NewListings(clock, time.Second), clients: &clients{}}
	w.config.Store(&daemon.Config{Retention: daemon.Retention{Records: time.Hour, Export: t.TempDir()}})
	w.write("shop.5b0c1f2e")
	w.days(400)
	for r := range w.store.Records(t.Context(), reconcile.RecordFilter{Limit: 1}) {
		if r.Seq != 1 {
			t.Errorf("the first record is number %d", r.Seq)
		}
	}
	if !strings.Contains(w.said.String(), "old records stay: no anchor vouches for them") {
		t.Errorf("told: %s", &w.said)
	}
}

// A webhook that takes checkpoints gets them signed with the operator's secret.
func TestAnchorSecret(t *testing.T) {
	var signature, body string
	place := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		signature, body = r.Header.Get("webhook-signature"), string(data)
	}))
	defer place.Close()
	w := newSwept(t)
	dir := t.TempDir()
	for name, value := range map[string]string{"url": place.URL + "/canary-path\n", "secret": "canary-secret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	anchor := daemon.Anchor{Type: "webhook", URL: daemon.Ref{File: filepath.Join(dir, "url")}}
	w.file = "reconcile.yaml"
	for _, secret := range []daemon.Ref{{}, {File: filepath.Join(dir, "secret")}} {
		anchor.Secret = secret
		w.config.Store(&daemon.Config{Checkpoints: daemon.Checkpoints{Key: daemon.Ref{File: w.key}, Anchors: []daemon.Anchor{anchor}}})
		w.write("shop.5b0c1f2e")
		w.sweep(t.Context(), w.seen)
		if (signature != "") == secret.IsZero() || !strings.Contains(body, "shop.5b0c1f2e") {
			t.Errorf("with the secret of %s: signature %q, body %q; said %s", secret, signature, body, &w.said)
		}
	}
	anchor.Secret = daemon.Ref{File: filepath.Join(dir, "missing")}
	w.config.Store(&daemon.Config{Checkpoints: daemon.Checkpoints{Key: daemon.Ref{File: w.key}, Anchors: []daemon.Anchor{anchor}}})
	w.write("shop.5b0c1f2e")
	w.sweep(t.Context(), w.seen)
	if said := w.said.String(); !strings.Contains(said, "secret of the webhook for checkpoints") || strings.Contains(said, "canary") {
		t.Errorf("a secret that cannot be read: %s", said)
	}
}
