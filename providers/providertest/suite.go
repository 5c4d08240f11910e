package providertest

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// Suite is what a kind's test hands over.
type Suite struct {
	// Kinds makes the kinds. States may use all of them.
	Kinds func(*scaleway.Client) []reconcile.Kind
	// Values are those of the environment that manifests take by valueFrom.
	Values map[string]string
	// Foreign are manifests of resources that are there before, and that nobody
	// has marked. They survive everything. Their names are no others'.
	Foreign string
	// States are applied one after the other. Together they should change every
	// field, those in place and those that need a replacement.
	States []State
}

// State is desired state, as it is for a while.
type State struct {
	Name      string
	Manifests string            // any number of YAML documents
	Values    map[string]string // take the place of the suite's from now on
	Regions   []string          // of the stack, from now on; fr-par at first
	// Want are the changes that lead here from the state before, as "update
	// Container/api", in the order of a plan. Nil: whatever they are.
	Want []string
}

// Run runs the suite: all states without faults, then each fault over two states
// in turn, so that together the faults meet every change. With RUNS above 1 each
// fault meets all states.
func Run(t *testing.T, suite Suite) {
	t.Helper()
	r := &runner{Suite: suite, whole: runs(1) > 1}
	if !t.Run("without faults", r.faultless) {
		return
	}
	if r.baselines == nil { // only some faults are asked for
		r.faultless(t)
	}
	for i, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r.under(t, f, i%len(r.baselines))
		})
	}
}

// runner is a suite under way.
type runner struct {
	Suite
	whole     bool
	start     []byte       // the simulator's state with nothing but what is foreign
	baselines [][]writings // of each state of the runs without faults
}

// writings counts what was executed. Without needless calls as much is made and
// changed whatever goes wrong.
type writings struct {
	Made, Changed int
}

// run are the states that a fault meets.
func (r *runner) run(number int) []State {
	if r.whole || len(r.States) < 2 {
		return append(slices.Clone(r.States), State{Name: "nothing"})
	}
	return append(slices.Clone(r.States[number:number+2]), State{Name: "nothing"})
}

// faultless applies all states, and then as faults will.
func (r *runner) faultless(t *testing.T) {
	s := newStage(t, r.Kinds)
	r.foreigners(s)
	r.start = s.steer(http.MethodGet, "/_sim/state", nil)
	r.each(s, append(slices.Clone(r.States), State{Name: "nothing"}))
	for number := range max(1, len(r.States)-1) {
		s := newStage(t, r.Kinds)
		s.steer(http.MethodPut, "/_sim/state", r.start)
		r.baselines = append(r.baselines, r.each(s, r.run(number)))
		if r.whole {
			break
		}
	}
}

// each applies state after state, each in one run, and tells what it took.
func (r *runner) each(s *stage, states []State) (took []writings) {
	s.Helper()
	others := s.others()
	if len(others) == 0 {
		s.Fatal("a suite wants something foreign")
	}
	for i, state := range states {
		before := s.writings()
		s.enter(r.Suite, state)
		plan := s.plan(state.Manifests)
		follows := i > 0 || state.Name == r.States[0].Name
		if follows && state.Want != nil && !slices.Equal(actions(plan), state.Want) {
			s.Errorf("%s: the plan is\n%q, want\n%q", state.Name, actions(plan), state.Want)
		}
		if problem := trouble(s.apply(state.Manifests)); problem != "" {
			s.Fatalf("%s: apply: %s", state.Name, problem)
		}
		s.settled(state)
		s.untouched(others)
		took = append(took, s.writings().less(before))
	}
	if left := s.ours(); len(left) > 0 {
		s.Errorf("of ours there is left %v", left)
	}
	return took
}

// foreigners makes what is foreign: another stack makes it, and lets it go.
func (r *runner) foreigners(s *stage) {
	s.Helper()
	s.stack = strings.NewReplacer("name: suite", "name: elsewhere", "5b0c11aa", "0ddba11a").Replace(ourStack)
	if problem := trouble(s.apply(r.Foreign)); problem != "" {
		s.Fatalf("what is foreign: %s", problem)
	}
	wish, engine := s.read(""), s.engine()
	_, world, err := engine.Plan(s.Context(), wish)
	if err != nil {
		s.Fatal(err)
	}
	all := slices.Collect(world.Live.All())
	if out := engine.Forget(s.Context(), wish, world, all); out.Err != nil || out.Done() != len(all) {
		s.Fatalf("letting go: %d of %d, %v", out.Done(), len(all), out.Err)
	}
	s.stack = ourStack
	s.sim.Advance(time.Minute)
}

// under applies states while something goes wrong. Runs may fail; as soon as it
// is over they settle, and no more was called than without faults.
func (r *runner) under(t *testing.T, f fault, number int) {
	s := newStage(t, r.Kinds)
	s.steer(http.MethodPut, "/_sim/state", r.start)
	others := s.others()
	for i, state := range r.run(number) {
		before := s.writings()
		s.enter(r.Suite, state)
		f.begin(s)
		for range f.runs {
			if trouble(s.apply(state.Manifests)) == "" {
				break
			}
		}
		s.mend()
		s.sim.Advance(2 * reconcile.DefaultSettle)
		s.converge(state.Name, state.Manifests)
		s.untouched(others)
		if got, want := s.writings().less(before), r.baselines[number][i]; got != want {
			t.Errorf("%s: %d were made and %d changed; without faults it is %d and %d", state.Name, got.Made, got.Changed, want.Made, want.Changed)
		}
	}
	if left := s.ours(); len(left) > 0 {
		t.Errorf("of ours there is left %v", left)
	}
}

