package db

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// openConnections returns an open SQLite database, for what only its own connections can tell.
func openConnections(t *testing.T) *DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "keydesk.db"))
}

func openAt(t *testing.T, database string) *DB {
	t.Helper()
	digits := access.NewRootSecret()
	d, err := Open(t.Context(), Options{
		Database: database, Now: time.Now, Tell: func(access.KeyChange) {},
		Root: func(bool) (access.RootSecret, error) { return access.ParseRootSecret(digits) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// wantSettings fails the test unless n connections of the pool, held at once, have these settings.
func wantSettings(t *testing.T, name string, pool *sqlx.DB, n int, want map[string]string) {
	t.Helper()
	read := map[string]string{"sqlite": `PRAGMA `, "pgx": `SHOW `}[pool.DriverName()]
	for range n {
		conn, err := pool.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for setting, value := range want {
			var got string
			if err := conn.GetContext(t.Context(), &got, read+setting); err != nil || got != value {
				t.Errorf("%s: %s is %q, %v, want %q", name, setting, got, err, value)
			}
		}
	}
}

// DUR-2: what was answered survives a power cut: in WAL, only synchronous=FULL (2) waits for the disk.
func TestWriterWaitsForTheDisk(t *testing.T) {
	d := openConnections(t)
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "query_only": "0", "busy_timeout": "5000"}
	wantSettings(t, "writer", d.write, 1, want)
	if most := d.write.Stats().MaxOpenConnections; most != 1 {
		t.Errorf("there may be %d writers", most)
	}
	// A connection that was lost comes back with its settings.
	d.write.SetMaxIdleConns(0)
	wantSettings(t, "the writer after it", d.write, 1, want)
}

// DUR-2: nothing is written around the writer.
func TestReadersOnlyRead(t *testing.T) {
	d := openConnections(t)
	beside, err := OpenToRead(t.Context(), databasePath(t, d), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = beside.Close() }()
	for name, pool := range map[string]*sqlx.DB{
		"reader": d.read.DB, "export": d.exports, "reader beside": beside.read.DB, "export beside": beside.exports,
	} {
		want := map[string]string{"query_only": "1", "journal_mode": "wal", "foreign_keys": "1"}
		wantSettings(t, name, pool, pool.Stats().MaxOpenConnections, want)
		if _, err := pool.Exec(`UPDATE audit_head SET number = number + 1`); err == nil {
			t.Errorf("%s: it wrote", name)
		}
	}
	if beside.write != nil {
		t.Error("what is opened to read has a writer")
	}
}

func databasePath(t *testing.T, d *DB) string {
	t.Helper()
	var path string
	if err := d.read.Get(&path, `SELECT file FROM pragma_database_list WHERE name = 'main'`); err != nil {
		t.Fatal(err)
	}
	return path
}
