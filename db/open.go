package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"github.com/keydesk/keydesk/access"
)

// Errors of opening a database. Each is a sentence for the operator, completed by which database it is about.
var (
	ErrInUse      = errors.New("another keydesk process is using the database; stop it first")
	ErrNewer      = errors.New("the database was made by a newer keydesk; use that one")
	ErrOlder      = errors.New("the database was made by an older keydesk; start `keydesk serve` of this one to bring it up to date")
	ErrDenied     = errors.New("this user may not read and write the database and its folder")
	ErrHardLinked = errors.New("the file has a second name (a hard link), under which another process could write it")
	ErrForeign    = errors.New("the file is not a Keydesk database")
	ErrDamaged    = errors.New("the database is damaged, or the file is no Keydesk database; restore a backup")
	ErrAbsent     = errors.New("there is no database yet; `keydesk serve` or `keydesk user add` makes one")
)

// Options says how to open a database for writing.
type Options struct {
	// Database is the path of an SQLite file, or the URL of a PostgreSQL database.
	Database string
	// Root returns the root secret. It is called with true when nothing is sealed yet, so that one may be made. It is called
	// again when other processes have sealed something under one that is not known.
	Root func(fresh bool) (access.RootSecret, error)
	// Tell is called for every committed change of a key that is made here, before the change is answered, and in order
	// where no other instance is at work. Who follows the changes is told of new keys by that alone. It may be nil.
	Tell func(access.KeyChange)
	// Log is called for each of them once, when what became of the key is known. It may be nil.
	Log func(access.KeyChange)
	// Stopped is called with why, once, when nothing is written any more: see ErrStopped. It may be nil.
	Stopped func(error)
	// Anchor is the file that holds the audit log too; none if empty. It is made where there never was one.
	Anchor string
	// AcceptLoss names what the operator accepts to have lost, in the words of the error that refused to go on without.
	AcceptLoss string
	// Notice is told, in a sentence, what was done when opening that the operator should know. It may be nil.
	Notice func(string)
	// Beside opens an SQLite database even while a server has it open, to rotate secrets or to end sessions, and for nothing else.
	Beside bool
	// Limits are those of each user's keys.
	Limits access.KeyLimits
	// Now is the clock.
	Now func() time.Time
}

// Open opens the database for writing, making or migrating it where needed. SQLite is opened by one process alone. On an
// error nothing in an existing database has changed.
func Open(ctx context.Context, o Options) (*DB, error) {
	db := newDB(o.Now)
	db.limits = o.Limits
	if o.Tell != nil {
		db.tell = o.Tell
	}
	if o.Log != nil {
		db.log = o.Log
	}
	if o.Stopped == nil {
		o.Stopped = func(error) {}
	}
	open := db.openSQLite
	db.dialect = sqliteDialect
	if IsPostgres(o.Database) {
		open = db.openPostgres
		db.dialect = postgresDialect
	}
	if err := open(ctx, o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func newDB(now func() time.Time) *DB {
	db := &DB{
		now: now, tell: func(access.KeyChange) {}, log: func(access.KeyChange) {}, recent: &recentUses{}, exporting: make(chan struct{}, maxExports),
		resolving: make(chan struct{}, maxResolves),
	}
	db.vault.now.Store(&Secrets{})
	return db
}

// Exists returns nil if there is a Keydesk database of this name, else ErrAbsent or what is wrong with it. It changes
// nothing.
func Exists(ctx context.Context, database string) error {
	look := existsSQLite
	if IsPostgres(database) {
		look = existsPostgres
	}
	fresh, err := look(ctx, database)
	if err == nil && fresh {
		err = fmt.Errorf("%s: %w", Shown(database), ErrAbsent)
	}
	return err
}

// Shown returns the name of a database as it may be shown: without a password.
func Shown(database string) string {
	if !IsPostgres(database) {
		return database
	}
	s, err := parseServer(database)
	if err != nil {
		return "the database"
	}
	return s.String()
}

// OpenToRead opens an existing database beside the processes that write it.
func OpenToRead(ctx context.Context, database string, now func() time.Time) (*DB, error) {
	if err := Exists(ctx, database); err != nil {
		return nil, err
	}
	db := newDB(now)
	open := db.readSQLite
	db.dialect = sqliteDialect
	if IsPostgres(database) {
		open = db.readPostgres
		db.dialect = postgresDialect
	}
	err := open(database)
	if err == nil {
		err = db.isCurrent(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", Shown(database), err), db.Close())
	}
	return db, nil
}

// isCurrent returns ErrOlder when the tables are not yet what this program reads.
func (db *DB) isCurrent(ctx context.Context) error {
	version, err := db.appliedVersion(ctx, db.read.DB)
	if err != nil {
		return err
	}
	if known, err := db.newestVersion(); err != nil || version < known {
		return errors.Join(err, ErrOlder)
	}
	return nil
}

func (d *dialect) migrate(ctx context.Context, write *sqlx.DB) error {
	files, err := d.migrations()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(d.goose, write.DB, files)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// appliedVersion returns the number of the last migration that the database has had, or -1 where there never was one.
func (d *dialect) appliedVersion(ctx context.Context, read sqlx.QueryerContext) (int64, error) {
	var table bool
	err := sqlx.GetContext(ctx, read, &table, d.isMigrated)
	if err != nil || !table {
		return -1, err
	}
	var version int64
	err = sqlx.GetContext(ctx, read, &version, `SELECT coalesce(max(version_id), 0) FROM goose_db_version`)
	return version, err
}

// newestVersion returns the number of the last migration that this program knows.
func (d *dialect) newestVersion() (int64, error) {
	files, err := d.migrations()
	if err != nil {
		return 0, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(err, errors.New("no migrations"))
	}
	return goose.NumericComponent(names[len(names)-1])
}

// checkVersion returns ErrNewer if the tables, which have had migrations up to version, are no longer for this program.
func (d *dialect) checkVersion(ctx context.Context, read sqlx.QueryerContext, version int64) error {
	known, err := d.newestVersion()
	if err != nil || version <= known {
		return err
	}
	var oldest int64
	err = sqlx.GetContext(ctx, read, &oldest, `SELECT migration FROM oldest_program`)
	if err == nil && oldest > known {
		err = ErrNewer
	}
	return err
}
