package main

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/remote"
	"gitlab.com/reconciled/reconciled/reconcile/store"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"
	"gitlab.com/reconciled/reconciled/reconcile/web"
)

// A daemon's API and its client make a store like every other.
func TestRemoteStore(t *testing.T) {
	daemons := &daemons{t: t, urls: map[string]string{}}
	storetest.Run(t, storetest.Stores{Open: daemons.open, Remote: true})
}

// daemons are servers, one per place, each with a store of its own.
type daemons struct {
	t     *testing.T
	mu    sync.Mutex
	urls  map[string]string
	token string
}

func (d *daemons) open(t *testing.T, place string) reconcile.Store {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.urls[place] == "" {
		d.urls[place] = d.start(place)
	}
	st, err := remote.Open(remote.Options{URL: d.urls[place], Token: func() (string, error) { return d.token, nil }, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// start serves a store until the test is over.
func (d *daemons) start(place string) string {
	st, err := store.Open(filepath.Join(place, "store"))
	if err != nil {
		d.t.Fatal(err)
	}
	if d.token == "" {
		d.token, _ = reconcile.NewToken()
	}
	err = st.SaveToken(context.Background(), reconcile.Token{ID: "t", Name: "suite", Role: reconcile.Grant, Hash: reconcile.HashToken(d.token), Created: time.Now()})
	if err != nil {
		d.t.Fatal(err)
	}
	server, err := web.New(web.Options{Store: st})
	if err != nil {
		d.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	d.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && err != http.ErrServerClosed {
			d.t.Error(err)
		}
		st.Close()
	})
	return "http://" + listener.Addr().String()
}

// orderable opens the store of a daemon that knows a stack.
func orderable(t *testing.T) reconcile.Store {
	t.Helper()
	d := &daemons{t: t, urls: map[string]string{}}
	st := d.open(t, t.TempDir())
	t.Cleanup(func() { st.Close() })
	if err := st.Journal(shopOwner).Append(t.Context(), reconcile.Record{Event: reconcile.RunEnded, JID: "20261121090000000000", Stamp: time.Now()}); err != nil {
		t.Fatal(err)
	}
	return st
}

const shopOwner = "shop.5b0c1f2e"

// Orders that are given through the API come back as they were kept: who gave
// them is said by the daemon, by the token.
func TestRemoteOrders(t *testing.T) {
	st := orderable(t)
	until := time.Now().UTC().Truncate(time.Second).Add(time.Hour)
	asked := []reconcile.Order{
		{Stack: shopOwner, Verb: reconcile.Suspend, Reason: "first"},
		{Stack: shopOwner, Verb: reconcile.Suspend, Reason: "instead of the first", Until: until},
		{Stack: shopOwner, Verb: reconcile.HoldKey, Key: "Container/a", Reason: "look at it"},
		{Stack: reconcile.EveryStack, Verb: reconcile.Freeze, Reason: "incident"},
		{Stack: shopOwner, Verb: reconcile.Rollback, Value: "4f2a91c0", Reason: "worse"},
		{Stack: shopOwner, Verb: reconcile.Accept, Value: "4f2a91c0"},
	}
	for i, o := range asked {
		o.By = reconcile.Actor{Kind: "cli", User: "somebody else"}
		kept, err := st.Order(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if len(kept.ID) != 20 || kept.At.IsZero() || kept.By.User == "somebody else" || kept.Reason != o.Reason || !kept.Until.Equal(o.Until) {
			t.Errorf("%d: %+v", i, kept)
		}
	}
	in, err := st.Orders(t.Context(), shopOwner, false)
	if err != nil || len(in) != 5 || in[0].Reason != "instead of the first" {
		t.Fatalf("%+v %v", in, err)
	}
	for range 2 {
		if err := st.Withdraw(t.Context(), in[0].ID, reconcile.Actor{}, "over"); err != nil {
			t.Fatal(err)
		}
	}
	all, err := st.Orders(t.Context(), "", true)
	if err != nil || len(all) != 6 || all[1].Ended.IsZero() {
		t.Errorf("%+v %v", all, err)
	}
	recorded := 0
	for r, err := range st.Records(t.Context(), reconcile.RecordFilter{Stack: shopOwner}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Event == reconcile.Ordered || r.Event == reconcile.Withdrawn {
			recorded++
		}
	}
	if recorded != 6 {
		t.Errorf("%d records of 5 orders and an end", recorded)
	}
	for class, o := range map[reconcile.Class]reconcile.Order{
		reconcile.NotFound: {Stack: "blog.00c0ffee", Verb: reconcile.Suspend, Reason: "x"},
		reconcile.Invalid:  {Stack: shopOwner, Verb: reconcile.Suspend},
		reconcile.Conflict: {Stack: shopOwner, Verb: reconcile.Approve, Value: strings.Repeat("ab", 32)},
	} {
		if _, err := st.Order(t.Context(), o); reconcile.ClassOf(err) != class {
			t.Errorf("%s: %v", class, err)
		}
	}
	if err := st.Withdraw(t.Context(), "20260101000000000000", reconcile.Actor{}, ""); reconcile.ClassOf(err) != reconcile.NotFound {
		t.Errorf("an order that never was: %v", err)
	}
}

// Tokens that are made here count there, until they are revoked.
func TestRemoteTokens(t *testing.T) {
	st := orderable(t)
	secret, hash := reconcile.NewToken()
	token := reconcile.Token{ID: "t2", Name: "eyes", Role: reconcile.Read, Hash: hash, Created: time.Now().UTC(), Expires: time.Now().UTC().Add(time.Hour)}
	if err := st.SaveToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	own := st.(*remote.Store)
	eyes, err := remote.Open(remote.Options{URL: own.String(), Token: func() (string, error) { return secret, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer eyes.Close()
	if me, err := eyes.Me(t.Context()); err != nil || me.Name != "eyes" || me.Role != reconcile.Read {
		t.Errorf("%+v %v", me, err)
	}
	for what, err := range map[string]error{
		"an order": func() error {
			_, err := eyes.Order(t.Context(), reconcile.Order{Stack: shopOwner, Verb: reconcile.Suspend, Reason: "x"})
			return err
		}(),
		"a lease": func() error { _, err := eyes.Lease(t.Context(), shopOwner, "eyes"); return err }(),
		"a run":   eyes.SaveRun(t.Context(), reconcile.Run{JID: "20261121090000000000", Stack: shopOwner}),
		"a token": eyes.SaveToken(t.Context(), token),
	} {
		if reconcile.ClassOf(err) != reconcile.Forbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
	token.Revoked = time.Now().UTC()
	if err := st.SaveToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if _, err := eyes.Heads(t.Context()); reconcile.ClassOf(err) != reconcile.Forbidden {
		t.Errorf("it counts although it was revoked: %v", err)
	}
	found, err := st.Tokens(t.Context())
	if err != nil || len(found) != 2 {
		t.Errorf("%+v %v", found, err)
	}
}
