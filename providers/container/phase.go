package container

import (
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// state is how far something is: what the API says of it, in our words.
type state struct {
	status  string
	message *string
	created *time.Time
	updated *time.Time
	usual   time.Duration // to make or change it
}

// phases are the API's statuses, the same for namespaces, containers, triggers and domains.
var phases = map[string]struct {
	phase  reconcile.Phase
	detail string
}{
	"ready":     {reconcile.Ready, ""},
	"creating":  {reconcile.Progressing, "is being created"},
	"updating":  {reconcile.Progressing, "is being deployed"},
	"upgrading": {reconcile.Progressing, "is being upgraded by Scaleway"},
	"deleting":  {reconcile.Deleting, "is being deleted"},
	"error":     {reconcile.Failed, "failed, and the API does not say why"},
	"locking":   {reconcile.Failed, lockedDetail},
	"locked":    {reconcile.Failed, lockedDetail},
}

const lockedDetail = "is locked by Scaleway: see the console for the reason, or ask its support"

// phase gives the phase, what there is to say about it, and when to look again.
func (a api) phase(s state) (phase reconcile.Phase, detail string, again time.Duration) {
	known, ok := phases[s.status]
	if !ok {
		return reconcile.UnknownPhase, "has the status " + s.status + ", which is new to this version", s.usual
	}
	if known.phase == reconcile.Failed && s.message != nil && *s.message != "" {
		known.detail = *s.message
	}
	switch {
	case known.phase == reconcile.Progressing && s.status == "creating":
		again = a.client.Again(s.created, s.usual)
	case known.phase == reconcile.Progressing:
		again = a.client.Again(s.updated, s.usual)
	case known.phase == reconcile.Deleting:
		again = deletionUsual
	}
	return known.phase, known.detail, again
}
