//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// decided are the reasons for which keys are held, each with the line that says so.
type decided map[reconcile.Key][]string

// ruledDecisions are those about what ruled writes, whoever makes them.
var ruledDecisions = decided{
	"Container/foreign": {"registries stack.yaml:13"},
	"Container/loose":   {"requireDigest stack.yaml:14"},
	"Container/nobody":  {"requiredLabels stack.yaml:12"},
	"Container/kept":    {"protect stack.yaml:8"},
	"Container/all":     {"registries stack.yaml:13", "requireDigest stack.yaml:14", "requiredLabels stack.yaml:12"},
}

const ruledStack = `apiVersion: reconcile/v1
kind: Stack
metadata: {name: rig, uid: 5b0c1f7e-9a44-4c1e-8f0e-1d2c3b4a5e6f}
spec:
  scaleway: {regions: [fr-par]}
  store: WHERE
  policy:
    prune: true
    maxDeletes: 5
    protect: [Container/kept]
    rules:
      requiredLabels: [team]
      registries: [rg.fr-par.scw.cloud/shop]
      requireDigest: true
`

// ruled writes a stack with a policy, of which some was there before and some
// breaks the rules.
func (h *herd) ruled() {
	h.t.Helper()
	labels := func(text string) string {
		return strings.Replace(text, "}\nspec:", ", labels: {team: shop}}\nspec:", 1)
	}
	from := func(text, image string) string {
		return strings.Replace(text, "docker.io/library/nginx:1.29", image, 1)
	}
	const ours = "rg.fr-par.scw.cloud/shop/api"
	digest := "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	files := map[string]string{
		"stack.yaml": strings.Replace(ruledStack, "WHERE", map[bool]string{true: "daemon", false: "postgres"}[h.server == nil], 1),
		"good.yaml":  labels(from(sized("good", 256, ""), ours+":1"+digest)), "foreign.yaml": labels(from(sized("foreign", 256, ""), "nginx:1"+digest)),
		"loose.yaml": labels(from(sized("loose", 256, ""), ours+":1")), "nobody.yaml": from(sized("nobody", 256, ""), ours+":1"+digest),
		"all.yaml": sized("all", 256, ""), "grow.yaml": sized("grow", 512, ""),
	}
	for name, text := range files {
		h.write(name, text)
	}
	for _, name := range []string{"kept.yaml", "gone.yaml"} {
		if err := os.Remove(filepath.Join(h.dir, name)); err != nil {
			h.t.Fatal(err)
		}
	}
}

// TestS12PolicyDecidesAlike: one daemon, three replicas and the command line hold
// the same changes for the same reasons, and make the same others.
func TestS12PolicyDecidesAlike(t *testing.T) {
	onBoth(t, func(h *herd) {
		h.serving("old", "kept", "gone", "grow")
		h.settled(time.Minute)
		h.ruled()
		commitAll(t, h.dir, "Rules")
		head := git(t, h.dir, "rev-parse", "HEAD")
		is := h.becomes("rig", 2*time.Minute, "to hold the rest", func(s reconcile.Standing) bool {
			return s.Condition == reconcile.OnHold && s.Revision.ID == head && len(s.Items) == len(ruledDecisions)
		})
		byDaemon := decided{}
		for _, item := range is.Items {
			for _, r := range item.Reasons {
				byDaemon[item.Key] = append(byDaemon[item.Key], r.Guard+" "+r.At)
			}
		}
		h.compare("the daemon", byDaemon)
		h.compare("the command line", h.plannedHolds())
		var names []string
		for _, c := range h.live("") {
			names = append(names, c.Name)
			if c.Name == "grow" && c.MemoryLimit != 512e6 {
				t.Errorf("grow has %d bytes", c.MemoryLimit)
			}
		}
		if slices.Sort(names); !slices.Equal(names, []string{"good", "grow", "kept", "old"}) {
			t.Errorf("live are %v", names)
		}
		t.Logf("S12: %d decisions, the same by %d daemons and by the command line", len(ruledDecisions), len(h.daemons))
	})
}

// plannedHolds are the decisions of plan.
func (h *herd) plannedHolds() decided {
	h.t.Helper()
	out, code := h.run(h.applier(), "plan", "--ref", "main", "-o", "json")
	var plan struct {
		Reconcile struct {
			Held []struct {
				Address reconcile.Key
				Because []struct{ Guard, Line string }
			}
		}
	}
	if at := strings.IndexByte(out, '{'); code != 0 || at < 0 || json.NewDecoder(strings.NewReader(out[at:])).Decode(&plan) != nil {
		h.t.Fatalf("exit %d\n%s", code, out)
	}
	all := decided{}
	for _, c := range plan.Reconcile.Held {
		for _, b := range c.Because {
			all[c.Address] = append(all[c.Address], b.Guard+" "+b.Line)
		}
	}
	return all
}

func (h *herd) compare(who string, got decided) {
	h.t.Helper()
	for _, reasons := range got {
		slices.Sort(reasons)
	}
	if !reflect.DeepEqual(got, ruledDecisions) {
		h.t.Errorf("%s decides\n%v, want\n%v", who, got, ruledDecisions)
	}
}
