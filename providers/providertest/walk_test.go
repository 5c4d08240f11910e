package providertest

import (
	"fmt"
	"maps"
	"math/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/container"
	"gitlab.com/reconciled/reconciled/providers/simulator"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func recordsOf(owner string) reconcile.RecordFilter { return reconcile.RecordFilter{Stack: owner} }

// TestWalk walks at random over the real engine, client, store and simulator:
// desired states that change from commit to commit, reads up to a minute old,
// answers that get lost and calls that are executed half a minute later, refusals
// for the rate and for no reason, and deaths before and after any call and record.
// In the end all is as wanted, once; nobody else's was touched; nothing was
// changed that was as wanted; and the journal tells all of it.
func TestWalk(t *testing.T) {
	var sum tally
	var mu sync.Mutex
	histories := func(t *testing.T, seed int) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, int64(seed))
			w.walk()
			came := w.end()
			mu.Lock()
			defer mu.Unlock()
			sum.add(came)
			if t.Failed() {
				t.Logf("seed %d:\n%s", seed, strings.Join(w.story, "\n"))
			}
		})
	}
	t.Run("histories", func(t *testing.T) {
		for seed := range runs(5) {
			histories(t, seed)
		}
	})
	t.Logf("R2, R4, R16, R42, R43: %d histories, %d deaths: %d made twice, %d duplicates left, %d wrong deletions, %d needless changes, %d unsettled; %d calls, %d intents, %d records that do not fit",
		sum.histories, sum.deaths, sum.twice, sum.duplicates, sum.wrong, sum.needless, sum.unsettled, sum.calls, sum.intents, sum.misfits)
}

// tally is what came of walks.
type tally struct{ histories, deaths, twice, duplicates, wrong, needless, unsettled, calls, intents, misfits int }

func (t *tally) add(o tally) {
	t.histories++
	t.deaths += o.deaths
	t.twice += o.twice
	t.duplicates += o.duplicates
	t.wrong += o.wrong
	t.needless += o.needless
	t.unsettled += o.unsettled
	t.calls += o.calls
	t.intents += o.intents
	t.misfits += o.misfits
}

// app is a container of the walk.
type app struct {
	image, level, token int
	space               string // "" is its own
	crons               []int  // the hours
	domain, probe       bool
}

type walker struct {
	*stage
	*trace
	*watch
	rng    *rand.Rand
	apps   map[string]app
	last   map[reconcile.Key]any // the spec that each key had when it was last wanted
	edits  map[reconcile.Key]int // changes of a key's spec
	deaths int
	mortal bool
	others map[string]fact
}

const mostTokens = 3

// newWalk makes a stage on which something of nobody's and something of another
// stack's is there.
func newWalk(t *testing.T, seed int64) *walker {
	s := newStoredStage(t, container.Kinds)
	s.parallel = 1
	var tokens []string
	for i := range mostTokens {
		s.values[fmt.Sprintf("TOKEN%d", i)] = fmt.Sprintf("token-%d", i)
		tokens = append(tokens, fmt.Sprintf("token-%d", i))
	}
	foreign := "apiVersion: reconcile/v1\nkind: Container\nmetadata: {name: %s}\nspec: {image: \"nginx:1\", privacy: public}\n"
	(&runner{Suite: Suite{Foreign: fmt.Sprintf(foreign, "alien")}}).foreigners(s)
	s.stack = strings.NewReplacer("name: suite", "name: neighbour", "5b0c11aa", "0ddba11b").Replace(ourStack)
	if problem := trouble(s.apply(fmt.Sprintf(foreign, "neighbour"))); problem != "" {
		t.Fatal(problem)
	}
	s.stack = ourStack
	s.sim.Advance(time.Hour)
	w := &walker{stage: s, trace: follow(s), rng: rand.New(rand.NewSource(seed)), apps: map[string]app{},
		last: map[reconcile.Key]any{}, edits: map[reconcile.Key]int{}, others: s.others()}
	w.watch = observe(s, tokens)
	w.die = func() bool { return w.mortal && w.rng.Intn(60) == 0 }
	w.restart()
	return w
}

func (w *walker) restart() {
	w.trace.restart()
	w.wires.bend(w.look)
}

