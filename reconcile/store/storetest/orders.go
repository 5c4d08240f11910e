package storetest

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var orders = []test{
	{"orders come back as they were given", givenOrders},
	{"orders are in force for their stack until they end", inForce},
	{"a later order replaces an earlier one", replaced},
	{"orders are recorded", recorded},
	{"that a kind was accepted is remembered", acceptedKind},
	{"orders end", withdrawn},
	{"orders of several stores all count", manyOrders},
}

var tokens = []test{
	{"tokens come back as they were saved", savedTokens},
}

var jane = reconcile.Actor{Kind: "cli", User: "j.doe", Host: "laptop"}

func order(t *testing.T, store reconcile.Store, o reconcile.Order) reconcile.Order {
	t.Helper()
	o.By = jane
	given, err := store.Order(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return given
}

// ordersOf are the values of orders, which the tests tell them apart by.
func ordersOf(t *testing.T, store reconcile.Store, stack string, ended bool) (values []string) {
	t.Helper()
	found, err := store.Orders(t.Context(), stack, ended)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range found {
		values = append(values, o.Value)
	}
	return values
}

func givenOrders(t *testing.T, s suite) {
	began := time.Now().Add(-time.Second)
	given := order(t, s.store(t), reconcile.Order{Stack: shop, Verb: reconcile.Approve, Value: "sha256:1", Reason: "looks right",
		ID: "mine", At: noon, Ended: noon, Until: time.Now().UTC().Truncate(time.Second).Add(time.Hour),
		Changes: []reconcile.Approval{{Key: "Container/a", Action: reconcile.Update, Live: "id", Hash: "h", Wish: "w", Fields: map[string]string{"size": "d"}}}})
	if len(given.ID) != 20 || given.At.Before(began) || given.At.After(time.Now().Add(time.Second)) || !given.Ended.IsZero() {
		t.Errorf("%+v", given)
	}
	if given.By != jane {
		t.Errorf("by %+v", given.By)
	}
	got, err := s.store(t).Orders(t.Context(), shop, false)
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], given) {
		t.Errorf("%+v\nnot %+v: %v", got, given, err)
	}
}

func inForce(t *testing.T, s suite) {
	store := s.store(t)
	later, earlier := time.Now().UTC().Add(time.Hour), time.Now().UTC().Add(-time.Hour)
	for _, o := range []reconcile.Order{
		{Stack: shop, Verb: reconcile.Suspend, Value: "shop's", Until: later},
		{Stack: blog, Verb: reconcile.Suspend, Value: "blog's"},
		{Stack: reconcile.EveryStack, Verb: reconcile.Freeze, Value: "all's"},
		{Stack: shop, Verb: reconcile.HoldKey, Key: "Container/a", Value: "over", Until: earlier},
	} {
		order(t, store, o)
	}
	for _, test := range []struct {
		stack string
		ended bool
		want  []string
	}{
		{shop, false, []string{"shop's", "all's"}},
		{shop, true, []string{"shop's", "all's", "over"}},
		{blog, false, []string{"blog's", "all's"}},
		{"c", false, []string{"all's"}},
		{"", false, []string{"shop's", "blog's", "all's"}},
		{"", true, []string{"shop's", "blog's", "all's", "over"}},
	} {
		if got := ordersOf(t, store, test.stack, test.ended); !slices.Equal(got, test.want) {
			t.Errorf("of %q, ended %v: %v, not %v", test.stack, test.ended, got, test.want)
		}
	}
}

func replaced(t *testing.T, s suite) {
	store := s.store(t)
	for _, verb := range []reconcile.Verb{reconcile.Suspend, reconcile.Freeze, reconcile.Override, reconcile.Rollback, reconcile.Approve, reconcile.Accept, reconcile.Cancel} {
		order(t, store, reconcile.Order{Stack: shop, Verb: verb, Value: string(verb) + " 1"})
		order(t, store, reconcile.Order{Stack: shop, Verb: verb, Value: string(verb) + " 2"})
	}
	for _, o := range []reconcile.Order{
		{Stack: shop, Key: "Container/a", Value: "a 1"}, {Stack: shop, Key: "Container/b", Value: "b"},
		{Stack: blog, Key: "Container/a", Value: "blog's a"}, {Stack: shop, Key: "Container/a", Value: "a 2"},
	} {
		o.Verb = reconcile.HoldKey
		order(t, store, o)
	}
	order(t, store, reconcile.Order{Stack: reconcile.EveryStack, Verb: reconcile.Suspend, Value: "all's"})
	want := []string{"suspend 2", "freeze 2", "override 2", "rollback 2", "approve 1", "approve 2", "accept 1", "accept 2", "cancel 1", "cancel 2",
		"b", "blog's a", "a 2", "all's"}
	if got := ordersOf(t, store, "", false); !slices.Equal(got, want) {
		t.Errorf("%v\nnot %v", got, want)
	}
	all, err := store.Orders(t.Context(), shop, true)
	if err != nil || all[0].Value != "suspend 1" || all[0].Ended.Before(all[0].At) || all[0].Ended.After(time.Now().Add(time.Second)) {
		t.Errorf("the one replaced: %+v: %v", all[0], err)
	}
}

