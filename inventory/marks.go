package inventory

import (
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// The custom fields and tags by which objects are ours. `reconcile inventory
// bootstrap` makes them.
const (
	FieldStack    = "reconcile_stack"    // whose it is: the mark's owner word, name.uid
	FieldResource = "reconcile_resource" // its key
	FieldCommit   = "reconcile_commit"   // commit of the run that last changed it
	FieldLastRun  = "reconcile_last_run" // job id of that run; written only together with a change
	FieldLabels   = "reconcile_labels"   // the manifest's labels, as name=value, comma-separated
	FieldHold     = "reconcile_hold"     // boolean: a person says that nobody may touch the machine
	FieldServer   = "scw_server_id"
	FieldProject  = "scw_project_id"
	FieldZone     = "scw_zone"
	FieldOffer    = "scw_offer"

	TagManaged    = "reconcile-managed"    // only objects with it are ever written
	TagQuarantine = "reconcile-quarantine" // a person suspects the machine
)

// unfinished is the mark of a device of which something is still to be written, as
// that of what is not just as a commit says: what differs then is nobody's drift.
func unfinished(m reconcile.Mark) reconcile.Mark {
	if m.Rev != "" && !strings.HasSuffix(m.Rev, "+") {
		m.Rev += "+"
	}
	return m
}

// markOf is whose a device is. Without the tag it is nobody's, whatever its
// fields say.
func markOf(r *DeviceRow) reconcile.Mark {
	if !Tagged(r.Tags, TagManaged) {
		return reconcile.Mark{}
	}
	mark := reconcile.Mark{Key: reconcile.Key(r.CustomFields.Text(FieldResource)), Rev: r.CustomFields.Text(FieldCommit)}
	return mark.Owned(r.CustomFields.Text(FieldStack))
}
