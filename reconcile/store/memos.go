package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"hash/crc32"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// A shelf is a pair of tables of what records came to.
type shelf struct{ memos, revisions string }

var (
	known = shelf{"memos", "revisions"}                 // of all records
	gone  = shelf{"removed_memos", "removed_revisions"} // of those that were removed
)

// checksum finds a memo whose bytes went bad. What was changed on purpose is
// found by Verify, which derives the memos anew.
func checksum(stack, key string, body []byte) int64 {
	sum := crc32.NewIEEE()
	fmt.Fprintf(sum, "%q %q ", stack, key)
	sum.Write(body)
	return int64(sum.Sum32())
}

// checkMemos finds memos of any stack whose bytes went bad.
func checkMemos(ctx context.Context, q queryer) error {
	rows, err := q.QueryContext(ctx, "SELECT stack, key, body, checksum FROM memos UNION ALL SELECT stack, key, body, checksum FROM removed_memos")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var stack, key string
		var body []byte
		var sum int64
		if err := rows.Scan(&stack, &key, &body, &sum); err != nil {
			return err
		}
		if checksum(stack, key, body) != sum {
			return spoiled(key, nil)
		}
	}
	return rows.Err()
}

func spoiled(key string, err error) error {
	return &Damaged{What: "what it remembers of " + key + " is not what was written", Err: err}
}

func decodeMemo(stack, key string, body []byte, sum int64) (memo reconcile.Memo, err error) {
	if checksum(stack, key, body) != sum {
		return memo, spoiled(key, nil)
	}
	if err := json.Unmarshal(body, &memo); err != nil {
		return memo, spoiled(key, err)
	}
	return memo, nil
}

// readMemo returns the zero memo of a key that is not known.
func readMemo(ctx context.Context, q queryer, stack string, key reconcile.Key) (memo reconcile.Memo, err error) {
	var body []byte
	var sum int64
	err = q.QueryRowContext(ctx, "SELECT body, checksum FROM memos WHERE stack = ? AND key = ?", stack, string(key)).Scan(&body, &sum)
	if err == sql.ErrNoRows {
		return memo, nil
	}
	if err != nil {
		return memo, err
	}
	return decodeMemo(stack, string(key), body, sum)
}

func readMemos(ctx context.Context, q queryer, from shelf, stack string) (map[reconcile.Key]reconcile.Memo, error) {
	rows, err := q.QueryContext(ctx, "SELECT key, body, checksum FROM "+from.memos+" WHERE stack = ?", stack)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	memos := map[reconcile.Key]reconcile.Memo{}
	for rows.Next() {
		var key string
		var body []byte
		var sum int64
		if err := rows.Scan(&key, &body, &sum); err != nil {
			return nil, err
		}
		memo, err := decodeMemo(stack, key, body, sum)
		if err != nil {
			return nil, err
		}
		memos[reconcile.Key(key)] = memo
	}
	return memos, rows.Err()
}

func writeMemo(ctx context.Context, tx *sql.Tx, to shelf, stack string, memo reconcile.Memo) error {
	body, err := json.Marshal(memo)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO "+to.memos+` VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET body = excluded.body, checksum = excluded.checksum`,
		stack, string(memo.Key), body, checksum(stack, string(memo.Key), body))
	return err
}

// rebuild derives the memos and revisions of all stacks from their records.
func rebuild(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM memos; DELETE FROM revisions"); err != nil {
		return err
	}
	heads, err := readHeads(ctx, tx)
	if err != nil {
		return err
	}
	for _, head := range heads {
		d, err := derive(ctx, tx, head.Stack)
		if err != nil {
			return err
		}
		if err := d.write(ctx, tx, known); err != nil {
			return err
		}
	}
	return nil
}

func (d *derived) write(ctx context.Context, tx *sql.Tx, to shelf) error {
	for _, memo := range d.memos {
		if err := writeMemo(ctx, tx, to, d.head.Stack, memo); err != nil {
			return err
		}
	}
	for revision := range d.revisions {
		if err := writeRevision(ctx, tx, to, d.head.Stack, revision); err != nil {
			return err
		}
	}
	return nil
}

func writeRevision(ctx context.Context, tx *sql.Tx, to shelf, stack, revision string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+to.revisions+" VALUES (?, ?) ON CONFLICT DO NOTHING", stack, revision)
	return err
}
