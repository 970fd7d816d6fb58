package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/jmoiron/sqlx"
)

// Errors of a backup, completed by which file it is about.
var (
	ErrThere     = errors.New("there is a file of this name already, which is never written over; name a new one")
	ErrNoBackup  = errors.New("only an SQLite database is one file; back a PostgreSQL database up with pg_dump or a base backup, which see all of it at once")
	ErrNoRestore = errors.New("only an SQLite database is one file; restore a PostgreSQL database with pg_restore or a base backup, and start with its anchor")
)

// Copied is what is in a backup.
type Copied struct {
	Users, Keys int64
	Changes     int64 // the number of the last one
	Bytes       int64
}

// Backup copies an SQLite database, as it is at one moment, to a new file, beside the processes that read and write it.
// The file gets its name when it is whole, checked and on the disk.
func Backup(ctx context.Context, database, file string) (c Copied, err error) {
	if IsPostgres(database) {
		return c, ErrNoBackup
	}
	if err := notThere(file, ErrThere); err != nil {
		return c, err
	}
	if err := Exists(ctx, database); err != nil {
		return c, err
	}
	path, err := resolve(database)
	if err != nil {
		return c, err
	}
	partial := file + ".partial"
	defer func() {
		if err != nil {
			err = fmt.Errorf("back up %s: %w", database, err)
			if removed := os.Remove(partial); !errors.Is(removed, fs.ErrNotExist) {
				err = errors.Join(err, removed)
			}
		}
	}()
	if err := os.WriteFile(partial, nil, 0o600); err != nil {
		return c, err
	}
	if err := errors.Join(os.Chmod(partial, 0o600), vacuumInto(ctx, path, partial)); err != nil {
		return c, err
	}
	if c, err = checkCopy(ctx, partial); err != nil {
		return c, err
	}
	return c, place(partial, file)
}

// notThere returns why, said of the file, if there is something of this name.
func notThere(file string, why error) error {
	_, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%s: %w", file, why)
}

// vacuumInto has SQLite write all that there is at one moment to an empty file.
func vacuumInto(ctx context.Context, path, file string) (err error) {
	pool, err := sqlx.Open("sqlite", dsn(path, "deferred"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	_, err = pool.ExecContext(ctx, `VACUUM INTO ?`, file)
	return err
}

// checkCopy reads the whole file and counts what is in it. It is looked at as it is, without what a log beside it may hold.
func checkCopy(ctx context.Context, path string) (c Copied, err error) {
	read, err := openAlone(path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, read.Close()) }()
	var verdict string
	err = read.GetContext(ctx, &verdict, `PRAGMA quick_check(1)`)
	if corrupt(err) || err == nil && verdict != "ok" {
		return c, ErrDamaged
	}
	if err != nil {
		return c, err
	}
	var entries int64
	err = read.QueryRowxContext(ctx, `SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM keys),
		(SELECT number FROM audit_head), (SELECT count(*) FROM audit)`).Scan(&c.Users, &c.Keys, &c.Changes, &entries)
	if err != nil {
		return c, err
	}
	if entries != c.Changes {
		return c, fmt.Errorf("%w: it has %d of %d changes", ErrDamaged, entries, c.Changes)
	}
	info, err := os.Stat(path)
	if err == nil {
		c.Bytes = info.Size()
	}
	return c, err
}

// openAlone opens a file that nobody writes, to read it without any other file beside it.
func openAlone(path string) (*sqlx.DB, error) {
	pool, err := sqlx.Open("sqlite", dsn(path, "deferred", "query_only(1)")+"&immutable=1")
	if err == nil {
		pool.SetMaxOpenConns(1)
	}
	return pool, err
}

// place gives a file that is complete its name, once it is on the disk. It takes the place of no other.
func place(partial, file string) error {
	f, err := os.OpenFile(partial, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := RenameNew(partial, file); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w", file, ErrThere)
	} else if err != nil {
		return err
	}
	return SyncFolder(file)
}

// renameByLink renames a file to a name that no other has, as far as the file system has links.
func renameByLink(from, to string) error {
	if err := os.Link(from, to); errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil {
		return os.Rename(from, to)
	}
	return os.Remove(from)
}
