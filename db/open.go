package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"github.com/keydesk/keydesk/access"
)

// Errors of opening a database. Each is a sentence for the operator, completed by the path.
var (
	ErrInUse   = errors.New("another keydesk process is using the database; stop it first")
	ErrNewer   = errors.New("the database was made by a newer keydesk; use that one")
	ErrForeign = errors.New("the file is not a Keydesk database")
	ErrDamaged = errors.New("the database is damaged; restore a backup")
	ErrAbsent  = errors.New("there is no database yet; `keydesk serve` or `keydesk user add` makes one")
)

// Options says how to open a database for writing.
type Options struct {
	Path string
	// Root returns the root secret. It is called with true when nothing is sealed yet, so that one may be made.
	Root func(fresh bool) (access.RootSecret, error)
	// Tell is called for every committed change of a key, in order, before the change is answered.
	Tell func(access.KeyChange)
	// Now is the clock.
	Now func() time.Time
}

// Open opens the database for the one process that writes it, making or migrating it where needed. On an error
// nothing in an existing database has changed.
func Open(ctx context.Context, o Options) (*DB, error) {
	path, err := resolve(o.Path)
	if err != nil {
		return nil, err
	}
	db := &DB{now: o.Now, tell: o.Tell, lock: flock.New(path+".lock", flock.SetPermissions(0o600))}
	if held, err := db.lock.TryLock(); err != nil {
		return nil, fmt.Errorf("lock database: %w", err)
	} else if !held {
		return nil, fmt.Errorf("%s: %w", o.Path, ErrInUse)
	}
	if err := db.open(ctx, path, o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, path string, o Options) error {
	fresh, err := inspect(ctx, path)
	if err != nil {
		return fmt.Errorf("%s: %w", o.Path, err)
	}
	root, err := o.Root(fresh)
	if err != nil {
		return err
	}
	if !fresh {
		// Before anything is written: a wrong root secret must change nothing.
		if err := unsealable(ctx, path, root); err != nil {
			return fmt.Errorf("%s: %w", o.Path, err)
		}
	}
	if err := createFile(path); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	if db.read, db.write, err = connect(path, true); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if err := db.migrate(ctx); err != nil {
		return fmt.Errorf("%s: migrate database: %w", o.Path, err)
	}
	return db.openSecrets(ctx, root)
}

// OpenToRead opens an existing database beside the process that writes it.
func OpenToRead(ctx context.Context, path string, now func() time.Time) (*DB, error) {
	full, err := resolve(path)
	if err != nil {
		return nil, err
	}
	fresh, err := inspect(ctx, full)
	if err == nil && fresh {
		err = ErrAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	read, _, err := connect(full, false)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &DB{read: read, now: now}, nil
}

// resolve follows symbolic links, so that two names of one file are one lock.
func resolve(path string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", fmt.Errorf("database folder: %w", err)
	}
	full, err := filepath.Abs(filepath.Join(dir, filepath.Base(path)))
	if err != nil {
		return "", fmt.Errorf("database path: %w", err)
	}
	if target, err := filepath.EvalSymlinks(full); err == nil {
		full = target
	}
	if info, err := os.Stat(full); err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s: %w", path, ErrForeign)
	}
	return full, nil
}

// inspect looks at the file without changing it: fresh means that there is no database in it yet.
func inspect(ctx context.Context, path string) (fresh bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, err
	case info.Size() == 0:
		return true, nil
	}
	read, _, err := connect(path, false)
	if err != nil {
		return false, err
	}
	fresh, err = inspectContent(ctx, read)
	if corrupt(err) {
		err = ErrDamaged
	}
	return fresh, errors.Join(err, read.Close())
}

func inspectContent(ctx context.Context, read *sqlx.DB) (fresh bool, err error) {
	var tables, application int
	if err := read.GetContext(ctx, &tables, `SELECT count(*) FROM sqlite_master`); err != nil {
		return false, err
	}
	if tables == 0 {
		return true, nil // a first start was stopped before its migration committed
	}
	if err := read.GetContext(ctx, &application, `PRAGMA application_id`); err != nil {
		return false, err
	}
	var version sql.NullInt64
	if err := read.GetContext(ctx, &version, `SELECT max(version_id) FROM goose_db_version`); err != nil && corrupt(err) {
		return false, err
	}
	known, err := newestVersion()
	if err != nil {
		return false, err
	}
	switch {
	case application == 0 && version.Valid && version.Int64 == 0:
		return true, nil // the migrations' own table is there, the first migration is not
	case application != applicationID:
		return false, ErrForeign
	case version.Int64 > known:
		return false, ErrNewer
	}
	var verdict string
	if err := read.GetContext(ctx, &verdict, `PRAGMA quick_check(1)`); err != nil {
		return false, err
	}
	if verdict != "ok" {
		return false, ErrDamaged
	}
	return false, nil
}

func newestVersion() (int64, error) {
	files, err := migrations()
	if err != nil {
		return 0, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(err, errors.New("no migrations"))
	}
	return goose.NumericComponent(names[len(names)-1])
}

func (db *DB) migrate(ctx context.Context) error {
	files, err := migrations()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db.write.DB, files)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}
