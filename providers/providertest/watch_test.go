package providertest

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// watch looks at what each change of a resource came to, the late ones too.
type watch struct {
	*stage
	secrets  []string // all values that secrets ever have
	needless []string // changes that changed nothing
	twice    []string // keys of which a second one was made in the same place
	changed  map[reconcile.Key]int
	late     int // late changes that did something
}

// observe begins to watch. Requests must come one at a time.
func observe(s *stage, secrets []string) *watch {
	w := &watch{stage: s, secrets: secrets, changed: map[reconcile.Key]int{}}
	s.advance = w.pass
	return w
}

// look goes around what makes and changes.
func (w *watch) look(r *http.Request, next http.RoundTripper) (resp *http.Response, err error) {
	if !writes(r) {
		return next.RoundTrip(r)
	}
	w.during(func() { resp, err = next.RoundTrip(r) })
	return resp, err
}

// pass moves the clock, stopping at each late execution.
func (w *watch) pass(d time.Duration) {
	end := w.sim.Now().Add(d)
	for w.pending() {
		next, ok := w.sim.NextTransition()
		if !ok || next.After(end) {
			break
		}
		w.during(func() { w.sim.Advance(max(next.Sub(w.sim.Now()), time.Microsecond)) })
	}
	w.sim.Advance(max(end.Sub(w.sim.Now()), 0))
}

// pending tells whether there are late calls that are yet to be executed.
func (w *watch) pending() bool {
	n := 0
	for _, c := range w.sim.Log() {
		switch {
		case c.Late && c.Executed:
			n--
		case c.Late:
			n++
		}
	}
	return n > 0
}

// during compares what there is before and after.
func (w *watch) during(do func()) {
	seen, before := len(w.sim.Log()), w.facts()
	do()
	after := w.facts()
	for _, c := range w.sim.Log()[seen:] {
		switch {
		case !c.Executed || c.Status >= 300 || c.Method == http.MethodDelete:
			continue
		case c.Method == http.MethodPost:
			w.made(after, c.ID)
			continue
		}
		key := after[c.ID].mark().Key
		if reflect.DeepEqual(w.essence(before[c.ID]), w.essence(after[c.ID])) {
			w.needless = append(w.needless, string(key))
			continue
		}
		w.changed[key]++
		if c.Late {
			w.late++
		}
	}
}

// made notes what is there already, in the same place.
func (w *watch) made(all map[string]fact, id string) {
	one := all[id]
	for _, f := range all {
		same := f.Kind == one.Kind && f.mark().Key == one.mark().Key && f.mark().Owner() == one.mark().Owner()
		place := f.text("namespace_id") == one.text("namespace_id") && f.text("container_id") == one.text("container_id")
		if f.ID != id && same && place && f.status() != "deleting" {
			w.twice = append(w.twice, fmt.Sprintf("%s: %s at %s, and %s", one.mark().Key, id, w.sim.Now().Format("15:04:05.0"), f.ID))
		}
	}
}

// essence is what manifests say of a resource.
func (w *watch) essence(f fact) map[string]any {
	out := map[string]any{}
	for name, value := range f.Fields {
		switch name {
		case "status", "updated_at", "error_message":
		case "tags":
			out[name] = others(value)
		case "secret_environment_variables":
			out[name] = w.plain(value)
		default:
			out[name] = value
		}
	}
	return out
}

func others(tags any) []string {
	var words []string
	list, _ := tags.([]any)
	for _, tag := range list {
		word, _ := tag.(string)
		words = append(words, word)
	}
	_, words = scaleway.ParseTags(words)
	slices.Sort(words)
	return words
}

// plain are the values behind hashes.
func (w *watch) plain(hashes any) map[string]string {
	out := map[string]string{}
	shown, _ := hashes.(map[string]any)
	for name, hash := range shown {
		text, _ := hash.(string)
		secret := w.client.HashedSecret(text)
		for _, value := range w.secrets {
			if secret.Same(reconcile.NewSecret(value)) {
				out[name] = value
			}
		}
	}
	return out
}
