package manifest_test

import (
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

var odd = []string{
	"plain", "", " ", "two words ", "# no comment", "a: b", "- item", "x #y", "{a: b}", "[a]", "*a", "&a", "!!int 3", "%d", "@x", "`x`", "'", `"`, `\`,
	"no", "1_000", "012", "0x1f", "1e3", "12:30:59", "2026-11-21", "~", "null", "=", "<<", "---", "...", "a\nb", "a\nb\n", "\n", "\ta", "a\x7f\u0085\u2028b", "é 日本",
	"}}{{ x }}", "key:", "? x", "|", ">",
}

func text(s string) *reconcile.Node { return reconcile.String(s, reconcile.Pos{}) }

func entry(key string, value *reconcile.Node) reconcile.Entry {
	return reconcile.Entry{Key: key, Value: value}
}

// What is written says the same when it is read again, in each place that a text may have.
func TestWriteSaysWhatWasMeant(t *testing.T) {
	none := reconcile.Pos{}
	for _, s := range odd {
		doc := reconcile.Map(none, entry("plain", text(s)), entry("list", reconcile.List(none, text(s), reconcile.Map(none, entry("in", text(s)), entry("n", reconcile.Int(3, none))))),
			entry("empty", reconcile.List(none)), entry("map", reconcile.Map(none, entry("deep", text(s)), entry("yes", reconcile.Bool(true, none)))))
		if s != "" {
			doc = doc.With(entry(s+"key", text(s)))
		}
		written := manifest.Write(doc)
		read, problems := manifest.Parse("m.yaml", written)
		if problems.Err() != nil || len(read) != 1 || !read[0].Equal(doc) {
			t.Errorf("%q was written as\n%s%v", s, written, problems)
		}
		if again := manifest.Write(read[0]); string(again) != string(written) {
			t.Errorf("%q: written once more it is\n%s", s, again)
		}
	}
}

func TestWriteLooks(t *testing.T) {
	none := reconcile.Pos{}
	doc := reconcile.Map(none, entry("kind", text("Device")), entry("metadata", reconcile.Map(none, entry("name", text("bm-1")), entry("id", text("12")))),
		entry("list", reconcile.List(none, reconcile.Map(none, entry("name", text("a")), entry("on", reconcile.List(none, text("x")))))))
	want := "kind: Device\nmetadata:\n  name: bm-1\n  id: \"12\"\nlist:\n  - name: a\n    \"on\":\n      - x\n"
	if got := string(manifest.Write(doc)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(manifest.Write(reconcile.Map(none))); got != "{}\n" {
		t.Errorf("an empty map is %q", got)
	}
}
