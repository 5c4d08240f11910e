package journal

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// month are the records of a period: a run that a push caused, a repair of
// drift, a refusal, an order given and taken back, a checkpoint and a segment.
func month(t testing.TB) ([]reconcile.Record, []reconcile.Run) {
	t.Helper()
	yes, no := true, false
	daemon := reconcile.Actor{Kind: "daemon", User: "reconcile", Host: "rc-1", Version: "1.4.0"}
	push := reconcile.Record{JID: "20261121120000000001", Actor: daemon, Revision: "4f2a91c8d1e3b5a7c9d1e3f5a7b9c1d3e5f7a9b1"}
	drift := reconcile.Record{JID: "20261121130000000001", Actor: daemon, Revision: push.Revision}
	step := func(of reconcile.Record, e reconcile.Event, ret *reconcile.Return) reconcile.Record {
		of.Event, of.Key, of.Action, of.ID, of.Return = e, "Container/api", reconcile.Update, "6f0c", ret
		return of
	}
	memory := map[string]reconcile.OldNew{"memoryLimitMb": {Old: "256", New: "512"}, "env.TOKEN": {Old: "(secret)", New: "(secret)"}}
	accepted := step(push, reconcile.Result, &reconcile.Return{Result: &yes, Comment: "Update accepted", SLS: "api.yaml:14", Changes: memory})
	accepted.Calls = []reconcile.Call{{System: "scaleway", Method: "PATCH", Path: "/containers/6f0c", Status: 200, RequestID: "req-1"}}
	refused := step(push, reconcile.Result, &reconcile.Return{Result: &no, Comment: "quota exceeded", Class: reconcile.Quota, SLS: "job.yaml:3"})
	refused.Key, refused.Action, refused.RunNum, refused.ID = "Job/report", reconcile.Create, 1, ""
	event := func(of reconcile.Record, e reconcile.Event, comment string) reconcile.Record {
		of.Event, of.Return = e, &reconcile.Return{Result: &yes, Comment: comment}
		return of
	}
	order := reconcile.Order{ID: "20261121123000000001", Stack: shop, Verb: reconcile.HoldKey, Key: "Container/api", Reason: "incident 7", By: reconcile.Actor{Kind: "cli", User: "ada", Via: "ada's token"}}
	records := []reconcile.Record{
		event(push, reconcile.RunStarted, "2 steps planned"), step(push, reconcile.Intent, nil), accepted,
		step(push, reconcile.Settled, &reconcile.Return{Result: &yes, Comment: "Updated", SLS: "api.yaml:14", Changes: memory}), refused,
		event(push, reconcile.RunEnded, "done=1 failed=1"), order.Record(), order.Withdrawal(time.Time{}, reconcile.Actor{User: "bob"}, "over"),
		event(drift, reconcile.RunStarted, "1 step planned"), step(drift, reconcile.Intent, nil),
		step(drift, reconcile.Settled, &reconcile.Return{Result: &yes, Comment: "Updated", Changes: map[string]reconcile.OldNew{"privacy": {Old: "public", New: "private"}}, Drift: []string{"privacy"}}),
		event(drift, reconcile.RunEnded, "done=1"),
	}
	for i := range records {
		records[i].Stack, records[i].Seq, records[i].Stamp = shop, int64(i+1), noon.Add(time.Duration(i)*time.Minute)
	}
	runs := []reconcile.Run{{JID: push.JID, Stack: shop, Launch: reconcile.ByPush, Status: reconcile.RunFailed, Actor: daemon, Author: "R. Leone <r@example.com>",
		Subject: "Raise order-api memory", Approved: []string{"carol"}, Explanation: "1 of 2 steps failed"}, {JID: "another", Stack: shop}}
	return records, runs
}

func account(t testing.TB) *Account {
	t.Helper()
	records, runs := month(t)
	a, err := NewAccount(noon.Add(-time.Hour), noon.Add(time.Hour), each(records), runs)
	if err != nil {
		t.Fatal(err)
	}
	a.Chain = ChainLine{Holds: true, Lines: []string{shop + ": 12 records, none changed"}}
	return a
}

func written(t testing.TB, write func(*bytes.Buffer) error) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// forms are the account in each form, by the name of its golden file.
func forms(t testing.TB, a *Account) map[string]string {
	t.Helper()
	return map[string]string{
		"account.txt":  written(t, func(b *bytes.Buffer) error { return a.WriteText(b) }),
		"account.md":   written(t, func(b *bytes.Buffer) error { return a.WriteMarkdown(b) }),
		"account.csv":  written(t, func(b *bytes.Buffer) error { return a.WriteCSV(b) }),
		"account.json": written(t, func(b *bytes.Buffer) error { return a.WriteJSON(b) }),
	}
}

