package main

import (
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func changed(key reconcile.Key, labels ...reconcile.Label) reconcile.Change {
	c := reconcile.Change{Key: key, Kind: key.Kind(), Action: reconcile.Update, Live: &reconcile.Resource{ID: "id-" + key.Name()}}
	for i, label := range labels {
		c.Fields = append(c.Fields, reconcile.FieldChange{Path: "f" + string(rune('a'+i)), From: i, To: "git", Label: label})
	}
	return c
}

// Each finding by itself, under each word: found or not; and the order of the statuses.
func TestGateJudges(t *testing.T) {
	missing := reconcile.Change{Key: "Container/m", Action: reconcile.Create, Missing: true}
	surplus := reconcile.Change{Key: "Container/s", Action: reconcile.Delete, Surplus: true, Live: &reconcile.Resource{ID: "s"}}
	known := changed("Container/k", reconcile.Drifted, reconcile.Pending)
	known.Known = &reconcile.Known{Until: "2026-12-31"}
	plans := map[string]*reconcile.Plan{
		"nothing":   {},
		"drift":     {Steps: []reconcile.Change{changed("Container/a", reconcile.Drifted)}},
		"unclear":   {Held: []reconcile.Change{changed("Container/a", "")}},
		"conflict":  {Steps: []reconcile.Change{changed("Container/a", reconcile.Conflicting)}},
		"missing":   {Steps: []reconcile.Change{missing}},
		"surplus":   {Steps: []reconcile.Change{surplus}},
		"pending":   {Steps: []reconcile.Change{changed("Container/a", reconcile.Pending)}},
		"known":     {Steps: []reconcile.Change{known}},
		"unmanaged": {Unmanaged: []*reconcile.Resource{{ID: "u"}}},
		"spared":    {Unmanaged: []*reconcile.Resource{{ID: "u"}}, KnownLive: map[string]reconcile.Known{"u": {}}},
	}
	found := map[string]string{ // what each word finds
		"drift": "drift unclear", "conflict": "conflict", "missing": "missing", "surplus": "surplus", "pending": "pending known",
		"unmanaged": "unmanaged", "none": "",
	}
	for name, plan := range plans {
		for word, finds := range found {
			want := exitDone
			if strings.Contains(" "+finds+" ", " "+name+" ") {
				want = exitDiffers
			}
			for _, drift := range []bool{false, true} {
				gate := gateFlags{drift: drift, failOn: []string{word}}
				if got := gate.judge(plan, exitDone); got != want {
					t.Errorf("%s with --fail-on %s: %d, want %d", name, word, got, want)
				}
				sentence := gate.sentence(want, plan)
				if (sentence == "") != (want == exitDone) {
					t.Errorf("%s with --fail-on %s says %q", name, word, sentence)
				}
			}
		}
		usual := strings.Contains(" drift unclear conflict missing ", " "+name+" ")
		if got := (&gateFlags{drift: true}).judge(plan, exitDone); (got == exitDiffers) != usual {
			t.Errorf("%s: drift ends with %d", name, got)
		}
		if got := (&gateFlags{}).judge(plan, exitDone); got != exitDone {
			t.Errorf("%s: plan ends with %d", name, got)
		}
	}
	unread := *plans["drift"]
	unread.Receipts = []reconcile.Receipt{{Kind: "Container", Reason: "no answer"}}
	gate := gateFlags{drift: true}
	for _, tt := range []struct {
		plan            *reconcile.Plan
		otherwise, want exitCode
	}{{&unread, exitHeld, exitIncomplete}, {&unread, exitDone, exitIncomplete}, {plans["drift"], exitHeld, exitHeld}, {plans["nothing"], exitDiffers, exitDiffers}} {
		if got := gate.judge(tt.plan, tt.otherwise); got != tt.want {
			t.Errorf("otherwise %d: %d, want %d", tt.otherwise, got, tt.want)
		}
	}
}

func TestGateSaysWhy(t *testing.T) {
	known := changed("Container/k", reconcile.Drifted)
	known.Known = &reconcile.Known{}
	plan := &reconcile.Plan{
		Steps: []reconcile.Change{changed("Container/a", reconcile.Drifted), changed("Container/b", reconcile.Conflicting), known},
		Held:  []reconcile.Change{changed("Container/c", "")},
	}
	const want = "1 resource was changed behind Git; 1 differs, and which side moved cannot be told; 1 was changed on both sides; 1 more is known and accepted."
	if got := (&gateFlags{drift: true}).sentence(exitDiffers, plan); got != want {
		t.Errorf("got %q", got)
	}
}

func TestGateRefusesWords(t *testing.T) {
	for words, want := range map[string]string{
		"drift,none": "none stands alone", "pendin": "did you mean pending?", "unknown": "exit status 3", "unclear": "count as drift", "x\x1b": "there are drift, conflict",
	} {
		gate := gateFlags{failOn: strings.Split(words, ",")}
		if err := gate.check(scope{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v, want %s", words, err, want)
		}
	}
}
