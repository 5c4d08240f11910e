package providertest

import (
	"fmt"
	"maps"
	"math/rand"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/secret"
	"gitlab.com/reconciled/reconciled/providers/simulator"
)

// TestWalkOfSecrets walks at random with secrets: their values are no state that
// can be written twice. Each change of what a value is made of makes one version,
// whatever answers get lost, reads are old, or processes die; and a value that was
// made up is never made up again for nothing, as somebody may use it by then.
func TestWalkOfSecrets(t *testing.T) {
	for seed := range runs(8) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			w := newSecretWalk(t, int64(seed))
			w.walk()
			w.end()
			if t.Failed() {
				t.Logf("seed %d:\n%s", seed, strings.Join(w.story, "\n"))
			}
		})
	}
}

// item is a secret of the walk.
type item struct {
	name, path, about string
	protected         bool
	value             int // of the environment; -1: it is made up
	rotation          int
	shape             string
}

type secretWalk struct {
	*stage
	*trace
	rng    *rand.Rand
	items  map[string]item
	mortal bool
	deaths int
	others map[string]fact
}

func newSecretWalk(t *testing.T, seed int64) *secretWalk {
	s := newStoredStage(t, secret.Kinds)
	s.parallel = 1
	for i := range mostTokens {
		s.values[fmt.Sprintf("TOKEN%d", i)] = fmt.Sprintf(`{"token":"canary-%d"}`, i)
	}
	s.stack = strings.NewReplacer("name: suite", "name: neighbour", "5b0c11aa", "0ddba11b").Replace(ourStack)
	if problem := trouble(s.apply("apiVersion: reconcile/v1\nkind: Secret\nmetadata: {name: a}\nspec: {path: /theirs, generate: {}}\n")); problem != "" {
		t.Fatal(problem)
	}
	s.stack = ourStack
	s.sim.Advance(time.Hour)
	w := &secretWalk{stage: s, trace: follow(s), rng: rand.New(rand.NewSource(seed)), items: map[string]item{}, others: s.others()}
	w.die = func() bool { return w.mortal && w.rng.Intn(40) == 0 }
	w.restart()
	return w
}

func (w *secretWalk) walk() {
	for i := range 6 {
		w.edit(i)
		w.commit(fmt.Sprintf("commit %d", i))
		manifests := w.manifests()
		w.tell("commit %d: %+v", i, w.items)
		for tries := 0; ; tries++ {
			w.weather()
			w.mortal = tries < 6
			out := w.apply(manifests)
			if w.wires.dead() {
				w.deaths++
				w.mortal = false
				w.sim.Advance(time.Duration(w.rng.Intn(90)) * time.Second)
				w.tell("lives again")
				w.restart()
				continue
			}
			if out.Err != nil {
				w.Fatalf("commit %d: %v", i, out.Err)
			}
			if w.rng.Intn(2) == 0 || tries > 10 {
				break
			}
		}
	}
}

func (w *secretWalk) weather() {
	w.steer(http.MethodDelete, "/_sim/faults", nil)
	for _, route := range []string{"/secrets$", "/{secret_id}$", "/versions$", "/{revision}$", "/protect$", "/unprotect$", "/disable$"} {
		at := func(f simulator.Fault) {
			f.Path, f.Seed = route, w.rng.Int63()
			w.sim.AddFault(f)
		}
		at(simulator.Fault{Kind: "stale", Seconds: 60, Gets: true, Method: http.MethodGet, Rate: 0.7})
		at(simulator.Fault{Kind: "status", Status: 500, Method: http.MethodGet, Rate: 0.02})
		for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
			cut := []string{"before", "within", "after"}[w.rng.Intn(3)]
			at(simulator.Fault{Kind: "lost", Cut: cut, Method: method, Rate: 0.07})
			at(simulator.Fault{Kind: "late", Seconds: float64(1 + w.rng.Intn(30)), Method: method, Rate: 0.07})
			at(simulator.Fault{Kind: "status", Status: 503, Method: method, Rate: 0.03})
			at(simulator.Fault{Kind: "status", Status: 429, Method: method, Rate: 0.05})
		}
	}
}

// edit changes what is wanted. What was ever protected stays, as only Git and a
// run that ends may set it free; a and b are those.
func (w *secretWalk) edit(commit int) {
	if commit == 0 {
		w.items["a"], w.items["c"] = item{value: -1, protected: true}, item{value: 0}
		return
	}
	for range 1 + w.rng.Intn(3) {
		name := []string{"a", "b", "c", "d"}[w.rng.Intn(4)]
		one, there := w.items[name]
		guarded := name < "c"
		switch turn := w.rng.Intn(10); {
		case !there:
			one = item{value: w.rng.Intn(mostTokens+1) - 1}
		case turn == 0 && !guarded:
			delete(w.items, name)
			continue
		case turn < 3 && one.value < 0:
			one.rotation++
		case turn < 4:
			one.value, one.shape = (one.value+2)%(mostTokens+1)-1, ""
		case turn < 6:
			one.about += "x"
		case turn == 6 && guarded:
			one.protected = !one.protected
		case turn == 6 && one.value >= 0:
			one.shape = map[string]string{"": "key_value"}[one.shape]
		case turn == 7:
			one.path = []string{"", "/x", "/x/y/"}[w.rng.Intn(3)]
		default:
			one.name = w.free()
		}
		w.items[name] = one
	}
}

