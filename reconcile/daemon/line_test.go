package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

// commit is one revision of a fake repository. Its hash is its name.
type commit struct {
	parent   string
	items    []string // as "web size=2"
	policy   func(*reconcile.Policy)
	problems reconcile.Problems
	err      error // why it cannot be fetched
	panic    bool
	owner    string // what the manifests say that they are, if it is not what the operator calls them
}

// repo is a fake repository.
type repo struct {
	head    string
	err     error // why it cannot be asked
	hang    bool  // it never answers
	commits map[string]commit
	asked   int
}

// line is a Line over fake repositories, by their URL, and a fake cloud.
type line struct {
	cloud    *cloud
	mu       sync.Mutex
	repos    map[string]*repo
	reads    int
	reading  func()              // what happens while a stack is read
	listings *reconcile.Listings // nil: nothing is shared
	open     int
}

func newLine(c *cloud) *line { return &line{cloud: c, repos: map[string]*repo{}} }

// hash makes a commit's name as long as hashes are.
func hash(name string) string { return (name + strings.Repeat("0", 40))[:40] }

// push adds a commit on top of the branch and moves the branch there.
func (l *line) push(url, name string, items ...string) {
	l.commit(url, name, func(c *commit) { c.items = items })
}

func (l *line) commit(url, name string, set func(*commit)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.repos[url]
	if r == nil {
		r = &repo{commits: map[string]commit{}}
		l.repos[url] = r
	}
	c := commit{parent: r.head}
	set(&c)
	r.commits[hash(name)], r.head = c, hash(name)
}

// change changes a repository.
func (l *line) change(url string, do func(*repo)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do(l.repos[url])
}

func (l *line) Head(ctx context.Context, e daemon.Entry) (string, error) {
	l.mu.Lock()
	r := l.repos[e.URL]
	if r == nil {
		l.mu.Unlock()
		return "", errors.New("there is no such repository")
	}
	r.asked++
	hang, head, err := r.hang, r.head, r.err
	l.mu.Unlock()
	if hang {
		<-ctx.Done()
		return "", ctx.Err()
	}
	if err == nil && head == "" {
		err = errors.New("the branch is gone")
	}
	if err != nil {
		return "", err
	}
	return head, nil
}

func (l *line) Follows(_ context.Context, e daemon.Entry, newer, older string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.repos[e.URL]
	for at := newer; at != ""; at = r.commits[at].parent {
		if strings.HasPrefix(at, older) {
			return true, nil
		}
	}
	return false, nil
}

func (l *line) Ready(_ context.Context, e daemon.Entry, commitName string) (*daemon.Ready, error) {
	if l.reading != nil {
		l.reading()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	r := l.repos[e.URL]
	c, ok := r.commits[commitName]
	switch {
	case !ok:
		return nil, fmt.Errorf("there is no commit %s", commitName)
	case c.panic:
		panic("poisoned")
	case c.err != nil:
		return nil, c.err
	}
	called := owner(e.Name)
	if c.owner != "" {
		called = c.owner
	}
	name, uid, _ := strings.Cut(called, ".")
	stack := &reconcile.Stack{Name: name, UID: uid, Project: e.Name, Declared: true,
		Policy: reconcile.Policy{Mode: "auto", Prune: true, MaxDeletes: 5, AllowEmpty: true}}
	if c.policy != nil {
		c.policy(&stack.Policy)
	}
	ready := &daemon.Ready{Owner: called, Stack: stack, Head: commitName, Close: func() { l.mu.Lock(); l.open--; l.mu.Unlock() }}
	l.open++
	if c.problems != nil {
		return ready, c.problems
	}
	wish, problems := reconcile.Expand(source(stack, c.items), l.cloud.kinds(), nil)
	if err := problems.Err(); err != nil {
		return ready, problems
	}
	ready.Wish = wish
	commits := r.commits
	ready.Engine = &reconcile.Engine{
		Stack: stack, Kinds: l.kinds(called), Revision: reconcile.Revision{ID: commitName, Subject: "commit " + commitName[:4]}, Clock: wallClock{},
		Commit: func(_ context.Context, rev string) (bool, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			_, ok := commits[rev]
			return ok, nil
		},
		Base: func(_ context.Context, rev string) (map[reconcile.Key]*reconcile.Wanted, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			base, _ := reconcile.Expand(source(stack, commits[rev].items), l.cloud.kinds(), nil)
			return base.ByKey, nil
		},
	}
	return ready, nil
}

func (l *line) Artefacts(_ context.Context, _ daemon.Entry, look daemon.Look) (map[string][]byte, error) {
	files := map[string][]byte{"plan.txt": []byte(look.Plan.Hash)}
	if look.Outcome != nil {
		files["return.json"] = fmt.Append(nil, len(look.Records))
	}
	return files, nil
}

// kinds are those of the cloud, as a stack lists them.
func (l *line) kinds(owner string) reconcile.Kinds {
	if l.listings == nil {
		return l.cloud.kinds()
	}
	return l.listings.Kinds(l.cloud.kinds(), "key", owner)
}

// owner makes the owner word of a stack, with a uid of its own.
func owner(name string) string {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	return fmt.Sprintf("%s.%08x", name, sum.Sum32())
}

// source is a folder of manifests, as "web size=2 color=blue".
func source(stack *reconcile.Stack, items []string) *reconcile.Source {
	src := &reconcile.Source{Stack: *stack}
	for _, text := range items {
		name, fields, _ := strings.Cut(text, " ")
		pos := reconcile.Pos{File: name + ".yaml", Line: 1}
		spec := reconcile.Map(pos)
		for field := range strings.FieldsSeq(fields) {
			key, value, _ := strings.Cut(field, "=")
			node := reconcile.String(value, pos)
			if key == "size" {
				node.Kind = reconcile.IntNode
			}
			spec = spec.With(reconcile.Entry{Key: key, Pos: pos, Value: node})
		}
		src.Manifests = append(src.Manifests, reconcile.Manifest{Key: reconcile.NewKey("Item", name), Spec: spec, Pos: pos})
	}
	return src
}
