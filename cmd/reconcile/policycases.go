package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// policyCases are the cases of a policy's test, and what they are held against.
type policyCases struct {
	*session
	config  bool // there is an operator's file
	entry   daemon.Entry
	windows []reconcile.Window // the operator's
	cases   []policyCase
}

// caseSettings are a case as it is written, but for its manifests.
type caseSettings struct {
	Name      string     `yaml:"name" check:"required,nonempty"`
	Mode      string     `yaml:"mode" check:"enum=auto|propose|observe"`
	At        string     `yaml:"at"`
	Author    string     `yaml:"author"`
	Committer string     `yaml:"committer"`
	Approved  []string   `yaml:"approved"`
	Wants     []caseWant `yaml:"wants" check:"required"`
}

type caseWant struct {
	Key    reconcile.Key `yaml:"key" check:"required,nonempty"`
	Held   string        `yaml:"held"`
	Reason string        `yaml:"reason"`
	Action string        `yaml:"action" check:"enum=create|update|replace|reinstall|delete|adopt|none"`

	pos reconcile.Pos
}

type caseFile struct {
	Cases []caseSettings `yaml:"cases" check:"required"`
}

// policyCase is one case, ready to be decided.
type policyCase struct {
	caseSettings
	pos        reconcile.Pos
	now        time.Time // zero: windows do not count
	live, want []reconcile.Manifest
}

// load reads the cases from a file, or from the one in the stack's folder.
func (c *policyCases) load(file string) error {
	name, read := manifest.CasesFile, c.src.ReadFile
	if file != "" {
		folder, err := os.OpenRoot(filepath.Dir(file))
		if err != nil {
			return fmt.Errorf("policy test: --cases %s: %w", file, err)
		}
		defer folder.Close()
		name, read = filepath.Base(file), func(name string) ([]byte, error) { return readWithin(folder, name) }
	}
	data, err := read(name)
	if err != nil {
		return fmt.Errorf("policy test: there are no cases: %w; write %s into the stack's folder, or name a file with --cases", err, manifest.CasesFile)
	}
	texts := map[string][]string{name: strings.Split(string(data), "\n")}
	line := func(at reconcile.Pos) string {
		if lines := texts[at.File]; at.Line > 0 && at.Line <= len(lines) {
			return lines[at.Line-1]
		}
		return ""
	}
	documents, problems := manifest.ParseOwn(name, data)
	if problems.Err() == nil {
		r := caseReader{kinds: c.kinds, own: c.src.Manifests, read: read, texts: texts}
		for _, document := range documents {
			c.cases = append(c.cases, r.cases(document)...)
		}
		problems = append(problems, r.problems...)
	}
	if err := c.tell(problems, line, len(texts)); err != nil {
		return err
	}
	if len(c.cases) == 0 {
		return fmt.Errorf("policy test: %s has no cases, so nothing was tested", name)
	}
	return nil
}

// readWithin reads a file of a folder: whoever writes cases names files, and what
// is wrong with them is shown.
func readWithin(folder *os.Root, name string) ([]byte, error) {
	info, err := folder.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = fmt.Errorf("%s: %w; cases name files beside their own", name, at.Err)
	}
	if err != nil {
		return nil, err
	}
	return folder.ReadFile(name)
}

// caseReader reads cases, strictly.
type caseReader struct {
	kinds    reconcile.Kinds
	own      []reconcile.Manifest // those of the stack
	read     func(string) ([]byte, error)
	texts    map[string][]string // lines by file
	problems reconcile.Problems
}

func (r *caseReader) add(at reconcile.Pos, format string, args ...any) {
	r.problems = append(r.problems, reconcile.Problem{Pos: at, Message: fmt.Sprintf(format, args...)})
}

// cases reads a document: settings, beside manifests of any form.
func (r *caseReader) cases(document *reconcile.Node) []policyCase {
	list := document.Get("cases")
	plain := document
	var nodes []*reconcile.Node
	if list != nil && list.Kind == reconcile.ListNode {
		stripped := reconcile.List(list.Pos)
		for _, n := range list.Items {
			nodes = append(nodes, n)
			if n.Kind == reconcile.MapNode {
				n = n.Without("manifests", "live")
			}
			stripped.Items = append(stripped.Items, n)
		}
		plain = document.With(reconcile.Entry{Key: "cases", Value: stripped})
	}
	said, places, problems := reconcile.Settings[caseFile](plain)
	r.problems = append(r.problems, problems...)
	var out []policyCase
	for i, settings := range said.Cases {
		at := "cases." + orElse(settings.Name, strconv.Itoa(i))
		one := policyCase{caseSettings: settings, pos: places[at]}
		one.now = r.moment(settings.At, places[at+".at"])
		for j := range one.Wants {
			w := &one.Wants[j]
			if w.pos = places[at+".wants."+strconv.Itoa(j)]; !w.Key.Valid() {
				r.add(w.pos, "%q is no key, such as Container/api", w.Key)
			}
		}
		one.live = r.manifests(nodes[i].Get("live"), nil)
		one.want = r.manifests(nodes[i].Get("manifests"), r.own)
		out = append(out, one)
	}
	return out
}

func (r *caseReader) moment(text string, at reconcile.Pos) time.Time {
	if text == "" {
		return time.Time{}
	}
	now, err := time.Parse(time.RFC3339, text)
	if err != nil {
		r.add(at, "at: wants a time, such as 2026-11-21T09:00:00Z, got %q", text)
	}
	return now
}