func recorded(t *testing.T, s suite) {
	store := s.store(t)
	for _, stack := range []string{shop, reconcile.EveryStack} {
		given := order(t, store, reconcile.Order{Stack: stack, Verb: reconcile.HoldKey, Key: "Container/a", Reason: "the audit"})
		if err := store.Withdraw(t.Context(), given.ID, jane, "it is over"); err != nil {
			t.Fatal(err)
		}
		got := Collect(t, store, reconcile.RecordFilter{Stack: stack})
		if len(got) != 2 || got[0].Event != reconcile.Ordered || got[1].Event != reconcile.Withdrawn {
			t.Fatalf("%+v", got)
		}
		follow(t, got)
		for i, reason := range []string{"the audit", "it is over"} {
			r := got[i]
			if r.Key != "Container/a" || r.JID != given.ID || r.Actor != jane || r.Return == nil {
				t.Errorf("%+v", r)
			} else if text := r.Return.Comment; !strings.Contains(text, reason) || !strings.Contains(text, "Container/a") {
				t.Errorf("it says %q", text)
			}
		}
	}
}

func acceptedKind(t *testing.T, s suite) {
	store := s.store(t)
	order(t, store, reconcile.Order{Stack: shop, Verb: reconcile.Accept, Value: "4f2a91c"})
	first := order(t, store, reconcile.Order{Stack: shop, Verb: reconcile.Accept, Key: "Device", Reason: "a backup"})
	last := order(t, store, reconcile.Order{Stack: shop, Verb: reconcile.Accept, Key: "Device", Reason: "another"})
	memory, err := s.store(t).Journal(shop).Memory(t.Context())
	if got := memory["Device"]; err != nil || got.Accepted != last.ID || last.ID <= first.ID || len(memory) != 1 {
		t.Errorf("%v: %+v, want %s", err, memory, last.ID)
	}
	found, err := store.Orders(t.Context(), shop, false)
	if err != nil || len(found) != 2 || found[1].ID != last.ID {
		t.Errorf("%v: in force are %+v", err, found)
	}
}

func withdrawn(t *testing.T, s suite) {
	store := s.store(t)
	given := order(t, store, reconcile.Order{Stack: shop, Verb: reconcile.Suspend, Value: "one"})
	over := order(t, store, reconcile.Order{Stack: shop, Verb: reconcile.HoldKey, Key: "Container/a", Value: "two", Until: time.Now().UTC().Add(-time.Hour)})
	before := count(t, store, shop)
	for range 2 {
		for _, id := range []string{given.ID, over.ID} {
			if err := s.store(t).Withdraw(t.Context(), id, jane, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := ordersOf(t, store, shop, false); len(got) != 0 {
		t.Errorf("in force: %v", got)
	}
	all, err := store.Orders(t.Context(), shop, true)
	if err != nil || len(all) != 2 || all[0].Ended.IsZero() {
		t.Errorf("%+v: %v", all, err)
	}
	if n := count(t, store, shop); n != before+1 {
		t.Errorf("%d records of one end", n-before)
	}
	if err := store.Withdraw(t.Context(), "20260101000000000000", jane, ""); reconcile.ClassOf(err) != reconcile.NotFound {
		t.Errorf("one that never was: %v", err)
	}
}

func manyOrders(t *testing.T, s suite) {
	stores := []reconcile.Store{s.store(t), s.store(t)}
	const each = 10
	done := make(chan error)
	for _, store := range stores {
		for range each {
			go func() {
				_, err := store.Order(t.Context(), reconcile.Order{Stack: shop, Verb: reconcile.Suspend, By: jane})
				done <- err
			}()
		}
	}
	for range len(stores) * each {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	all, err := stores[0].Orders(t.Context(), shop, true)
	if err != nil || len(all) != len(stores)*each {
		t.Fatalf("%d orders: %v", len(all), err)
	}
	if !slices.IsSortedFunc(all, func(a, b reconcile.Order) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("they are not in their order")
	}
	if got := ordersOf(t, stores[1], shop, false); len(got) != 1 {
		t.Errorf("%d suspend the stack", len(got))
	}
	if n := count(t, stores[0], shop); n != int64(len(all)) {
		t.Errorf("%d records", n)
	}
}

func savedTokens(t *testing.T, s suite) {
	store := s.store(t)
	first := reconcile.Token{ID: "t2", Name: "ci", Role: reconcile.Operate, Stacks: []string{"shop-*"}, Hash: strings.Repeat("ab", 32), Created: noon, By: jane}
	second := reconcile.Token{ID: "t1", Name: "eyes", Role: reconcile.Read, Hash: strings.Repeat("cd", 32), Created: noon.Add(time.Minute), Expires: noon.Add(time.Hour)}
	revoked := first
	revoked.Revoked = noon.Add(2 * time.Minute)
	for _, token := range []reconcile.Token{second, first, revoked} {
		if err := store.SaveToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.store(t).Tokens(t.Context())
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v: %v", got, err)
	}
	if want := []reconcile.Token{revoked, second}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nnot %+v", got, want)
	}
	for _, token := range got {
		if token.ID == first.ID && (token.Revoked.IsZero() || token.Role != reconcile.Operate || token.Name != "ci") {
			t.Errorf("%+v", token)
		}
	}
}
