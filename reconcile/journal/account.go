package journal

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// An Account answers, for a period: who asked, who approved, who executed, what
// was changed, what had been changed outside Git, and what was ordered.
type Account struct {
	From    time.Time    `json:"from"`
	To      time.Time    `json:"to"`
	Stacks  []string     `json:"stacks"` // owner words
	Runs    []AccountRun `json:"runs"`
	Orders  []OrderLine  `json:"orders"`
	Journal []NoteLine   `json:"journal"` // what happened to the journal itself
	Chain   ChainLine    `json:"chain"`
}

// AccountRun is one run of the period.
type AccountRun struct {
	JID      string       `json:"jid"`
	Stack    string       `json:"stack"`
	At       time.Time    `json:"at"`
	Why      string       `json:"launch_type,omitempty"`
	Asked    string       `json:"asked_by"`
	Approved []string     `json:"approved_by,omitempty"`
	Executed string       `json:"executed_by"`
	Job      string       `json:"ci_job_url,omitempty"`
	Revision string       `json:"scm_revision,omitempty"`
	Subject  string       `json:"scm_subject,omitempty"`
	Status   string       `json:"status,omitempty"`
	Changes  []ChangeLine `json:"changes"`
}

// ChangeLine is what one step of a run came to.
type ChangeLine struct {
	At       time.Time         `json:"at"`
	Key      reconcile.Key     `json:"key"`
	Action   reconcile.Action  `json:"action"`
	Resource string            `json:"resource,omitempty"`
	Outcome  string            `json:"outcome"`         // settled, accepted, unchanged, refused, skipped, unanswered
	Class    reconcile.Class   `json:"class,omitempty"` // of a refusal
	Comment  string            `json:"comment,omitempty"`
	Manifest string            `json:"manifest,omitempty"` // file:line
	Fields   []FieldLine       `json:"fields,omitempty"`
	Outside  []string          `json:"outside_git,omitempty"` // fields that had been changed outside Git
	Hash     string            `json:"change,omitempty"`
	RunNum   int               `json:"run_num"`
	Requests []string          `json:"requests,omitempty"` // ids that the API gave
	Actor    reconcile.Actor   `json:"-"`
	Calls    []reconcile.Call  `json:"-"`
	Return   *reconcile.Return `json:"-"`
}

