package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ErrNotEmpty says that there is something in a database that is to be filled.
var ErrNotEmpty = errors.New("there are people, keys or settings of Keydesk in this database already; give one with nothing in it")

// noHurry ends the patience that the role or the database has been given, whatever this version knows of it: a table may
// take minutes. It has the commit wait for the disk.
const noHurry = `SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout',
	'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')
	UNION ALL SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`

// target is an empty database, on a connection that keeps others from opening it.
type target struct {
	*server
	conn *pgx.Conn
}

// holdTarget returns the database, unless there is something in it. It changes nothing.
func holdTarget(ctx context.Context, database string) (*target, error) {
	s, err := parseServer(database)
	if err != nil {
		return nil, err
	}
	t := &target{server: s.writing()}
	t.config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec // values come as bytes, whatever the URL says
	if t.conn, err = t.connect(ctx); err != nil {
		return nil, err
	}
	if err := t.hold(ctx); err != nil {
		t.release()
		return nil, fmt.Errorf("%s: %w", t, reason(ctx, err))
	}
	return t, nil
}

func (t *target) hold(ctx context.Context) error {
	if err := checkServer(ctx, t.conn); err != nil {
		return err
	}
	for _, statement := range []string{noHurry, openingLock} {
		if _, err := t.conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	version, err := t.version(ctx)
	if err != nil || version < 0 {
		return err
	}
	var some bool
	err = t.conn.QueryRow(ctx, isFilled()).Scan(&some)
	if err == nil && some {
		err = ErrNotEmpty
	}
	return err
}

// version returns that of the tables, or -1 if there are none.
func (t *target) version(ctx context.Context) (version int64, err error) {
	once := t.pool(1)
	_, version, err = inspectPostgres(ctx, once)
	return version, errors.Join(err, once.Close())
}

// isFilled tells whether there is a row in the tables that is not there from the beginning.
func isFilled() string {
	query := `SELECT EXISTS (SELECT 1 FROM leases) OR EXISTS (SELECT 1 FROM audit_head WHERE number <> 0)`
	for _, name := range movedTables() {
		if name != "audit_head" {
			query += ` OR EXISTS (SELECT 1 FROM ` + name + `)`
		}
	}
	return query
}

// makeTables makes or migrates the tables where needed.
func (t *target) makeTables(ctx context.Context) error {
	version, err := t.version(ctx)
	if err != nil {
		return err
	}
	if known, err := postgresDialect.newestVersion(); err != nil || version >= known {
		return err
	}
	once := t.pool(1)
	err = (&DB{dialect: postgresDialect}).migrate(ctx, once)
	if err = errors.Join(err, once.Close()); err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	return nil
}

// release lets others in. What is not committed is undone; the server is told, should it still be at it.
func (t *target) release() {
	ctx, cancel := context.WithTimeout(context.Background(), again)
	defer cancel()
	_ = t.conn.Close(ctx)
	select {
	case <-t.conn.PgConn().CleanupDone():
	case <-ctx.Done():
	}
}
