package db

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrStopped says that nothing is written to an SQLite database until the program is started again.
var ErrStopped = errors.New("the disk failed while the database was written: nothing more is written to it until keydesk is " +
	"started again, so check the disk, then start it again")

// disk is what an SQLite database is written to. Once writing to it or waiting for it has failed, the system may have
// dropped what it took before, and says so only once: it would let later writes succeed on top of a hole. So nothing more
// is written, and the next start looks at what is there. A disk that is full or can only be read has dropped nothing.
type disk struct {
	path       string
	stopped    atomic.Bool
	tell       func(error) // called once, with why
	statements int         // since the WAL was last moved into the database; of the one connection that writes

	readers []*sqlx.DB
	early   atomic.Int64 // connections of theirs that were made while the file system could only be read
	waits   atomic.Bool  // the WAL was read then, and nobody has waited yet until it is on the disk
}

// check returns ErrStopped when nothing is to be written any more.
func (d *disk) check() error {
	if d != nil && d.stopped.Load() {
		return ErrStopped
	}
	return nil
}

// note stops the writing after an error of the connection that writes, if the error is one of the disk's.
func (d *disk) note(err error) {
	if brokenDisk(err) && !d.refuses(err) && !d.stopped.Swap(true) {
		d.tell(fmt.Errorf("%w: %w", ErrStopped, err))
	}
}

// refuses tells whether a write failed because the system lets nobody write the file.
func (d *disk) refuses(err error) bool {
	return sqliteExtended(err) == sqlite3.SQLITE_IOERR_WRITE && unwritable(d.path)
}

// brokenDisk tells whether the error of a statement that writes says that the disk did not do what it was told to.
func brokenDisk(err error) bool {
	switch sqliteExtended(err) {
	case sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC,
		sqlite3.SQLITE_IOERR_TRUNCATE:
		return true
	}
	return false
}

// secureWAL waits until all that stands in the WAL is on the disk. Whoever was killed may not have waited for it: what
// is read from it, and answered, would not outlast a power cut.
func secureWAL(path string) error {
	for _, name := range []string{path + "-wal", filepath.Dir(path)} {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
