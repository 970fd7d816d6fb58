package db_test

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/disktest"
)

// newDiskDesk is newSQLiteDesk on a disk that can be made to fail, and counts how often it is told that nothing is written
// any more.
func newDiskDesk(t *testing.T) (d *desk, stopped *[]error) {
	t.Helper()
	disktest.Install()
	d, stopped = deskAt(t, dbtest.NewFile(t)), &[]error{}
	d.close()
	o := d.options()
	o.Stopped = func(err error) { *stopped = append(*stopped, err) }
	d.openWith(o)
	return peopled(d), stopped
}

// written returns the bytes of the database and its log.
func (d *desk) written() (all [][]byte) {
	d.t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(d.path + suffix)
		d.must(err)
		all = append(all, content)
	}
	return all
}

// DUR-4: once a sync has failed, nothing at all is written, not even at the end: what the disk holds is as the error left
// it. It is told of once.
func TestNothingIsWrittenAfterTheDiskHasFailed(t *testing.T) {
	d, stopped := newDiskDesk(t)
	key, hash := d.makeKey(d.alice)
	session := d.signIn("alice")
	disk := disktest.Fail(t, d.path, disktest.Fault{Op: disktest.Sync, File: disktest.Either, Nth: 1, As: disktest.EIO})
	if _, err := d.DeactivateOwnKey(t.Context(), d.alice, key.ID); !errors.Is(err, access.ErrUnsure) {
		t.Fatalf("the change whose sync failed: %v", err)
	}
	disk.Mend()
	before := d.written()
	use := []access.Use{{Key: key.Number, Day: access.Day(d.Now()), Service: "gateway", Accepted: 1, LastAt: d.Now(), UsedAt: d.Now()}}
	for name, write := range map[string]func() error{
		"a change":       func() error { _, err := d.CreateKey(t.Context(), d.bob, d.fingerprint(), ""); return err },
		"a sign-in":      func() error { _, err := d.SignIn(t.Context(), with(signedIn("alice")), db.Opening{}); return err },
		"a sign-out":     func() error { return d.SignOut(t.Context(), session, signedIn("alice")) },
		"a session":      func() error { return d.MarkSession(t.Context(), session) },
		"a rehash":       func() error { return d.RehashPassword(t.Context(), "alice", "x", "y") },
		"uses":           func() error { _, err := d.SaveUses(t.Context(), use); return err },
		"uses added up":  func() error { return d.MergeUses(t.Context()) },
		"what is so old": func() error { _, err := d.Forget(t.Context(), time.Hour); return err },
		"is it ready":    func() error { return d.Ready(t.Context()) },
	} {
		if err := write(); !errors.Is(err, db.ErrStopped) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := d.verdict(hash); got != access.Accepted {
		t.Errorf("the key is %s in the database, and in doubt no more", got)
	}
	d.close()
	if !slices.EqualFunc(before, d.written(), slices.Equal) {
		t.Error("the files were changed")
	}
	if len(*stopped) != 1 || !errors.Is((*stopped)[0], db.ErrStopped) {
		t.Errorf("told %v", *stopped)
	}
}

// DUR-4: a disk that fails only when the log is moved into the database is noticed too, and nothing is lost by it.
func TestDiskThatFailsUnderTheDatabaseIsNoticed(t *testing.T) {
	for _, f := range []disktest.Fault{
		{Op: disktest.Sync, Nth: 1, As: disktest.EIO}, {Op: disktest.Write, Nth: 1, As: disktest.EIO},
		{Op: disktest.Write, Nth: 2, As: disktest.EIO, Part: 50},
	} {
		d, stopped := newDiskDesk(t)
		disktest.Fail(t, d.path, f)
		made := d.makeKeysUntil(db.ErrStopped, 200)
		if len(made) == 0 || len(*stopped) != 1 {
			t.Errorf("%s: %d keys were made, and told %v", f, len(made), *stopped)
		}
		d.close()
		d.open()
		for _, hash := range made {
			if got := d.verdict(hash); got != access.Accepted {
				t.Errorf("%s: a key is %s", f, got)
			}
		}
		d.makeKey(d.alice)
	}
}

// DUR-4: what a server writes no more after its disk failed, no command beside it writes either.
func TestNobodyWritesBesideAStoppedServer(t *testing.T) {
	d, _ := newDiskDesk(t)
	d.must(d.ShareLock())
	beside := d.options()
	beside.Beside = true
	open := func() error {
		other, err := db.Open(t.Context(), beside)
		if err == nil {
			d.must(other.Close())
		}
		return err
	}
	d.must(open())
	disktest.Fail(t, d.path, disktest.Fault{Op: disktest.Sync, Nth: 1, As: disktest.EIO})
	d.makeKeysUntil(db.ErrStopped, 200)
	if err := open(); !errors.Is(err, db.ErrInUse) {
		t.Errorf("beside it: %v", err)
	}
}

// DUR-3: a disk that is full when the log is moved into the database ends nothing.
func TestFullDiskUnderTheDatabaseStopsNothing(t *testing.T) {
	d, stopped := newDiskDesk(t)
	disk := disktest.Fail(t, d.path, disktest.Fault{Op: disktest.Write, Nth: 1, As: disktest.ENOSPC, Part: 50})
	for disk.Met() == 0 {
		d.makeKey(d.alice)
	}
	for range 100 {
		d.makeKey(d.alice)
	}
	if len(*stopped) > 0 {
		t.Errorf("told %v", *stopped)
	}
}

// DUR-3: neither does one on which the index of a long log cannot grow. SQLite notices that when the log is written, so of
// that one change nobody knows.
func TestFullDiskUnderTheIndexOfTheLogStopsNothing(t *testing.T) {
	d, stopped := newDiskDesk(t)
	outside := dbtest.Open(t, d.path)
	outside.SetMaxOpenConns(1)
	reading, err := dbtest.Open(t, d.path).Begin() // so that the log cannot begin anew
	d.must(err)
	defer func() { _ = reading.Rollback() }()
	var keys int
	d.must(reading.QueryRow(`SELECT count(*) FROM keys`).Scan(&keys))
	for _, statement := range []string{
		`PRAGMA wal_autocheckpoint = 0`, `CREATE TABLE padding (bytes BLOB)`,
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3900) INSERT INTO padding SELECT zeroblob(3900) FROM n`,
	} {
		_, err := outside.Exec(statement)
		d.must(err)
	}
	disk := disktest.Fail(t, d.path, disktest.Fault{Op: disktest.Extend, Nth: 1, As: disktest.ENOSPC})
	unsure := 0
	for range 60 {
		if _, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), ""); errors.Is(err, access.ErrUnsure) {
			unsure++
		} else {
			d.must(err)
		}
	}
	if disk.Met() != 1 || unsure != 1 || len(*stopped) > 0 {
		t.Errorf("the index could not grow %d times, and of %d changes nobody knew; told %v", disk.Met(), unsure, *stopped)
	}
}

// makeKeysUntil makes keys of alice's until that fails so, and returns the hashes of those that were made.
func (d *desk) makeKeysUntil(want error, most int) (made [][]byte) {
	d.t.Helper()
	for range most {
		f := d.fingerprint()
		_, err := d.CreateKey(d.t.Context(), d.alice, f, "")
		if errors.Is(err, want) {
			return made
		}
		d.must(err)
		made = append(made, f.Hash)
	}
	d.t.Errorf("%d keys were made, and no error is %v", most, want)
	return made
}
