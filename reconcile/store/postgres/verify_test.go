package postgres

import (
	"errors"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/store/postgres/pgtest"
	"gitlab.com/reconciled/reconciled/reconcile/store/storetest"
)

// tampered are changes that somebody made with the database's own tools.
var tampered = map[string]struct{ query, want string }{
	"nothing":             {"SELECT 1", ""},
	"a record's text":     {"UPDATE reconcile.records SET body = convert_to(replace(convert_from(body, 'UTF8'), 'remy', 'anna'), 'UTF8') WHERE seq = 2", "record 2"},
	"a record's column":   {"UPDATE reconcile.records SET jid = '1' WHERE seq = 2", "its column jid is not what it says"},
	"a record's hash":     {"UPDATE reconcile.records SET sum = 'sha256:' || repeat('0', 64) WHERE seq = 2", "its hash does not fit"},
	"a record taken out":  {"DELETE FROM reconcile.records WHERE seq = 2", "record 2 was removed or moved"},
	"the last taken out":  {"DELETE FROM reconcile.records WHERE seq = 4", "record 4 was removed or moved"},
	"the first taken out": {"DELETE FROM reconcile.records WHERE seq = 1", "records 1 to 1 were removed, and no record says so"},
	"all taken out":       {"DELETE FROM reconcile.records", "records 1 to 4 were removed or moved"},
	"the head moved":      {"UPDATE reconcile.heads SET count = 3", "record 4 was inserted"},
	"the head taken out":  {"DELETE FROM reconcile.heads", "the head of its chain was removed"},
	"a memo taken out":    {"DELETE FROM reconcile.memos WHERE key = 'Container/a'", "what the store remembers of Container/a was changed"},
	"a memo changed":      {`UPDATE reconcile.memos SET body = replace(body::text, '"Gone":false', '"Gone":true')::json`, "what the store remembers of Container/"},
	"a revision added":    {"INSERT INTO reconcile.revisions VALUES ('" + stack + "', 'abc')", "what the store knows of revision abc was changed"},
}

func TestR43_Tampering(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Start(t).DSN(t)
	s := opened(t, dsn, Options{})
	l, err := s.Lease(t.Context(), stack, "me")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []reconcile.Key{"Container/a", "Container/b", "Container/a", "Container/c"} {
		mustAppend(t, l.Journal(), storetest.Intent(key, "h", noon))
	}
	tables := []string{"records", "heads", "memos", "revisions"}
	for _, table := range tables {
		mustExec(t, dsn, "CREATE TABLE public."+table+" AS TABLE reconcile."+table)
	}
	found := 0
	for name, test := range tampered {
		mustExec(t, dsn, test.query)
		_, err := s.Verify(t.Context())
		var broken *reconcile.Break
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (!errors.As(err, &broken) || broken.Stack != stack || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v", name, err)
		case test.want != "":
			found++
		}
		for _, table := range tables {
			mustExec(t, dsn, "TRUNCATE reconcile."+table)
			mustExec(t, dsn, "INSERT INTO reconcile."+table+" SELECT * FROM public."+table)
		}
	}
	t.Logf("R43: %d of %d changes to the database found", found, len(tampered)-1)
}
