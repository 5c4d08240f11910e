package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

func (a *app) whyCommand() *cobra.Command {
	var where aim
	var output string
	cmd := &cobra.Command{
		Use:   "why KEY [PATH|GIT-URL]",
		Short: "Say what a resource waits for, and what you can do",
		Long: `Why says what keeps a resource, and what is below its key, from being as Git says:
what it needs first, the guard that holds it and the line that says so, and when
it is tried again. It answers from what the stack's daemon saw last. If no daemon
looks at the stack, it plans now.

Exit status: 0 answered; 1 error; 3 something could not be read, so the answer is
incomplete.`,
		Example: `  reconcile why Container/api
  reconcile why App/shop/Database/db --stack shop-prod --server https://reconcile.example.com`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			where.location = first(args[1:])
			return a.why(cmd.Context(), reconcile.Key(args[0]), where, output)
		},
	}
	where.flags(cmd)
	cmd.Flags().StringArrayVar(&where.allowEnv, "allow-env", nil, "name or pattern of variables that manifests may read, if it has to plan (repeatable)")
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// answer is what why -o json prints.
type answer struct {
	FormatVersion string             `json:"format_version"`
	Stack         string             `json:"stack"`
	Key           reconcile.Key      `json:"key"`
	Looked        time.Time          `json:"looked"` // when this was seen
	Items         []reconcile.Item   `json:"items"`
	Orders        []reconcile.Order  `json:"orders"`
	Last          []reconcile.Record `json:"last"` // of the run that last touched it
}

func (a *app) why(ctx context.Context, key reconcile.Key, where aim, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	if !key.Valid() {
		return fmt.Errorf("why %s: a key is a kind and a name, such as Container/api", key)
	}
	t, err := a.aimed(ctx, where, false, false)
	if err != nil {
		return err
	}
	defer t.close()
	said := answer{FormatVersion: "1", Stack: orElse(t.owner, t.name), Key: key, Items: []reconcile.Item{}, Orders: []reconcile.Order{}, Last: []reconcile.Record{}}
	items, known, err := t.found(ctx, key, &said, where)
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.Key.Below(key) {
			said.Items = append(said.Items, item)
		}
	}
	if t.store != nil {
		if err := t.trace(ctx, &said); err != nil {
			return err
		}
	}
	if len(said.Items) == 0 && !known && len(said.Last) == 0 && t.settled() {
		return t.unknownKey(key, items)
	}
	if output == "json" {
		return indented(a.out, said)
	}
	page := a.sheet(a.out)
	page.why(t, said, time.Now())
	return page.err
}

// settled tells whether the stack's standing keeps no key from being as Git says.
func (t *aimed) settled() bool {
	return t.standing == nil || t.standing.Condition == reconcile.InSync
}

// found are the items of the stack, from its daemon's last look or from a plan
// made now. known says that Git asks for the key.
func (t *aimed) found(ctx context.Context, key reconcile.Key, said *answer, where aim) (items []reconcile.Item, known bool, err error) {
	if t.standing != nil {
		said.Looked = t.standing.Looked
		return t.standing.Items, false, nil
	}
	if t.session == nil {
		return nil, false, fmt.Errorf("why: no daemon has looked at %s; ask from the folder of its manifests, then it is planned now", t.name)
	}
	s, err := t.app.prepare(ctx, where.scope, false)
	if err != nil {
		return nil, false, err
	}
	defer s.close()
	s.orders.grants = s.src.Stack.Policy.Mode == "propose"
	plan, _, err := s.engine.Plan(ctx, s.wish)
	if err != nil {
		return nil, false, err
	}
	if !plan.Complete() {
		t.code = exitIncomplete
	}
	said.Looked = time.Now().UTC()
	return planned(plan), s.wishHas(key), nil
}

// trace adds the orders about the key, and what the last run did about it.
func (t *aimed) trace(ctx context.Context, said *answer) error {
	orders, err := t.store.Orders(ctx, t.owner, false)
	if err != nil {
		return err
	}
	for _, o := range orders {
		if o.Key == "" || said.Key.Below(o.Key) || o.Key.Below(said.Key) {
			said.Orders = append(said.Orders, o)
		}
	}
	runs, err := t.store.Runs(ctx, reconcile.RunFilter{Stack: t.owner, Key: said.Key, Limit: 1})
	if err != nil || len(runs) == 0 {
		return err
	}
	for r, err := range t.store.Records(ctx, reconcile.RecordFilter{Stack: t.owner, JID: runs[0].JID, Key: said.Key}) {
		if err != nil {
			return err
		}
		said.Last = append(said.Last, r)
	}
	return nil
}

func (t *aimed) unknownKey(key reconcile.Key, items []reconcile.Item) error {
	var keys []string
	for _, item := range items {
		keys = append(keys, string(item.Key))
	}
	if near := reconcile.Nearest(string(key), keys); near != "" {
		return fmt.Errorf("why: nothing is to be said of %s; did you mean %s?", key, near)
	}
	return fmt.Errorf("why: nothing is to be said of %s: no manifest asks for it, no run has touched it", key)
}

