package pgtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

func connect(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func execute(t testing.TB, dsn, statement string) {
	t.Helper()
	if _, err := connect(t, dsn).Exec(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

// ask returns the text that a query of one value answers.
func ask(t testing.TB, dsn, query string) string {
	t.Helper()
	answer := ""
	if err := connect(t, dsn).QueryRow(context.Background(), query).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestDatabasesAreEmptyAndApart(t *testing.T) {
	one, two := Database(t), Database(t)
	execute(t, one, "CREATE TABLE keys (name text)")
	const tables = "SELECT count(*)::text FROM information_schema.tables WHERE table_schema = 'public'"
	if n := ask(t, one, tables); n != "1" {
		t.Errorf("%s tables where one was made", n)
	}
	if n := ask(t, two, tables); n != "0" {
		t.Errorf("%s tables in the other", n)
	}
}

// Who needs texts in the order of their bytes has to say so: here B comes after a.
func TestTextsSortAsPeopleSortThem(t *testing.T) {
	if before := ask(t, Database(t), "SELECT ('a' < 'B')::text"); before != "true" {
		t.Error("texts sort by their bytes")
	}
}

func TestDatabaseIsDroppedAtTheEnd(t *testing.T) {
	name := ""
	t.Run("test", func(t *testing.T) {
		dsn := Database(t)
		name = ask(t, dsn, "SELECT current_database()")
		if _, err := pgx.Connect(context.Background(), dsn); err != nil { // and is never closed
			t.Fatal(err)
		}
	})
	if n := ask(t, Database(t), "SELECT count(*)::text FROM pg_database WHERE datname = '"+name+"'"); n != "0" {
		t.Errorf("%s is still there", name)
	}
}

// prepare leaves a connection open, as a careless one would.
func prepare(dsn string) error {
	c, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		return err
	}
	_, err = c.Exec(context.Background(), "CREATE TABLE keys AS SELECT 'deploy' AS name")
	return err
}

func TestCopyHasWhatWasPrepared(t *testing.T) {
	one, two := Copy(t, prepare), Copy(t, prepare)
	execute(t, one, "UPDATE keys SET name = 'backup'")
	if first, second := ask(t, one, "SELECT name FROM keys"), ask(t, two, "SELECT name FROM keys"); first != "backup" || second != "deploy" {
		t.Errorf("%q and %q", first, second)
	}
}
