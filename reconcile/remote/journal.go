package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// journal is a stack's journal, for what needs no lease.
type journal struct {
	store *Store
	stack string
}

// Journal returns the journal of a stack.
func (s *Store) Journal(stack string) reconcile.Journal { return &journal{s, stack} }

// records are what is sent to a journal, and what it answers.
type records struct {
	Records []reconcile.Record `json:"records"`
}

// Append completes the records and commits them.
func (j *journal) Append(ctx context.Context, list ...reconcile.Record) error {
	return j.append(ctx, path("journals", j.stack, "records"), list)
}

// append sends records to a route. Once they are under way nobody gives up on
// them: whoever did would not know whether they are there.
func (j *journal) append(ctx context.Context, route string, list []reconcile.Record) error {
	if len(list) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return j.refusal(list, err)
	}
	sent, err := j.own(list)
	if err != nil {
		return j.refusal(list, err)
	}
	var completed records
	err = j.store.change(context.WithoutCancel(ctx), "write the journal of "+j.stack, http.MethodPost, route, nil, records{sent}, &completed)
	if err == nil && len(completed.Records) != len(list) {
		err = j.store.unfit("write the journal of "+j.stack, fmt.Errorf("%d records for %d", len(completed.Records), len(list)))
	}
	if err != nil {
		return j.refusal(list, err)
	}
	copy(list, completed.Records)
	return nil
}

// own gives the records the journal's stack, and refuses those of another.
func (j *journal) own(list []reconcile.Record) ([]reconcile.Record, error) {
	sent := slices.Clone(list)
	for i := range sent {
		sent[i].Stack = orElse(sent[i].Stack, j.stack)
		if sent[i].Stack != j.stack {
			return nil, fmt.Errorf("a record of stack %s does not belong into the journal of %s", sent[i].Stack, j.stack)
		}
	}
	return sent, nil
}

// refusal says what a failed append means: before a call that nothing was
// changed, after one that its trace is missing.
func (j *journal) refusal(list []reconcile.Record, err error) error {
	meaning := "what was done is not recorded; the next run finds it by its mark"
	before := func(r reconcile.Record) bool { return r.Event == reconcile.Intent || r.Event == reconcile.RunStarted }
	if slices.ContainsFunc(list, before) {
		meaning = "nothing was changed"
	}
	return fmt.Errorf("%w; %s", err, meaning)
}

// Memory returns what is known of each key.
func (j *journal) Memory(ctx context.Context) (map[reconcile.Key]reconcile.Memo, error) {
	var known struct {
		Memos map[reconcile.Key]reconcile.Memo `json:"memos"`
	}
	err := j.store.read(ctx, "read what is known of "+j.stack, path("journals", j.stack, "memory"), nil, &known)
	if known.Memos == nil {
		known.Memos = map[reconcile.Key]reconcile.Memo{}
	}
	return known.Memos, err
}

// Knows tells whether a record of the stack has the revision.
func (j *journal) Knows(ctx context.Context, revision string) (bool, error) {
	if strings.TrimSuffix(revision, "+") == "" {
		return false, nil
	}
	var answer struct {
		Knows bool `json:"knows"`
	}
	query := url.Values{"revision": {revision}}
	err := j.store.read(ctx, "ask whether "+j.stack+" knows a revision", path("journals", j.stack, "knows"), query, &answer)
	return answer.Knows, err
}

// NextJID returns a job ID that is greater than all before it in the store.
func (j *journal) NextJID(ctx context.Context, now time.Time) (string, error) {
	var given struct {
		JID string `json:"jid"`
	}
	err := j.store.change(ctx, "get a job ID", http.MethodPost, path("jids"), nil, map[string]time.Time{"now": now}, &given)
	if err == nil && given.JID == "" {
		err = j.store.unfit("get a job ID", errors.New("it gave none"))
	}
	return given.JID, err
}

// leased is the journal as the lease's holder writes it.
type leased struct {
	journal
	lease *lease
}

// Append commits the records if the lease still holds; else it fails with a *reconcile.Fenced.
func (j *leased) Append(ctx context.Context, list ...reconcile.Record) error {
	if len(list) > 0 && j.lease.alive.Err() != nil {
		return j.refusal(list, j.lease.fenced())
	}
	err := j.append(ctx, path("leases", j.lease.id, "records"), list)
	var fenced errFenced
	if errors.As(err, &fenced) {
		j.lease.lose()
		return j.refusal(list, j.lease.fenced())
	}
	return err
}
