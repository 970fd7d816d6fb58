package main

import (
	"errors"
	"strings"
	"testing"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/keydesk/keydesk/db/provetest"
)

// DUR-3: on a full disk verify and pages answer, and changes say that nothing was changed. All works again once there is
// room, without a restart, and what was used meanwhile is not lost.
func TestProveFullDisk(t *testing.T) {
	times := 2
	if provetest.Asked() {
		times = 30
	}
	disk := newLoopDisk(t, "48M")
	disk.take(newDeskFolder(t))
	d := startDesk(t, disk.dir, "--create-rate=1000000")
	p := newSquad(d)
	d.sql(`CREATE TABLE padding (one INTEGER)`)
	p.works()
	for range times {
		empty := fill(t, disk.dir)
		p.useUpTheLog()
		p.onlyReads()
		empty()
		p.works()
	}
	eventually(t, func() bool { return d.accepted(p.goodID) == p.accepted })
	t.Logf("the disk was full %d times: %d verifies of a good key, none refused", times, p.accepted)
	if strings.Contains(d.log.String(), "nothing is written any more") {
		t.Error(d.log)
	}
	if code := d.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

// useUpTheLog writes to the database around the desk until there is no room in what the log has had of the disk before.
func (p *squad) useUpTheLog() {
	p.d.t.Helper()
	around := p.d.behind()
	around.SetMaxOpenConns(1)
	defer func() { _ = around.Close() }()
	if _, err := around.Exec(`PRAGMA wal_autocheckpoint = 0`); err != nil { // or the log would begin anew
		p.d.t.Fatal(err)
	}
	for {
		_, err := around.Exec(`INSERT INTO padding VALUES (1)`)
		if full, ok := errors.AsType[*sqlite.Error](err); ok && full.Code() == sqlite3.SQLITE_FULL {
			return
		}
		if err != nil {
			p.d.t.Fatal(err)
		}
	}
}
