package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func parseJID(jid string) (time.Time, error) {
	if len(jid) != 20 {
		return time.Time{}, fmt.Errorf("%q is no job ID", jid)
	}
	return time.Parse("20060102150405.000000", jid[:14]+"."+jid[14:])
}

// nextJID takes the time, or the microsecond after the last one given.
func (s *Store) nextJID(ctx context.Context, now time.Time) (jid string, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		last, err := getMeta(ctx, tx, "jid")
		if err != nil {
			return err
		}
		jid = reconcile.JIDOf(now)
		if jid <= last {
			before, err := parseJID(last)
			if err != nil {
				return &Damaged{What: err.Error(), Err: err}
			}
			jid = reconcile.JIDOf(before.Add(time.Microsecond))
		}
		return setMeta(ctx, tx, "jid", jid)
	})
	return jid, err
}
