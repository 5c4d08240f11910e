package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// baselineName is the baseline that is read if no other is named.
const baselineName = "drift-baseline.yaml"

// baselineFile is the file of drift that is known and accepted for a time.
type baselineFile struct {
	Version  int       `yaml:"version" check:"required,min=1,max=1"`
	Accepted []entered `yaml:"accepted"`
}

// entered is one entry of the file.
type entered struct {
	Key    string   `yaml:"key" check:"required,nonempty"`
	What   string   `yaml:"what" default:"drift" check:"enum=drift|missing|surplus|unmanaged"`
	ID     string   `yaml:"id"`
	Fields []string `yaml:"fields" plan:"set"`
	Was    string   `yaml:"was"`
	Reason string   `yaml:"reason" check:"required,nonempty"`
	Until  string   `yaml:"until" check:"required,nonempty"`
	By     string   `yaml:"by"`

	pos reconcile.Pos
}

func (e *entered) known() reconcile.Known {
	return reconcile.Known{Reason: e.Reason, Until: e.Until, By: e.By, Pos: e.pos}
}

// over tells whether the last day of an entry has ended, in UTC.
func (e *entered) over(now time.Time) bool { return now.UTC().Format(time.DateOnly) > e.Until }

// baseline is a baseline file, and where it is.
type baseline struct {
	name    string // as people know it; "" is none
	file    string // where it is written
	data    []byte
	entries []entered
}

// know marks what the baseline knows of, once what is to be accepted is in it.
func (f *gateFlags) know(s *session, plan *reconcile.Plan) error {
	b, err := f.read(s)
	if err != nil {
		return err
	}
	if len(f.accept.keys) > 0 {
		if err := f.accept.into(s, plan, b); err != nil {
			return err
		}
	}
	if err := b.decode(s.err); err != nil {
		return err
	}
	whole := len(s.names)+len(s.targets)+len(s.excludes) == 0 && plan.Complete()
	b.mark(plan, whole)
	for _, k := range plan.Expired {
		if e := (entered{Until: k.Until}); e.over(plan.At) {
			fmt.Fprintf(s.err, "warning: %s: accepted until %s, which is over: %s\n", k.Pos.Short(), k.Until, reconcile.Clean(k.Reason))
		}
	}
	return nil
}

// read reads the file that is named, or the one of the stack's folder if there is one.
func (f *gateFlags) read(s *session) (*baseline, error) {
	b := &baseline{name: f.baseline, file: f.baseline}
	var err error
	switch f.baseline {
	case "none":
		b.name = ""
		return b, nil
	case "":
		b.name, b.file = baselineName, filepath.Join(s.manifests(), baselineName)
		b.data, err = fs.ReadFile(s.tree, baselineName)
	default:
		b.data, err = readPlain(f.baseline)
	}
	if errors.Is(err, fs.ErrNotExist) && (f.baseline == "" || len(f.accept.keys) > 0) {
		err = nil
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no baseline %s; reconcile drift --baseline %[1]s --accept KEY --until DATE --reason TEXT makes one", b.name)
	case err != nil:
		return nil, fmt.Errorf("read the baseline %s: %w", b.name, err)
	}
	return b, nil
}

