package db_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/pgtest"
)

// newDatabase returns the name of a new database: one of PostgreSQL where KEYDESK_TEST_POSTGRES is 1, else an SQLite file.
func newDatabase(t *testing.T) string {
	t.Helper()
	if os.Getenv("KEYDESK_TEST_POSTGRES") == "1" {
		return newCopy(t)
	}
	return newFile(t)
}

// newCopy returns the URL of a new PostgreSQL database whose tables are made.
func newCopy(t *testing.T) string {
	t.Helper()
	return pgtest.Copy(t, makeTables)
}

// newFile returns the path of a new SQLite database.
func newFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "keydesk.db")
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
	_, err = conn.Exec(`DELETE FROM secrets`)
	return errors.Join(err, conn.Close())
}

// outside goes around the program, by connections of its own.
type outside struct{ *sqlx.DB }

// raw opens a database as somebody would who goes around the program. In SQLite it enforces no foreign keys, so that what
// is refused is refused by a trigger.
func raw(t *testing.T, database string) outside {
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
	return outside{conn}
}

// Exec runs SQL whose parameters are question marks, as the others do.
func (o outside) Exec(statement string, args ...any) (sql.Result, error) {
	return o.DB.Exec(o.Rebind(statement), args...)
}

func (o outside) Query(query string, args ...any) (*sql.Rows, error) {
	return o.DB.Query(o.Rebind(query), args...)
}

func (o outside) QueryRow(query string, args ...any) *sql.Row {
	return o.DB.QueryRow(o.Rebind(query), args...)
}

func (o outside) postgres() bool { return o.DriverName() == "pgx" }

// exec runs SQL around the program.
func exec(t *testing.T, database, statement string, args ...any) {
	t.Helper()
	conn := raw(t, database)
	if _, err := conn.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// look reads one row around the program.
func look(t *testing.T, database, query string, into any, args ...any) {
	t.Helper()
	conn := raw(t, database)
	if err := errors.Join(conn.QueryRow(query, args...).Scan(into), conn.Close()); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// refuse has the database refuse every new row of a table, until the function that it returns is called.
func refuse(t *testing.T, database, table string) (allow func()) {
	t.Helper()
	if db.IsPostgres(database) {
		exec(t, database, `CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'no room'; END $$`)
		exec(t, database, `CREATE TRIGGER no_room BEFORE INSERT ON `+table+` FOR EACH ROW EXECUTE FUNCTION no_room()`)
		return func() { t.Helper(); exec(t, database, `DROP FUNCTION no_room() CASCADE`) }
	}
	exec(t, database, `CREATE TRIGGER no_room BEFORE INSERT ON `+table+` BEGIN SELECT RAISE(ABORT, 'no room'); END`)
	return func() { t.Helper(); exec(t, database, `DROP TRIGGER no_room`) }
}

// unsureCommits has every commit of a change fail in such a way that it may have happened: in SQLite because of a reference
// to nobody, which is looked at then; of PostgreSQL the connection is lost.
func unsureCommits(t *testing.T, database string) (allow func()) {
	t.Helper()
	if db.IsPostgres(database) {
		exec(t, database, `CREATE FUNCTION too_late() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$`)
		exec(t, database, `CREATE CONSTRAINT TRIGGER too_late AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION too_late()`)
		return func() { t.Helper(); exec(t, database, `DROP FUNCTION too_late() CASCADE`) }
	}
	exec(t, database, `CREATE TABLE later (user_id TEXT REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)`)
	exec(t, database, `CREATE TRIGGER too_late AFTER INSERT ON audit BEGIN INSERT INTO later VALUES ('nobody'); END`)
	return func() { t.Helper(); exec(t, database, `DROP TRIGGER too_late`) }
}