func (s *sheet) why(t *aimed, said answer, now time.Time) {
	switch {
	case len(said.Items) > 0:
	case t.settled():
		s.line(0, "%s  is as Git says (looked at %s)", said.Key, lookedAgo(said.Looked, now))
	default:
		s.line(0, "%s  nothing of its own keeps it; but the stack is not settled:", said.Key)
	}
	s.items(said.Items, now)
	s.ways(said.Items, t.aiming())
	if !t.settled() {
		s.line(2, "%s is %s (%s): %s", t.name, t.standing.Condition, report.Ago(t.standing.Since, now), t.standing.Sentence)
	}
	if n := len(said.Last); n > 0 {
		last := said.Last[n-1]
		text := fmt.Sprintf("last touched %s by %s, run %s", report.Ago(last.Stamp, now), person(last.Actor), last.JID)
		if last.Return != nil && last.Return.Comment != "" {
			text += ": " + last.Return.Comment
		}
		s.line(2, "%s", text)
	}
	s.orders(said.Orders, now)
}

// ways are what a person can do about the items, each once.
func (s *sheet) ways(items []reconcile.Item, aiming string) {
	var told []string
	for _, item := range items {
		for _, reason := range item.Reasons {
			way := wayOut(reason, item, aiming)
			if way == "" || slices.Contains(told, way) {
				continue
			}
			if told = append(told, way); len(told) <= mostWays {
				s.line(2, "you can: %s", way)
			}
		}
	}
}

// mostWays bounds what is said at once: the same is worth doing for most keys.
const mostWays = 5

// aiming is how the stack was named, for commands that are to be copied.
func (t *aimed) aiming() string {
	if t.session != nil {
		return ""
	}
	return " --stack " + t.name
}

// items says of each key what is the matter.
func (s *sheet) items(items []reconcile.Item, now time.Time) {
	for _, item := range items {
		head := fmt.Sprintf("%s  %s", item.Key, item.State)
		if item.Action != "" {
			head += ", " + string(item.Action)
		}
		if !item.Since.IsZero() {
			head += fmt.Sprintf("  since %s (%s)", item.Since.Local().Format("15:04"), report.Ago(item.Since, now))
		}
		if item.Origin != "" {
			head += "  " + item.Origin
		}
		s.line(0, "%s", head)
		if item.Action != reconcile.Create { // of which Git says all that there is
			for _, field := range item.Fields {
				s.line(2, "%s", field)
			}
		}
		for _, reason := range item.Reasons {
			s.line(2, "%s", reasonText(reason))
		}
		if item.Next.After(now) {
			s.line(2, "next try in %s", report.Took(item.Next.Sub(now)))
		}
	}
}

func reasonText(r reconcile.Reason) string {
	text := r.Text
	if r.Guard != "" {
		text = "held: " + text
	}
	if r.At != "" {
		text += " (" + r.At + ")"
	}
	return text
}

// wayOut is what a person can do about a reason, "" if there is nothing but to
// wait. aiming goes with commands about the stack.
func wayOut(r reconcile.Reason, item reconcile.Item, aiming string) string {
	operators := r.At == "the operator's file"
	switch r.Guard {
	case "prune":
		if operators {
			return "let bounds.prune of the stack be true in the operator's file"
		}
		return "set policy.prune, or let go of it: reconcile forget " + string(item.Key)
	case "maxDeletes", "source":
		return "raise policy.maxDeletes for this change"
	case "protect":
		return "take the key out of policy.protect"
	case "requiredLabels", "regions", "offers", "registries", "requireDigest", "maxMonthlyEUR":
		return "change the manifest so that it keeps to " + r.Guard + ", or the rule at " + orElse(r.At, "its place")
	case "kinds":
		return "name the kind in bounds.kinds of the stack in the operator's file"
	case "mode":
		if operators {
			return "change the stack's mode in the operator's file"
		}
		return "set policy.mode, or apply by hand"
	case "owner":
		return "take it over by its ID with the annotation reconcile/adopt"
	case "rollback":
		return "end the rollback: reconcile rollback --end" + aiming + ", or apply this commit all the same: reconcile apply --override --reason ..."
	}
	return wayOfOrder(r, item, aiming)
}

// wayOfOrder is the command by which a reason ends that an order may end.
func wayOfOrder(r reconcile.Reason, item reconcile.Item, aiming string) string {
	switch r.Guard {
	case "window":
		return "wait, or let windows not count: reconcile override --until 1h --reason ..." + aiming
	case "repairAfter":
		return "wait, or write what is live into Git: reconcile drift shows it"
	case "freeze":
		if strings.HasPrefix(r.Text, "everything is frozen") {
			return "end the freeze: reconcile freeze --all --end"
		}
		return "end the freeze: reconcile freeze --end" + aiming
	case "suspend":
		return "end the suspension: reconcile suspend --end" + aiming
	case "hold":
		key, _, _ := strings.Cut(r.Text, " is held by ")
		return "end the hold: reconcile hold --end " + key + aiming
	case "approval":
		return "look at the plan and approve it: reconcile approve" + aiming
	case "advance":
		return "let the branch go on from there: reconcile accept SHA --reason ..." + aiming
	case "back-off":
		return "mend the cause, or try again now: reconcile nudge" + aiming
	}
	if r.Guard == "" && item.State == "failed" {
		return "mend the cause; reconcile nudge" + aiming + " tries again at once"
	}
	return ""
}
