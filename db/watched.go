package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
)

// walCheckpoint moves the WAL, SQLite's write-ahead log, into the database, as far as nobody reads it, and waits for the disk.
const walCheckpoint = `PRAGMA wal_checkpoint(PASSIVE)`

// walCheckpointEvery is after how many statements the WAL is moved into the database, with the end of the transaction. SQLite
// would do so by itself when it has 1,000 pages, which these seldom fill, but tell nobody if the disk fails then: connect says no.
const walCheckpointEvery = 640

// walKept is how many bytes of the WAL's file are kept for the next writes. It is longer while somebody reads what was before.
const walKept = 16 << 20

// watch opens a pool of one connection to SQLite, all of whose errors the disk takes note of.
func (d *disk) watch(dsn string) *sqlx.DB {
	pool := sqlx.NewDb(sql.OpenDB(watched{dsn, d}), "sqlite")
	pool.SetMaxOpenConns(1)
	return pool
}

type watched struct {
	dsn  string
	disk *disk
}

func (w watched) Driver() driver.Driver { return &sqlite.Driver{} }

func (w watched) Connect(ctx context.Context) (driver.Conn, error) {
	if err := w.disk.writable(); err != nil {
		return nil, err
	}
	conn, err := connectSQLite(ctx, w.dsn)
	if err != nil {
		w.disk.note(err)
		return nil, err
	}
	return &watchedConn{conn, w.disk, statements{}}, nil
}

// connectSQLite makes a connection by the driver.
func connectSQLite(ctx context.Context, dsn string) (sqliteConn, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	plain, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := plain.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T is no connection to SQLite", plain), plain.Close())
	}
	return conn, nil
}

// sqliteConn is what database/sql asks of the driver's connection.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type watchedConn struct {
	sqliteConn
	disk *disk
	rest statements
}

func (c *watchedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if err := c.disk.check(); err != nil {
		return nil, err
	}
	tx, err := c.sqliteConn.BeginTx(ctx, o)
	if err != nil {
		c.disk.note(err)
		return nil, err
	}
	return watchedTx{tx, c}, nil
}

func (c *watchedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.disk.check(); err != nil {
		return nil, err
	}
	stmt, err := c.take(ctx, query)
	if err != nil {
		c.disk.note(err)
		return nil, err
	}
	defer c.giveBack(query, stmt)
	c.disk.statements++
	done, err := stmt.ExecContext(ctx, args)
	c.disk.note(err)
	return done, err
}

func (c *watchedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	stmt, err := c.take(ctx, query)
	if err != nil {
		c.disk.note(err)
		return nil, err
	}
	c.disk.statements++
	rows, err := stmt.QueryContext(ctx, args)
	if err != nil {
		c.giveBack(query, stmt)
		c.disk.note(err)
		return nil, err
	}
	return &takenRows{rows, c, query, stmt}, nil
}

func (c *watchedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.take(ctx, query)
	if err != nil {
		c.disk.note(err)
		return nil, err
	}
	return watchedStmt{stmt, c.disk}, nil
}

type watchedTx struct {
	driver.Tx
	conn *watchedConn
}

// Commit says what became of the transaction, and nothing of the WAL.
func (t watchedTx) Commit() error {
	d := t.conn.disk
	if err := t.Tx.Commit(); err != nil {
		d.note(err)
		if d.refuses(err) { // the whole of a write, so that the last one is not there
			return fmt.Errorf("%w: %w", errOnlyRead, err)
		}
		return err
	}
	if d.statements >= walCheckpointEvery {
		d.statements = 0
		_, err := t.conn.sqliteConn.ExecContext(context.Background(), walCheckpoint, nil)
		d.note(err)
	}
	return nil
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type watchedStmt struct {
	sqliteStmt
	disk *disk
}

func (s watchedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.disk.check(); err != nil {
		return nil, err
	}
	s.disk.statements++
	done, err := s.sqliteStmt.ExecContext(ctx, args)
	s.disk.note(err)
	return done, err
}

func (s watchedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.sqliteStmt.QueryContext(ctx, args)
	s.disk.note(err)
	return rows, err
}
