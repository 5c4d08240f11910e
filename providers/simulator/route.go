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
	for _, k := range kinds {
		one := k.path + "/{" + k.param + "}"
		all = append(all,
			&route{method: http.MethodGet, path: k.path, kind: k, serve: list},
			&route{method: http.MethodPost, path: k.path, kind: k, serve: create},
			&route{method: http.MethodGet, path: one, kind: k, serve: get},
			&route{method: http.MethodPatch, path: one, kind: k, serve: update},
			&route{method: http.MethodDelete, path: one, kind: k, serve: remove},
		)
		for name, act := range k.actions {
			all = append(all, &route{method: http.MethodPost, path: one + "/" + name, kind: k, serve: act})
		}
	}
	return append(all, &route{
		method: http.MethodGet, path: containersPath + "/private-endpoint-ca", serve: certificateAuthority,
	})
}

// products are the kinds that the simulator knows. What lives in another kind
// comes after it.
func products() []*kind {
	return []*kind{project(), sshKey(), apiKey(), namespace(), container(), trigger(), domain()}
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
