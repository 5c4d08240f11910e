package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// jidLayout is Salt's: %Y%m%d%H%M%S%f without separators.
const jidLayout = "20060102150405.000000"

func formatJID(t time.Time) string {
	text := t.UTC().Format(jidLayout)
	return text[:14] + text[15:]
}

func parseJID(jid string) (time.Time, error) {
	if len(jid) != 20 {
		return time.Time{}, fmt.Errorf("%q is no job ID", jid)
	}
	return time.Parse(jidLayout, jid[:14]+"."+jid[14:])
}

// nextJID takes the time, or the microsecond after the last one given.
func (s *Store) nextJID(ctx context.Context, now time.Time) (jid string, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		last, err := getMeta(ctx, tx, "jid")
		if err != nil {
			return err
		}
		jid = formatJID(now)
		if jid <= last {
			before, err := parseJID(last)
			if err != nil {
				return &Damaged{What: err.Error(), Err: err}
			}
			jid = formatJID(before.Add(time.Microsecond))
		}
		return setMeta(ctx, tx, "jid", jid)
	})
	return jid, err
}
