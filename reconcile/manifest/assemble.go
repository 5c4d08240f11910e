package manifest

import (
	"path"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// assemble puts the files together. Those that a manifest takes a value from are
// none of ours, whatever is in them.
func assemble(s *reconcile.Source, units []unit) {
	values := valueFiles(units)
	a := assembly{source: s, first: map[reconcile.Key]reconcile.Pos{}}
	for i := range units {
		u := &units[i]
		if by, ok := values[u.file]; ok {
			a.leaveOut(u, by)
			continue
		}
		s.Files++
		s.Other = append(s.Other, u.other...)
		s.Problems = append(s.Problems, u.problems...)
		for _, e := range u.entries {
			a.put(e)
		}
	}
}

// assembly is a source being filled; first are the places of the keys in it.
type assembly struct {
	source *reconcile.Source
	first  map[reconcile.Key]reconcile.Pos
}

func (a *assembly) put(e entry) {
	stack := &a.source.Stack
	if first, twice := a.first[e.key]; twice {
		a.add(e.pos, "take one of them out", string(e.key)+" is declared twice, first at "+first.Short())
		return
	}
	a.first[e.key] = e.pos
	switch {
	case e.stack == nil:
		a.source.Manifests = append(a.source.Manifests, e.manifest)
	case stack.Declared:
		a.add(e.pos, "take one of them out", string(e.key)+" is a second Stack; Stack/"+stack.Name+" is declared at "+stack.Pos.Short())
	default:
		*stack = *e.stack
	}
}

func (a *assembly) add(at reconcile.Pos, hint, message string) {
	a.source.Problems = append(a.source.Problems, reconcile.Problem{Pos: at, Message: message, Hint: hint})
}

// leaveOut says so when a file of values has manifests in it: whoever wrote them
// may expect them to be applied.
func (a *assembly) leaveOut(u *unit, by reconcile.Pos) {
	for _, e := range u.entries {
		a.source.Problems = append(a.source.Problems, reconcile.Problem{
			Pos: e.pos, Warning: true, Hint: "move it to a file of its own if it shall be applied",
			Message: string(e.key) + " is not read as a manifest: " + by.Short() + " takes a value from this file",
		})
	}
}

// valueFiles are the files that manifests take values from, and where they say so.
func valueFiles(units []unit) map[string]reconcile.Pos {
	files := map[string]reconcile.Pos{}
	for i := range units {
		for _, e := range units[i].entries {
			eachValueFile(e.manifest.Spec, func(name string, at reconcile.Pos) {
				file := path.Join(path.Dir(at.File), name)
				if _, ok := files[file]; !ok && !path.IsAbs(name) {
					files[file] = at
				}
			})
		}
	}
	return files
}

// eachValueFile calls found with the file of every valueFrom below n.
func eachValueFile(n *reconcile.Node, found func(name string, at reconcile.Pos)) {
	if n == nil {
		return
	}
	for _, e := range n.Entries {
		if e.Key == "valueFrom" {
			if name := reconcile.ValueFile(e.Value); name != "" {
				found(name, e.Value.Entries[0].Value.Pos)
				continue
			}
		}
		eachValueFile(e.Value, found)
	}
	for _, item := range n.Items {
		eachValueFile(item, found)
	}
}