// free is a name that no secret has now.
func (w *secretWalk) free() string {
	for {
		name := []string{"n1", "n2", "n3", "n4", "n5"}[w.rng.Intn(5)]
		taken := false
		for _, one := range w.items {
			taken = taken || one.name == name
		}
		if !taken {
			return name
		}
	}
}

func (w *secretWalk) manifests() string {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(w.items)) {
		one := w.items[key]
		fmt.Fprintf(&text, "---\napiVersion: reconcile/v1\nkind: Secret\nmetadata: {name: %s}\nspec:\n  protected: %v\n", key, one.protected)
		for field, value := range map[string]string{"name": one.name, "path": one.path, "description": one.about, "type": one.shape} {
			if value != "" {
				fmt.Fprintf(&text, "  %s: %q\n", field, value)
			}
		}
		if one.value < 0 {
			fmt.Fprintf(&text, "  generate: {rotation: \"%d\"}\n", one.rotation)
		} else {
			fmt.Fprintf(&text, "  value: {valueFrom: {env: TOKEN%d}}\n", one.value)
		}
	}
	return text.String()
}

// end lets everything settle in good weather, and looks.
func (w *secretWalk) end() {
	w.steer(http.MethodDelete, "/_sim/faults", nil)
	w.mortal = false
	manifests := w.manifests()
	problem := ""
	for range 4 {
		w.sim.Advance(3 * time.Minute)
		problem = trouble(w.apply(manifests))
	}
	if left := actions(w.plan(manifests)); problem != "" || len(left) > 0 {
		w.Errorf("it does not settle: %s %q", problem, left)
	}
	ours := w.ours()
	for _, wanted := range w.read(manifests).Ordered {
		if n := len(ours[wanted.Key]); n != 1 {
			w.Errorf("%s is there %d times", wanted.Key, n)
		}
		delete(ours, wanted.Key)
	}
	if len(ours) > 0 {
		w.Errorf("nobody wants %v", ours)
	}
	now := w.stage.others()
	for id, was := range w.others {
		if fmt.Sprint(now[id]) != fmt.Sprint(was) {
			w.Errorf("%v is %v", was, now[id])
		}
	}
	w.versions()
}

// versions looks at the values of each secret that was ever made.
func (w *secretWalk) versions() {
	of := map[string][]fact{}
	facts := w.facts()
	for _, f := range facts {
		if f.Kind == "secret_version" {
			of[f.text("secret_id")] = append(of[f.text("secret_id")], f)
		}
	}
	number := func(f fact) int { n, _ := f.Fields["revision"].(float64); return int(n) }
	for id, versions := range of {
		slices.SortFunc(versions, func(a, b fact) int { return number(a) - number(b) })
		enabled := 0
		for i, v := range versions {
			if v.status() == "enabled" {
				enabled++
			}
			if i > 0 && w.sense(v) == w.sense(versions[i-1]) {
				w.Errorf("%s: revision %d has the same sense as the one before: %s", facts[id].mark().Key, number(v), w.sense(v))
			}
		}
		if f := facts[id]; !f.leaving() && (enabled != 1 || versions[len(versions)-1].status() != "enabled") {
			w.Errorf("%s: %d of %d versions are enabled", f.mark().Key, enabled, len(versions))
		}
	}
}

// sense is what a version was asked for: how it is made up, or its value.
func (w *secretWalk) sense(version fact) string {
	if _, generated, ok := strings.Cut(version.text("description"), "reconcile:generated="); ok {
		return generated
	}
	return version.text("data")
}

// A listing that still shows a secret without its value is no reason to make one
// up again, even where the next commit changes something else of it.
func TestAnOldListingMakesUpNoSecondValue(t *testing.T) {
	t.Parallel()
	s := newStage(t, secret.Kinds)
	manifests := func(about string) string {
		return fmt.Sprintf("apiVersion: reconcile/v1\nkind: Secret\nmetadata: {name: a}\nspec: {description: %q, generate: {}}\n", about)
	}
	s.must(manifests("first"))
	s.breaks(simulator.Fault{Kind: "stale", Seconds: 60, Gets: true, Path: "/versions$"}, simulator.Fault{Kind: "stale", Seconds: 60, Gets: true, Path: "/{revision}$"})
	s.commit("second")
	s.apply(manifests("second"))
	s.mend()
	s.must(manifests("second"))
	made := 0
	for _, f := range s.facts() {
		if f.Kind == "secret_version" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d values were made up", made)
	}
}
