package db

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/db/pgtest"
)

// databaseWith returns a new PostgreSQL database that gives its connections this setting, unless they ask for another.
func databaseWith(t *testing.T, setting string) string {
	t.Helper()
	database := pgtest.Database(t)
	conn, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	name := database[strings.LastIndex(database, "/")+1 : strings.Index(database, "?")]
	if _, err := conn.Exec(`ALTER DATABASE ` + name + ` SET ` + setting); err != nil {
		t.Fatal(err)
	}
	return database
}

// DUR-2: what was answered survives a crash of the server, whatever its database says; and nobody who was stopped in the
// middle of a change holds up the others for long.
func TestPostgresWritersWaitForTheDisk(t *testing.T) {
	atWork := map[string]string{
		"statement_timeout": "9s", "lock_timeout": "8s", "idle_in_transaction_session_timeout": "5s",
		"default_transaction_isolation": "read committed", "application_name": "keydesk",
	}
	for setting, want := range map[string]string{
		"synchronous_commit = off":                       "on",
		"synchronous_commit = on":                        "on",
		"synchronous_commit = remote_apply":              "remote_apply", // which waits for more
		"default_transaction_isolation = 'serializable'": "on",
		"idle_in_transaction_session_timeout = '1h'":     "on",
	} {
		d := openAt(t, databaseWith(t, setting))
		atWork["synchronous_commit"] = want
		wantSettings(t, setting+", writer", d.write, maxWriters, atWork)
		if most := d.write.Stats().MaxOpenConnections; most != maxWriters {
			t.Errorf("there may be %d writers", most)
		}
		// A connection that was lost comes back with its settings.
		d.write.SetMaxIdleConns(0)
		wantSettings(t, setting+", a writer after it", d.write, 1, atWork)
	}
}

// The URL has the last word, but for what a crash would take away.
func TestURLSaysWhatConnectionsAreLike(t *testing.T) {
	d := openAt(t, pgtest.Database(t)+"&statement_timeout=20000&application_name=west&synchronous_commit=off")
	wantSettings(t, "writer", d.write, 1, map[string]string{
		"statement_timeout": "20s", "lock_timeout": "8s", "application_name": "west", "synchronous_commit": "on",
	})
}

// DUR-2: nothing is written around the writers.
func TestPostgresReadersOnlyRead(t *testing.T) {
	d := openAt(t, pgtest.Database(t))
	beside, err := OpenToRead(t.Context(), d.server.config.ConnString(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = beside.Close() }()
	for name, pool := range map[string]*sqlx.DB{
		"reader": d.read.DB, "export": d.exports, "reader beside": beside.read.DB, "export beside": beside.exports,
	} {
		wantSettings(t, name, pool, pool.Stats().MaxOpenConnections, map[string]string{"default_transaction_read_only": "on"})
		if _, err := pool.Exec(`UPDATE audit_head SET number = number + 1`); postgresCode(err) != "25006" {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantSettings(t, "reader", d.read.DB, 1, map[string]string{"statement_timeout": "9s"})
	wantSettings(t, "export", d.exports, 1, map[string]string{"statement_timeout": "0"}) // which may take as long as its reader
	if beside.write != nil {
		t.Error("what is opened to read has a writer")
	}
}
