//go:build unix

package pgtest

import (
	"bytes"
	"context"
	"encoding/hex"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"
)

// binary is how the server shows bytes.
var binary = regexp.MustCompile(`\\\\?x[0-9a-f]{2,}`)

// Dump returns each row of each table of a database as text, bytes as they are.
func (s *Server) Dump(t testing.TB, dsn string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	texts := func(query string) []string {
		rows, err := conn.Query(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		out, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	var all bytes.Buffer
	for _, table := range texts("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')") {
		for _, row := range texts("SELECT r::text FROM " + table + " r") {
			all.WriteString(table + " " + row + "\n")
			for _, shown := range binary.FindAllString(row, -1) {
				digits := shown[bytes.IndexByte([]byte(shown), 'x')+1:]
				if raw, err := hex.DecodeString(digits[:len(digits)/2*2]); err == nil {
					all.Write(raw)
				}
			}
		}
	}
	return all.Bytes()
}
