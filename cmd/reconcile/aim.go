package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// aim is which stack a verb is about: that of a folder's manifests, or one that
// is named.
type aim struct {
	scope
	stack string // --stack
}

func (f *aim) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.ref, "ref", "", "branch, tag or commit to read (default: a folder as it is, of a URL its HEAD)")
	cmd.Flags().StringVar(&f.path, "path", "", "folder inside the repository that holds the stack (default: its top)")
	cmd.Flags().StringVar(&f.stack, "stack", "", "the stack of this name, instead of a folder's; with --server or --store")
}

// aimed is a stack in its store.
type aimed struct {
	*app
	store    reconcile.Store // nil: a local one that is not there
	owner    string          // owner word; "" is every stack of the store
	name     string
	standing *reconcile.Standing // nil: no daemon has looked at it
	session  *session            // nil if it was named
	folder   string              // of a local store
	close    func()
}

// aimed opens the store of the stack that a verb is about, and finds the stack
// in it. write says that the verb writes the stack's journal; every, that all
// stacks of the store are meant where none is named.
func (a *app) aimed(ctx context.Context, where aim, write, every bool) (*aimed, error) {
	if where.stack != "" && where.location != "" {
		return nil, errors.New("--stack names the stack; leave the folder out")
	}
	t := &aimed{app: a, close: func() {}}
	var err error
	if where.stack != "" || every && a.elsewhere(where) {
		err = t.openNamed(ctx, write)
	} else {
		err = t.openRead(ctx, where.scope, write)
		if err == nil && !every && where.location == "" && t.barren() {
			err = errors.New("which stack? there are no manifests in this folder; name a folder that has some, or the stack with --stack (reconcile status lists those of a daemon)")
		}
	}
	if err == nil && t.store != nil {
		err = t.find(ctx, where.stack)
	}
	if err == nil && write && t.owner == "" && !every {
		err = errors.New("which stack? name a folder, or --stack")
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// elsewhere tells whether nothing points to manifests, but something to a store.
func (a *app) elsewhere(where aim) bool {
	switch {
	case where.location != "":
		return false
	case a.flags.server != "" || a.flags.store != "":
		return true
	}
	return a.storeHere() != inFolder && !holdsManifests(a.dir)
}

// holdsManifests tells whether a file of a folder is one of ours.
func holdsManifests(dir string) bool {
	found, _ := filepath.Glob(filepath.Join(dir, "*.y*ml"))
	return slices.ContainsFunc(found, func(name string) bool {
		text, err := os.ReadFile(name)
		return err == nil && strings.Contains(string(text), reconcile.APIVersion)
	})
}

// openNamed opens the store that flags and environment name.
func (t *aimed) openNamed(ctx context.Context, write bool) (err error) {
	t.folder = t.localFolder(".")
	t.store, err = t.openAt(ctx, t.storeHere(), t.folder, write)
	if t.store != nil {
		t.close = func() { t.store.Close() }
	}
	return err
}

// openRead reads the manifests of a folder, as far as they say whose they are,
// and opens the stack's store.
func (t *aimed) openRead(ctx context.Context, where scope, write bool) error {
	s, err := t.app.read(ctx, where)
	if s != nil {
		t.close = s.close
	}
	if err != nil {
		return err
	}
	t.session, t.owner, t.name, t.folder = s, s.owner(), s.src.Stack.Name, s.folder
	if err := s.openStore(ctx, write); err != nil {
		return err
	}
	t.store = s.store
	return nil
}

// barren tells whether what was read holds no stack.
func (t *aimed) barren() bool {
	return !t.session.src.Stack.Declared && len(t.session.src.Manifests) == 0 && len(t.session.src.Problems) == 0
}

// find looks for the stack among those of the store.
func (t *aimed) find(ctx context.Context, named string) error {
	if named == "" && t.owner == "" {
		return nil
	}
	standings, err := t.store.Standings(ctx)
	if err != nil {
		return err
	}
	word := orElse(named, t.owner)
	for i := range standings {
		if s := &standings[i]; s.Stack == word || s.Name == named && named != "" {
			t.correct(ctx, standings[i:i+1])
			t.standing, t.name, t.owner = s, orElse(t.name, s.Name), orElse(s.Stack, t.owner)
			return nil
		}
	}
	if named == "" {
		return nil
	}
	return t.findByJournal(ctx, named, standings)
}

// findByJournal finds a stack that no daemon looks at, by its owner word or its
// name in that.
func (t *aimed) findByJournal(ctx context.Context, named string, standings []reconcile.Standing) error {
	heads, err := t.store.Heads(ctx)
	if err != nil {
		return err
	}
	var known, fit []string
	served := map[string]bool{reconcile.EveryStack: true}
	for _, s := range standings {
		known, served[s.Stack] = append(known, s.Name), true
	}
	for _, h := range heads {
		if !served[h.Stack] {
			known = append(known, h.Stack)
		}
		if h.Stack == named || strings.HasPrefix(h.Stack, named+".") {
			fit = append(fit, h.Stack)
		}
	}
	switch {
	case len(fit) == 1:
		t.owner, t.name = fit[0], named
		return nil
	case len(fit) > 1:
		return fmt.Errorf("--stack %s: there are %s; name one of them", named, strings.Join(fit, ", "))
	}
	slices.Sort(known)
	if near := reconcile.Nearest(named, known); near != "" {
		return fmt.Errorf("--stack %s: the store knows no such stack; did you mean %s?", named, near)
	}
	return fmt.Errorf("--stack %s: the store knows no such stack; it knows %s", named, orElse(strings.Join(known, ", "), "none yet"))
}

// owned is the owner word, which orders and runs go by.
func (t *aimed) owned() (string, error) {
	if t.owner == "" {
		return "", fmt.Errorf("stack %s was never read, so its resources are nobody's yet; reconcile status says why", t.name)
	}
	return t.owner, nil
}

// wants is the form of times on the command line.
const wants = "wants a time such as 2026-11-21T09:00:00Z, a date, or a duration such as 2h or 3d"

// moment reads a time: RFC 3339, the beginning of a day here, or a duration,
// which sign puts before or after now. "" is the zero time.
func moment(flag, text string, now time.Time, sign int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	if at, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return at.UTC(), nil
	}
	if d, err := duration(text); err == nil && d >= 0 {
		return now.Add(time.Duration(sign) * d).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%s %s: %s", flag, text, wants)
}

// duration also knows days and weeks.
func duration(text string) (time.Duration, error) {
	for unit, hours := range map[string]int{"d": 24, "w": 7 * 24} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			d, err := time.ParseDuration(number + "h")
			return d * time.Duration(hours), err
		}
	}
	return time.ParseDuration(text)
}
