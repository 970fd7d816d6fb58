package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/gofrs/flock"
	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// Restored is what Restore has made.
type Restored struct {
	Copied
	At       time.Time // of the last change; zero where there is none
	Verified bool      // its log was; that of an older version is when it is brought up to date
}

// ErrOccupied says that a backup would take the place of something.
var ErrOccupied = errors.New("there is a database of this name; stop the desk, and move the file, its -wal and its -shm away first")

// ErrBackupDamaged says that a backup cannot be restored.
var ErrBackupDamaged = errors.New("this backup is damaged, or is none of Keydesk; take another one")

// Restore makes a backup the database of this name, where there is none. The backup is copied, and the copy gets the name
// once it is checked as a whole: pages, root secret, the log against its tree and its checkpoint, and the rows against
// the log. Sessions end: some may have been over since. On an error there is what there was before.
func Restore(ctx context.Context, backup string, o Options) (r Restored, err error) {
	if IsPostgres(o.Database) {
		return r, ErrNoRestore
	}
	path, err := resolve(o.Database)
	if err != nil {
		return r, err
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if held, err := lock.TryLock(); err != nil {
		return r, fmt.Errorf("lock database: %w", err)
	} else if !held {
		return r, fmt.Errorf("%s: %w", o.Database, ErrInUse)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := notThere(path+suffix, ErrOccupied); err != nil {
			return r, err
		}
	}
	if err := checkBackup(ctx, backup, o); err != nil {
		return r, ofBackup(backup, err)
	}
	partial := path + ".partial"
	defer func() {
		if err != nil {
			err = errors.Join(err, removePartial(partial))
		}
	}()
	if err := errors.Join(removePartial(partial), copyFile(backup, partial)); err != nil {
		return r, fmt.Errorf("restore %s: %w", backup, err)
	}
	if r, err = prepareRestored(ctx, partial, o); err != nil {
		return r, ofBackup(backup, err)
	}
	return r, place(partial, path)
}

// ofBackup says an error of the backup. What to do is another thing than with a database.
func ofBackup(backup string, err error) error {
	if errors.Is(err, ErrDamaged) {
		err = ErrBackupDamaged
	}
	return fmt.Errorf("%s: %w", backup, err)
}

// removePartial removes what a restore, or one before, has left.
func removePartial(partial string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(partial + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// checkBackup returns nil if the file is a database of Keydesk that this program and this root secret open, as far as that
// takes no time. It changes nothing.
func checkBackup(ctx context.Context, backup string, o Options) (err error) {
	info, err := os.Stat(backup)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return ErrForeign
	}
	if info.Size() < smallestSQLite {
		return ErrDamaged
	}
	if err := noLog(backup); err != nil {
		return fmt.Errorf("it has a -wal, so that it is no backup, but a database in use or one that was not closed: " +
			"make a backup of it with `keydesk backup`")
	}
	read, err := openAlone(backup)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, read.Close()) }()
	fresh, err := inspectContent(ctx, read, backup)
	switch {
	case corrupt(err):
		return ErrDamaged
	case err != nil:
		return err
	case fresh:
		return ErrForeign
	}
	root, err := o.Root(false)
	if err != nil {
		return err
	}
	if err := checkRoot(ctx, read, root); err != nil {
		return err
	}
	version, err := sqliteDialect.appliedVersion(ctx, read)
	if err == nil && version >= treeVersion {
		_, err = signingVerifiers(ctx, read, root)
	}
	return err
}

// copyFile copies to a new file of the owner's only.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// prepareRestored ends all sessions in the copy, and checks that it is as its log says.
func prepareRestored(ctx context.Context, partial string, o Options) (r Restored, err error) {
	if r.Copied, err = checkCopy(ctx, partial); err != nil {
		return r, err
	}
	if err := endSessions(ctx, partial); err != nil {
		return r, err
	}
	db := newDB(o.Now)
	db.dialect = sqliteDialect
	pool, err := openAlone(partial)
	if err != nil {
		return r, err
	}
	db.read = newReadPool(pool, db.dialect)
	defer func() { err = errors.Join(err, db.Close()) }()
	var at int64
	if err := db.read.GetContext(ctx, &at, `SELECT coalesce(max(at), 0) FROM audit WHERE number = (SELECT max(number) FROM audit)`); err != nil {
		return r, err
	}
	if at != 0 {
		r.At = time.UnixMicro(at).UTC()
	}
	if err := db.isCurrent(ctx); errors.Is(err, ErrOlder) {
		return r, nil
	} else if err != nil {
		return r, err
	}
	r.Verified = true
	root, err := o.Root(false)
	if err != nil {
		return r, err
	}
	return r, db.verifyRestored(ctx, root)
}

// verifyRestored returns an error that names the first finding of the log's check.
func (db *DB) verifyRestored(ctx context.Context, root access.RootSecret) error {
	verifiers, err := signingVerifiers(ctx, db.read, root)
	if err != nil {
		return err
	}
	state, err := db.VerifyLog(ctx, access.TheOperator(), verifiers)
	if err != nil || state.Sound() {
		return err
	}
	return fmt.Errorf("the backup was altered, or is damaged: %s (%s in all); take another one", state.Findings[0],
		english.Plural(len(state.Findings)+state.More, "finding", ""))
}

// endSessions ends all sessions in a file that nobody else has open, and uses up its recovery codes, if it has such.
func endSessions(ctx context.Context, path string) (err error) {
	pool, err := sqlx.Open("sqlite", dsn(path, "immediate", "journal_mode(DELETE)"))
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, pool.Close()) }()
	if _, err = affect(ctx, pool, `DELETE FROM sessions`); err != nil {
		return err
	}
	var codes bool
	err = pool.GetContext(ctx, &codes, `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'recovery_codes')`)
	if err != nil || !codes { // a backup of an older version has none
		return err
	}
	return endRecoveryCodes(ctx, pool, time.Now())
}
