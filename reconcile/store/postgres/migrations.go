package postgres

// schema is where all tables are, River's too.
const schema = "reconcile"

// A migration leads from one version of the schema to the next.
type migration struct {
	// least is the oldest version of this program's schema whose programs may go on
	// using a database after the migration: replicas are upgraded one by one.
	least int
	// anew has all that is derived from records derived anew, because the shape of
	// reconcile.Memo is another. Older programs cannot go on then.
	anew  bool
	query string
}

// migrations are never edited once they were released. Words are compared by
// their bytes, whatever the database's language is.
var migrations = []migration{{least: 1, query: `
-- The truth. body is the canonical form that the hash covers; the other columns are for finding it.
CREATE TABLE reconcile.records (
	stack text COLLATE "C" NOT NULL,
	seq   bigint NOT NULL,
	stamp timestamptz NOT NULL,
	jid   text COLLATE "C" NOT NULL,
	key   text COLLATE "C" NOT NULL,
	event text COLLATE "C" NOT NULL,
	sum   text NOT NULL,
	body  bytea NOT NULL,
	PRIMARY KEY (stack, seq)
);
CREATE INDEX records_jid ON reconcile.records (jid);
CREATE INDEX records_key ON reconcile.records (key);

-- The end of each stack's chain. Whoever writes to the chain has locked the row.
CREATE TABLE reconcile.heads (
	stack text COLLATE "C" PRIMARY KEY,
	count bigint NOT NULL DEFAULT 0,
	sum   text NOT NULL DEFAULT ''
);

-- Derived from records, in the transaction that adds them.
CREATE TABLE reconcile.memos (
	stack text COLLATE "C" NOT NULL,
	key   text COLLATE "C" NOT NULL,
	body  json NOT NULL,
	PRIMARY KEY (stack, key)
);
CREATE TABLE reconcile.revisions (
	stack    text COLLATE "C" NOT NULL,
	revision text COLLATE "C" NOT NULL, -- without a trailing +
	PRIMARY KEY (stack, revision)
);

-- What records that were exported and removed came to: memos and revisions begin with it.
CREATE TABLE reconcile.removed_memos (LIKE reconcile.memos INCLUDING ALL);
CREATE TABLE reconcile.removed_revisions (LIKE reconcile.revisions INCLUDING ALL);

-- The last job id that was given, in microseconds since 1970.
CREATE TABLE reconcile.last_jid (
	one    boolean PRIMARY KEY DEFAULT true CHECK (one),
	micros bigint NOT NULL
);
INSERT INTO reconcile.last_jid (micros) VALUES (0);

-- The row stays when the lease ends, so that the epoch only grows.
CREATE TABLE reconcile.stack_lease (
	stack      text COLLATE "C" PRIMARY KEY,
	holder     text NOT NULL, -- a random word of the process
	person     text NOT NULL, -- for whoever is refused
	epoch      bigint NOT NULL,
	since      timestamptz NOT NULL,
	expires_at timestamptz NOT NULL
);

-- Here and below body is all of it; the other columns are for finding it.
CREATE TABLE reconcile.runs (
	jid     text COLLATE "C" PRIMARY KEY,
	stack   text COLLATE "C" NOT NULL, -- owner word
	status  text COLLATE "C" NOT NULL,
	launch  text COLLATE "C" NOT NULL,
	started timestamptz NOT NULL,
	body    json NOT NULL
);
CREATE INDEX runs_stack ON reconcile.runs (stack, jid);
CREATE INDEX runs_status ON reconcile.runs (status, jid);
CREATE INDEX runs_started ON reconcile.runs (started);

CREATE TABLE reconcile.artefacts (
	jid  text COLLATE "C" NOT NULL, -- or stack/ and a name
	name text COLLATE "C" NOT NULL,
	body bytea NOT NULL,
	PRIMARY KEY (jid, name)
);

CREATE TABLE reconcile.standings (
	name text COLLATE "C" PRIMARY KEY,
	body json NOT NULL
);

CREATE TABLE reconcile.orders (
	id    text COLLATE "C" PRIMARY KEY,
	stack text COLLATE "C" NOT NULL,
	until timestamptz, -- none: until withdrawn
	ended timestamptz, -- none: not yet
	body  json NOT NULL
);
CREATE INDEX orders_open ON reconcile.orders (stack) WHERE ended IS NULL;

CREATE TABLE reconcile.tokens (
	id      text COLLATE "C" PRIMARY KEY,
	created timestamptz NOT NULL,
	body    json NOT NULL
);

-- When stacks are looked at. Losing it loses nothing.
CREATE TABLE reconcile.schedule (
	name        text COLLATE "C" PRIMARY KEY, -- in the operator's file
	why         text NOT NULL,               -- the most urgent reason for the next turn
	queue       text NOT NULL,               -- of that
	next_run_at timestamptz NOT NULL DEFAULT now(),
	wanted      bigint NOT NULL DEFAULT 0,   -- nudges that came
	done        bigint NOT NULL DEFAULT 0,   -- those of them that the last whole turn began after
	nudged_at   timestamptz,                 -- the first of them since the last turn began
	ticket      bigint,                      -- River's job that shall give it a turn
	ticket_at   timestamptz,                 -- when that was made, or refused by a process that does not serve the stack
	holder      text NOT NULL DEFAULT '',    -- the worker whose turn it is, for whoever looks
	reason      text NOT NULL DEFAULT '',    -- of that turn, until it is finished
	turn        bigint NOT NULL DEFAULT 0,   -- turns that began
	turn_until  timestamptz                  -- none: nobody has a turn
);
CREATE INDEX schedule_due ON reconcile.schedule (next_run_at);
`}}