// FieldLine is one field's old and new value; secrets are masked.
type FieldLine struct {
	Path string `json:"field"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// OrderLine is what a person ordered, or took back.
type OrderLine struct {
	At        time.Time      `json:"at"`
	Stack     string         `json:"stack"`
	Verb      reconcile.Verb `json:"verb"`
	Key       reconcile.Key  `json:"key,omitempty"`
	By        string         `json:"by"`
	Sentence  string         `json:"sentence"`
	Withdrawn bool           `json:"withdrawn,omitempty"`
	ID        string         `json:"id"`
}

// NoteLine is a record about the journal itself: a checkpoint, a removed segment.
type NoteLine struct {
	At       time.Time       `json:"at"`
	Stack    string          `json:"stack"`
	Event    reconcile.Event `json:"event"`
	Sentence string          `json:"sentence"`
}

// ChainLine is the verdict on the journal that the account was made from.
type ChainLine struct {
	Holds    bool     `json:"holds"`
	Anchored bool     `json:"anchored"` // anchors were asked
	Lines    []string `json:"lines"`    // one per stack, or per thing that does not hold
}

// NewAccount reads the records of a period, and what the store keeps of its
// runs, of which there may be none. A run counts by its records. An end of the
// period that is zero is that of the records.
func NewAccount(from, to time.Time, records iter.Seq2[reconcile.Record, error], runs []reconcile.Run) (*Account, error) {
	b := accounting{Account: &Account{From: from.UTC(), To: to.UTC()}, runs: map[string]*AccountRun{}, lines: map[lineID]int{}}
	for r, err := range records {
		if err != nil {
			return b.Account, err
		}
		if from.IsZero() && (b.From.IsZero() || r.Stamp.Before(b.From)) {
			b.From = r.Stamp
		}
		if to.IsZero() && r.Stamp.After(b.To) {
			b.To = r.Stamp
		}
		b.add(r)
	}
	for _, run := range runs {
		if at := b.runs[run.Stack+" "+run.JID]; at != nil {
			at.complete(run)
		}
	}
	for _, run := range b.order {
		b.Runs = append(b.Runs, *run)
	}
	slices.SortStableFunc(b.Runs, func(x, y AccountRun) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.JID, y.JID)) })
	slices.SortStableFunc(b.Orders, func(x, y OrderLine) int { return x.At.Compare(y.At) })
	return b.Account, nil
}

// accounting is an account in the making.
type accounting struct {
	*Account
	runs  map[string]*AccountRun
	order []*AccountRun
	lines map[lineID]int
}

// lineID is a step of a run: what its records have in common.
type lineID struct {
	run    *AccountRun
	key    reconcile.Key
	action reconcile.Action
	num    int
}

func (b *accounting) add(r reconcile.Record) {
	if !slices.Contains(b.Stacks, r.Stack) {
		b.Stacks = append(b.Stacks, r.Stack)
	}
	switch r.Event {
	case reconcile.Ordered, reconcile.Withdrawn:
		b.Orders = append(b.Orders, OrderLine{At: r.Stamp, Stack: r.Stack, Verb: reconcile.Verb(strings.TrimPrefix(r.Fun, "order.")), Key: r.Key,
			By: nameOf(r.Actor), Sentence: commentOf(r), Withdrawn: r.Event == reconcile.Withdrawn, ID: r.JID})
	case reconcile.Checkpoint, reconcile.Segment:
		b.Journal = append(b.Journal, NoteLine{At: r.Stamp, Stack: r.Stack, Event: r.Event, Sentence: commentOf(r)})
	default:
		run := b.run(r)
		if r.Event == reconcile.RunEnded && r.Return != nil && run.Status == "" {
			run.Status = r.Return.Comment
		}
		if r.Key != "" {
			b.step(run, r)
		}
	}
}

func commentOf(r reconcile.Record) string {
	if r.Return == nil {
		return ""
	}
	return r.Return.Comment
}

func (b *accounting) run(r reconcile.Record) *AccountRun {
	id := r.Stack + " " + r.JID
	run := b.runs[id]
	if run == nil {
		run = &AccountRun{JID: r.JID, Stack: r.Stack, At: r.Stamp, Asked: nameOf(r.Actor), Executed: placeOf(r.Actor), Job: r.Actor.Job, Revision: r.Revision}
		b.runs[id] = run
		b.order = append(b.order, run)
	}
	return run
}

// step folds the records of one step into a line; the last one counts.
func (b *accounting) step(run *AccountRun, r reconcile.Record) {
	id := lineID{run, r.Key, r.Action, r.RunNum}
	at, ok := b.lines[id]
	if !ok {
		at = len(run.Changes)
		b.lines[id] = at
		run.Changes = append(run.Changes, ChangeLine{At: r.Stamp, Key: r.Key, Action: r.Action, Hash: r.Hash, RunNum: r.RunNum, Outcome: "unanswered", Actor: r.Actor})
	}
	line := &run.Changes[at]
	line.Resource = cmp.Or(r.ID, line.Resource)
	for _, call := range r.Calls {
		line.Calls = append(line.Calls, call)
		if call.RequestID != "" {
			line.Requests = append(line.Requests, call.RequestID)
		}
	}
	if r.Return != nil {
		line.outcome(r)
	}
}

func (l *ChangeLine) outcome(r reconcile.Record) {
	failed := r.Return.Result != nil && !*r.Return.Result
	l.Outcome = map[reconcile.Event]string{reconcile.Result: "accepted", reconcile.Settled: "settled",
		reconcile.Unchanged: "unchanged", reconcile.Skipped: "skipped"}[r.Event]
	if failed && r.Event != reconcile.Skipped {
		l.Outcome = "refused"
	}
	l.Return, l.Class, l.Comment, l.Manifest = r.Return, r.Return.Class, r.Return.Comment, r.Return.SLS
	if len(r.Return.Drift) > 0 {
		l.Outside = r.Return.Drift
	}
	if len(r.Return.Changes) == 0 {
		return
	}
	l.Fields = nil
	for path, change := range r.Return.Changes {
		l.Fields = append(l.Fields, FieldLine{path, change.Old, change.New})
	}
	slices.SortFunc(l.Fields, func(a, b FieldLine) int { return strings.Compare(a.Path, b.Path) })
}

// complete adds what the store keeps of a run and the records do not.
func (r *AccountRun) complete(run reconcile.Run) {
	r.Why, r.Approved, r.Subject, r.Status = string(run.Launch), run.Approved, run.Subject, string(run.Status)
	if run.Explanation != "" {
		r.Status += ": " + run.Explanation
	}
	asked := nameOf(run.Actor)
	if run.Author != "" && (run.Launch == reconcile.ByPush || run.Launch == reconcile.ByWebhook) {
		asked = run.Author
	}
	r.Asked = asked
}

// nameOf is who an actor is, placeOf where it ran.
func nameOf(a reconcile.Actor) string { return cmp.Or(a.Via, a.User, a.Kind, "unknown") }

func placeOf(a reconcile.Actor) string {
	out := cmp.Or(a.User, a.Kind, "unknown")
	if a.Host != "" {
		out += "@" + a.Host
	}
	if a.Kind != "" {
		out += " (" + strings.TrimSpace(a.Kind+" "+a.Version) + ")"
	}
	return out
}

// Outside are the changes that undid what had been changed outside Git.
func (a *Account) Outside() []ChangeLine {
	return a.only(func(c ChangeLine) bool { return len(c.Outside) > 0 })
}

// Refusals are the changes that were refused.
func (a *Account) Refusals() []ChangeLine {
	return a.only(func(c ChangeLine) bool { return c.Outcome == "refused" })
}

func (a *Account) only(of func(ChangeLine) bool) []ChangeLine {
	var out []ChangeLine
	for _, run := range a.Runs {
		for _, c := range run.Changes {
			if of(c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// Verdict is how the account ends.
func (a *Account) Verdict() string {
	switch {
	case !a.Chain.Holds:
		return "The journal does NOT verify: this account cannot be relied on."
	case a.Chain.Anchored:
		return "The journal verifies, and the anchors hold its checkpoints."
	}
	return "The journal verifies. No anchor was asked: a journal that was rewritten as a whole would verify as well."
}

// stamp is how the account writes a time.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
