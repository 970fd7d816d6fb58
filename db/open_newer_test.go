package db_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// newerTables is what the migration of a program to come leaves, at the least.
const newerTables = `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE); `

// DUR-12: instances are brought up to date one by one, so what the new one makes of the tables is for the old ones too,
// unless it says that it is not.
func TestTablesOfANewerProgramAreOpenedAsLongAsTheyMayBe(t *testing.T) {
	d := newDesk(t)
	key, hash := d.makeKey(d.alice)
	dbtest.Exec(t, d.path, newerTables)
	d.reopen()
	d.deactivate(d.alice, key.ID)
	reader, err := db.OpenToRead(t.Context(), d.path, d.now)
	d.must(err)
	if got, want := verdict(t, reader, hash), d.verdict(hash); got != want {
		t.Errorf("the reader says %s, want %s", got, want)
	}
	d.must(reader.Close())
	d.close()

	dbtest.Exec(t, d.path, `UPDATE oldest_program SET migration = 99999`)
	before := d.content()
	if _, err := db.Open(t.Context(), d.options()); !errors.Is(err, db.ErrNewer) || strings.Contains(err.Error(), "\n") {
		t.Errorf("open: %v", err)
	}
	if _, err := db.OpenToRead(t.Context(), d.path, d.now); !errors.Is(err, db.ErrNewer) {
		t.Errorf("open to read: %v", err)
	}
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}
