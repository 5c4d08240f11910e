package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// anchorTime is how long the checkpoint of a run may be under way.
const anchorTime = 2 * time.Minute

// ended brings a checkpoint of the run's journal out of the machine, beside what
// goes on. What fails is made up for by the next run.
func (s *serving) ended(ctx context.Context, e daemon.Entry, run reconcile.Run) {
	s.web.Ran(run)
	s.under.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), anchorTime)
		defer cancel()
		n, done, err := s.notaryFor(e)
		defer done()
		if err == nil && n != nil {
			err = n.Close(ctx, run.Stack, run.JID, run.Revision)
		}
		if err != nil {
			s.log.Warn("no checkpoint left the machine", "stack", run.Name, "run", run.JID, "error", err)
		}
	})
}

// notaryFor signs the ends of journals for the places of stacks; it is nil where
// the operator names no place. Keys are read each time.
func (s *serving) notaryFor(entries ...daemon.Entry) (n *journal.Notary, done func(), err error) {
	if s.file == "" {
		return s.notary(s.store, filepath.Join(s.folder, "git"))
	}
	config := s.config.Load()
	if len(config.Checkpoints.Anchors) == 0 {
		return nil, func() {}, nil
	}
	key, err := journal.ReadKey(s.keyFile())
	if err != nil {
		return nil, func() {}, err
	}
	n = &journal.Notary{Store: s.store, Key: key, Actor: s.daemonActor(), Now: s.clock.Now}
	var closers []func()
	done = func() {
		for _, f := range closers {
			f()
		}
	}
	for _, a := range config.Checkpoints.Anchors {
		more, end, err := s.anchorsOf(a, entries)
		closers = append(closers, end)
		if err != nil {
			return nil, done, err
		}
		n.Anchors = append(n.Anchors, more...)
	}
	return n, done, nil
}

// anchorsOf opens a place. Notes go to the repository of each stack.
func (s *serving) anchorsOf(a daemon.Anchor, entries []daemon.Entry) (out []journal.Anchor, done func(), err error) {
	done = func() {}
	switch a.Type {
	case "gitlab-status":
		return []journal.Anchor{statusAnchor{s.gitlabs}}, done, nil
	case "file":
		path, err := filepath.Abs(a.Path)
		return []journal.Anchor{journal.FileAnchor{Path: path}}, done, err
	case "webhook":
		url, err := s.reveal(a.URL)
		if err != nil {
			return nil, done, fmt.Errorf("address of the webhook for checkpoints: %w", err)
		}
		secret, err := s.reveal(a.Secret)
		if err != nil {
			return nil, done, fmt.Errorf("secret of the webhook for checkpoints: %w", err)
		}
		s.masks.add(url, secret)
		anchor, err := hookAnchor(url.Reveal(), secret)
		return []journal.Anchor{anchor}, done, err
	}
	var open []*repo.Notes
	done = func() {
		for _, notes := range open {
			notes.Close()
		}
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if seen[e.URL] {
			continue
		}
		seen[e.URL] = true
		git, _ := s.config.Load().GitOf(e)
		notes, err := repo.OpenNotes(e.URL, repo.Options{Store: filepath.Join(s.folder, "git"), Auth: s.line.checkouts.auth(git)})
		if err != nil {
			return nil, done, err
		}
		open = append(open, notes)
		out = append(out, journal.NoteAnchor{Label: notes.Name(), Notes: notes})
	}
	return out, done, nil
}

// keyFile is where the key that signs checkpoints stands.
func (s *serving) keyFile() string {
	return orElse(s.config.Load().Checkpoints.Key.File, filepath.Join(s.folder, "checkpoint.key"))
}

// makeKey makes the key that signs checkpoints, if there is none yet.
func (s *serving) makeKey() error {
	if len(s.config.Load().Checkpoints.Anchors) == 0 {
		return nil
	}
	file := s.keyFile()
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	public, err := journal.MakeKey(file)
	if err == nil {
		s.log.Info("made a key that signs checkpoints; keep its public part where checkpoints are checked", "file", file, "public", journal.PublicText(public))
	}
	return err
}

const (
	tidyEvery   = time.Minute
	retainEvery = time.Hour
)

// tidy forgets what nobody can use any more, until ctx ends.
func (s *serving) tidy(ctx context.Context) {
	retained, swept := time.Time{}, map[string]int64{}
	for s.clock.Sleep(ctx, tidyEvery) == nil {
		s.sweep(ctx, swept)
		s.line.listings.Drop()
		s.line.clients.lookAhead(ctx)
		s.lookAtNetbox(ctx)
		if now := s.clock.Now(); now.Sub(retained) >= retainEvery {
			retained = now
			s.retain(ctx, now)
		}
	}
}

// retain removes from the store what the operator does not want in it for ever.
func (s *serving) retain(ctx context.Context, now time.Time) {
	config := s.config.Load()
	if age := config.Retention.Runs; age > 0 {
		if n, err := s.store.DropRuns(ctx, now.Add(-age)); err != nil {
			s.log.Warn("old runs cannot be removed", "error", err)
		} else if n > 0 {
			s.log.Info("old runs were removed", "runs", n)
		}
	}
	age := config.Retention.Records
	if age <= 0 {
		return
	}
	n, done, err := s.notaryFor(config.Stacks...)
	defer done()
	if err != nil || n == nil {
		s.log.Warn("old records stay: no anchor vouches for them", "error", err)
		return
	}
	segments, err := n.Retain(ctx, config.Retention.Export, age)
	for _, segment := range segments {
		s.log.Info("old records were exported and removed", "stack", segment.Stack, "first", segment.First, "last", segment.Last, "file", segment.File)
	}
	if err != nil {
		s.log.Warn("some old records stay", "error", err)
	}
}