func TestAccount(t *testing.T) {
	a := account(t)
	if len(a.Runs) != 2 || len(a.Runs[0].Changes) != 2 || len(a.Outside()) != 1 || len(a.Refusals()) != 1 || len(a.Orders) != 2 {
		t.Errorf("%+v", a)
	}
	for name, got := range forms(t, a) {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want := readFile(t, path); got != want {
			t.Errorf("it is not %s (-update writes it anew):\n%s", path, got)
		}
	}
	if !json.Valid([]byte(forms(t, a)["account.json"])) {
		t.Error("no JSON")
	}
	a.Chain = ChainLine{}
	if !strings.Contains(a.Verdict(), "NOT verify") {
		t.Error(a.Verdict())
	}
}

// S28: what others wrote is text in every form of the account.
func TestS28Account(t *testing.T) {
	hostile := []string{"=HYPERLINK(\"https://evil\")", "+1", "-1+1", "@SUM(1)", "a|b", "`@all`", "/close", "<script>", "\x1b[2J", "a\n/close\n", "\u202egnp", "\r=1+1", "![x](https://evil)"}
	active := regexp.MustCompile(`(?m)^/close|\x1b|\x{202e}|\r`)
	for _, text := range hostile {
		records, runs := month(t)
		for i := range records {
			r := &records[i]
			r.Actor.User, r.Actor.Host = text, text
			if r.Return != nil {
				kept := *r.Return
				kept.Comment, kept.SLS, kept.Drift = text, text, []string{text}
				kept.Changes = map[string]reconcile.OldNew{text: {Old: text, New: text}}
				r.Return = &kept
			}
		}
		runs[0].Author, runs[0].Subject, runs[0].Approved = text, text, []string{text}
		a, err := NewAccount(noon, noon.Add(time.Hour), each(records), runs)
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range forms(t, a) {
			if name != "account.json" && active.MatchString(got) {
				t.Errorf("%s: %q comes through", name, text)
			}
			if name == "account.md" {
				checkCells(t, text, got)
			}
			if name == "account.csv" {
				checkFormulas(t, text, got)
			}
		}
	}
	t.Logf("S28: %d texts in 4 forms of a report: none comes through", len(hostile))
}

// checkCells wants each row of a table to have as many cells as its head.
func checkCells(t *testing.T, text, md string) {
	t.Helper()
	columns := 0
	bars := regexp.MustCompile(`(^|[^\\])\|`)
	for line := range strings.Lines(md) {
		switch n := len(bars.FindAllString(line, -1)); {
		case !strings.HasPrefix(line, "|"):
			columns = 0
		case columns == 0:
			columns = n
		case n != columns || strings.Count(line, "`")%2 != 0:
			t.Errorf("%q breaks out of its cell: %s", text, line)
		}
	}
}

func checkFormulas(t *testing.T, text, table string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if slices.ContainsFunc(row, func(cell string) bool { return cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") }) {
			t.Errorf("%q is a formula in %q", text, row)
		}
	}
}

// The choice of records in memory is that of a store.
func TestChoose(t *testing.T) {
	records := slices.Concat(chain(t, blog, 3), chain(t, shop, 5))
	cases := []struct {
		f    reconcile.RecordFilter
		want int
	}{
		{reconcile.RecordFilter{}, 8}, {reconcile.RecordFilter{Stack: shop}, 5}, {reconcile.RecordFilter{Stack: shop, After: 2, Limit: 2}, 2},
		{reconcile.RecordFilter{Key: "Container/c1"}, 2}, {reconcile.RecordFilter{Key: "Container/c"}, 0}, {reconcile.RecordFilter{Key: "Container"}, 8},
		{reconcile.RecordFilter{Since: noon.Add(3 * time.Second)}, 2}, {reconcile.RecordFilter{Until: noon.Add(time.Second)}, 2}, {reconcile.RecordFilter{JID: "x"}, 0},
	}
	for _, c := range cases {
		n := 0
		for range Choose(c.f, each(records)) {
			n++
		}
		if n != c.want {
			t.Errorf("%+v: %d records, not %d", c.f, n, c.want)
		}
	}
	var again []reconcile.Record
	for r, err := range Exported(bytes.NewReader(export(t, records))) {
		if err != nil {
			t.Fatal(err)
		}
		again = append(again, r)
	}
	if !same(again, records) {
		t.Error("what was exported is read as something else")
	}
}
