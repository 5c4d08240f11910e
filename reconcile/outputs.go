package reconcile

import "slices"

// Found are the live resources of the stack by their keys. Of several with one
// key it is the one that is the resource; what a manifest takes over is there
// under the manifest's key. What is being deleted is left out.
func (e *Engine) Found(wish *Wish, world *World) map[Key]*Resource {
	d := newDiffer(e.Stack, wish, world)
	d.sort()
	for _, w := range wish.Ordered {
		d.want(w)
	}
	out := make(map[Key]*Resource, len(d.ours))
	for key, live := range d.ours {
		if i := slices.IndexFunc(live, func(r *Resource) bool { return r.Phase != Deleting }); i >= 0 {
			out[key] = live[i]
		}
	}
	for key, one := range d.outcome {
		out[key] = one
	}
	return out
}
