package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/dustin/go-humanize/english"
	"github.com/gofrs/flock"
	"github.com/jmoiron/sqlx"
)

// holdAnchor keeps the anchor for this process alone, if there is to be one.
func (db *DB) holdAnchor(path string) error {
	if path == "" {
		return nil
	}
	db.anchor = &anchor{path: path, open: openDiskFile, lock: flock.New(path+".lock", flock.SetPermissions(0o600))}
	if held, err := db.anchor.lock.TryLock(); err != nil {
		return fmt.Errorf("lock anchor: %w", err)
	} else if !held {
		return fmt.Errorf("%s: %w", path, ErrAnchorInUse)
	}
	return nil
}

// openAnchor has the database do again what it lacks of the anchor, as far as that was found possible or was accepted, and
// then the anchor hold what it lacks of the database.
func (db *DB) openAnchor(ctx context.Context, w *sqlx.DB, l *look, o Options) error {
	if l == nil {
		return db.missAnchor(ctx, o)
	}
	notice := o.notice()
	if err := db.redoLost(ctx, w, l, notice); err != nil {
		return err
	}
	if err := db.openAnchorFile(ctx, l); err != nil {
		return fmt.Errorf("%w: %w", errAnchor, err)
	}
	_, err := affect(ctx, w, `UPDATE audit_head SET anchored = 1 WHERE anchored = 0`)
	return err
}

// notice returns whom to tell.
func (o Options) notice() func(string) {
	if o.Notice == nil {
		return func(string) {}
	}
	return o.Notice
}

// missAnchor tells of a database that had an anchor and is now opened without.
func (db *DB) missAnchor(ctx context.Context, o Options) error {
	var anchored bool
	err := db.read.GetContext(ctx, &anchored, `SELECT anchored = 1 FROM audit_head`)
	if err == nil && anchored {
		o.notice()("the database had an anchor, and is opened without: if it was set back, nobody notices; give it with --anchor")
	}
	return err
}

// redoLost has the database do again what it lacks of the anchor, as far as that is known.
func (db *DB) redoLost(ctx context.Context, w *sqlx.DB, l *look, notice func(string)) error {
	switch {
	case !l.there && l.anchored && l.entries > 0:
		notice("the anchor is made anew: whether keys were deactivated that are active here is not known")
		return db.continueLog(ctx, w, l)
	case l.lost == nil || l.lost.accepted:
		if l.accept != "" {
			notice("nothing that is named " + l.accept + " is lost any more; take --accept-loss away")
		}
		return nil
	case l.lost.exact:
		notice(fmt.Sprintf("the database was older than its anchor: %s deactivated again, as before", keysWere(l.lost.size-l.lost.after)))
		return db.replay(ctx, w, l)
	}
	notice("the database was older than its anchor: " + l.lost.what() + l.lost.toDo())
	return db.continueLog(ctx, w, l)
}

func keysWere(n int64) string {
	return english.Plural(int(n), "key", "") + " " + english.PluralWord(int(n), "was", "were")
}

// openAnchorFile opens the file to append to, or makes it where there is none, or none of this log as it goes on now.
func (db *DB) openAnchorFile(ctx context.Context, l *look) error {
	a, aside := db.anchor, ""
	if l.lost != nil && !l.lost.exact {
		aside = l.path + "." + l.lost.name
	}
	if l.there && aside == "" && (l.size > 0 || originOf(l.verifier) == db.originNow(ctx)) {
		if err := os.Chmod(a.path, 0o600); err != nil {
			return err
		}
		return db.catchUp(ctx, 0)
	}
	partial := l.path + ".partial"
	if err := os.WriteFile(partial, nil, 0o600); err != nil {
		return err
	}
	a.path, a.end, a.size, a.verifier = partial, 0, 0, ""
	err := errors.Join(os.Chmod(partial, 0o600), db.catchUp(ctx, 0))
	a.path = l.path
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	if aside != "" {
		if err := keepAside(l.path, aside); err != nil {
			return err
		}
	}
	return errors.Join(os.Rename(partial, l.path), SyncFolder(l.path))
}

// keepAside keeps a copy of the file under another name, unless there is one. It needs no links of the file system.
func keepAside(path, aside string) error {
	if _, err := os.Lstat(aside); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	partial := aside + ".partial"
	if err := errors.Join(removePartial(partial), copyFile(path, partial)); err != nil {
		return errors.Join(err, removePartial(partial))
	}
	return place(partial, aside)
}

// readable refuses a database that can only be read and would have to do something again: keys would come back.
func readable(l *look) error {
	if l == nil || l.lost == nil || l.lost.accepted {
		return nil
	}
	return fmt.Errorf("%w, and can only be read: make its folder writable first", ErrBehind)
}

// originNow returns the name of the log.
func (db *DB) originNow(ctx context.Context) (origin string) {
	_ = db.read.GetContext(ctx, &origin, `SELECT origin FROM audit_head`) // or the file is made anew
	return origin
}
