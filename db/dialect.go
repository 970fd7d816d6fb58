package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is what has to be said differently to the one database and to the other. All other SQL runs on both.
type dialect struct {
	goose         goose.Dialect
	folder        string        // of its migrations
	shared        bool          // other processes may be at work in it at the same time
	exportReaders int           // connections that read an export
	wait          time.Duration // for any answer; 0 where there is nobody to wait for

	isMigrated string         // tells whether it ever was
	begin      string         // begins a transaction that only reads, and sees one state all along
	oneState   *sql.TxOptions // does too
	merge      *sql.TxOptions // of one that deletes what it read, and nothing that has come since
	oneSignIn  string         // lets one sign-in be decided after the other; empty where all writing is so
	lockUser   string         // what a sign-in adds, so that no change of the account comes between; likewise
	oneMerge   string         // tells whether nobody else merges uses, and keeps it so until the end; likewise
	addNewUses string         // writes new uses of a part down, of which the first place is given
	saveLast   string         // writes last uses down, given as two arrays; empty where this process knows them by heart
	tellChange string         // tells the other instances of a change, once it is committed; likewise
}

var (
	sqliteDialect = &dialect{
		goose: goose.DialectSQLite3, folder: "migrations/sqlite", exportReaders: exportReaders,
		isMigrated: `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'goose_db_version')`,
		begin:      `BEGIN`,
		addNewUses: `INSERT INTO new_uses (place, uses) VALUES (?, ?)`,
	}
	postgresDialect = &dialect{
		goose: goose.DialectPostgres, folder: "migrations/postgres", shared: true, wait: patience, exportReaders: 1,
		isMigrated: `SELECT to_regclass('goose_db_version') IS NOT NULL`,
		begin:      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`,
		oneState:   &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		merge:      &sql.TxOptions{Isolation: sql.LevelRepeatableRead},
		oneSignIn:  `SELECT pg_advisory_xact_lock(1262768971, 1)`,
		lockUser:   ` FOR NO KEY UPDATE OF u`,
		oneMerge:   `SELECT pg_try_advisory_xact_lock(1262768971, 2)`,
		// Every instance writes uses down, so the places within a part are numbered by the database.
		addNewUses: `INSERT INTO new_uses (place, uses) VALUES (? + nextval('new_uses_batch'), ?)`,
		saveLast: `INSERT INTO last_uses (key, last_used_at) SELECT * FROM unnest($1::bigint[], $2::bigint[])
			ON CONFLICT (key) DO UPDATE SET last_used_at = excluded.last_used_at
			WHERE excluded.last_used_at > last_uses.last_used_at`,
		tellChange: `SELECT pg_notify('keydesk_changes', '')`,
	}
)

// patient returns ctx with the time that an answer may take.
func (d *dialect) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	if d.wait == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d.wait)
}

//go:embed migrations
var migrationFiles embed.FS

func (d *dialect) migrations() (fs.FS, error) { return fs.Sub(migrationFiles, d.folder) }

// execer is the writing connection or a transaction.
type execer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	Rebind(string) string
}

// affect runs a statement and returns the number of rows that it changed.
func affect(ctx context.Context, w execer, statement string, args ...any) (int64, error) {
	done, err := w.ExecContext(ctx, w.Rebind(statement), args...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// storable tells whether both databases can keep, and so find, the text.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// sqliteCode returns SQLite's primary code of an error, or 0 if it is none of its.
func sqliteCode(err error) int { return sqliteExtended(err) & 0xff }

// sqliteExtended returns the code that also says what of its kind the error is.
func sqliteExtended(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// postgresCode returns PostgreSQL's SQLSTATE of an error, or an empty text if it is none of its.
func postgresCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// denied tells whether err says that this process, or its role, may not do that.
func denied(err error) bool {
	code := sqliteCode(err)
	return code == sqlite3.SQLITE_CANTOPEN || code == sqlite3.SQLITE_READONLY || code == sqlite3.SQLITE_PERM ||
		postgresCode(err) == "42501"
}

// unstorable tells whether err says that a text cannot be kept, so that nothing is to be found by it.
func unstorable(err error) bool { return postgresCode(err) == "22021" }

// notCommitted tells whether the error of a commit says for sure that nothing was committed: there was no space left for
// SQLite, or it could only be read, or PostgreSQL gave the transaction up and lives on.
func notCommitted(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.SeverityUnlocalized == "ERROR" || sqliteCode(err) == sqlite3.SQLITE_FULL || errors.Is(err, errOnlyRead)
}

// corrupt tells whether err says that the file is damaged or is no SQLite database.
func corrupt(err error) bool {
	code := sqliteCode(err)
	return code == sqlite3.SQLITE_NOTADB || code == sqlite3.SQLITE_CORRUPT
}

// Unavailable tells whether err says that the database could not be reached, or cannot work at the moment: later the same
// may succeed.
func Unavailable(err error) bool {
	for _, broken := range []error{driver.ErrBadConn, sql.ErrConnDone, io.ErrUnexpectedEOF, context.DeadlineExceeded} {
		if errors.Is(err, broken) {
			return true
		}
	}
	_, network := errors.AsType[net.Error](err)
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	return network || connecting || pgconn.SafeToRetry(err) || unavailableCode(postgresCode(err))
}

// unavailableCode tells the same by PostgreSQL's code (its manual, appendix A).
func unavailableCode(code string) bool {
	for _, class := range []string{
		"08",    // connection exceptions
		"53",    // no resources: disk, memory, connections
		"57P",   // it shuts down, has crashed, or starts up
		"57014", // a statement took too long
		"58",    // the system under it
		"55P03", // a lock could not be had in time
		"25006", // only to be read: a standby, or one that was the primary
		"25P03", // a transaction was idle for too long
		"40",    // transactions in each other's way
	} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}
