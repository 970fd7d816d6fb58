// Package dbtest makes databases for tests, and goes around the program in them.
package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/pgtest"
)

// New returns the name of a new database: one of PostgreSQL where KEYDESK_TEST_POSTGRES is 1, else an SQLite file. Tests that
// KEYDESK_TEST_ONCE matches are left out of the run on PostgreSQL, and must not call it.
func New(t testing.TB) string {
	t.Helper()
	if once := os.Getenv("KEYDESK_TEST_ONCE"); once != "" && regexp.MustCompile(once).MatchString(t.Name()) {
		t.Fatal("it is to run on either database, so the Makefile must not name it in ONCE")
	}
	if os.Getenv("KEYDESK_TEST_POSTGRES") == "1" {
		return NewCopy(t)
	}
	return NewFile(t)
}

// NewCopy returns the URL of a new PostgreSQL database whose tables are made.
func NewCopy(t testing.TB) string {
	t.Helper()
	return pgtest.Copy(t, makeTables)
}

// NewFile returns the path of a new SQLite database.
func NewFile(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "keydesk.db")
}

// Backup returns the name of a copy of a database that nobody has open.
func Backup(t testing.TB, database string) string {
	t.Helper()
	if db.IsPostgres(database) {
		return pgtest.Twin(t, database)
	}
	content, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	backup := NewFile(t)
	if err := os.WriteFile(backup, content, 0o600); err != nil { //nolint:gosec // the path is the test's own
		t.Fatal(err)
	}
	return backup
}

// makeTables makes the tables of all databases of PostgreSQL that are copied, which is quicker than to make them each
// time. Nothing is sealed in them, because each test has a root secret of its own.
func makeTables(dsn string) error {
	d, err := db.Open(context.Background(), db.Options{
		Database: dsn, Tell: func(access.KeyChange) {}, Now: time.Now,
		Root: func(bool) (access.RootSecret, error) { return access.ParseRootSecret(access.NewRootSecret()) },
	})
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	conn, err := sqlx.Open("pgx", dsn)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(context.Background(), `DELETE FROM secrets; DELETE FROM signing_keys; UPDATE audit_head SET origin = ''`)
	return errors.Join(err, conn.Close())
}

// Outside goes around the program, by connections of its own.
type Outside struct{ *sqlx.DB }

// Open opens a database as somebody would who goes around the program. In SQLite it enforces no foreign keys, so that what
// is refused is refused by a trigger.
func Open(t testing.TB, database string) Outside {
	t.Helper()
	driver, name := "sqlite", "file:"+database+"?_pragma=busy_timeout(5000)"
	if db.IsPostgres(database) {
		driver, name = "pgx", database
	}
	conn, err := sqlx.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return Outside{conn}
}

// Exec runs SQL whose parameters are question marks, as the others do.
func (o Outside) Exec(statement string, args ...any) (sql.Result, error) {
	return o.ExecContext(context.Background(), o.Rebind(statement), args...)
}

// Query reads rows.
func (o Outside) Query(query string, args ...any) (*sql.Rows, error) {
	return o.QueryContext(context.Background(), o.Rebind(query), args...)
}

// QueryRow reads one row.
func (o Outside) QueryRow(query string, args ...any) *sql.Row {
	return o.QueryRowContext(context.Background(), o.Rebind(query), args...)
}

// Postgres tells whether the database is one of PostgreSQL.
func (o Outside) Postgres() bool { return o.DriverName() == "pgx" }

// Exec runs SQL around the program.
func Exec(t testing.TB, database, statement string, args ...any) {
	t.Helper()
	conn := Open(t, database)
	if _, err := conn.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// Look reads one row around the program.
func Look(t testing.TB, database, query string, into any, args ...any) {
	t.Helper()
	conn := Open(t, database)
	if err := errors.Join(conn.QueryRow(query, args...).Scan(into), conn.Close()); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// Refuse has the database refuse every new row of a table, until the function that it returns is called.
func Refuse(t testing.TB, database, table string) (allow func()) {
	t.Helper()
	name := "no_room_in_" + table
	if db.IsPostgres(database) {
		Exec(t, database, `CREATE FUNCTION `+name+`() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'no room'; END $$`)
		Exec(t, database, `CREATE TRIGGER `+name+` BEFORE INSERT ON `+table+` FOR EACH ROW EXECUTE FUNCTION `+name+`()`)
		return func() { t.Helper(); Exec(t, database, `DROP FUNCTION `+name+`() CASCADE`) }
	}
	Exec(t, database, `CREATE TRIGGER `+name+` BEFORE INSERT ON `+table+` BEGIN SELECT RAISE(ABORT, 'no room'); END`)
	return func() { t.Helper(); Exec(t, database, `DROP TRIGGER `+name) }
}

// UnsureCommits has every commit of a change fail in such a way that it may have happened: in SQLite because of a reference
// to nobody, which is looked at then; of PostgreSQL the connection is lost.
func UnsureCommits(t testing.TB, database string) (allow func()) {
	t.Helper()
	if db.IsPostgres(database) {
		Exec(t, database, `CREATE FUNCTION too_late() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$`)
		Exec(t, database, `CREATE CONSTRAINT TRIGGER too_late AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION too_late()`)
		return func() { t.Helper(); Exec(t, database, `DROP FUNCTION too_late() CASCADE`) }
	}
	Exec(t, database, `CREATE TABLE later (user_id TEXT REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)`)
	Exec(t, database, `CREATE TRIGGER too_late AFTER INSERT ON audit BEGIN INSERT INTO later VALUES ('nobody'); END`)
	return func() { t.Helper(); Exec(t, database, `DROP TRIGGER too_late`) }
}
