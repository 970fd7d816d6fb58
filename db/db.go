package db

import (
	"database/sql"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	read    *sqlx.DB
	write   *sqlx.DB // one connection; nil when opened for reading
	lock    *flock.Flock
	now     func() time.Time
	tell    func(access.KeyChange)
	secrets Secrets

	changing sync.Mutex // held from a change's begin until it has been told, so that changes are told in order
}

// Secrets is what the database keeps sealed, opened.
type Secrets struct {
	Pepper       access.Pepper
	SessionHash  []byte // 32 bytes, authenticates the session cookie
	SessionBlock []byte // 32 bytes, encrypts it
}

// Secrets returns the opened secrets; they are empty after OpenToRead.
func (db *DB) Secrets() Secrets { return db.secrets }

// Now returns the current time as the database keeps it: UTC, in whole microseconds.
func (db *DB) Now() time.Time { return db.now().UTC().Truncate(time.Microsecond) }

// Close ends all use of the database and frees its lock.
func (db *DB) Close() error {
	var errs []error
	if db.write != nil {
		errs = append(errs, db.write.Close())
	}
	if db.read != nil {
		errs = append(errs, db.read.Close())
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Unlock())
	}
	return errors.Join(errs...)
}

// maxReaders is how many queries run at once. A slow reader of an export holds one of them.
const maxReaders = 16

// connect opens the reading pool, and the writing connection where asked.
func connect(path string, writing bool) (read, write *sqlx.DB, err error) {
	read, err = sqlx.Open("sqlite", dsn(path, "deferred", "query_only(1)"))
	if err != nil {
		return nil, nil, err
	}
	read.SetMaxOpenConns(maxReaders)
	read.SetMaxIdleConns(maxReaders)
	if !writing {
		return read, nil, nil
	}
	write, err = sqlx.Open("sqlite", dsn(path, "immediate", "journal_mode(WAL)", "synchronous(FULL)"))
	if err != nil {
		return nil, nil, errors.Join(err, read.Close())
	}
	write.SetMaxOpenConns(1)
	return read, write, nil
}

// createFile makes an empty database file that only its owner can read; SQLite gives its other files the same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func micros(t time.Time) int64 { return t.UnixMicro() }

// timeOf returns the time of a column, or the zero time for null.
func timeOf(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return time.UnixMicro(us.Int64).UTC()
}