// readPlain reads a file that is no link: whoever writes to the repository could
// have it lead anywhere, and what is wrong with a baseline is shown.
func readPlain(name string) ([]byte, error) {
	info, err := os.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file; links are not followed")
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

// decode reads the entries strictly. What is wrong is shown to people.
func (b *baseline) decode(w io.Writer) error {
	if len(b.data) == 0 {
		return nil
	}
	entries, problems := decodeBaseline(b.name, b.data)
	if problems.Err() != nil {
		(&badConfig{problems, strings.Split(string(b.data), "\n")}).tell(w)
		return errors.Join(saidError{exitError}, problems)
	}
	b.entries = entries
	return nil
}

func decodeBaseline(name string, data []byte) ([]entered, reconcile.Problems) {
	documents, problems := manifest.ParseOwn(name, data)
	switch {
	case problems.Err() != nil || len(documents) == 0:
		return nil, problems
	case len(documents) > 1:
		return nil, reconcile.Problems{{Pos: documents[1].Pos, Message: "a second document, and a baseline has one"}}
	}
	file, places, problems := reconcile.Settings[baselineFile](documents[0])
	for i := range file.Accepted {
		e, path := &file.Accepted[i], "accepted."+strconv.Itoa(i)
		e.pos = places[path]
		if field, message := e.flaw(); message != "" && problems.Err() == nil {
			at, ok := places[path+"."+field]
			if !ok {
				at = e.pos
			}
			problems = append(problems, reconcile.Problem{Pos: at, Message: path + "." + field + ": " + message, Hint: "reconcile drift --accept writes entries"})
		}
	}
	return file.Accepted, problems
}

// flaw is what is wrong with an entry beyond the sorts of its values.
func (e *entered) flaw() (field, message string) {
	if _, err := time.Parse(time.DateOnly, e.Until); err != nil {
		return "until", "wants a day, such as 2026-12-31"
	}
	switch {
	case e.What == "drift" && len(e.Fields) == 0:
		return "fields", "required, but missing: the paths of the fields that may differ"
	case e.What == "drift" && e.Was == "":
		return "was", "required, but missing: the digest of what was live"
	case e.What == "surplus" && e.ID == "":
		return "id", "required, but missing: the ID of what is surplus"
	}
	return "", ""
}

// mark marks what is known in a plan. Of one that does not tell of everything,
// nothing is said of entries that nothing fits.
func (b *baseline) mark(plan *reconcile.Plan, whole bool) {
	covered := map[*reconcile.Change][]*entered{}
	for i := range b.entries {
		e := &b.entries[i]
		if e.over(plan.At) {
			plan.Expired = append(plan.Expired, e.known())
			continue
		}
		fits := e.spare(plan)
		for _, c := range plan.Changes() {
			if e.fits(c) {
				covered[c], fits = append(covered[c], e), true
			}
		}
		if !fits && whole {
			plan.Expired = append(plan.Expired, e.known())
		}
	}
	for c, entries := range covered {
		if coverAll(c, entries) {
			first := slices.MinFunc(entries, func(a, b *entered) int { return strings.Compare(a.Until, b.Until) })
			known := first.known()
			c.Known = &known
		}
	}
}

// spare marks unmanaged resources that an entry is about.
func (e *entered) spare(plan *reconcile.Plan) (fits bool) {
	for _, r := range plan.Unmanaged {
		if e.What != "unmanaged" || e.ID != "" && e.ID != r.ID || e.Key != r.Kind+"/"+r.Name {
			continue
		}
		if plan.KnownLive == nil {
			plan.KnownLive = map[string]reconcile.Known{}
		}
		plan.KnownLive[r.ID], fits = e.known(), true
	}
	return fits
}

// fits tells whether an entry is about a change, and live is what was accepted.
func (e *entered) fits(c *reconcile.Change) bool {
	if string(c.Key) != e.Key || whatOf(c) != e.What {
		return false
	}
	switch e.What {
	case "surplus":
		return c.Live.ID == e.ID
	case "drift":
		return digestOf(c, e.Fields) == e.Was
	}
	return true
}

// whatOf is the sort of entry that a change needs, "" if it is no drift.
func whatOf(c *reconcile.Change) string {
	switch cause := report.CauseOf(c); cause {
	case "drift", "conflict", "unclear":
		return "drift"
	case "missing", "surplus":
		return cause
	}
	return ""
}

// coverAll tells whether each field that moved live is accepted.
func coverAll(c *reconcile.Change, entries []*entered) bool {
	if whatOf(c) != "drift" {
		return true
	}
	return !slices.ContainsFunc(movedFields(c), func(path string) bool {
		return !slices.ContainsFunc(entries, func(e *entered) bool { return slices.Contains(e.Fields, path) })
	})
}

// movedFields are the paths of a change's fields that live moved, or may have.
func movedFields(c *reconcile.Change) []string {
	var paths []string
	for i := range c.Fields {
		if f := &c.Fields[i]; f.Label != reconcile.Pending && f.Unknown == "" {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// digestOf identifies the live values of some fields, and what Git asks for
// instead, "" if one of them is as Git has it. Of a secret it knows what the API
// shows in its place, or only that it differs.
func digestOf(c *reconcile.Change, paths []string) string {
	var values [][3]any
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		i := slices.IndexFunc(c.Fields, func(f reconcile.FieldChange) bool { return f.Path == path })
		if i < 0 {
			return ""
		}
		f := &c.Fields[i]
		values = append(values, [3]any{path, shownValue(f.Secret, f.From), shownValue(f.Secret, f.To)})
	}
	text, err := json.Marshal(values)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func shownValue(secret bool, v any) any {
	if !secret || v == nil {
		return v
	}
	if s, ok := v.(reconcile.Secret); ok {
		return []string{reconcile.Masked, s.Digest()}
	}
	return []string{reconcile.Masked}
}
