package journal

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

const shop, blog = "shop.5b0c1f2e", "blog.00c0ffee"

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)

// chain makes n sealed records of a stack.
func chain(t testing.TB, stack string, n int) []reconcile.Record {
	t.Helper()
	yes, prev := true, ""
	records := make([]reconcile.Record, n)
	for i := range records {
		r := reconcile.Record{
			Seq: int64(i + 1), Stamp: noon.Add(time.Duration(i) * time.Second), Stack: stack, JID: "20261121120000123456",
			Event: reconcile.Result, Actor: reconcile.Actor{Kind: "cli", User: "Zoë <z@b>"}, Revision: "4f2a91c",
			Key: reconcile.NewKey("Container", fmt.Sprintf("c%d", i)), Fun: "container.present", RunNum: i,
			Action: reconcile.Update, Hash: fmt.Sprintf("%064x", i), ID: "id",
			Return: &reconcile.Return{Name: "c", Result: &yes, Comment: "a\nb\t\"c\" & \u2028", Duration: int64(i),
				Changes: map[string]reconcile.OldNew{"memoryLimitMb": {Old: "256", New: "512"}}},
			Calls: []reconcile.Call{{System: "scaleway", Method: "PATCH", Path: "/x", Status: 200, Millis: 5}},
		}
		r.Tag = reconcile.TagOf(r)
		if err := reconcile.Seal(&r, prev); err != nil {
			t.Fatal(err)
		}
		records[i], prev = r, r.Sum
	}
	return records
}

func each(records []reconcile.Record) iter.Seq2[reconcile.Record, error] {
	return func(yield func(reconcile.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func export(t testing.TB, records []reconcile.Record) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Export(&out, each(records)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestVerify(t *testing.T) {
	one, other := chain(t, blog, 3), chain(t, shop, 5)
	heads, err := Verify(each(slices.Concat(one, other)))
	want := []Head{{Stack: blog, Count: 3, Sum: one[2].Sum}, {Stack: shop, Count: 5, Sum: other[4].Sum}}
	if err != nil || !slices.Equal(heads, want) {
		t.Errorf("%v %v", heads, err)
	}
	if heads, err := Verify(each(nil)); err != nil || heads != nil {
		t.Errorf("of nothing: %v %v", heads, err)
	}
	broken := errors.New("the disk is gone")
	if _, err := Verify(func(yield func(reconcile.Record, error) bool) { yield(reconcile.Record{}, broken) }); !errors.Is(err, broken) {
		t.Errorf("the records' error is lost: %v", err)
	}
}

// tamperings are what may be done to five records, and what is said of it.
var tamperings = []struct {
	name   string
	tamper func([]reconcile.Record) []reconcile.Record
	seq    int64
	store  string // what Verify says
	export string // what VerifyExport says
}{
	{"a changed field", func(r []reconcile.Record) []reconcile.Record { r[2].Actor.User = "someone"; return r }, 3,
		"record 3 (reconcile/job/20261121120000123456/prog/Container/c2/2) was changed: its hash does not fit", "record 3 (reconcile/job/20261121120000123456/prog/Container/c2/2) was changed: its hash does not fit"},
	{"a changed hash", func(r []reconcile.Record) []reconcile.Record { r[2].Sum = r[1].Sum; return r }, 3,
		"was changed: its hash does not fit", "was changed: its hash does not fit"},
	{"a hash that is none", func(r []reconcile.Record) []reconcile.Record { r[2].Prev = "sha256:xyz"; return r }, 3,
		"was changed: its hash does not fit", "was changed: its hash does not fit"},
	{"a removed record", func(r []reconcile.Record) []reconcile.Record { return slices.Delete(r, 2, 3) }, 3,
		"record 3 was removed or moved: record 4", "record 3 was removed or moved: the last line names it"},
	{"several removed records", func(r []reconcile.Record) []reconcile.Record { return slices.Delete(r, 1, 3) }, 2,
		"records 2 to 3 were removed or moved: record 4", "record 2 was removed or moved"},
	{"a repeated record", func(r []reconcile.Record) []reconcile.Record { return slices.Insert(r, 3, r[2]) }, 3,
		"was inserted or moved: it stands after record 3", "was inserted or moved: it stands after record 3"},
	{"a reordering", func(r []reconcile.Record) []reconcile.Record { r[1], r[2] = r[2], r[1]; return r }, 2,
		"record 2 was removed or moved: record 3", "record 2 (reconcile/job/20261121120000123456/prog/Container/c1/1) was inserted or moved: it stands after record 3"},
	{"a replaced record", func(r []reconcile.Record) []reconcile.Record {
		r[2].Actor.User = "someone"
		_ = reconcile.Seal(&r[2], r[2].Prev)
		return r
	}, 4, "record 4 (reconcile/job/20261121120000123456/prog/Container/c3/3) was inserted, or the one before it was replaced", "was inserted, or the one before it was replaced"},
}

func TestTampering(t *testing.T) {
	for _, test := range tamperings {
		t.Run(test.name, func(t *testing.T) {
			records := test.tamper(chain(t, shop, 5))
			_, err := Verify(each(records))
			checkBreak(t, err, test.seq, test.store)
			// An export knows what it was made of, so it is made before it is tampered with.
			_, err = VerifyExport(bytes.NewReader(retouch(t, records)))
			checkBreak(t, err, test.seq, test.export)
		})
	}
}

func checkBreak(t *testing.T, err error, seq int64, text string) {
	t.Helper()
	var b *Break
	if !errors.As(err, &b) || !strings.Contains(err.Error(), text) || b.Stack != shop {
		t.Fatalf("%v, not %q", err, text)
	}
	if b.Seq != seq {
		t.Errorf("it names record %d, not %d: %v", b.Seq, seq, err)
	}
}

// retouch is the export of a chain of five whose lines were replaced by others.
func retouch(t *testing.T, records []reconcile.Record) []byte {
	t.Helper()
	lines := bytes.SplitAfter(export(t, chain(t, shop, 5)), []byte("\n"))
	tampered := bytes.SplitAfter(export(t, records), []byte("\n"))
	return bytes.Join(append(tampered[:len(records)], lines[5]), nil)
}
