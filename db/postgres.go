package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"
)

const (
	oldestServer = 150000 // PostgreSQL 15.0, as it numbers itself
	maxWriters   = 8      // connections for changes, sign-ins and uses
	openingLock  = `SELECT pg_advisory_lock(1262768971, 0)`
)

// openPostgres opens the database. Of several instances that start at the same time one makes it or brings it up to date,
// and the others wait.
func (db *DB) openPostgres(ctx context.Context, o Options) (err error) {
	s, err := parseServer(o.Database)
	if err != nil {
		return err
	}
	s = s.writing()
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }() // which lets the next one in
	if err := checkServer(ctx, conn); err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	if s, err = s.waiting(ctx, conn); err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	if _, err := conn.Exec(ctx, openingLock); err != nil {
		return fmt.Errorf("%s: wait for another instance that is starting: %w", s, err)
	}
	if err := db.openTables(ctx, s, o); err != nil {
		if denied(err) {
			err = fmt.Errorf("%w; grant the role all on the schema, or give it a database of its own", err)
		}
		return fmt.Errorf("%s: %w", s, err)
	}
	return nil
}

// openTables makes or migrates the tables where needed, and opens what is sealed in them.
func (db *DB) openTables(ctx context.Context, s *server, o Options) error {
	once := s.pool(1) // without the limits of those that pages wait for
	defer func() { _ = once.Close() }()
	fresh, version, err := inspectPostgres(ctx, once)
	if err != nil {
		return err
	}
	root, err := o.Root(fresh)
	if err != nil {
		return err
	}
	if !fresh {
		// Before anything is written: a wrong root secret, or anchor, must change nothing.
		if err := checkRoot(ctx, once, root); err != nil {
			return err
		}
	} else {
		version = -1
	}
	if err := db.holdAnchor(o.Anchor); err != nil {
		return err
	}
	anchor, err := lookAtAnchor(ctx, once, version, root, o)
	if err != nil {
		return err
	}
	anchor.appendTo(db.anchor)
	if known, err := db.newestVersion(); err != nil {
		return err
	} else if version < known {
		if err := db.migrate(ctx, once); err != nil {
			return fmt.Errorf("migrate database: %w", err)
		}
	}
	db.server = s.with(atWork)
	db.write = db.server.pool(maxWriters)
	db.connectToServer(s)
	if err := db.openSealed(ctx, once, root, o); err != nil {
		return err
	}
	if err := db.openAnchor(ctx, once, anchor, o); err != nil {
		return err
	}
	return db.renewSessionKey(ctx)
}

func (db *DB) connectToServer(s *server) {
	db.read = newReadPool(s.with(atWork).reading().pool(maxReaders), db.dialect)
	db.exports = s.reading().pool(maxExports)
}

// readPostgres opens the database to read it only.
func (db *DB) readPostgres(database string) error {
	s, err := parseServer(database)
	if err != nil {
		return err
	}
	db.connectToServer(s)
	return nil
}

// existsPostgres tells whether the database can be reached; fresh means that nothing is in it yet.
func existsPostgres(ctx context.Context, database string) (fresh bool, err error) {
	s, err := parseServer(database)
	if err != nil {
		return false, err
	}
	conn, err := s.connect(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if err = checkServer(ctx, conn); err == nil {
		once := s.pool(1)
		fresh, _, err = inspectPostgres(ctx, once)
		err = errors.Join(err, once.Close())
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", s, err)
	}
	return fresh, err
}

// checkServer returns nil if this is a server that Keydesk can work with.
func checkServer(ctx context.Context, conn *pgx.Conn) error {
	var number int
	var version, encoding string
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'),
		current_setting('server_encoding')`).Scan(&number, &version, &encoding)
	switch {
	case err != nil:
		return err
	case number < oldestServer:
		return fmt.Errorf("%w; this is %s", ErrTooOld, version)
	case encoding != "UTF8":
		return fmt.Errorf("the database has the encoding %s; make one with UTF8", encoding)
	}
	return nil
}

// waiting returns the server with a setting by which what was answered survives a crash, unless it has one already.
func (s *server) waiting(ctx context.Context, conn *pgx.Conn) (*server, error) {
	var waits string
	if err := conn.QueryRow(ctx, `SHOW synchronous_commit`).Scan(&waits); err != nil || waits != "off" {
		return s, err
	}
	s = s.with(nil)
	s.config.RuntimeParams["synchronous_commit"] = "on"
	return s, nil
}

// inspectPostgres looks at the database without changing it: fresh means that nothing is sealed in it yet. The version is
// that of its tables.
func inspectPostgres(ctx context.Context, read *sqlx.DB) (fresh bool, version int64, err error) {
	var tables, ours int
	err = read.QueryRowxContext(ctx, `SELECT count(*), count(*) FILTER (WHERE tablename IN ('audit_head', 'oldest_program'))
		FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'goose_db_version'`).Scan(&tables, &ours)
	if err != nil {
		return false, 0, err
	}
	switch ours {
	case 0:
		if tables > 0 {
			return false, 0, errors.New("there are tables of another program; give Keydesk a database or a schema of its own")
		}
		return true, -1, nil
	case 1:
		return false, 0, ErrDamaged
	}
	if version, err = postgresDialect.appliedVersion(ctx, read); err != nil {
		return false, 0, err
	}
	if err := postgresDialect.checkVersion(ctx, read, version); err != nil {
		return false, 0, err
	}
	err = read.GetContext(ctx, &fresh, `SELECT NOT EXISTS (SELECT 1 FROM users) AND NOT EXISTS (SELECT 1 FROM secrets)`)
	return fresh, version, err
}
