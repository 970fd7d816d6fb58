package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/jmoiron/sqlx"
)

// existsSQLite tells whether the file is there; fresh means that there is no database in it.
func existsSQLite(ctx context.Context, path string) (fresh bool, err error) {
	full, err := resolve(path)
	if err != nil {
		return false, err
	}
	if fresh, err = inspect(ctx, full); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return fresh, err
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
		return true, noLog(path)
	case info.Size() < smallestSQLite:
		return false, ErrDamaged
	}
	read := connectToRead(path, 1, nil)
	fresh, err = inspectContent(ctx, read, path)
	if corrupt(err) {
		err = ErrDamaged
	}
	if denied(err) {
		err = ErrDenied
	}
	return fresh, errors.Join(err, read.Close())
}

// smallestSQLite is the size in bytes of the smallest SQLite database: one page of the smallest size.
const smallestSQLite = 512

// noLog refuses an empty file whose write-ahead log is not empty: it was not always empty.
func noLog(path string) error {
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return ErrDamaged
	}
	return nil
}

func inspectContent(ctx context.Context, read *sqlx.DB, path string) (fresh bool, err error) {
	var tables, application int
	err = read.GetContext(ctx, &tables,
		`SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'`)
	if err != nil {
		return false, err
	}
	if tables == 0 {
		return true, nil // a first start was stopped before its migration committed
	}
	if err := read.GetContext(ctx, &application, `PRAGMA application_id`); err != nil {
		return false, err
	}
	if application != applicationID {
		return false, ErrForeign
	}
	version, err := sqliteDialect.appliedVersion(ctx, read)
	if err != nil {
		return false, err
	}
	if err := sqliteDialect.checkVersion(ctx, read, version); err != nil {
		return false, err
	}
	if err := checkPages(ctx, read, path); err != nil {
		return false, err
	}
	// A first start that was stopped before its secrets were sealed left nothing behind that needs them.
	err = read.GetContext(ctx, &fresh, `SELECT NOT EXISTS (SELECT 1 FROM users) AND NOT EXISTS (SELECT 1 FROM secrets)`)
	return fresh, err
}
