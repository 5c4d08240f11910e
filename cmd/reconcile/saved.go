package main

import (
	"bytes"
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
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

// planVersion is the version of plan files.
const planVersion = 1

// planLife is how long a saved plan may be applied.
const planLife = 24 * time.Hour

// savedPlan is a plan file: what was planned of what, by hashes, and the plan as
// people and programs read it. It holds no secret values.
type savedPlan struct {
	Version  int             `json:"reconcile_plan"`
	Program  string          `json:"program"`
	Location string          `json:"location"`
	Folder   string          `json:"folder,omitempty"` // the same as seen from the file, for another checkout of it
	Path     string          `json:"path,omitempty"`
	Ref      string          `json:"ref,omitempty"`
	Files    []string        `json:"files,omitempty"`
	Targets  []string        `json:"targets,omitempty"`
	Excludes []string        `json:"excludes,omitempty"`
	Beside   []string        `json:"beside,omitempty"` // reports that were written with it, from its folder
	Owner    string          `json:"stack"`
	Revision string          `json:"revision"`
	Created  time.Time       `json:"created"`
	Hash     string          `json:"hash"`
	Changes  []savedChange   `json:"changes"`
	Plan     json.RawMessage `json:"plan"`   // as plan -o json prints it
	Digest   string          `json:"digest"` // of all the above: what a reviewer read is what runs
}

type savedChange struct {
	Key    reconcile.Key    `json:"key"`
	Action reconcile.Action `json:"action"`
	Hash   string           `json:"hash"`
	Held   bool             `json:"held,omitempty"`
}

// save writes a plan file that only its owner may read.
func (s *session) save(plan *reconcile.Plan, file string) error {
	location := s.location
	if abs, err := filepath.Abs(location); err == nil && isFolder(location) {
		location = abs
	}
	var text strings.Builder
	if err := report.PlanJSON(&text, plan, report.JSONOptions{Version: version()}); err != nil {
		return err
	}
	saved := savedPlan{
		Version: planVersion, Program: version(), Location: location, Path: s.path, Ref: s.ref, Files: absolute(s.files), Targets: s.targets, Excludes: s.excludes, Beside: fromFolder(filepath.Dir(file), s.beside),
		Owner: plan.Owner, Revision: s.pin(), Created: s.clock.Now().UTC(), Hash: plan.Hash, Changes: savedChanges(plan), Plan: json.RawMessage(text.String()),
	}
	if seen := fromFolder(filepath.Dir(file), []string{location}); isFolder(location) && len(seen) == 1 {
		saved.Folder = seen[0]
	}
	saved.Digest = saved.digest()
	data, err := json.MarshalIndent(saved, "", "  ")
	if err != nil {
		return err
	}
	err = writeWhole(file, 0o600, func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	return nil
}

// fromFolder are files as a folder leads to them, whoever moves it with them.
func fromFolder(folder string, files []string) []string {
	var out []string
	for _, file := range files {
		if rel, err := filepath.Rel(realPath(folder), realPath(file)); err == nil {
			out = append(out, filepath.ToSlash(rel))
		}
	}
	return out
}

// absolute are files as they can be named from anywhere.
func absolute(files []string) []string {
	var out []string
	for _, file := range files {
		if abs, err := filepath.Abs(file); err == nil {
			file = abs
		}
		out = append(out, file)
	}
	return out
}

// pin is what the plan was made of, exactly: the commit, and the digest of a
// folder that differs from it.
func (s *session) pin() string {
	if s.revision.Digest == "" {
		return s.revision.Hash
	}
	return s.revision.Hash + "+" + s.revision.Digest
}

// digest is over the content of the file, however it is laid out.
func (p savedPlan) digest() string {
	p.Digest = ""
	data, err := json.Marshal(p)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func savedChanges(plan *reconcile.Plan) []savedChange {
	out := []savedChange{}
	for _, c := range plan.Steps {
		out = append(out, savedChange{c.Key, c.Action, c.Hash, false})
	}
	for _, c := range plan.Held {
		out = append(out, savedChange{c.Key, c.Action, c.Hash, heldBesides(&c)})
	}
	return out
}

// heldBesides tells whether anything but a missing approval holds a change: a
// plan is made to be approved, and comes before that.
func heldBesides(c *reconcile.Change) bool {
	return slices.ContainsFunc(c.Held, func(h reconcile.Hold) bool { return h.Guard != "approval" })
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return name != "" && err == nil && info.Mode().IsRegular()
}

// missingFile tells whether a location is meant to be on this machine, and is not there.
func missingFile(location string) bool {
	_, err := os.Stat(location)
	return location != "" && !strings.ContainsAny(location, ":@") && errors.Is(err, fs.ErrNotExist)
}

func loadPlan(file string) (*savedPlan, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	var saved savedPlan
	if err := json.Unmarshal(data, &saved); err != nil || saved.Version == 0 {
		return nil, fmt.Errorf("apply %s: it is no plan that plan --out saved; for a single manifest use -f %s", file, file)
	}
	if saved.Version != planVersion {
		return nil, fmt.Errorf("apply %s: it has version %d of plan files, and this program knows version %d; plan again", file, saved.Version, planVersion)
	}
	if saved.Digest != saved.digest() {
		return nil, fmt.Errorf("apply %s: the file was changed after it was saved; plan again", file)
	}
	return &saved, nil
}

// scope is what the plan was made of. A remote or named revision is pinned to its commit.
func (p *savedPlan) scope(given scope) scope {
	given.location, given.path, given.ref, given.files, given.targets, given.excludes = p.place(given.planFile), p.Path, p.Ref, p.Files, p.Targets, p.Excludes
	for _, name := range p.Beside {
		given.beside = append(given.beside, filepath.Join(filepath.Dir(given.planFile), filepath.FromSlash(name)))
	}
	if hash, digest, dirty := strings.Cut(p.Revision, "+"); p.Ref != "" || !dirty && digest == "" && hash != "" && !isFolder(given.location) {
		given.ref = hash
	}
	return given
}

// place is what the plan was made of, or, where that folder is not there, the
// one that lies to the file as that did: a job applies what another one planned
// in a checkout of its own. That it holds the same is checked.
func (p *savedPlan) place(file string) string {
	beside := filepath.Join(filepath.Dir(file), filepath.FromSlash(p.Folder))
	if p.Folder != "" && !isFolder(p.Location) && isFolder(beside) {
		return beside
	}
	return p.Location
}

// compare refuses a plan that no longer is what was saved, and says how it differs.
func (p *savedPlan) compare(s *session, plan *reconcile.Plan) error {
	var reasons []string
	now := savedChanges(plan)
	switch age := s.clock.Now().Sub(p.Created); {
	case age < -time.Hour:
		reasons = append(reasons, "it is from the future: "+p.Created.UTC().Format(time.RFC3339))
	case age > planLife:
		reasons = append(reasons, fmt.Sprintf("it is %s old; plans expire after 24 hours", age.Round(time.Minute)))
	case p.Program != version():
		reasons = append(reasons, fmt.Sprintf("it was made by version %s, and this is %s", p.Program, version()))
	case p.Owner != plan.Owner:
		reasons = append(reasons, "it is of stack "+p.Owner+", and this is "+plan.Owner)
	case p.Revision != s.pin():
		reasons = append(reasons, "the source moved: "+moved(p.Revision, s.pin()))
	}
	var shown bytes.Buffer
	if err := report.PlanJSON(&shown, plan, report.JSONOptions{Version: version()}); err != nil {
		return err
	}
	reasons = append(reasons, planDifferences(p.Changes, now, fieldMoves(p.Plan, shown.Bytes()))...)
	if len(reasons) == 0 {
		return nil
	}
	fmt.Fprintln(s.err, "The saved plan is stale, and nothing was changed:")
	for _, reason := range reasons {
		fmt.Fprintln(s.err, "  "+reconcile.Clean(reason))
	}
	fmt.Fprintln(s.err, "Plan again: reconcile plan --out FILE", p.Location)
	return saidError{exitStale}
}

// moved says how two pins differ.
func moved(from, to string) string {
	before, _, _ := strings.Cut(from, "+")
	now, _, _ := strings.Cut(to, "+")
	if before == now {
		return "there are other uncommitted changes on " + shortPin(now) + " than there were"
	}
	return shortPin(from) + " became " + shortPin(to)
}

func shortPin(pin string) string {
	if hash, _, dirty := strings.Cut(pin, "+"); dirty {
		return hash[:min(7, len(hash))] + "+"
	}
	return pin[:min(7, len(pin))]
}
