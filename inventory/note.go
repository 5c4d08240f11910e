package inventory

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// noteRow is an entry of a device's journal in NetBox.
type noteRow struct {
	ID       int64  `json:"id"`
	On       int64  `json:"assigned_object_id"`
	Comments string `json:"comments"`
}

// kindOf is how NetBox's pages colour the entry of a new status.
func kindOf(status Choice) string {
	switch status {
	case "active":
		return "success"
	case "failed", "offline":
		return "warning"
	}
	return "info"
}

// tell notes a new status in the device's journal. If it cannot, nothing fails for
// it: the request and what came of it stand in the record of the step.
func (w *writing) tell(ctx context.Context, was, is Choice) {
	_ = w.note(ctx, kindOf(is), fmt.Sprintf("status `%s` → `%s`, as %s says", was, is, w.want.Key))
}

func (w *writing) note(ctx context.Context, kind, comments string) error {
	_, err := w.Server.Create(ctx, Journal, w.stamp(ctx, map[string]any{
		"assigned_object_type": "dcim.device", "assigned_object_id": w.id, "kind": kind, "comments": comments,
	}))
	return err
}

const proposalWord = "reconcile would write (writeBack: journal-only):"

// propose notes in the device's journal what would be written, unless that is
// what it noted last.
func (w *writing) propose(ctx context.Context) error {
	text := w.proposal()
	raw, err := w.Server.First(ctx, Journal, url.Values{
		"assigned_object_type": {"dcim.device"}, "assigned_object_id": {strconv.FormatInt(w.id, 10)}, "ordering": {"-id"},
	}, 50)
	if err != nil {
		return attempted(err, "read its journal")
	}
	notes, err := decoded[noteRow](Journal, raw)
	if err != nil {
		return err
	}
	last := slices.IndexFunc(notes, func(n noteRow) bool { return n.On == w.id && strings.HasPrefix(n.Comments, proposalWord) })
	if last >= 0 && strings.TrimSpace(notes[last].Comments) == text {
		return nil
	}
	return w.note(ctx, "info", text)
}

// proposal says what would be written, in the same words whenever that is the same.
func (w *writing) proposal() string {
	lines := []string{proposalWord}
	for _, f := range reconcile.NewKind(about(w.Options), w.devices).Differences(&w.have.Spec, &w.want.Spec) {
		if w.want.Has(f.Path) {
			lines = append(lines, fmt.Sprintf("- `%s`: %s → %s", f.Path, shown(f.From), shown(f.To)))
		}
	}
	if w.want.Has("labels") {
		lines = append(lines, "- `labels`: "+shown(strings.Join(w.want.Tags, ", ")))
	}
	return strings.Join(lines, "\n")
}

func shown(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case []string:
		return "`" + strings.Join(v, ", ") + "`"
	}
	return fmt.Sprintf("`%v`", value)
}
