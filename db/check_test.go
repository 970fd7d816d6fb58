package db_test

import (
	"errors"
	"os"
	"testing"

	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// DUR-8: a large database is not checked page by page, but one that was cut is not taken.
func TestLargeDatabaseThatWasCutIsRefused(t *testing.T) {
	d := newSQLiteDesk(t)
	dbtest.Exec(t, d.path, `CREATE TABLE ballast (load BLOB)`)
	dbtest.Exec(t, d.path, `INSERT INTO ballast VALUES (zeroblob(70000000))`)
	d.reopen()
	d.close()
	info, err := os.Stat(d.path)
	d.must(err)
	if info.Size() < 70_000_000 {
		t.Fatalf("it has %d bytes", info.Size())
	}
	d.must(os.Truncate(d.path, info.Size()-4096))
	before := sum(t, d.path)
	if _, err := db.Open(t.Context(), d.options()); !errors.Is(err, db.ErrDamaged) {
		t.Errorf("open: %v", err)
	}
	if _, err := db.OpenToRead(t.Context(), d.path, d.now); !errors.Is(err, db.ErrDamaged) {
		t.Errorf("open to read: %v", err)
	}
	if sum(t, d.path) != before {
		t.Error("the file has changed")
	}
}
