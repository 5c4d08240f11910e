package daemon

import (
	"context"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Turn is one look, without a schedule.
func (d *Daemon) Turn(ctx context.Context, t reconcile.Turn) time.Duration { return d.turn(ctx, t) }

// NextTick is when a cron line next comes true.
func NextTick(line, zone string, after time.Time) (time.Time, error) {
	t, err := parseCron(line, zone)
	if err != nil {
		return time.Time{}, err
	}
	return t.next(after), nil
}

var (
	ScanAt  = scanAt
	BackOff = backOff
)
