package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
	"gitlab.com/reconciled/reconciled/reconcile/notify"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// hookPrefix tells a webhook from a Git server of the same scheme.
const hookPrefix = "hook+"

// gitForm is what names a repository on a server.
var gitForm = regexp.MustCompile(`^(https?|ssh|git)://|^[A-Za-z0-9_.-]+@[^/]+:`)

// anchors opens the places that keep checkpoints, as they are named on the
// command line. scratch is a folder to fetch notes into.
func (a *app) anchors(names []string, scratch string) (out []journal.Anchor, done func(), err error) {
	var closers []func()
	done = func() {
		for _, f := range closers {
			f()
		}
	}
	for _, name := range names {
		anchor, end, err := a.anchor(name, scratch)
		if err != nil {
			done()
			return nil, func() {}, err
		}
		out, closers = append(out, anchor), append(closers, end)
	}
	return out, done, nil
}

func (a *app) anchor(name, scratch string) (journal.Anchor, func(), error) {
	if address, hook := strings.CutPrefix(name, hookPrefix); hook {
		secret, err := a.fromEnv("RECONCILE_ANCHOR_SECRET")
		if err != nil {
			return nil, nil, err
		}
		anchor, err := hookAnchor(address, reconcile.NewSecret(secret))
		return anchor, func() {}, err
	}
	if !gitForm.MatchString(name) && !isFolder(name) {
		abs, err := filepath.Abs(name) // the name that is remembered, wherever a run starts
		return journal.FileAnchor{Path: abs}, func() {}, err
	}
	notes, err := repo.OpenNotes(name, repo.Options{Store: scratch, Auth: repo.Auth{Env: a.getenv}})
	if err != nil {
		return nil, nil, err
	}
	return journal.NoteAnchor{Label: notes.Name(), Notes: notes}, notes.Close, nil
}

// hookAnchor posts checkpoints to an address, signed if there is a secret.
func hookAnchor(address string, secret reconcile.Secret) (journal.Anchor, error) {
	hook, err := notify.NewHook(address, secret)
	if err != nil {
		return nil, err
	}
	post := func(ctx context.Context, id string, body []byte) error { return hook.Post(ctx, id, time.Now(), body) }
	return journal.HookAnchor{Label: hook.Name(), Post: post}, nil
}

// evidence reads what anchors hold, and the keys that sign it.
func (a *app) evidence(ctx context.Context, anchors, keys []string) (journal.Evidence, error) {
	var e journal.Evidence
	for _, name := range keys {
		text, err := os.ReadFile(name)
		if err == nil {
			var more []ed25519.PublicKey
			more, err = journal.ParsePublicKeys(text)
			e.Keys = append(e.Keys, more...)
		}
		if err != nil {
			return e, fmt.Errorf("--public-key %s: %w", name, err)
		}
	}
	if len(anchors) == 0 {
		return e, nil
	}
	if len(e.Keys) == 0 {
		return e, errors.New("--anchors needs --public-key: without it anybody could have signed what is there")
	}
	scratch, err := os.MkdirTemp("", "reconcile-notes-")
	if err != nil {
		return e, err
	}
	defer os.RemoveAll(scratch)
	opened, done, err := a.anchors(anchors, scratch)
	if err != nil {
		return e, err
	}
	defer done()
	e.Places, err = journal.PlacesOf(ctx, nil, opened, nil)
	return e, err
}