// enter makes a state the desired one.
func (s *stage) enter(suite Suite, state State) {
	s.commit(state.Name)
	if len(s.values) == 0 {
		maps.Copy(s.values, suite.Values)
	}
	maps.Copy(s.values, state.Values)
	if len(state.Regions) > 0 {
		s.stack = strings.Replace(ourStack, "fr-par", strings.Join(state.Regions, ", "), 1)
	}
}

// converge applies until nothing is left to do, as a person would.
func (s *stage) converge(name, manifests string) {
	s.Helper()
	var problem string
	for range 4 {
		if problem = trouble(s.apply(manifests)); problem == "" {
			s.settled(State{Name: name, Manifests: manifests})
			return
		}
	}
	s.Fatalf("%s: it does not settle: %s", name, problem)
}

// settled fails unless a plan is empty, and everything is there once.
func (s *stage) settled(state State) {
	s.Helper()
	plan := s.plan(state.Manifests)
	if left := actions(plan); len(left) > 0 || len(plan.Settling) > 0 || !plan.Complete() {
		s.Errorf("%s: the second plan is not empty: %q, %v", state.Name, left, plan.Settling)
		for _, c := range slices.Concat(plan.Steps, plan.Held) {
			s.Logf("%s: %s", c.Key, fields(&c))
		}
	}
	ours, wish := s.ours(), s.read(state.Manifests)
	for _, w := range wish.Ordered {
		if n := len(ours[w.Key]); n != 1 && len(w.Adopt) == 0 {
			s.Errorf("%s: %s is there %d times", state.Name, w.Key, n)
		}
		delete(ours, w.Key)
	}
	if len(ours) > 0 {
		s.Errorf("%s: nobody wants %v", state.Name, ours)
	}
}

// untouched fails if what is not ours is not as it was.
func (s *stage) untouched(others map[string]fact) {
	s.Helper()
	now := s.others()
	for id, was := range others {
		if !reflect.DeepEqual(now[id], was) {
			s.Errorf("what is foreign was touched: %v is %v", was, now[id])
		}
	}
}

// trouble is why a run is not simply done, "" if it is.
func trouble(out *reconcile.Outcome) string {
	var texts []string
	for _, step := range out.Steps {
		if step.Err != nil {
			texts = append(texts, fmt.Sprintf("%s %s: %v", step.Action, step.Change.Key, step.Err))
		}
	}
	for _, c := range out.Plan.Held {
		texts = append(texts, fmt.Sprintf("%s %s is held: %s (%s)", c.Action, c.Key, c.Held[0].Reason, fields(&c)))
	}
	for _, r := range out.Plan.Receipts {
		if !r.Complete {
			texts = append(texts, r.Kind+" is not known: "+r.Reason)
		}
	}
	for _, s := range out.Plan.Settling {
		texts = append(texts, fmt.Sprintf("%s is %s", s.Key, s.Phase))
	}
	for flag, is := range map[string]bool{"timed out": out.TimedOut, "skipped some": len(out.Skipped) > 0, "stopped": out.Stopped, "new ones": len(out.New) > 0} {
		if is {
			texts = append(texts, flag)
		}
	}
	if out.Err != nil {
		texts = append(texts, out.Err.Error())
	}
	return strings.Join(texts, "; ")
}

// fields are what a change changes.
func fields(c *reconcile.Change) string {
	var texts []string
	for _, f := range c.Fields {
		texts = append(texts, fmt.Sprintf("%s is %v and shall be %v", f.Path, f.From, f.To))
	}
	return strings.Join(texts, ", ")
}

// actions are a plan's changes in a line each, held ones in brackets.
func actions(plan *reconcile.Plan) []string {
	var out []string
	for _, c := range plan.Steps {
		out = append(out, fmt.Sprintf("%s %s", c.Action, c.Key))
	}
	for _, c := range plan.Held {
		out = append(out, fmt.Sprintf("[%s %s: %s]", c.Action, c.Key, c.Held[0].Guard))
	}
	return out
}

// writings are what the simulator has executed so far.
func (s *stage) writings() writings {
	var w writings
	for _, c := range s.sim.Log() {
		switch {
		case !c.Executed || c.Status >= 300:
		case c.Method == http.MethodPost:
			w.Made++
		case c.Method != http.MethodDelete:
			w.Changed++
		}
	}
	return w
}

func (w writings) less(before writings) writings {
	w.Made, w.Changed = w.Made-before.Made, w.Changed-before.Changed
	return w
}

// runs is how often, as the environment says; it makes a short test thorough.
func runs(otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv("RUNS")); err == nil && n > 0 {
		return n
	}
	return otherwise
}
