package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	mostConnections  = 16 // of a process, if its address does not say pool_max_conns
	leastConnections = 4  // whatever it says: one listens, one renews, and one transaction may need a second
	connectTimeout   = 10 * time.Second
	keepAlive        = 15 * time.Second
)

// address is where a database is, in a form that may be shown.
type address struct {
	place    string // host:port/database
	password string // shown nowhere
}

func addressOf(c *pgx.ConnConfig) address {
	place := net.JoinHostPort(c.Host, fmt.Sprint(c.Port))
	if strings.HasPrefix(c.Host, "/") {
		place = c.Host
	}
	return address{place + "/" + c.Database, c.Password}
}

// configure reads an address. What a parser says of a wrong one is not passed
// on, because it may quote a part of the password.
func configure(dsn string, o Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil || strings.TrimSpace(dsn) == "" {
		return nil, errors.New("the address of the PostgreSQL store is not readable: write it as " +
			"postgres://user:password@host:5432/database?sslmode=verify-full, special characters of the password as %XX, " +
			"or as words such as host=db.example.com user=me dbname=reconcile")
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		config.MaxConns = mostConnections
	}
	config.MaxConns = max(config.MaxConns, leastConnections)
	c := config.ConnConfig
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, connectTimeout)
	c.DialFunc = (&net.Dialer{KeepAlive: keepAlive}).DialContext
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "reconcile"
	}
	if o.PollOnly && !strings.Contains(dsn, "default_query_exec_mode") {
		c.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	return config, nil
}

// failure is an error of the database, as it is shown.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

// explain says which store it is about and what to do, without the password.
func (s *Store) explain(err error) error {
	var told *failure
	if err == nil || errors.As(err, &told) {
		return err
	}
	text := err.Error()
	if s.address.password != "" {
		text = strings.ReplaceAll(text, s.address.password, "***")
	}
	text = "PostgreSQL store " + s.address.place + ": " + text
	if advice := advise(err); advice != "" {
		text += "; " + advice
	}
	return &failure{text, err}
}

func advise(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case "28P01", "28000":
			return "check the user and the password of the store's address"
		case "3D000":
			return "create that database first: createdb -O <user> <database>"
		case "42501":
			return "the store's user needs to own the schema reconcile, or the right to create it"
		case "53300":
			return "give the server more connections, or each process fewer with pool_max_conns in the address"
		case "53100":
			return "the server's disk is full"
		case "25006":
			return "this is a standby: name the primary, or add target_session_attrs=read-write to the address"
		}
		return ""
	}
	if errors.Is(err, context.Canceled) || !outage(err) {
		return ""
	}
	return "is PostgreSQL running there, and does it let this machine in?"
}

// outage tells whether an error is that of a database out of reach, or of a
// transaction that was ended for the sake of others. The same may work later.
func outage(err error) bool {
	var unsure *uncertain
	if errors.As(err, &unsure) {
		return false
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch code := refused.Code; code {
		case "40001", "40P01", "53300", "25P03": // in each other's way, too many at once, silent for too long
			return true
		default:
			return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "57P0")
		}
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) || strings.HasSuffix(err.Error(), "conn closed")
}

// random is a name that nobody else has.
func random() string { return rand.Text() }

// quiet is a log for River, which says much that is no news.
func (s *Store) quiet() *slog.Logger { return slog.New(warnings{s.log.Handler()}) }

// warnings passes on what is at least a warning, and nothing as more than that:
// an outage of the database is told as an error by whoever waits for it.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, slog.LevelWarn)
}

func (w warnings) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelWarn
	return w.Handler.Handle(ctx, r)
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