// manifests are those of a list, in which {file: NAME} stands for all of a file.
// Without a list they are the ones given.
func (r *caseReader) manifests(list *reconcile.Node, otherwise []reconcile.Manifest) []reconcile.Manifest {
	switch {
	case list == nil:
		return otherwise
	case list.Kind != reconcile.ListNode:
		if !list.IsNull() {
			r.add(list.Pos, "wants a list of manifests, got %s", list.Kind)
		}
		return nil
	}
	var nodes []*reconcile.Node
	for _, n := range list.Items {
		if name := n.Get("file").Scalar(); name != "" && len(n.Entries) == 1 {
			nodes = append(nodes, r.file(name, n.Pos)...)
		} else {
			nodes = append(nodes, n)
		}
	}
	manifests, problems := manifest.Decode(nodes, r.kinds)
	r.problems = append(r.problems, problems...)
	return manifests
}

func (r *caseReader) file(name string, at reconcile.Pos) []*reconcile.Node {
	data, err := r.read(path.Clean(name))
	if err != nil {
		r.add(at, "%v", err)
		return nil
	}
	name = path.Clean(name)
	r.texts[name] = strings.Split(string(data), "\n")
	documents, problems := manifest.Parse(name, data)
	r.problems = append(r.problems, problems...)
	return slices.DeleteFunc(documents, func(n *reconcile.Node) bool { return n.Get("kind").Scalar() == "Stack" })
}

// run decides each case.
func (c *policyCases) run() *policyResult {
	result := &policyResult{FormatVersion: "1", Stack: c.src.Stack.Name, Cases: []caseResult{}}
	for i := range c.cases {
		one := &c.cases[i]
		r := caseResult{Name: one.Name, At: one.pos.Short()}
		plan, err := c.decide(one)
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				r.Amiss = append(r.Amiss, caseFailure{one.pos.Short(), strings.TrimSpace(line)})
			}
		} else {
			r.Notice = plan.Notices
			for _, w := range one.Wants {
				if text := w.amiss(plan); text != "" {
					r.Amiss = append(r.Amiss, caseFailure{w.pos.Short(), text})
				}
			}
		}
		if r.OK = len(r.Amiss) == 0; !r.OK {
			result.Failed++
		}
		result.Cases = append(result.Cases, r)
	}
	return result
}

// decide plans a case. The error is that it cannot be planned.
func (c *policyCases) decide(one *policyCase) (*reconcile.Plan, error) {
	stack, err := c.policy(one.Mode)
	if err != nil {
		return nil, err
	}
	guards := []reconcile.Guard{daemon.Kinds(c.entry.Bounds.Kinds)}
	if !one.now.IsZero() {
		for _, windows := range [][]reconcile.Window{c.windows, stack.Policy.Windows} {
			guard, err := daemon.Windows(windows, one.now)
			if err != nil {
				return nil, err
			}
			guards = append(guards, guard)
		}
	}
	r := reconcile.Rehearsal{
		Stack: stack, Kinds: c.kinds, Live: one.live, Want: one.want, Guards: guards, Now: one.now,
		Revision: reconcile.Revision{ID: "case", Author: one.Author, Committer: one.Committer},
	}
	for _, who := range one.Approved {
		by := reconcile.Actor{Kind: "cli", User: who}
		if strings.Contains(who, "@") {
			by.Email = who
		}
		r.Approved = append(r.Approved, by)
	}
	plan, problems := r.Plan()
	return plan, problems.Err()
}

// amiss says how a plan is not as wanted, "" if it is.
func (w *caseWant) amiss(plan *reconcile.Plan) string {
	c := changeOf(plan, w.Key)
	switch {
	case c == nil && w.Action == "none":
		return ""
	case c == nil:
		return w.missing(plan)
	case w.Action != "" && string(c.Action) != w.Action:
		return fmt.Sprintf("%s: %s was wanted, and it is %s", w.Key, w.Action, c.Action)
	}
	var guards, reasons []string
	for _, h := range c.Held {
		guards, reasons = append(guards, h.Guard), append(reasons, h.Guard+": "+h.Reason)
	}
	said := strings.Join(reasons, "; ")
	because := func(h reconcile.Hold) bool {
		return (w.Held == "" || w.Held == "true" || h.Guard == w.Held) && strings.Contains(h.Reason, w.Reason)
	}
	switch {
	case w.Held == "false" && len(c.Held) > 0:
		return fmt.Sprintf("%s: it is held, and was not to be: %s", w.Key, said)
	case w.Held == "false" || w.Held == "" && w.Reason == "":
		return ""
	case len(c.Held) == 0:
		return fmt.Sprintf("%s: it is not held (%s)", w.Key, c.Action)
	case slices.ContainsFunc(c.Held, because):
		return ""
	}
	text := fmt.Sprintf("%s: it is held for something else: %s", w.Key, said)
	if near := reconcile.Nearest(w.Held, guards); near != "" && near != w.Held {
		text += "; did you mean " + near + "?"
	}
	return text
}

// missing says that nothing is planned about the key, and what there is.
func (w *caseWant) missing(plan *reconcile.Plan) string {
	var keys []string
	for _, key := range plan.Everything() {
		keys = append(keys, string(key))
	}
	text := fmt.Sprintf("%s: nothing is to be done about it", w.Key)
	if near := reconcile.Nearest(string(w.Key), keys); near != "" {
		return text + "; did you mean " + near + "?"
	}
	return text + "; there is " + orElse(strings.Join(keys, ", "), "nothing at all to be done")
}

// changeOf is the change of a key, whether it is held or not.
func changeOf(plan *reconcile.Plan, key reconcile.Key) *reconcile.Change {
	for _, changes := range [][]reconcile.Change{plan.Held, plan.Steps, plan.Adopted} {
		for i := range changes {
			if changes[i].Key == key && !changes[i].Surplus {
				return &changes[i]
			}
		}
	}
	return nil
}
