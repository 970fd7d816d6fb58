package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	*dialect

	path    string // of SQLite
	read    *readPool
	exports *sqlx.DB // apart, so that slow downloads hold up nothing else
	write   *sqlx.DB // one connection to SQLite, some to PostgreSQL; nil when opened for reading
	disk    *disk    // nil of PostgreSQL, which looks after its own, and when opened for reading
	lock    *flock.Flock
	now     func() time.Time
	tell    func(access.KeyChange)
	log     func(access.KeyChange)
	anchor  *anchor // nil where there is none
	vault   vault
	asked   asked
	limits  access.KeyLimits

	exporting chan struct{} // holds one for each export under way
	resolving chan struct{} // and for each who asks about a key in doubt

	changing sync.Mutex // held from a change's begin until it has been told, so that changes are told in order
	group    commitGroup
	uses     *useWriter // nil until there is one to merge
	recent   *recentUses
	unmerged atomic.Int64 // uses that were left when they were merged here last

	server    *server // nil where there is none
	following atomic.Pointer[following]

	doubted []string // ids of the keys of which nobody knows what became of them
}

// Now returns the current time as the database keeps it: UTC, in whole microseconds.
func (db *DB) Now() time.Time { return db.now().UTC().Truncate(time.Microsecond) }

// Ready returns nil when the database answers, and ErrStopped when nothing is written to it until the next
// start.
func (db *DB) Ready(ctx context.Context) error {
	if err := db.disk.check(); err != nil {
		return fmt.Errorf("ready: %w", err)
	}
	var number int64
	if err := db.read.GetContext(ctx, &number, `SELECT number FROM audit_head`); err != nil {
		return fmt.Errorf("ready: %w", err)
	}
	return nil
}

// Close ends all use of the database and frees its lock.
func (db *DB) Close() error {
	var errs []error
	for _, pool := range []*sqlx.DB{db.write, db.exports} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if db.read != nil {
		errs = append(errs, db.read.Close())
	}
	errs = append(errs, db.anchor.close())
	if db.lock != nil {
		errs = append(errs, db.lock.Unlock())
	}
	return errors.Join(errs...)
}

// How many queries and exports run at once.
const (
	maxReaders = 16
	maxExports = 4
)

func micros(t time.Time) int64 { return t.UnixMicro() }

// timeOf returns the time of a column, or the zero time for null.
func timeOf(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return time.UnixMicro(us.Int64).UTC()
}
