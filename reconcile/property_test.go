package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// lookup is an environment.
type lookup map[string]string

func (l lookup) Lookup(_ context.Context, from reconcile.ValueFrom) (reconcile.Secret, error) {
	if value, ok := l[from.Name]; ok {
		return reconcile.NewSecret(value), nil
	}
	return reconcile.Secret{}, errors.New("not set")
}

// wishes turns bytes into a list of items: small worlds, much in common.
func wishes(data []byte) []string {
	seen := map[string]bool{}
	var out []string
	for len(data) >= 2 {
		name := string(rune('a' + data[0]%6))
		if !seen[name] {
			seen[name] = true
			out = append(out, fmt.Sprintf("%s box=%c size=%d color=%s", name, 'x'+data[1]%3, 1+data[1]%8, []string{"red", "blue", "green"}[data[0]/64%3]))
		}
		data = data[2:]
	}
	return out
}

// FuzzApply: from any state to any other, an apply leaves nothing to do, and
// what is wanted is there, once.
func FuzzApply(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3}, []byte{0, 9, 4, 4})
	f.Add([]byte{}, []byte{1, 1})
	f.Add([]byte{200, 7, 130, 5, 3, 3}, []byte{})
	f.Fuzz(func(t *testing.T, before, after []byte) {
		w := newWorld()
		for i, texts := range [][]string{wishes(before), wishes(after)} {
			w.rev = fmt.Sprintf("c%d", i)
			w.clock.now = w.clock.now.Add(10 * time.Minute)
			if out := w.apply(t, texts...); out.Err != nil || out.Failed() > 0 || out.TimedOut {
				t.Fatalf("apply %d: %v, %d failed, timed out %v\n%s", i, out.Err, out.Failed(), out.TimedOut, actions(out.Plan))
			}
			if got := actions(w.plan(t, texts...)); got != "" {
				t.Fatalf("after apply %d of %q:\n%s", i, texts, got)
			}
		}
		if got, want := len(w.of("Item")), len(wishes(after)); got != want {
			t.Fatalf("%d items, want %d", got, want)
		}
	})
}

// FuzzOrder: whatever the change, what is needed comes before what needs it, what
// lives in something before that goes, and no due step has anything to wait for.
func FuzzOrder(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3}, []byte{0, 9, 4, 4})
	f.Add([]byte{200, 7, 130, 5, 3, 3}, []byte{200, 6})
	f.Fuzz(func(t *testing.T, before, after []byte) {
		w := newWorld()
		w.apply(t, wishes(before)...)
		w.clock.now, w.rev = w.clock.now.Add(10*time.Minute), "c1"
		plan := w.plan(t, wishes(after)...)
		place := map[reconcile.Key]int{}
		for i, c := range plan.Steps {
			place[c.Key] = i
		}
		for i, c := range plan.Steps {
			if c.Want != nil {
				for _, need := range c.Want.Needs {
					if at, planned := place[need]; planned && at > i {
						t.Fatalf("%s needs %s, which comes later", c.Key, need)
					}
				}
			}
			if len(c.Waits) == 0 && c.Action != reconcile.Delete && len(c.Want.Unknown) > 0 && !(c.Action == reconcile.Replace && c.First == reconcile.Delete) {
				t.Fatalf("%s is due with values still to come: %v", c.Key, c.Want.Unknown)
			}
			for j, inside := range plan.Steps {
				if c.Action == reconcile.Delete && inside.Action == reconcile.Delete && inside.Live.In == c.Live.ID && j > i {
					t.Fatalf("%s goes before %s, which lives in it", c.Key, inside.Key)
				}
			}
		}
	})
}

func TestSecretIsMasked(t *testing.T) {
	s := reconcile.NewSecret("hunter2")
	data, err := json.Marshal(map[string]any{"a": s, "b": &s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "p", &s)
	spec := struct{ S reconcile.Secret }{s}
	for _, text := range []string{string(data), log.String(), fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x %d", s, spec, spec, s, s, s, s), s.String(), s.GoString()} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74657232") {
			t.Errorf("%q holds the secret", text)
		}
	}
	if s.Reveal() != "hunter2" {
		t.Error("Reveal does not")
	}
}

func TestThreeWay(t *testing.T) {
	tests := []struct {
		base, git, live string
		want            reconcile.Label
	}{
		{"1", "1", "2", reconcile.Drifted},
		{"1", "2", "1", reconcile.Pending},
		{"1", "2", "3", reconcile.Conflicting},
	}
	for _, test := range tests {
		w := newWorld()
		base := w.wish(t, "a box=x size="+test.base).ByKey["Item/a"]
		c := &reconcile.Change{Fields: []reconcile.FieldChange{{Path: "size", From: number(test.live), To: number(test.git)}}}
		reconcile.Compare(c, base)
		if c.Fields[0].Label != test.want {
			t.Errorf("base %s, Git %s, live %s: %q, want %q", test.base, test.git, test.live, c.Fields[0].Label, test.want)
		}
	}
}

func number(text string) int { return int(text[0] - '0') }

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{500, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld()
			var texts []string
			for i := range n {
				texts = append(texts, fmt.Sprintf("i%d box=b%d size=2", i, i/10))
			}
			if out := w.apply(b, texts...); out.Err != nil || out.Failed() > 0 {
				b.Fatal(out.Err)
			}
			wish, e := w.wish(b, texts...), w.engine()
			for b.Loop() {
				plan, _, err := e.Plan(b.Context(), wish)
				if err != nil || len(plan.Steps) > 0 {
					b.Fatal(err, len(plan.Steps))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
		})
	}
}
