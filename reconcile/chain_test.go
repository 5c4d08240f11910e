package reconcile_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func sampleRecord() reconcile.Record {
	yes := true
	return reconcile.Record{
		Seq: 17, Stamp: time.Date(2026, 11, 21, 6, 43, 1, 935790999, time.FixedZone("CET", 3600)), Tag: "t", Stack: "shop.5b0c1f2e",
		JID: "20261121054301123456", Event: reconcile.Result, Actor: reconcile.Actor{Kind: "cli", User: "<remy & \u2028 zoë>"},
		Key: "Container/api", Fun: "container.present", RunNum: 3, Action: reconcile.Update,
		Return: &reconcile.Return{Name: "api", Result: &yes, Changes: map[string]reconcile.OldNew{"b": {}, "a": {Old: "\x00\b\f\n\r\t\x1f\"\\/", New: "\U0001F600"}},
			StartedAt: time.Date(2026, 11, 21, 5, 43, 1, 999, time.UTC)},
	}
}

// TestSeal keeps the form and the hash of a record for ever: chains that were
// written must hold with every later version. The hash can be computed anew with
//
//	printf %s "$canonical" | sha256sum
func TestSeal(t *testing.T) {
	r := sampleRecord()
	if err := reconcile.Seal(&r, ""); err != nil {
		t.Fatal(err)
	}
	canonical, err := reconcile.Canonical(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"_stamp":"2026-11-21T05:43:01.93579Z","action":"update","actor":{"kind":"cli","user":"<remy & ` + "\u2028" + ` zoë>"},` +
		`"event":"prog","fun":"container.present","id":"Container/api","jid":"20261121054301123456","prev":"",` +
		`"ret":{"__sls__":"","changes":{"a":{"new":"😀","old":"\u0000\b\f\n\r\t\u001f\"\\/"},"b":{"new":"","old":""}},"comment":"",` +
		`"duration_us":0,"name":"api","result":true,"started_at":"2026-11-21T05:43:01Z"},` +
		`"run_num":3,"seq":17,"stack":"shop.5b0c1f2e","tag":"t","v":1}`
	if string(canonical) != want {
		t.Errorf("got\n%s\nwant\n%s", canonical, want)
	}
	const first, second = "sha256:3213955ffac9caab489244205dbcd76d3a48f05bfd1c6703f34637aa1069cda1", "sha256:c42e21c4c4038360c056c56f6470cbf054d38e09d07b48c434e3e7847a607049"
	if r.Sum != first {
		t.Errorf("the hash is %s", r.Sum)
	}
	if err := reconcile.Seal(&r, r.Sum); err != nil || r.Sum != second || r.Prev != first {
		t.Errorf("the next hash is %s %v", r.Sum, err)
	}
	original := sampleRecord()
	sealed := original
	if err := reconcile.Seal(&sealed, ""); err != nil || !original.Return.StartedAt.Equal(time.Date(2026, 11, 21, 5, 43, 1, 999, time.UTC)) {
		t.Errorf("a return that others may hold was changed: %v %v", original.Return.StartedAt, err)
	}
	for _, bad := range []string{"x", "sha256:", "sha256:00", strings.ToUpper(first), first + "0"} {
		if err := reconcile.Seal(&r, bad); err == nil {
			t.Errorf("%q was taken for a hash", bad)
		}
	}
}

// TestSealSurvives reads a sealed record back from JSON.
func TestSealSurvives(t *testing.T) {
	r := sampleRecord()
	if err := reconcile.Seal(&r, ""); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back reconcile.Record
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	sum := back.Sum
	if err := reconcile.Seal(&back, ""); err != nil || back.Sum != sum {
		t.Errorf("%s is not %s: %v", back.Sum, sum, err)
	}
}

func TestCanonicalJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"b":1,"a":[true,false,null,-0,9223372036854775807]}`:                          `{"a":[true,false,null,0,9223372036854775807],"b":1}`,
		` {"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7} `: "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\ufb33\":3}",
		`"\u003c\u2028\/\u007f"`:    "\"<\u2028/\u007f\"",
		`[]`:                        `[]`,
		`{"x":{"hash":1},"hash":2}`: `{"x":{"hash":1}}`,
	} {
		got, err := reconcile.CanonicalJSON([]byte(in), "hash")
		if err != nil || string(got) != want {
			t.Errorf("%s becomes %s, not %s: %v", in, got, want, err)
		}
	}
	for _, bad := range []string{"", "{", "1.5", "1e3", "9223372036854775808", `{"a":1}{`, "{} {}", "nul"} {
		if got, err := reconcile.CanonicalJSON([]byte(bad)); err == nil {
			t.Errorf("%s becomes %s", bad, got)
		}
	}
}

func FuzzCanonicalJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,"\u2028",{"b":null}],"\ud800":"x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := reconcile.CanonicalJSON(text)
		if err != nil {
			return
		}
		twice, err := reconcile.CanonicalJSON(once)
		if err != nil || string(once) != string(twice) {
			t.Errorf("%s is not its own form: %s %v", once, twice, err)
		}
	})
}

func TestHeadEnds(t *testing.T) {
	h := reconcile.Head{Stack: "shop", Count: 5, Sum: "a"}
	if err := h.Ends(h); err != nil {
		t.Error(err)
	}
	for want, noted := range map[string]reconcile.Head{
		"stack shop: record 6 was removed or moved: the chain ends before it should":                        {Count: 6, Sum: "a"},
		"stack shop: records 6 to 9 were removed or moved: the chain ends before it should":                 {Count: 9, Sum: "a"},
		"stack shop: record 4 was inserted: the chain should end with record 3":                             {Count: 3, Sum: "a"},
		"stack shop: record 5 is not the one that the chain's head was made of: one of the two was changed": {Count: 5, Sum: "b"},
	} {
		var b *reconcile.Break
		if err := h.Ends(noted); !errors.As(err, &b) || err.Error() != want || b.Seq == 0 {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

func TestTagOf(t *testing.T) {
	r := sampleRecord()
	if got := reconcile.TagOf(r); got != "reconcile/job/20261121054301123456/prog/Container/api/3" {
		t.Error(got)
	}
	r.Key = ""
	if got := reconcile.TagOf(r); got != "reconcile/job/20261121054301123456/prog" {
		t.Error(got)
	}
}
