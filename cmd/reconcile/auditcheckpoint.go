package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/journal"
	"gitlab.com/reconciled/reconciled/reconcile/remote"
)

// notary makes the checkpoints that the environment asks for: it is nil unless
// RECONCILE_CHECKPOINT_KEY_FILE names a key. RECONCILE_ANCHORS are the places
// that keep them, in words. done ends it.
func (a *app) notary(st reconcile.Store, scratch string) (n *journal.Notary, done func(), err error) {
	file := a.getenv("RECONCILE_CHECKPOINT_KEY_FILE")
	if file == "" {
		return nil, func() {}, nil
	}
	return a.newNotary(st, file, strings.Fields(a.getenv("RECONCILE_ANCHORS")), scratch)
}

func (a *app) newNotary(st reconcile.Store, file string, places []string, scratch string) (n *journal.Notary, done func(), err error) {
	key, err := journal.ReadKey(file)
	if err != nil {
		return nil, func() {}, err
	}
	anchors, done, err := a.anchors(places, scratch)
	if err != nil {
		return nil, func() {}, err
	}
	return &journal.Notary{Store: st, Key: key, Anchors: anchors, Actor: a.actor(), Now: time.Now}, done, nil
}

// sealing makes checkpoints of a run that begins, where the environment asks for
// them: beside a long run, and by seal at its end. A daemon does so itself for the
// journals that it keeps. What fails is told, and is no reason to fail the run.
func (s *session) sealing(run reconcile.Run) (seal func(context.Context)) {
	nothing := func(context.Context) {}
	if _, daemons := s.store.(*remote.Store); daemons {
		return nothing
	}
	n, done, err := s.notary(s.store, filepath.Join(s.folder, "git"))
	if err != nil {
		return func(context.Context) { s.tellUnsealed(err) }
	}
	if n == nil {
		return nothing
	}
	n.Now = s.clock.Now
	sealed := n.Journal(s.engine.Journal, run.Stack, run.JID, run.Revision)
	s.engine.Journal = sealed
	return func(ctx context.Context) {
		defer done()
		sealed.Wait()
		s.tellUnsealed(n.Close(context.WithoutCancel(ctx), run.Stack, run.JID, run.Revision))
	}
}

func (s *session) tellUnsealed(err error) {
	if err != nil {
		fmt.Fprintln(s.err, reconcile.Clean("No checkpoint of the journal left the machine: "+err.Error()))
	}
}

func (a *app) auditCheckpoint() *cobra.Command {
	var key string
	var places []string
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Sign the ends of all chains now, and bring what was signed elsewhere",
		Long: `Checkpoint signs the end of every chain of the store, records that, and brings
it, with all earlier checkpoints that did not get there, to the places that
--to names. Runs do so at their end by themselves where a key is configured.

A place is a file that lines are added to, a Git URL or a folder in a repository
(a note on the commit that was applied, under refs/notes/reconcile), or hook+ and
an https address, which is posted to, signed with RECONCILE_ANCHOR_SECRET.

Exit status: 0 done; 1 error, or some place was not reached.`,
		Example: `  reconcile audit checkpoint --key checkpoints.key --to /mnt/audit/checkpoints.jsonl --to .`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.checkpoint(cmd.Context(), key, places) },
	}
	cmd.Flags().StringVar(&key, "key", "", "file with the private key (default RECONCILE_CHECKPOINT_KEY_FILE)")
	cmd.Flags().StringArrayVar(&places, "to", nil, "where checkpoints go (repeatable; default RECONCILE_ANCHORS)")
	return cmd
}

func (a *app) checkpoint(ctx context.Context, key string, places []string) error {
	key = orElse(key, a.getenv("RECONCILE_CHECKPOINT_KEY_FILE"))
	if key == "" {
		return errors.New("--key: wants the file of a private key; reconcile audit key --out FILE makes one")
	}
	if len(places) == 0 {
		places = strings.Fields(a.getenv("RECONCILE_ANCHORS"))
	}
	if len(places) == 0 {
		return errors.New("--to: wants a place that keeps checkpoints")
	}
	where, err := a.auditedStore(ctx)
	if err != nil {
		return err
	}
	st, err := a.openAt(ctx, where, a.localFolder("."), false)
	if err != nil || st == nil {
		return errors.Join(err, noStore(st == nil && err == nil, a.localFolder(".")))
	}
	defer st.Close()
	scratch, err := os.MkdirTemp("", "reconcile-notes-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	notary, done, err := a.newNotary(st, key, places, scratch)
	if err != nil {
		return err
	}
	defer done()
	return a.sealAll(ctx, notary)
}

func noStore(is bool, folder string) error {
	if !is {
		return nil
	}
	return fmt.Errorf("there is no store in %s: nothing has been applied from here yet (--store names another folder)", folder)
}

// sealAll makes a checkpoint of each chain and brings them to the anchors.
func (a *app) sealAll(ctx context.Context, notary *journal.Notary) error {
	heads, err := notary.Store.Heads(ctx)
	if err != nil {
		return err
	}
	var made []journal.Signed
	for _, head := range heads {
		run, revision, err := lastRun(ctx, notary.Store, head)
		if err != nil {
			return err
		}
		c, ok, err := notary.Seal(ctx, head.Stack, run, revision)
		if err != nil {
			return err
		}
		if ok {
			made = append(made, c)
			fmt.Fprintf(a.out, "%s: checkpoint of record %d, signed by the key %s\n", c.Stack, c.Count, c.Key)
		}
	}
	return journal.Anchored(ctx, notary.Store, notary.Anchors, made...)
}

// lastRun is the run that a chain ends with, and what it applied.
func lastRun(ctx context.Context, st reconcile.Store, head reconcile.Head) (jid, revision string, err error) {
	for r, err := range st.Records(ctx, reconcile.RecordFilter{Stack: head.Stack, After: head.Count - 20}) {
		if err != nil {
			return "", "", err
		}
		if r.Revision != "" {
			jid, revision = r.JID, r.Revision
		}
	}
	return jid, revision, nil
}
