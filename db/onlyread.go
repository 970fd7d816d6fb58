package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"

	"github.com/keydesk/keydesk/access"
)

// errOnlyRead says for sure that nothing was written.
var errOnlyRead = errors.New("the system lets nobody write the database: its file system can only be read, or the file may not be written")

// openOnlyRead opens a database on a file system that can only be read, so that verify works. It is written as soon as it
// can be.
func (db *DB) openOnlyRead(ctx context.Context, root access.RootSecret, o Options) (err error) {
	if err := db.isCurrent(ctx); err != nil {
		return err
	}
	db.vault.root, db.vault.again = root, o.Root
	if db.recent, err = loadRecent(ctx, db.read); err != nil {
		return err
	}
	if err := db.vault.load(ctx, db.read.DB, db.Now()); err != nil {
		return err
	}
	return db.checkLog(ctx, db.read.DB)
}

// reader makes the connections that read an SQLite database.
type reader struct {
	path string
	disk *disk // nil where nobody is going to write
}

// readerIdle is how long a connection that only reads is kept without work: each has files, and up to 2 MiB of pages.
const readerIdle = time.Minute

// connectToRead opens a pool of connections that only read.
func connectToRead(path string, most int, d *disk) *sqlx.DB {
	pool := sqlx.NewDb(sql.OpenDB(reader{path, d}), "sqlite")
	pool.SetMaxOpenConns(most)
	pool.SetMaxIdleConns(most)
	pool.SetConnMaxIdleTime(readerIdle)
	return pool
}

func (r reader) Driver() driver.Driver { return &sqlite.Driver{} }

// Connect counts the connection, before it looks whether the file system can only be read, if that is so.
func (r reader) Connect(ctx context.Context) (driver.Conn, error) {
	if r.disk == nil {
		return r.connect(ctx, onlyRead(r.path))
	}
	r.disk.early.Add(1)
	early := onlyRead(r.path)
	conn, err := r.connect(ctx, early)
	if err != nil || !early {
		r.disk.early.Add(-1)
		return conn, err
	}
	r.disk.waits.Store(true)
	return &earlyConn{conn, r}, nil
}

// connect has SQLite look for no WAL where there is none and it could make none. That is right as long as nobody writes:
// the first who does waits until there are no such connections.
func (r reader) connect(ctx context.Context, early bool) (sqliteConn, error) {
	name := dsn(r.path, "deferred", "query_only(1)")
	if wal, err := os.Stat(r.path + "-wal"); early && (err != nil || wal.Size() == 0) {
		name += "&immutable=1"
	}
	return connectSQLite(ctx, name)
}

// earlyConn is one that was made while the file system could only be read.
type earlyConn struct {
	sqliteConn
	of reader
}

func (c *earlyConn) IsValid() bool { return onlyRead(c.of.path) && c.sqliteConn.IsValid() }

func (c *earlyConn) ResetSession(ctx context.Context) error {
	if !c.IsValid() {
		return driver.ErrBadConn
	}
	return c.sqliteConn.ResetSession(ctx)
}

func (c *earlyConn) Close() error {
	defer c.of.disk.early.Add(-1)
	return c.sqliteConn.Close()
}

// writable returns nil once the file system can be written, and nobody reads it any more as one that cannot.
func (d *disk) writable() error {
	if onlyRead(d.path) {
		return errOnlyRead
	}
	if d.early.Load() == 0 && !d.waits.Load() { // one that is being made counts already
		return nil
	}
	for _, pool := range d.readers {
		pool.SetMaxIdleConns(0) // which closes those that rest
		pool.SetMaxIdleConns(pool.Stats().MaxOpenConnections)
	}
	for wait := time.Millisecond; d.early.Load() > 0; wait *= 2 {
		if wait > time.Second {
			return fmt.Errorf("%w until now, and somebody reads it still", errOnlyRead)
		}
		time.Sleep(wait)
	}
	if err := secureWAL(d.path); err != nil {
		return err
	}
	d.waits.Store(false)
	return nil
}