// walk goes from commit to commit.
func (w *walker) walk() {
	for i := range 5 {
		w.edit(i)
		w.commit(fmt.Sprintf("commit %d", i))
		manifests := w.manifests()
		w.count(manifests)
		w.tell("commit %d: %+v", i, w.apps)
		for tries := 0; ; tries++ {
			w.weather()
			w.mortal = tries < 6
			out := w.apply(manifests)
			if w.wires.dead() {
				w.deaths++
				w.mortal = false
				w.pass(time.Duration(w.rng.Intn(90)) * time.Second)
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

// weather is what goes wrong from now on. Each route has its own luck, so that
// the order of concurrent reads does not matter.
func (w *walker) weather() {
	w.steer(http.MethodDelete, "/_sim/faults", nil)
	for _, kind := range []string{"namespace", "container", "trigger", "domain"} {
		for _, route := range []string{"/" + kind + "s$", "/{" + kind + "_id}$"} {
			at := func(f simulator.Fault) {
				f.Path, f.Seed = route, w.rng.Int63()
				w.sim.AddFault(f)
			}
			at(simulator.Fault{Kind: "stale", Seconds: 60, Gets: true, Method: http.MethodGet, Rate: 0.7})
			at(simulator.Fault{Kind: "status", Status: 500, Method: http.MethodGet, Rate: 0.02})
			for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
				cut := []string{"before", "within", "after"}[w.rng.Intn(3)]
				at(simulator.Fault{Kind: "lost", Cut: cut, Method: method, Rate: 0.05})
				at(simulator.Fault{Kind: "late", Seconds: float64(1 + w.rng.Intn(30)), Method: method, Rate: 0.05})
				at(simulator.Fault{Kind: "status", Status: 503, Method: method, Rate: 0.03})
				at(simulator.Fault{Kind: "status", Status: 429, Method: method, Rate: 0.05})
			}
		}
	}
}

// edit changes what is wanted.
func (w *walker) edit(commit int) {
	names := []string{"a", "b", "c", "d"}
	if commit == 0 {
		w.apps["a"], w.apps["b"] = app{space: "x", crons: []int{1}}, app{space: "x"}
		return
	}
	for range 1 + w.rng.Intn(3) {
		name := names[w.rng.Intn(len(names))]
		a, there := w.apps[name]
		switch turn := w.rng.Intn(10); {
		case !there:
			w.apps[name] = app{space: w.space(), crons: w.hours()}
			continue
		case turn == 0 && len(w.apps) > 1:
			delete(w.apps, name)
			continue
		case turn < 3:
			a.image++
		case turn == 3:
			a.level++
		case turn == 4:
			a.token = (a.token + 1) % mostTokens
		case turn == 5:
			a.space = w.space()
		case turn < 8:
			a.crons = w.hours()
		case turn == 8:
			a.domain = !a.domain
		default:
			a.probe = !a.probe
		}
		w.apps[name] = a
	}
}

func (w *walker) space() string { return []string{"", "x", "y"}[w.rng.Intn(3)] }

func (w *walker) hours() []int {
	var hours []int
	for range w.rng.Intn(3) {
		hours = append(hours, w.rng.Intn(24))
	}
	return hours
}

func (w *walker) manifests() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w.apps)) {
		a := w.apps[name]
		fmt.Fprintf(&text, "---\napiVersion: reconcile/v1\nkind: Container\nmetadata: {name: %s}\nspec:\n", name)
		fmt.Fprintf(&text, "  image: nginx:1.%d\n  privacy: public\n", a.image)
		fmt.Fprintf(&text, "  env: {variables: {LEVEL: \"%d\"}, secrets: {TOKEN: {valueFrom: {env: TOKEN%d}}}}\n", a.level, a.token)
		if a.space != "" {
			fmt.Fprintf(&text, "  namespace: %s\n", a.space)
		}
		if a.probe {
			fmt.Fprintln(&text, "  startupProbe: {tcp: true}")
		}
		if a.domain {
			fmt.Fprintf(&text, "  domains: [%s.example.org]\n", name)
		}
		for i, hour := range a.crons {
			if i == 0 {
				fmt.Fprintln(&text, "  cronTriggers:")
			}
			fmt.Fprintf(&text, "    - {name: t%d, schedule: \"0 %d * * *\", timezone: UTC}\n", i, hour)
		}
	}
	return text.String()
}

// count notes which keys' specs an edit changed: so many changes are needed.
func (w *walker) count(manifests string) {
	for _, wanted := range w.read(manifests).Ordered {
		if before := w.last[wanted.Key]; before != nil && len(wanted.Kind.Differences(before, wanted.Spec)) > 0 {
			w.edits[wanted.Key]++
		}
		w.last[wanted.Key] = wanted.Spec
	}
}

// end lets everything settle in good weather, and compares.
func (w *walker) end() tally {
	w.steer(http.MethodDelete, "/_sim/faults", nil)
	w.mortal = false
	manifests := w.manifests()
	problem := ""
	for range 4 {
		w.pass(3 * time.Minute)
		problem = trouble(w.apply(manifests))
	}
	sum := tally{deaths: w.deaths}
	if left := actions(w.plan(manifests)); problem != "" || len(left) > 0 {
		sum.unsettled++
		w.Errorf("it does not settle: %s %q", problem, left)
	}
	sum.duplicates = w.compareLive(manifests)
	sum.wrong = w.strangers()
	sum.twice = len(w.twice)
	if sum.twice > 0 {
		w.Errorf("made twice: %q", w.twice)
	}
	sum.needless = len(w.needless) + w.excess()
	if len(w.needless) > 0 {
		w.Errorf("changes that changed nothing: %q", w.needless)
	}
	sum.calls = w.compare()
	sum.intents, _ = w.records()
	sum.misfits = len(w.wrong)
	for _, wrong := range w.wrong {
		w.Error(wrong)
	}
	return sum
}

// compareLive finds what is there twice, not there, or there without being wanted.
func (w *walker) compareLive(manifests string) (duplicates int) {
	ours := w.ours()
	for _, wanted := range w.read(manifests).Ordered {
		n := len(ours[wanted.Key])
		if n != 1 {
			w.Errorf("%s is there %d times", wanted.Key, n)
		}
		duplicates += max(0, n-1)
		delete(ours, wanted.Key)
	}
	if len(ours) > 0 {
		w.Errorf("nobody wants %v", ours)
	}
	return duplicates
}

// strangers counts what is not ours and is not as it was.
func (w *walker) strangers() (wrong int) {
	now := w.stage.others()
	for id, was := range w.others {
		if fmt.Sprint(now[id]) != fmt.Sprint(was) {
			wrong++
			w.Errorf("%v is %v", was, now[id])
		}
	}
	return wrong
}

// excess counts the changes beyond what edits needed, and what late calls undid.
func (w *walker) excess() (n int) {
	for key, changed := range w.changed {
		n += max(0, changed-w.edits[key])
	}
	if n -= 2 * w.late; n <= 0 {
		return 0
	}
	w.Errorf("%d changes beyond the edits: %v, %v, and %d were late", n, w.changed, w.edits, w.late)
	return n
}
