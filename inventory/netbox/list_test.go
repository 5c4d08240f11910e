package netbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/inventory/netbox"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func pagesOf(n int) func(*netbox.Options) { return func(o *netbox.Options) { o.PageSize = n } }

var bothPagings = []string{"4.2.0", "4.6.8"}

func TestAListingIsWholeAndTakesNoMorePagesThanItMust(t *testing.T) {
	for _, version := range bothPagings {
		for _, n := range []int{0, 1, 9, 10, 11, 19, 20, 21, 95, 100, 101} {
			t.Run(fmt.Sprint(version, " with ", n), func(t *testing.T) {
				r := devicesOf(n)
				f := play(t, version, r.ServeHTTP, pagesOf(10))
				ids, err := f.list()
				if err != nil || !slices.Equal(ids, r.ids) {
					t.Fatalf("%d rows are read as %v: %v", n, ids, err)
				}
				if most := max(1, (n+9)/10); len(f.requests()) > most {
					t.Errorf("%d requests for %d rows, more than %d", len(f.requests()), n, most)
				}
			})
		}
	}
}

func TestALargeTableIsReadByFourAtOnceWhereItCanBe(t *testing.T) {
	r := devicesOf(1001)
	f := play(t, "4.5.0", r.ServeHTTP, pagesOf(50))
	if ids, err := f.list(); err != nil || len(ids) != 1001 {
		t.Fatal(len(ids), err)
	}
	if n := len(f.requests()); n != 20 {
		t.Errorf("%d requests", n)
	}
}

func TestNoMoreThanFourRequestsAtOnce(t *testing.T) {
	r := devicesOf(2000)
	var now, most atomic.Int32
	f := play(t, "4.5.0", func(w http.ResponseWriter, req *http.Request) {
		for n := now.Add(1); ; {
			if seen := most.Load(); n <= seen || most.CompareAndSwap(seen, n) {
				break
			}
		}
		defer now.Add(-1)
		r.ServeHTTP(w, req)
	}, pagesOf(20))
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if ids, err := f.list(); err != nil || len(ids) != 2000 {
				t.Error(len(ids), err)
			}
		})
	}
	all.Wait()
	if most.Load() > 4 || most.Load() < 2 {
		t.Errorf("%d requests at once", most.Load())
	}
}

// A server grants fewer rows than are asked for (MAX_PAGE_SIZE), or gives a page
// that is short for another reason.
func TestAClampedPageIsNotTheEnd(t *testing.T) {
	for _, version := range bothPagings {
		for _, largest := range []int{2, 3, 7, 9, 10} {
			r := devicesOf(57)
			r.largest = largest
			f := play(t, version, r.ServeHTTP, pagesOf(10))
			if ids, err := f.list(); err != nil || !slices.Equal(ids, r.ids) {
				t.Errorf("%s clamped to %d: %v: %v", version, largest, ids, err)
			}
		}
	}
}

func TestWhatComesAndGoesMeanwhileHidesNoOtherRow(t *testing.T) {
	for name, change := range map[string]func(r *rows, n int){
		"the first row goes":       func(r *rows, n int) { r.ids = r.ids[1:] },
		"the first five go":        func(r *rows, n int) { r.ids = r.ids[min(5, len(r.ids)-1):] },
		"one goes and one comes":   func(r *rows, n int) { r.ids = append(r.ids[1:], r.ids[len(r.ids)-1]+1) },
		"the last goes":            func(r *rows, n int) { r.ids = r.ids[:len(r.ids)-1] },
		"one comes":                func(r *rows, n int) { r.ids = append(r.ids, r.ids[len(r.ids)-1]+1) },
		"half of the first page":   func(r *rows, n int) { r.ids = slices.Delete(r.ids, 0, min(5, len(r.ids)-1)) },
		"one comes late, low down": func(r *rows, n int) { r.ids = slices.Insert(r.ids, 0, r.ids[0]-1) },
	} {
		for _, version := range bothPagings {
			t.Run(version+" "+name, func(t *testing.T) {
				r, n := devicesOf(100), 0
				for i := range r.ids {
					r.ids[i] += 1000
				}
				always := slices.Clone(r.ids)
				r.between = func(r *rows) {
					if n++; n <= 4 {
						change(r, n)
						always = slices.DeleteFunc(always, func(id int64) bool { return !slices.Contains(r.ids, id) })
					}
				}
				f := play(t, version, r.ServeHTTP, pagesOf(10))
				ids, err := f.list()
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range always {
					if !slices.Contains(ids, id) {
						t.Errorf("row %d was there all the time, and is missing in %v", id, ids)
					}
				}
				if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
					t.Errorf("not each row once and in order: %v", ids)
				}
			})
		}
	}
}

