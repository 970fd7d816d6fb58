// Package disktest has SQLite's disk fail when a test wants it to.
package disktest

import (
	"strings"
	"sync"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

// Op is what SQLite tells its disk to do.
type Op string

// What can fail.
const (
	Write    Op = "write"
	Sync     Op = "sync"
	Truncate Op = "truncate"
	Extend   Op = "extend the index of the log"
)

// How it fails.
const (
	EIO    = "EIO"
	ENOSPC = "ENOSPC"
)

// Fault is one that is going to happen to a database, once or from then on.
type Fault struct {
	Op   Op
	File string // what the database's path is followed by: nothing or "-wal"; "*" is either
	Nth  int    // from 1
	As   string // EIO or ENOSPC
	On   bool   // all that follow fail too, of every kind
	Part int    // how many percent of a write are done before it fails

	mu        sync.Mutex
	seen, met int
}

// Met returns how often it has happened.
func (f *Fault) Met() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.met
}

// Seen returns how often the disk was told to do what fails, before and since.
func (f *Fault) Seen() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

// disks holds the faults by the path of their database.
var disks sync.Map

// Fail has the disk of a database fail until the test ends, or until the function that it returns is called.
func Fail(t testing.TB, database string, f *Fault) (mend func()) {
	disks.Store(database, f)
	mend = func() { disks.Delete(database) }
	t.Cleanup(mend)
	return mend
}

// hits tells whether the disk is to fail, and how. It counts.
func hits(name string, op Op) (*Fault, bool) {
	database, file := name, ""
	if strings.HasSuffix(name, "-wal") {
		database, file = strings.TrimSuffix(name, "-wal"), "-wal"
	}
	found, ok := disks.Load(database)
	if !ok {
		return nil, false
	}
	f := found.(*Fault)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.On && f.met > 0 {
		return f, true
	}
	if f.Op != op || f.File != "*" && f.File != file {
		return nil, false
	}
	if f.seen++; f.seen != f.Nth {
		return nil, false
	}
	f.met++
	return f, true
}

// code returns what SQLite makes of the error of the system.
func (f *Fault) code(op Op) int32 {
	switch {
	case op == Sync:
		return sqlite3.SQLITE_IOERR_FSYNC
	case op == Truncate:
		return sqlite3.SQLITE_IOERR_TRUNCATE
	case op == Extend:
		return sqlite3.SQLITE_IOERR_SHMSIZE
	case f.As == ENOSPC:
		return sqlite3.SQLITE_FULL
	}
	return sqlite3.SQLITE_IOERR_WRITE
}
