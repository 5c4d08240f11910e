package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"

	"github.com/jackc/pgx/v5"
)

// turn is one under way in this process.
type turn struct {
	reconcile.Turn
	number int64 // of the stack's turns
	seen   int64 // nudges that came before it
	term   *term

	nudged chan struct{}
	told   bool // nudged is closed
}

var errLost = errors.New("the turn was lost: the database could not be reached in time")

// take makes a ticket a turn. It is nil if the ticket does not count any more.
func (w *worker) take(ctx context.Context, name string, job int64) (*turn, error) {
	s := w.store
	t := &turn{nudged: make(chan struct{})}
	t.Name, t.Turn.Nudged = name, t.nudged
	asked := time.Now()
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var waited float64
		var unfinished reconcile.Launch
		err := tx.QueryRow(ctx, `UPDATE reconcile.schedule s SET ticket = NULL, holder = $3, turn = s.turn + 1,
				turn_until = now() + make_interval(secs => $4), nudged_at = NULL, reason = old.why, why = $5, queue = $6
			FROM (SELECT name, why, reason FROM reconcile.schedule WHERE name = $1 AND ticket = $2
				AND (turn_until IS NULL OR turn_until <= clock_timestamp()) FOR UPDATE) old
			WHERE s.name = old.name
			RETURNING s.turn, s.wanted, old.why, old.reason, extract(epoch FROM now() - s.next_run_at)::float8`,
			name, job, w.holder, seconds(s.ttl), string(reconcile.BySchedule), string(reconcile.BySchedule.Queue())).
			Scan(&t.number, &t.seen, &t.Why, &unfinished, &waited)
		t.Waited = max(0, time.Duration(waited*float64(time.Second)))
		t.Why = t.Why.Urgent(unfinished)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t.term = s.begin(asked, s.ttl, errLost)
	return t, nil
}

// pass puts a ticket back that this process has no use for. Whoever serves the
// stack gives it a new one some time later, so that the two do not chase it.
func (w *worker) pass(ctx context.Context, name string, job int64) error {
	_, err := w.store.exec(ctx, "UPDATE reconcile.schedule SET ticket = NULL, ticket_at = now() WHERE name = $1 AND ticket = $2", name, job)
	return err
}

// finish ends a turn, and queues the stack anew if it was nudged meanwhile: all
// in one transaction, so that no nudge falls between the two.
func (w *worker) finish(ctx context.Context, t *turn, again time.Duration) error {
	return w.store.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		e := entry{name: t.Name}
		var more bool
		err := tx.QueryRow(ctx, `UPDATE reconcile.schedule SET done = $3, holder = '', turn_until = NULL, reason = '',
				next_run_at = CASE WHEN wanted > $3 THEN coalesce(nudged_at, now()) ELSE now() + make_interval(secs => $4) END
			WHERE name = $1 AND turn = $2 AND turn_until IS NOT NULL
			RETURNING wanted > $3, why`, t.Name, t.number, t.seen, seconds(max(0, again))).Scan(&more, &e.why)
		if errors.Is(err, pgx.ErrNoRows) { // another has it by now, or an answer was lost and it is done
			return nil
		}
		if err != nil || !more {
			return err
		}
		e.queue = e.why.Queue()
		return w.store.enqueue(ctx, tx, []entry{e})
	})
}

// watch renews the turns of this process, and tells those whose stacks were
// nudged, until ctx ends.
func (w *worker) watch(ctx context.Context) {
	s := w.store
	var renewed time.Time
	for pause(ctx, s.retryAfter()) {
		turns := w.underWay()
		if len(turns) == 0 {
			continue
		}
		asked := time.Now()
		renew := asked.Sub(renewed) >= renewEvery(s.ttl)
		wanted, err := w.sure(ctx, turns, renew)
		if err != nil {
			continue
		}
		for _, t := range turns {
			n, mine := wanted[turnOf{t.Name, t.number}]
			w.hear(t, mine && n > t.seen)
			if mine && renew {
				t.term.extend(asked)
			}
			if !mine && w.has(t) {
				t.term.end(errLost)
			}
		}
		if renew {
			renewed = asked
		}
	}
}

// turnOf is a turn as its row names it.
type turnOf struct {
	name   string
	number int64
}

// sure looks once more at the turns that are missing. What was retired while the
// statement ran is not updated, as it is gone, and not found to be gone, as it was
// there when the statement began: only the next one sees it as retired.
func (w *worker) sure(ctx context.Context, turns []*turn, renew bool) (map[turnOf]int64, error) {
	wanted, err := w.look(ctx, turns, renew)
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(turns), func(t *turn) bool {
		_, mine := wanted[turnOf{t.Name, t.number}]
		return mine
	})
	if len(missing) == 0 {
		return wanted, nil
	}
	again, err := w.look(ctx, missing, false)
	maps.Copy(wanted, again)
	return wanted, err
}

// look reads how often the stacks of turns were nudged, and renews the turns if
// that is asked for. Turns that are another's by now, or nobody's, are left out;
// those of stacks that were retired go on, for nobody else can have one.
func (w *worker) look(ctx context.Context, turns []*turn, renew bool) (map[turnOf]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, renewWithin(w.store.ttl))
	defer cancel()
	names, numbers := make([]string, len(turns)), make([]int64, len(turns))
	for i, t := range turns {
		names[i], numbers[i] = t.Name, t.number
	}
	const mine = ` unnest($1::text[], $2::bigint[]) AS t (name, number)
		WHERE s.name = t.name AND s.turn = t.number AND s.turn_until > clock_timestamp()`
	const retired = ` SELECT t.name, t.number, 0 FROM unnest($1::text[], $2::bigint[]) AS t (name, number)
		WHERE NOT EXISTS (SELECT 1 FROM reconcile.schedule s WHERE s.name = t.name)`
	query, args := "SELECT s.name, s.turn, s.wanted FROM reconcile.schedule s,"+mine, []any{names, numbers}
	if renew {
		query = "UPDATE reconcile.schedule s SET turn_until = now() + make_interval(secs => $3) FROM" + mine + " RETURNING s.name, s.turn, s.wanted"
		args = append(args, seconds(w.store.ttl))
	}
	rows, err := w.store.pool.Query(ctx, "WITH mine AS ("+query+") SELECT * FROM mine UNION ALL"+retired, args...)
	if err != nil {
		return nil, err
	}
	wanted := map[turnOf]int64{}
	var of turnOf
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&of.name, &of.number, &n}, func() error {
		wanted[of] = n
		return nil
	})
	return wanted, err
}

// underWay are the turns of this process.
func (w *worker) underWay() []*turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []*turn
	for t := range w.turns {
		all = append(all, t)
	}
	return all
}

func (w *worker) has(t *turn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.turns[t]
}

func (w *worker) note(t *turn, begun bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if begun {
		w.turns[t] = true
	} else {
		delete(w.turns, t)
	}
}

// hear closes the channel that tells of a further nudge.
func (w *worker) hear(t *turn, nudged bool) {
	if nudged && !t.told {
		t.told = true
		close(t.nudged)
	}
}
