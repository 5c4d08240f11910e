package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// acceptance is what drift --accept writes into the baseline.
type acceptance struct {
	keys   []string
	until  string
	reason string
}

func (a *acceptance) check() error {
	if len(a.keys) == 0 {
		if a.until != "" || a.reason != "" {
			return errors.New("--until and --reason say how long and why; --accept KEY says what")
		}
		return nil
	}
	if a.until == "" || strings.TrimSpace(a.reason) == "" {
		return errors.New("--accept needs --until DATE and --reason TEXT: what is accepted has an end, and a reason for those who find it later")
	}
	if _, err := time.Parse(time.DateOnly, a.until); err != nil {
		return fmt.Errorf("--until %s: wants a day, such as 2026-12-31", reconcile.Clean(a.until))
	}
	return nil
}

// into writes an entry for each key into the baseline and its file.
func (a *acceptance) into(s *session, plan *reconcile.Plan, b *baseline) error {
	if err := a.inTime(s.clock.Now().UTC()); err != nil {
		return err
	}
	if b.name == "" {
		return errors.New("--accept writes into a baseline, and --baseline none names none")
	}
	if err := b.decode(s.err); err != nil {
		return err
	}
	var entries []entered
	for _, key := range a.keys {
		found := a.entries(plan, key, s.actor().User)
		if len(found) == 0 {
			return fmt.Errorf("--accept %s: %s; nothing was written", reconcile.Clean(key), nothingToAccept(plan, key))
		}
		entries = append(entries, found...)
	}
	data, err := b.with(entries)
	if err != nil {
		return fmt.Errorf("write the baseline %s: %w", b.name, err)
	}
	if err := replaceFile(b.file, data); err != nil {
		return fmt.Errorf("write the baseline: %w", err)
	}
	b.data = data
	for _, e := range entries {
		fmt.Fprintf(s.err, "Accepted until %s in %s: %s\n", e.Until, b.name, e.about())
	}
	return nil
}

func (a *acceptance) inTime(now time.Time) error {
	switch {
	case a.until < now.Format(time.DateOnly):
		return fmt.Errorf("--until %s: that day is over", a.until)
	case a.until > now.AddDate(1, 0, 0).Format(time.DateOnly):
		return fmt.Errorf("--until %s: a year from now at most; what is to stay belongs into the manifests (drift --write) or into policy.ignore", a.until)
	}
	return nil
}

// entries are those that accept what a plan finds of a key.
func (a *acceptance) entries(plan *reconcile.Plan, key, by string) []entered {
	var out []entered
	for _, c := range plan.Changes() {
		what := whatOf(c)
		if string(c.Key) != key || what == "" {
			continue
		}
		e := entered{Key: key, What: what, Reason: a.reason, Until: a.until, By: by}
		switch what {
		case "surplus":
			e.ID = c.Live.ID
		case "drift":
			e.Fields = movedFields(c)
			e.Was = digestOf(c, e.Fields)
		}
		out = append(out, e)
	}
	for _, r := range plan.Unmanaged {
		if name := r.Kind + "/" + r.Name; key == name || key == r.ID {
			out = append(out, entered{Key: name, What: "unmanaged", ID: r.ID, Reason: a.reason, Until: a.until, By: by})
		}
	}
	return out
}

func nothingToAccept(plan *reconcile.Plan, key string) string {
	var names []string
	for _, c := range plan.Changes() {
		if whatOf(c) != "" {
			names = append(names, string(c.Key))
		}
	}
	for _, r := range plan.Unmanaged {
		names = append(names, r.Kind+"/"+r.Name)
	}
	i := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, "/"+key) })
	if i >= 0 {
		return "it is no key; did you mean " + names[i] + "?"
	}
	if near := reconcile.Nearest(key, names); near != "" {
		return "it has no drift; did you mean " + near + "?"
	}
	return "it has no drift"
}

// about says in words what an entry accepts.
func (e *entered) about() string {
	text := reconcile.Clean(e.Key)
	switch e.What {
	case "drift":
		return text + " " + reconcile.Clean(strings.Join(e.Fields, ", "))
	case "missing":
		return text + ", which is missing"
	}
	return text + ", which is " + e.What + " (" + reconcile.Clean(e.ID) + ")"
}

// beginning is a baseline without entries.
const beginning = `# Drift that is known and accepted for a time. reconcile drift --accept writes it;
# an entry ends with its day, or as soon as live moves further.
version: 1
accepted:
`

// with is the file with some entries in it, each in place of one about the same.
// Comments and order stay.
func (b *baseline) with(entries []entered) ([]byte, error) {
	data := b.data
	if documents, _ := manifest.ParseOwn(b.name, data); len(documents) == 0 {
		if len(data) > 0 && data[len(data)-1] != '\n' {
			data = append(slices.Clone(data), '\n')
		}
		data = append(slices.Clone(data), beginning...)
	}
	editor, err := manifest.NewEditor(b.name, data)
	if err != nil {
		return nil, err
	}
	documents, _ := manifest.ParseOwn(b.name, data)
	list := manifest.Place{At: documents[0].Pos, Below: []manifest.Step{{Name: "accepted"}}}
	for i := range entries {
		e := &entries[i]
		old := slices.IndexFunc(b.entries, func(o entered) bool { return o.Key == e.Key && o.What == e.What && o.ID == e.ID })
		if old < 0 {
			_, err = editor.Append(list, e.node())
		} else {
			err = e.replace(editor, b.entries[old].pos)
		}
		if err != nil {
			return nil, err
		}
	}
	return editor.Bytes(), nil
}

// replace writes an entry over the one that stands at a place.
func (e *entered) replace(editor *manifest.Editor, at reconcile.Pos) error {
	for _, field := range e.node().Entries {
		if _, err := editor.Set(manifest.Place{At: at, Below: []manifest.Step{{Name: field.Key}}}, field.Value); err != nil {
			return err
		}
	}
	return nil
}

// node is an entry as it is written.
func (e *entered) node() *reconcile.Node {
	text := func(key, value string) reconcile.Entry {
		if value == "" {
			return reconcile.Entry{Key: key}
		}
		return reconcile.Entry{Key: key, Value: reconcile.String(value, reconcile.Pos{})}
	}
	var fields *reconcile.Node
	if len(e.Fields) > 0 {
		fields = reconcile.List(reconcile.Pos{})
		for _, path := range e.Fields {
			fields.Items = append(fields.Items, reconcile.String(path, reconcile.Pos{}))
		}
	}
	what := e.What
	if what == "drift" {
		what = ""
	}
	return reconcile.Map(reconcile.Pos{}, text("key", e.Key), text("what", what), text("id", e.ID),
		reconcile.Entry{Key: "fields", Value: fields}, text("was", e.Was), text("reason", e.Reason), text("until", e.Until), text("by", e.By))
}
