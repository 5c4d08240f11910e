package simulator

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Ids that a new simulator starts with.
const (
	organizationID = "11111111-1111-4111-8111-000000000001"
	projectID      = "11111111-1111-4111-8111-000000000002"
	secretKey      = "11111111-1111-4111-8111-000000000003"
	ownerID        = "11111111-1111-4111-8111-000000000004"
	ownerMail      = "owner@example.com"
	accessKey      = "SCWRECONCILESIMULATE"
)

// A world is all that a simulator holds. Its users lock it.
type world struct {
	kinds   []*kind
	objects map[string][]*object // by kind, in the order of creation
	byID    map[string]*object
	keys    []Key
	seed    int64
	issued  uint64 // ids given out, so that a seed never repeats one
	pruned  time.Time
	trail   trail
}

func newWorld(kinds []*kind, seed int64) *world {
	return &world{kinds: kinds, seed: seed, objects: map[string][]*object{}, byID: map[string]*object{}}
}

// populate adds what every account has: a default project and an API key.
func (w *world) populate(now time.Time) {
	if w.byID["project/"+projectID] == nil {
		w.load(resource{Kind: "project", ID: projectID, Fields: doc{
			"name": "default", "organization_id": organizationID,
		}}, now)
	}
	if w.byID["user/"+ownerID] == nil {
		w.load(resource{Kind: "user", ID: ownerID, Fields: doc{"email": ownerMail, "type": "owner"}}, now)
	}
	if w.byID["api_key/"+accessKey] == nil {
		w.load(resource{Kind: "api_key", ID: accessKey, Fields: doc{
			"user_id": ownerID, "description": "simulator", "default_project_id": projectID,
		}}, now)
	}
	if !slices.ContainsFunc(w.keys, func(k Key) bool { return k.Secret == secretKey }) {
		w.keys = append(w.keys, Key{AccessKey: accessKey, Secret: secretKey})
	}
	for _, k := range w.keys {
		w.introduce(k, now)
	}
}

func (w *world) kind(name string) *kind {
	for _, k := range w.kinds {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (w *world) add(o *object) {
	w.objects[o.kind.name] = append(w.objects[o.kind.name], o)
	w.byID[o.kind.name+"/"+o.id] = o
}

// find is the object of an id in a place, or nil.
func (w *world) find(kind, place, id string) *object {
	if o := w.byID[kind+"/"+id]; o != nil && o.place == place {
		return o
	}
	return nil
}

// inside are the objects that live in one, at any depth.
func (w *world) inside(id string) []*object {
	var all []*object
	for _, k := range w.kinds {
		for _, o := range w.objects[k.name] {
			if slices.Contains(o.in, id) {
				all = append(all, o)
			}
		}
	}
	return all
}

// count is how many objects of o's kind share its quota.
func (w *world) count(o *object, now time.Time) int {
	n, share := 0, o.kind.quota.per(o)
	for _, other := range w.objects[o.kind.name] {
		if o.kind.quota.per(other) == share && other.at(now) != nil {
			n++
		}
	}
	return n
}

// prune forgets what is gone for so long that no listing shows it any more.
func (w *world) prune(now time.Time) {
	if now.Sub(w.pruned) < horizon {
		return
	}
	w.pruned = now
	for name, list := range w.objects {
		w.objects[name] = slices.DeleteFunc(list, func(o *object) bool {
			if o.over(now) {
				delete(w.byID, name+"/"+o.id)
			}
			return o.over(now)
		})
	}
}

// next is the earliest change of what any object shows.
func (w *world) next(now time.Time) time.Time {
	var first time.Time
	for _, list := range w.objects {
		for _, o := range list {
			if t := o.next(now); !t.IsZero() && (first.IsZero() || t.Before(first)) {
				first = t
			}
		}
	}
	return first
}

// newID is random, or follows from the seed if there is one.
func (w *world) newID() string {
	if w.seed == 0 {
		return uuid.NewString()
	}
	w.issued++
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(w.seed)), w.issued))
	id := uuid.UUID(sum[:16])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id.String()
}

// newAccessKey is "SCW" and 17 characters.
func (w *world) newAccessKey() string {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	sum := sha256.Sum256([]byte(w.newID()))
	out := []byte("SCW")
	for _, b := range sum[:17] {
		out = append(out, letters[int(b)%len(letters)])
	}
	return string(out)
}

// projectOrganization is the organization of a project; unknown projects belong to the default one.
func (w *world) projectOrganization(id string, now time.Time) string {
	if o := w.find("project", "", id); o != nil && o.at(now) != nil {
		return o.organization
	}
	return organizationID
}
