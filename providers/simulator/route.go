package simulator

import (
	"net/http"
	"slices"
)

// A route joins a method and a path to the function that answers.
type route struct {
	method, path string
	kind         *kind // nil: no resource is named
	serve        func(c *call) answer
	open         bool // needs no credentials
}

// routes are all that the simulator answers.
func routes(kinds []*kind) []*route {
	all := []*route{{method: http.MethodGet, path: "/metadata", serve: metadata, open: true}}
	all = append(all, append(auditRoutes(kinds), catalogueRoutes()...)...)
	for _, k := range kinds {
		one := k.path + "/{" + k.param + "}"
		all = append(all,
			&route{method: http.MethodGet, path: k.path, kind: k, serve: k.answers("list", list)},
			&route{method: http.MethodPost, path: k.path, kind: k, serve: k.answers("create", create)},
			&route{method: http.MethodGet, path: one, kind: k, serve: k.answers("get", get)},
			&route{method: http.MethodPatch, path: one, kind: k, serve: k.answers("update", update)},
			&route{method: http.MethodDelete, path: one, kind: k, serve: k.answers("delete", remove)},
		)
		for name, act := range k.actions {
			all = append(all, &route{method: http.MethodPost, path: one + "/" + name, kind: k, serve: act})
		}
		if k.further != nil {
			all = append(all, k.further(k)...)
		}
	}
	return append(all, &route{
		method: http.MethodGet, path: containersPath + "/private-endpoint-ca", serve: certificateAuthority,
	})
}

// answers is what answers a verb for the kind.
func (k *kind) answers(verb string, standard func(c *call) answer) func(c *call) answer {
	if own := k.serves[verb]; own != nil {
		return own
	}
	return standard
}

// products are the kinds that the simulator knows. What lives in another kind
// comes after it.
func products() []*kind {
	return []*kind{project(), sshKey(), user(), application(), apiKey(), namespace(), container(), trigger(), domain(), secret(), secretVersion()}
}

// metadata tells clients how to build resource names.
func metadata(*call) answer {
	return reply(http.StatusOK, doc{"platform": "external", "partition": "scw", "domain": "scw.eu"})
}

func (r *route) write() bool { return r.method != http.MethodGet }

// reaches says whether the route's product is in a place.
func (r *route) reaches(place string) bool {
	if r.kind == nil || r.kind.places == nil {
		return true
	}
	return slices.Contains(r.kind.places, place)
}
