package simulator

import (
	"net/http"
	"slices"
	"time"
)

// A Key is what a secret may do. Secrets that no key has may do everything, if
// they have a UUID's form.
type Key struct {
	AccessKey string `json:"access_key,omitempty"` // of the API key, if there is one
	Secret    string `json:"secret"`
	ReadOnly  bool   `json:"read_only,omitempty"` // all but GET answer 403
	Expired   bool   `json:"expired,omitempty"`   // all answer 401
	Revoked   bool   `json:"revoked,omitempty"`   // likewise; so is the secret of a deleted API key
	User      string `json:"user,omitempty"`      // mail address of the person whose key it is
	// Application is the name of the application whose key it is, if it is nobody's own.
	Application string `json:"application,omitempty"`
	// Permissions are the names of permission sets, as Scaleway's IAM has them:
	// what none of them allows answers 403. Without any, all is allowed.
	Permissions []string `json:"permissions,omitempty"`
}

// AddKey lays down what a secret may do, instead of what was laid down before.
func (s *Server) AddKey(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	s.world.keys = slices.DeleteFunc(s.world.keys, func(other Key) bool { return other.Secret == k.Secret })
	s.world.keys = append(s.world.keys, k)
	s.world.introduce(k, s.clock.now())
}

// refuse says why a request with this secret is not served, or nil.
func (w *world) refuse(secret string, rt *route, now time.Time) *answer {
	var a answer
	if !isUUID(secret) {
		a = denied("invalid_argument")
		return &a
	}
	for _, k := range w.keys {
		if k.Secret != secret {
			continue
		}
		switch {
		case k.Revoked:
			a = denied("not_found")
		case k.Expired || w.expired(k.AccessKey, now):
			a = denied("expired")
		case k.ReadOnly && rt.write() || !k.permits(rt):
			a = forbidden(action(rt.method), rt.resource())
		default:
			return nil
		}
		return &a
	}
	return nil
}

// expired says whether the API key's expires_at is over.
func (w *world) expired(accessKey string, now time.Time) bool {
	o := w.find("api_key", "", accessKey)
	return o != nil && o.at(now) != nil && expired(o.at(now).doc, now)
}

func expired(d doc, now time.Time) bool {
	end, err := time.Parse(time.RFC3339, text(d, "expires_at"))
	return err == nil && !end.After(now)
}

func (w *world) revoke(accessKey string) {
	for i := range w.keys {
		if w.keys[i].AccessKey == accessKey {
			w.keys[i].Revoked = true
		}
	}
}

func action(method string) string {
	switch method {
	case http.MethodGet:
		return "read"
	case http.MethodDelete:
		return "delete"
	}
	return "write"
}

func (r *route) resource() string {
	if r.kind == nil {
		return "unknown"
	}
	return r.kind.name
}
