package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// reading is a stack as its source has it at one revision.
type reading struct {
	source   *repo.Source
	revision repo.Revision
	tree     fs.FS // the files at the revision
	src      *reconcile.Source
}

// readStack reads the manifests of a source. Wrong ones are problems of the
// source, not an error. name is the stack's if its manifests name none; only
// are the files to read, all if there are none.
func readStack(ctx context.Context, source *repo.Source, kinds reconcile.Kinds, name string, only []string) (reading, error) {
	tree, revision, err := source.Tree(ctx)
	if err != nil {
		return reading{}, err
	}
	r := reading{source: source, revision: revision, tree: tree}
	r.src = readTree(tree, kinds, name, only)
	r.src.Problems = append(r.src.Problems, daemon.WindowProblems(r.src.Stack.Policy.Windows)...)
	r.src.Revision = reconcile.Revision{ID: revision.ID(), Subject: revision.Subject, Author: revision.Author, Committer: revision.Committer}
	if !revision.When.IsZero() {
		r.src.Revision.When = revision.When.UTC().Format(time.RFC3339)
	}
	return r, nil
}

// readTree reads the manifests of a tree of files.
func readTree(tree fs.FS, kinds reconcile.Kinds, name string, only []string) *reconcile.Source {
	src := manifest.Read(tree, manifest.Options{Name: name, Kinds: kinds, Only: only})
	if len(only) > 0 { // files of a stack share things with its others; which of them are planned is another matter
		if whole := manifest.Read(tree, manifest.Options{Name: name, Kinds: kinds}); whole.Stack.Declared {
			return whole
		}
	}
	return src
}

// owner is the stack's owner word.
func (r *reading) owner() string { return r.src.Stack.Mark("", "").Owner() }

// stackName makes the name of a stack that does not name itself of what its
// folder, or its repository, is called.
func stackName(rel, location string) string {
	name := path.Base(rel)
	if name == "." || name == "/" {
		name = strings.TrimSuffix(path.Base(location), ".git")
	}
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name), "-")
}

// neighbour is a stack that some file of the repository declares.
type neighbour struct {
	file string // from the repository's top
	pos  reconcile.Pos
	name string
	uid  string
}

// neighbours are all stacks of the repository at the commit that was read.
func (r *reading) neighbours(ctx context.Context) ([]neighbour, error) {
	if r.revision.Hash == "" || r.source.Rel() == "." {
		return nil, nil // two stacks of one folder are an error anyway
	}
	up := strings.TrimSuffix(strings.Repeat("../", strings.Count(r.source.Rel(), "/")+1), "/")
	whole, err := r.source.Beside(up)
	if err != nil {
		return nil, err
	}
	tree, err := whole.At(ctx, r.revision.Hash) // a commit's tree is quick to walk; a whole work tree is not
	if err != nil {
		return nil, err
	}
	return declared(tree)
}

func declared(tree fs.FS) (all []neighbour, err error) {
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != "." {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".yaml" && path.Ext(name) != ".yml" {
			return nil
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil || !strings.Contains(string(data), "Stack") {
			return nil
		}
		if stack := manifest.Read(tree, manifest.Options{Only: []string{name}}).Stack; stack.Declared {
			all = append(all, neighbour{name, stack.Pos, stack.Name, stack.UID})
		}
		return nil
	})
	return all, err
}

// beDistinct refuses a uid that another stack of the repository has too, and
// notes whether a stack without one has this stack's name.
func (r *reading) beDistinct(all []neighbour) {
	stack := &r.src.Stack
	if stack.UID == "" {
		return
	}
	mine := path.Join(r.source.Rel(), stack.Pos.File)
	for _, other := range all {
		switch {
		case other.file == mine:
		case other.uid == stack.UID:
			r.src.Problems = append(r.src.Problems, reconcile.Problem{
				Pos: stack.Pos, Message: fmt.Sprintf("the uid %s is that of the stack at %s too: two stacks with one uid would delete each other's resources", stack.UID, other.pos.Short()),
				Hint: "write a new uid into the copy; reconcile init makes one",
			})
		case other.uid == "" && other.name == stack.Name:
			stack.BareTaken = true
		}
	}
}

// base is the desired state at an earlier commit, read leniently: what cannot
// be decoded any more is left out.
func (r *reading) base(kinds reconcile.Kinds) func(context.Context, string) (map[reconcile.Key]*reconcile.Wanted, error) {
	return func(ctx context.Context, rev string) (map[reconcile.Key]*reconcile.Wanted, error) {
		tree, err := r.source.At(ctx, rev)
		if err != nil {
			return nil, err
		}
		src := manifest.Read(tree, manifest.Options{Name: r.src.Stack.Name, Kinds: kinds})
		src.Stack, src.Seen = r.src.Stack, r.src.Seen
		wish, _ := reconcile.Expand(src, kinds, nil)
		return wish.ByKey, nil
	}
}

// lost tells that a file which asked for something has a document now that is no
// manifest: more often a slip than a wish to delete.
func (r *reading) lost(file string) string {
	for _, other := range r.src.Other {
		if strings.HasPrefix(other, file+":") {
			return "its file is still there, and what stands at " + other + " is no manifest any more"
		}
	}
	return ""
}

// removed is the commit that took a file away, "" if the file is still there or
// nothing is committed about it.
func (r *reading) removed(ctx context.Context, file string) string {
	if _, err := r.src.ReadFile(file); err == nil || r.revision.Dirty {
		return ""
	}
	rev, err := r.source.LastChange(ctx, file)
	if err != nil || rev.Hash == "" {
		return ""
	}
	return rev.Hash[:7]
}

// engine makes the engine of the stack. Its journal, guards, run and actor are
// for its user to set.
func (r *reading) engine(kinds reconcile.Kinds, wish *reconcile.Wish, clock reconcile.Clock) *reconcile.Engine {
	return &reconcile.Engine{
		Stack: &r.src.Stack, Kinds: kinds, Revision: r.src.Revision, Clock: clock, Lookups: receipts(wish, clock),
		Commit: r.source.Contains, Base: r.base(kinds), Removed: r.removed, Lost: r.lost,
	}
}

// receipts tell what came of the look-ups, so that an incomplete answer says so.
func receipts(wish *reconcile.Wish, clock reconcile.Clock) []reconcile.Receipt {
	var out []reconcile.Receipt
	for _, w := range wish.Ordered {
		if w.Hold != nil && w.Hold.Guard != "needs" { // what a resource of the stack is to bring is not unknown
			out = append(out, reconcile.Receipt{Kind: "value", Scope: w.Scope, Reason: string(w.Key) + ": " + w.Hold.Reason, At: clock.Now()})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(wish.Undrawn)) {
		out = append(out, reconcile.Receipt{Kind: "value", Reason: "what " + string(key) + " stands for: " + wish.Undrawn[key], At: clock.Now()})
	}
	return out
}

// places fills in what a stack leaves to its credential's configuration.
func places(stack *reconcile.Stack, client *scaleway.Client) error {
	project, err := client.ProjectOr(stack.Project)
	if err != nil {
		return err
	}
	stack.Project = project
	if len(stack.Regions) == 0 {
		stack.Regions = []string{orElse(client.Region, "fr-par")}
	}
	if len(stack.Zones) == 0 {
		stack.Zones = []string{orElse(client.Zone, stack.Regions[0]+"-1")}
	}
	return nil
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
