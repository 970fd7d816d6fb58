package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"net/url"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// applicationID is what the header of a Keydesk database in SQLite says: "KDSK".
const applicationID = 1262768971

const dialect = goose.DialectSQLite3

//go:embed migrations
var migrationFiles embed.FS

func migrations() (fs.FS, error) { return fs.Sub(migrationFiles, "migrations/sqlite") }

// dsn names the file as a URI, so that no character of its path is taken for an option. mode=rw never creates it.
func dsn(path, txlock string, pragmas ...string) string {
	options := url.Values{"mode": {"rw"}, "_txlock": {txlock}}
	options["_pragma"] = append([]string{"busy_timeout(5000)", "foreign_keys(1)"}, pragmas...)
	return "file:" + strings.ReplaceAll(url.PathEscape(path), "%2F", "/") + "?" + options.Encode()
}

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

// denied tells whether err says that the operating system does not let this process at the files.
func denied(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	primary := 0
	if ok {
		primary = e.Code() & 0xff
	}
	return primary == sqlite3.SQLITE_CANTOPEN || primary == sqlite3.SQLITE_READONLY || primary == sqlite3.SQLITE_PERM
}

// full tells whether err says that there is no space left: what was to be written is not.
func full(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_FULL
}

// corrupt tells whether err says that the file is damaged or is no SQLite database.
func corrupt(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	primary := 0
	if ok {
		primary = e.Code() & 0xff
	}
	return primary == sqlite3.SQLITE_NOTADB || primary == sqlite3.SQLITE_CORRUPT
}
