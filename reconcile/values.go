package reconcile

import "context"

// Values are the values that were looked up, by where they come from.
type Values map[string]LookedUp

// Of is what came of a look-up that was made.
func (v Values) Of(from ValueFrom) LookedUp { return v[from.id()] }

// LookedUp is what came of one look-up.
type LookedUp struct {
	Value Secret
	Err   error
}

// NotYet is the error of a look-up whose value a resource of the stack is to
// bring. It was looked for and is not there: nothing is unknown.
type NotYet struct {
	Needs  Key
	Reason string
}

func (e *NotYet) Error() string { return e.Reason }

// A Lookup finds values outside the manifests. Its errors never hold a value.
// It may be used concurrently.
type Lookup interface {
	Lookup(ctx context.Context, from ValueFrom) (Secret, error)
}

// Look looks up every value that the manifests ask for, each once.
func Look(ctx context.Context, manifests []Manifest, in Lookup) Values {
	var asked []ValueFrom
	seen := map[string]bool{}
	for i := range manifests {
		for _, v := range manifests[i].Lookups() {
			if !seen[v.id()] {
				seen[v.id()], asked = true, append(asked, v)
			}
		}
	}
	found := make([]LookedUp, len(asked))
	parallel(len(asked), 10, func(i int) {
		value, err := in.Lookup(ctx, asked[i])
		found[i] = LookedUp{value, err}
	})
	values := make(Values, len(asked))
	for i, v := range asked {
		values[v.id()] = found[i]
	}
	return values
}

// Lookups are the values that a manifest takes from outside the manifests, in
// the order written. What is wrong about one is for Decode to tell.
func (m *Manifest) Lookups() []ValueFrom {
	var all []ValueFrom
	walkValues(m.Spec, func(from *Node) {
		if v, problem := valueFrom(from, m.Pos.File); problem == nil && v.Sort != "ref" {
			all = append(all, v)
		}
	})
	return all
}

func walkValues(n *Node, found func(*Node)) {
	if n == nil {
		return
	}
	for _, e := range n.Entries {
		if e.Key == "valueFrom" {
			found(e.Value)
			continue
		}
		walkValues(e.Value, found)
	}
	for _, item := range n.Items {
		walkValues(item, found)
	}
}

// MayRead tells whether a stack may take values from what bears a mark: from what
// is its own, and from what is nobody's.
func (s *Stack) MayRead(m Mark) bool {
	switch uid := s.ShortUID(); {
	case m.Stack == "":
		return true
	case m.UID != "" || uid == "":
		return m.UID == uid && (uid != "" || m.Stack == s.Name)
	}
	return m.Stack == s.Name && !s.BareTaken
}
