package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"

	"github.com/keydesk/keydesk/access"
)

// Errors of opening a database. Each is a sentence for the operator, completed by the path.
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
	Path string
	// Root returns the root secret. It is called with true when nothing is sealed yet, so that one may be made.
	Root func(fresh bool) (access.RootSecret, error)
	// Tell is called for every committed change of a key, in order, before the change is answered.
	Tell func(access.KeyChange)
	// Limits are those of each user's keys.
	Limits access.KeyLimits
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
	db := &DB{now: o.Now, tell: o.Tell, limits: o.Limits, recent: &recentUses{}, lock: flock.New(path+".lock", flock.SetPermissions(0o600))}
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
		if err := checkRoot(ctx, path, root); err != nil {
			return fmt.Errorf("%s: %w", o.Path, err)
		}
	}
	if err := createFile(path); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	if err := db.connect(path); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if err := db.migrate(ctx); err != nil {
		return fmt.Errorf("%s: migrate database: %w", o.Path, err)
	}
	if db.recent, err = loadRecent(ctx, db.read); err != nil {
		return fmt.Errorf("%s: %w", o.Path, err)
	}
	return db.openSecrets(ctx, root)
}

// Exists returns nil if there is a database at the path, else ErrAbsent or what is wrong with it. It changes nothing.
func Exists(ctx context.Context, path string) error {
	full, err := resolve(path)
	if err != nil {
		return err
	}
	fresh, err := inspect(ctx, full)
	if err == nil && fresh {
		err = ErrAbsent
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// OpenToRead opens an existing database beside the process that writes it.
func OpenToRead(ctx context.Context, path string, now func() time.Time) (*DB, error) {
	if err := Exists(ctx, path); err != nil {
		return nil, err
	}
	full, err := resolve(path)
	if err != nil {
		return nil, err
	}
	db := &DB{now: now, recent: &recentUses{}}
	if err := db.connectToRead(full); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), db.Close())
	}
	if err := db.isCurrent(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return db, nil
}

// isCurrent returns ErrOlder when the tables are not yet what this program reads.
func (db *DB) isCurrent(ctx context.Context) error {
	version, err := appliedVersion(ctx, db.read.DB)
	if err != nil {
		return err
	}
	if known, err := newestVersion(); err != nil || version < known {
		return errors.Join(err, ErrOlder)
	}
	return nil
}

func (db *DB) connect(path string) (err error) {
	if db.write, err = connectToWrite(path); err != nil {
		return err
	}
	return db.connectToRead(path)
}

func (db *DB) connectToRead(path string) (err error) {
	pool, err := connectToRead(path, maxReaders)
	if err != nil {
		return err
	}
	db.read = newReadPool(pool)
	db.exporting = make(chan struct{}, maxExports)
	db.exports, err = connectToRead(path, maxExports*exportReaders)
	return err
}

// resolve follows symbolic links and refuses hard links, so that one file has one lock.
func resolve(path string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", fmt.Errorf("database folder: %w", err)
	}
	full, err := filepath.Abs(filepath.Join(dir, filepath.Base(path)))
	if err != nil {
		return "", fmt.Errorf("database path: %w", err)
	}
	if _, err := os.Lstat(full); errors.Is(err, fs.ErrNotExist) {
		return full, nil
	}
	if full, err = filepath.EvalSymlinks(full); err != nil {
		return "", fmt.Errorf("database path: %w", err)
	}
	info, err := os.Stat(full)
	switch {
	case err != nil:
		return "", fmt.Errorf("database path: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s: %w", path, ErrForeign)
	case hardLinked(info):
		return "", fmt.Errorf("%s: %w", path, ErrHardLinked)
	}
	return full, nil
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
