package inventory

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// The bounds of one round of questions.
const (
	mostChanges = 1000 // of the change log
	mostAuthors = 5    // of a device
	patience    = 20 * time.Second
	logSkew     = time.Minute // how far our clock may be off NetBox's
)

// NewWitness is NetBox's change log as a witness of who wrote to devices.
func NewWitness(s Server) reconcile.Witness { return witness{s} }

type witness struct{ Server }

// Authors implements reconcile.Witness: who wrote to the devices, and to the
// interfaces and addresses that stand on them. Our own runs are left out.
func (w witness) Authors(ctx context.Context, of []reconcile.Suspect) (map[string][]reconcile.Author, []reconcile.Receipt) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	authors := map[string][]reconcile.Author{}
	count := 0
	var failed error
	for some := range slices.Chunk(of, idsAtATime) {
		rows, err := w.changes(ctx, some)
		if err != nil {
			failed = err
		}
		count += len(rows)
		for _, s := range some {
			if by := authorsOf(s, rows); len(by) > 0 {
				authors[s.ID] = by
			}
		}
	}
	r := reconcile.Receipt{Kind: reconcile.AuditTrail, Scope: reconcile.Scope{Place: "netbox"}, Count: count, Complete: failed == nil, OutOfScope: failed != nil, At: began, Took: time.Since(began)}
	if failed != nil {
		r.Reason = attempted(failed, "read NetBox's change log").Error()
	}
	return authors, []reconcile.Receipt{r}
}

// changed is an entry of the log about a device, or about what stands on it.
type changed struct {
	ObjectChangeRow
	device int64
}

// changes are the entries about some devices, the latest first.
func (w witness) changes(ctx context.Context, of []reconcile.Suspect) ([]changed, error) {
	since := of[0].Since
	devices := map[int64]int64{}
	for _, s := range of {
		if s.Since.Before(since) {
			since = s.Since
		}
		if id, err := deviceID(s.ID); err == nil {
			devices[id] = id
		}
	}
	rows, err := w.about(ctx, "dcim.device", devices, since)
	if err != nil {
		return rows, err
	}
	// What stands on them is best effort: who changed the device itself is known.
	if interfaces, addresses, err := w.standing(ctx, devices); err == nil {
		for sort, ids := range map[string]map[int64]int64{onInterface: interfaces, "ipam.ipaddress": addresses} {
			further, _ := w.about(ctx, sort, ids, since)
			rows = append(rows, further...)
		}
	}
	rows = w.theirs(ctx, rows)
	slices.SortStableFunc(rows, func(a, b changed) int { return b.Time.Compare(a.Time) })
	return rows, nil
}

// theirs leaves out what our runs wrote. Before 4.4 the log takes no message: there
// whoever moved the custom field that only our runs write is us in all else.
func (w witness) theirs(ctx context.Context, rows []changed) []changed {
	us := map[string]bool{}
	if status, err := w.Status(ctx); err == nil && !status.Has(4, 4) {
		for i := range rows {
			us[rows[i].User] = us[rows[i].User] || rows[i].ours()
		}
	}
	return slices.DeleteFunc(rows, func(r changed) bool { return us[r.User] || r.ours() })
}

// about are the entries about objects of a sort; of gives the device of each.
func (w witness) about(ctx context.Context, sort string, of map[int64]int64, since time.Time) ([]changed, error) {
	if len(of) == 0 || len(of) > 2*idsAtATime {
		return nil, nil
	}
	where := url.Values{"changed_object_type": {sort}, "ordering": {"-time"}}
	for id := range of {
		where.Add("changed_object_id", strconv.FormatInt(id, 10))
	}
	slices.Sort(where["changed_object_id"])
	if !since.IsZero() {
		where.Set("time_after", since.Add(-logSkew).UTC().Format(time.RFC3339))
	}
	raw, err := w.First(ctx, ObjectChanges, where, mostChanges)
	if err != nil {
		return nil, err
	}
	rows, err := decoded[ObjectChangeRow](ObjectChanges, raw)
	if err != nil {
		return nil, err
	}
	var out []changed
	for _, row := range rows { // a server ignores what it does not know in a filter
		if device := of[row.Object]; device != 0 && row.Type == sort {
			out = append(out, changed{row, device})
		}
	}
	return out, nil
}

// standing are the interfaces and addresses on devices, with the device of each.
func (w witness) standing(ctx context.Context, devices map[int64]int64) (interfaces, addresses map[int64]int64, err error) {
	there := url.Values{"fields": {"id"}}
	for id := range devices {
		there.Add("id", strconv.FormatInt(id, 10))
	}
	rows, err := Rows[DeviceRow](ctx, w.Server, Devices, there) // filters refuse devices that are gone
	if err != nil {
		return nil, nil, err
	}
	rows = slices.DeleteFunc(rows, func(r DeviceRow) bool { return devices[r.ID] == 0 })
	on, err := Options{Server: w.Server}.standing(ctx, rows)
	if err != nil {
		return nil, nil, err
	}
	interfaces, addresses = map[int64]int64{}, map[int64]int64{}
	for _, row := range on.interfaces {
		if devices[row.Device.ID] != 0 {
			interfaces[row.ID] = row.Device.ID
		}
	}
	for _, row := range on.addresses {
		if device := interfaces[row.On]; device != 0 {
			addresses[row.ID] = device
		}
	}
	return interfaces, addresses, nil
}

// authorsOf are those who wrote to a device, the latest first, each once.
func authorsOf(s reconcile.Suspect, rows []changed) []reconcile.Author {
	var out []reconcile.Author
	for _, row := range rows {
		known := slices.ContainsFunc(out, func(a reconcile.Author) bool { return a.Who == row.User && a.Call == string(row.Action) })
		if strconv.FormatInt(row.device, 10) != s.ID || row.Time.Before(s.Since.Add(-logSkew)) || known || len(out) == mostAuthors {
			continue
		}
		out = append(out, reconcile.Author{
			Who: row.User, Sort: "user", At: row.Time, Call: string(row.Action), Request: row.Request, Program: "netbox",
		})
	}
	return out
}

// ours tells whether a run of ours made an entry: it says so, or it moved the
// custom field that only our runs write, as versions before 4.4 take no message.
func (r *ObjectChangeRow) ours() bool {
	if strings.HasPrefix(r.Message, "reconcile jid=") {
		return true
	}
	before, after := lastRun(r.Before), lastRun(r.After)
	return after != "" && before != after
}

func lastRun(data json.RawMessage) string {
	var row struct {
		CustomFields CustomValues `json:"custom_fields"`
	}
	if json.Unmarshal(data, &row) != nil {
		return ""
	}
	return row.CustomFields.Text(FieldLastRun)
}
