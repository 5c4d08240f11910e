package inventory

import (
	"fmt"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// acknowledge is how a person says that what NetBox shows counts, although it
// is less, or older, than what was known.
const acknowledge = "look at NetBox; if what it shows is right: reconcile accept " + DeviceKind + " --reason ..."

// skew is how far NetBox's clock and ours may be apart.
const skew = 5 * time.Minute

// remembered tells whether what the journal knows of a device still counts: a
// person may have accepted what NetBox shows since then. Job IDs tell what came
// first, whatever clocks say.
func remembered(key reconcile.Key, memo reconcile.Memo, world *reconcile.World) bool {
	accepted := world.Memory[DeviceKind].Accepted
	return key.Kind() == DeviceKind && memo.ID != "" && !memo.Gone && (accepted == "" || memo.Write.JID > accepted)
}

// vanished says why a complete listing of devices is doubted: more than a fifth of
// those that were there, and at least two, are in it no more. A token that may see
// less looks just like that.
func vanished(devices []device, world *reconcile.World) string {
	there := map[string]bool{}
	for i := range devices {
		there[devices[i].ID] = true
	}
	known, lost := 0, 0
	for key, memo := range world.Memory {
		if !remembered(key, memo, world) {
			continue
		}
		known++
		if !there[memo.ID] {
			lost++
		}
	}
	if lost < 2 || lost*5 <= known {
		return ""
	}
	return fmt.Sprintf("NetBox no longer shows %d of %d devices that were there: a token or a scope that lets less be seen, or a restored backup; %s", lost, known, acknowledge)
}

// restored says why NetBox seems to have gone back in time: devices of ours are
// shown as they were before our last write to them.
func restored(devices []device, world *reconcile.World) string {
	var names []string
	ours := 0
	for i := range devices {
		d := &devices[i]
		memo := world.Memory[d.Mark.Key]
		if d.Mark.IsZero() || memo.ID != d.ID || !remembered(d.Mark.Key, memo, world) {
			continue
		}
		ours++
		if older(d.row, memo.Write, world) {
			names = append(names, fmt.Sprintf("%s (written %s)", d.called(), clockTime(memo.Write.At)))
		}
	}
	if len(names) == 0 {
		return ""
	}
	more := ""
	if len(names) > 3 {
		more = fmt.Sprintf(" and %d more", len(names)-3)
	}
	return fmt.Sprintf("NetBox shows %d of %d devices of ours as they were before our last write, %s%s: it was restored from a backup, or somebody took our marks away; %s",
		len(names), ours, strings.Join(names[:min(len(names), 3)], ", "), more, acknowledge)
}

// older tells whether a row is from before a write of ours whose effect was seen
// once: its time says so, and it does not bear the job id of that write. Each alone
// may mislead, where clocks are apart, or a person was a moment earlier than we.
func older(row *DeviceRow, wrote reconcile.Attempt, world *reconcile.World) bool {
	if wrote.Event != reconcile.Settled || wrote.Failed || world.Now.Before(wrote.At.Add(world.Settle)) {
		return false
	}
	last := row.CustomFields.Text(FieldLastRun)
	written := isJID(last) && isJID(wrote.JID) && last >= wrote.JID
	return !written && !row.Updated.IsZero() && row.Updated.Before(wrote.At.Add(-skew))
}

func isJID(word string) bool { return len(word) == 20 && strings.Trim(word, "0123456789") == "" }

func clockTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
