// Package disktest has SQLite's disk fail when a test wants it to.
package disktest

import (
	"fmt"
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
	Extend   Op = "growth of the index"
)

// How it fails.
const (
	EIO    = "EIO"
	ENOSPC = "ENOSPC"
)

// Either is the database's file and its log's.
const Either = "*"

// Fault is one that is going to happen to a database, once or from then on.
type Fault struct {
	Op   Op
	File string // what the database's path is followed by: nothing or "-wal", or Either
	Nth  int    // from 1
	As   string // EIO or ENOSPC
	On   bool   // all that follow fail too, of every kind
	Part int    // how many percent of a write are done before it fails
}

// String names the fault.
func (f Fault) String() string {
	name := f.As + " at a " + string(f.Op)
	if f.Part > 0 {
		name += fmt.Sprintf(" after %d percent", f.Part)
	}
	if f.On {
		name += " and all that follows"
	}
	return name
}

// Disk is one that fails.
type Disk struct {
	database string
	fault    Fault

	mu        sync.Mutex
	seen, met int
}

// Met returns how often the fault has happened.
func (d *Disk) Met() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.met
}

// Seen returns how often the disk was told to do what fails, before and since.
func (d *Disk) Seen() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen
}

// Mend ends the fault.
func (d *Disk) Mend() { disks.Delete(d.database) }

// disks holds those that fail by the path of their database.
var disks sync.Map

// Fail has the disk of a database fail until the test ends, or it is mended.
func Fail(t testing.TB, database string, f Fault) *Disk {
	t.Helper()
	d := Begin(database, f)
	t.Cleanup(d.Mend)
	return d
}

// Begin has the disk of a database fail until it is mended.
func Begin(database string, f Fault) *Disk {
	d := &Disk{database: database, fault: f}
	disks.Store(database, d)
	return d
}

// hits tells whether the disk is to fail, and how. It counts.
func hits(name string, op Op) (f Fault, hit bool) {
	database, file := name, ""
	if strings.HasSuffix(name, "-wal") {
		database, file = strings.TrimSuffix(name, "-wal"), "-wal"
	}
	found, _ := disks.Load(database)
	d, fails := found.(*Disk)
	if !fails {
		return f, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f = d.fault
	if f.On && d.met > 0 {
		return f, true
	}
	if f.Op != op || f.File != Either && f.File != file {
		return f, false
	}
	if d.seen++; d.seen != f.Nth {
		return f, false
	}
	d.met++
	return f, true
}

// code returns what SQLite makes of the error of the system.
func (f Fault) code(op Op) int32 {
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