func TestAListingFailsRatherThanBeShort(t *testing.T) {
	for name, c := range map[string]struct {
		version string
		tamper  func(p *page)
		says    string
	}{
		"no results": {"4.5.0", func(p *page) { p.Results = nil }, "results with ids are missing"},
		"no count":   {"4.5.0", func(p *page) { p.Count = nil }, "without a count"},
		"ends early": {"4.5.0", func(p *page) { p.Results = []map[string]any{} }, "holds no rows from 0 on, and counts 30"},
		"one a page": {"4.5.0", func(p *page) { p.Results = p.Results[:1] }, "MAX_PAGE_SIZE"},
		"out of order": {"4.5.0", func(p *page) { slices.Reverse(p.Results) },
			"not in the order of their ids"},
		"a row without id": {"4.6.0", func(p *page) { delete(p.Results[2], "id") }, "results with ids are missing"},
		"an id of text":    {"4.6.0", func(p *page) { p.Results[2]["id"] = "x" }, "results with ids are missing"},
		"no cursor":        {"4.6.0", func(p *page) { p.Count = new(30) }, "version may have changed"},
		"always more":      {"4.6.0", func(p *page) { p.Next = new("x"); p.Results = p.Results[:min(1, len(p.Results))] }, "says that more follow"},
	} {
		t.Run(name, func(t *testing.T) {
			r := devicesOf(30)
			r.tamper = c.tamper
			f := play(t, c.version, r.ServeHTTP, pagesOf(10))
			ids, err := f.list()
			if reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), c.says) || ids != nil {
				t.Errorf("%v: %v", ids, err)
			}
		})
	}
}

func TestATableThatNeverRestsIsGivenUp(t *testing.T) {
	r := devicesOf(100)
	r.between = func(r *rows) { // all rows are replaced all the time
		for i := range r.ids {
			r.ids[i] += 50
		}
	}
	f := play(t, "4.3.0", r.ServeHTTP, pagesOf(10))
	if _, err := f.list(); reconcile.ClassOf(err) != reconcile.Unavailable || !strings.Contains(err.Error(), "faster than") {
		t.Error(err)
	}
}

// An upgrade while a listing is read: the answers' version says so, and the next
// reading asks for the status anew.
func TestAnUpgradeIsNoticed(t *testing.T) {
	version := "4.5.9"
	r := devicesOf(3)
	f := play(t, "", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("API-Version", version[:3])
		if req.URL.Path == "/api/status/" {
			answer(w, 200, fmt.Sprintf(`{"netbox-version": %q}`, version))
			return
		}
		r.ServeHTTP(w, req)
	})
	for range 2 {
		if _, err := f.list(); err != nil {
			t.Fatal(err)
		}
	}
	if f.statuses() != 1 {
		t.Errorf("the status was asked for %d times", f.statuses())
	}
	version = "4.6.1"
	for range 3 {
		if _, err := f.list(); err != nil {
			t.Fatal(err)
		}
	}
	last := f.requests()[len(f.requests())-1]
	if f.statuses() != 2 || !last.query.Has("start") {
		t.Errorf("after the upgrade the status was asked for %d times, and a page with %v", f.statuses(), last.query)
	}
}

func TestListsOfDevicesLeaveOutConfigContexts(t *testing.T) {
	for _, c := range []struct {
		version     string
		where, want url.Values
	}{
		{"4.2.0", nil, url.Values{"exclude": {"config_context"}}},
		{"4.5.1", nil, url.Values{"exclude": {"config_context"}}},
		{"4.5.2", nil, url.Values{"omit": {"config_context"}}},
		{"4.7.0-beta1", url.Values{"site": {"a", "b"}}, url.Values{"omit": {"config_context"}, "site": {"a", "b"}}},
		{"4.7.0", url.Values{"exclude": {"config_context"}}, url.Values{"omit": {"config_context"}}},
		{"4.7.0", url.Values{"brief": {"true"}}, url.Values{"brief": {"true"}}},
	} {
		f := play(t, c.version, devicesOf(1).ServeHTTP)
		if _, err := f.List(t.Context(), inventory.Devices, c.where); err != nil {
			t.Fatal(err)
		}
		got := f.requests()[0].query
		for _, name := range []string{"start", "limit", "offset", "ordering"} {
			got.Del(name)
		}
		if got.Encode() != c.want.Encode() {
			t.Errorf("%s %v: %v", c.version, c.where, got)
		}
	}
}

func TestFirstReadsNoMore(t *testing.T) {
	r := devicesOf(30)
	f := play(t, "4.6.0", r.ServeHTTP)
	got, err := f.First(t.Context(), inventory.ObjectChanges, url.Values{"ordering": {"-time"}}, 2)
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	q := f.requests()[0].query
	if q.Get("ordering") != "-time" || q.Get("limit") != "2" || q.Has("start") || len(f.requests()) != 1 {
		t.Errorf("asked with %v, %d times", q, len(f.requests()))
	}
}
