package store

// migrations lead from each version of the schema to the next. The version is
// the database's user_version, which changes in the same transaction. None is
// ever edited once it was released. After them all that is derived is derived
// anew, so a new shape of reconcile.Memo needs a migration, be it an empty one.
var migrations = []string{`
CREATE TABLE meta (
	name  TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The truth. body is the canonical form that the hash covers; the other columns are for finding it.
CREATE TABLE records (
	stack TEXT NOT NULL,
	seq   INTEGER NOT NULL,
	stamp INTEGER NOT NULL, -- microseconds since 1970
	jid   TEXT NOT NULL,
	key   TEXT NOT NULL,
	event TEXT NOT NULL,
	sum   TEXT NOT NULL,
	body  BLOB NOT NULL,
	UNIQUE (stack, seq)
) STRICT;
CREATE INDEX records_jid ON records (jid);
CREATE INDEX records_key ON records (key);

-- The end of each stack's chain.
CREATE TABLE heads (
	stack TEXT NOT NULL PRIMARY KEY,
	count INTEGER NOT NULL,
	sum   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Derived from records, in the transaction that adds them.
CREATE TABLE memos (
	stack    TEXT NOT NULL,
	key      TEXT NOT NULL,
	body     BLOB NOT NULL,
	checksum INTEGER NOT NULL,
	PRIMARY KEY (stack, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE revisions (
	stack    TEXT NOT NULL,
	revision TEXT NOT NULL, -- without a trailing +
	PRIMARY KEY (stack, revision)
) STRICT, WITHOUT ROWID;

-- Who has a stack, for people; the lock is a file's.
CREATE TABLE leases (
	stack  TEXT NOT NULL PRIMARY KEY,
	holder TEXT NOT NULL,
	since  INTEGER NOT NULL -- microseconds since 1970
) STRICT, WITHOUT ROWID;

-- Disposable.
CREATE TABLE cache (
	name TEXT NOT NULL,
	key  TEXT NOT NULL,
	PRIMARY KEY (name, key)
) STRICT, WITHOUT ROWID;
`, `
-- The row stays when the lease ends, so that the epoch only grows; holder is '' then.
ALTER TABLE leases ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
UPDATE leases SET holder = '';

-- What records that were exported and removed came to: memos and revisions begin with it.
CREATE TABLE removed_memos (
	stack    TEXT NOT NULL,
	key      TEXT NOT NULL,
	body     BLOB NOT NULL,
	checksum INTEGER NOT NULL,
	PRIMARY KEY (stack, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE removed_revisions (
	stack    TEXT NOT NULL,
	revision TEXT NOT NULL, -- without a trailing +
	PRIMARY KEY (stack, revision)
) STRICT, WITHOUT ROWID;

-- From here on body is JSON; the other columns are for finding it.
CREATE TABLE runs (
	jid      TEXT NOT NULL PRIMARY KEY,
	stack    TEXT NOT NULL, -- owner word
	status   TEXT NOT NULL,
	launch   TEXT NOT NULL,
	started  INTEGER NOT NULL, -- microseconds since 1970
	body     BLOB NOT NULL,
	checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_stack ON runs (stack, jid);
CREATE INDEX runs_status ON runs (status, jid);
CREATE INDEX runs_launch ON runs (launch, jid);
CREATE INDEX runs_started ON runs (started);

CREATE TABLE artefacts (
	jid  TEXT NOT NULL, -- or stack/ and a name
	name TEXT NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (jid, name)
) STRICT;

CREATE TABLE standings (
	name     TEXT NOT NULL PRIMARY KEY, -- in the operator's file
	body     BLOB NOT NULL,
	checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
	ended    INTEGER NOT NULL, -- 1 if it was withdrawn or done
	stack    TEXT NOT NULL,
	id       TEXT NOT NULL,
	body     BLOB NOT NULL,
	checksum INTEGER NOT NULL,
	PRIMARY KEY (ended, stack, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
	id       TEXT NOT NULL PRIMARY KEY,
	body     BLOB NOT NULL,
	checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When stacks are looked at. Losing it loses nothing.
CREATE TABLE schedule (
	name        TEXT NOT NULL PRIMARY KEY, -- in the operator's file
	queue       TEXT NOT NULL, -- of why
	why         TEXT NOT NULL, -- the most urgent reason for the next turn
	next_run_at INTEGER NOT NULL, -- microseconds since 1970
	noted       INTEGER NOT NULL, -- when next_run_at was decided
	wanted      INTEGER NOT NULL DEFAULT 0, -- nudges that came
	done        INTEGER NOT NULL DEFAULT 0, -- those of them that the last turn began after
	holder      TEXT NOT NULL DEFAULT '',   -- the worker whose turn it is
	reason      TEXT NOT NULL DEFAULT ''    -- of that turn
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_due ON schedule (queue, next_run_at, name) WHERE holder = '';
CREATE INDEX schedule_held ON schedule (holder) WHERE holder <> '';
`}
