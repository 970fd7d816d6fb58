package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// applicationID is what the header of a Keydesk database in SQLite says: "KDSK".
const applicationID = 1262768971

// openSQLite opens the file for the one process that writes it.
func (db *DB) openSQLite(ctx context.Context, o Options) error {
	path, err := resolve(o.Database)
	if err != nil {
		return err
	}
	if o.Beside, err = db.takeLock(path, o.Beside); err != nil {
		return fmt.Errorf("%s: %w", o.Database, err)
	}
	if o.Beside { // the anchor is the server's too, which has it hold what is changed here
		o.Anchor, o.Notice = "", nil // so that it is not told that there is none
	}
	root, anchor, err := db.lookAtFile(ctx, path, o)
	if err != nil {
		return err
	}
	anchor.appendTo(db.anchor)
	if !onlyRead(path) {
		if err := createFile(path); err != nil {
			return fmt.Errorf("create database: %w", err)
		}
	}
	db.disk = &disk{path: path, tell: func(err error) {
		db.lockAlone()
		o.Stopped(err)
	}}
	db.connect(path)
	if onlyRead(path) {
		err = errors.Join(readable(anchor), db.openOnlyRead(ctx, root, o))
	} else {
		err = db.openToWrite(ctx, root, anchor, o)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.Database, err)
	}
	return nil
}

// lookAtFile returns the root secret and what the anchor says, once they are found to be those of the file. Nothing is written
// to it before: a wrong root secret, or anchor, must change nothing.
func (db *DB) lookAtFile(ctx context.Context, path string, o Options) (root access.RootSecret, anchor *look, err error) {
	if err := secureWAL(path); err != nil {
		return root, nil, fmt.Errorf("%s: wait for the disk: %w", o.Database, err)
	}
	fresh, err := inspect(ctx, path)
	if err != nil {
		return root, nil, fmt.Errorf("%s: %w", o.Database, err)
	}
	if err := db.holdAnchor(o.Anchor); err != nil {
		return root, nil, err
	}
	if fresh { // the anchor comes first: the root secret of a new database may be made
		if anchor, err = lookAtAnchor(ctx, nil, -1, access.RootSecret{}, o); err != nil {
			return root, nil, err
		}
	}
	if root, err = o.Root(fresh); err != nil || fresh {
		return root, anchor, err
	}
	if anchor, err = db.checkFile(ctx, path, root, o); err != nil {
		return root, nil, fmt.Errorf("%s: %w", o.Database, err)
	}
	return root, anchor, nil
}

// openToWrite brings the tables up to date, and opens what is sealed in them, the audit log and the anchor.
func (db *DB) openToWrite(ctx context.Context, root access.RootSecret, anchor *look, o Options) (err error) {
	if o.Beside { // the tables are the server's
		err = db.isCurrent(ctx)
	} else {
		err = db.migrate(ctx, db.write)
		db.disk.statements = walCheckpointEvery // of which each may have written much
	}
	if err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	if db.recent, err = loadRecent(ctx, db.read); err != nil {
		return err
	}
	if err := db.openSealed(ctx, db.write, root, o); err != nil {
		return err
	}
	if err := db.openAnchor(ctx, db.write, anchor, o); err != nil {
		return err
	}
	return db.renewSessionKey(ctx)
}

// checkFile returns nil if root opens everything that is sealed in the file, and the anchor is not ahead of it.
func (db *DB) checkFile(ctx context.Context, path string, root access.RootSecret, o Options) (l *look, err error) {
	read := connectToRead(path, 1, nil)
	defer func() { err = errors.Join(err, read.Close()) }()
	if err := checkRoot(ctx, read, root); err != nil {
		return nil, err
	}
	version, err := db.appliedVersion(ctx, read)
	if err != nil {
		return nil, err
	}
	return lookAtAnchor(ctx, read, version, root, o)
}

// takeLock takes the lock of the one process that writes the file. With beside it is enough to share that of a server.
func (db *DB) takeLock(path string, beside bool) (shared bool, err error) {
	db.lock = flock.New(path+".lock", flock.SetPermissions(0o600))
	held, err := db.lock.TryLock()
	if err == nil && !held && beside {
		shared = true
		held, err = db.lock.TryRLock()
	}
	if err != nil {
		return false, fmt.Errorf("lock database: %w", err)
	}
	if !held {
		return false, ErrInUse
	}
	return shared, nil
}

// ShareLock lets secrets be rotated and sessions be ended beside this process, by others that share its lock. Nothing else may be
// done so: this process remembers what it has read of everything but these and the audit log.
func (db *DB) ShareLock() error {
	if db.lock == nil {
		return nil
	}
	if err := db.lock.Unlock(); err != nil {
		return fmt.Errorf("share the lock of the database: %w", err)
	}
	shared, err := db.lock.TryRLock()
	if err != nil {
		return fmt.Errorf("share the lock of the database: %w", err)
	}
	if !shared { // somebody was faster
		return ErrInUse
	}
	return nil
}

// lockAlone keeps others from writing beside this process. If somebody is about to, the lock stays shared: to try has let go of it.
func (db *DB) lockAlone() {
	if alone, err := db.lock.TryLock(); alone && err == nil {
		return
	}
	_ = db.lock.Unlock()
	_, _ = db.lock.TryRLock()
}

// readSQLite opens the file to read it only.
func (db *DB) readSQLite(path string) error {
	full, err := resolve(path)
	if err != nil {
		return err
	}
	db.connectToRead(full)
	return nil
}

func (db *DB) connect(path string) {
	db.connectToRead(path)
	db.disk.readers = []*sqlx.DB{db.read.DB, db.exports}
	db.write = db.disk.watch(dsn(path, "immediate", "journal_mode(WAL)", "synchronous(FULL)",
		"wal_autocheckpoint(0)", fmt.Sprintf("journal_size_limit(%d)", walKept)))
}

func (db *DB) connectToRead(path string) {
	db.path = path
	db.read = newReadPool(connectToRead(path, maxReaders, db.disk), db.dialect)
	db.exports = connectToRead(path, maxExports*exportReaders, db.disk)
}

// dsn names the file as a URI, so that no character of its path is taken for an option. mode=rw never creates it.
func dsn(path, txlock string, pragmas ...string) string {
	options := url.Values{"mode": {"rw"}, "_txlock": {txlock}}
	options["_pragma"] = append([]string{"busy_timeout(5000)", "foreign_keys(1)"}, pragmas...)
	return "file:" + strings.ReplaceAll(url.PathEscape(path), "%2F", "/") + "?" + options.Encode()
}

// createFile makes the database file if it is not there, readable for its owner only. SQLite gives its other files the
// same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
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
