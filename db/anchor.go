package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/gofrs/flock"

	"github.com/keydesk/keydesk/access"
)

// anchor is a file beside the database that holds the audit log too, up to every change that was answered. By it a
// database that was set back is found, and the keys that were deactivated since are ended again.
type anchor struct {
	path string
	open func(path string) (appended, error)
	lock *flock.Flock

	mu       sync.Mutex // held while it is appended to, so that who waits meanwhile finds it done
	file     appended   // nil after an error, until it is opened anew
	end      int64      // bytes that are on the disk for sure
	size     int64      // entries in them
	verifier string     // the key of the last head
	closed   bool
	queue    anchorQueue
	broken   atomic.Bool
	behind   atomic.Bool // somebody is about to catch up
}

// errAnchor says that the anchor cannot be written.
var errAnchor = errors.New("write anchor")

// anchored returns once the anchor holds the change, which is committed. Otherwise nobody knows whether it lasts.
func (db *DB) anchored(ctx context.Context, what access.Action, number int64) error {
	if err := db.catchUp(ctx, number); err != nil {
		return fmt.Errorf("%s: %w (%w)", what, err, access.ErrUnsure)
	}
	return nil
}

// mendAnchor returns nil if the anchor can be written as far as is known: after an error that is tried again.
func (db *DB) mendAnchor(ctx context.Context, what access.Action) error {
	if db.anchor == nil || !db.anchor.broken.Load() {
		return nil
	}
	if err := db.catchUp(ctx, 0); err != nil {
		return unsaved(what, err)
	}
	return nil
}

// catchUpSoon has the anchor hold what others have changed, without waiting for it.
func (db *DB) catchUpSoon(number int64) {
	if db.anchor == nil || db.anchor.behind.Swap(true) {
		return
	}
	go func() {
		db.anchor.behind.Store(false)
		_ = db.catchUp(context.Background(), number) // or the next change does
	}()
}

// anchorOthers has the anchor hold what another process has changed beside this one.
func (db *DB) anchorOthers(ctx context.Context) error {
	if db.anchor == nil {
		return nil
	}
	var number int64
	if err := db.read.GetContext(ctx, &number, `SELECT number FROM audit_head`); err != nil {
		return fmt.Errorf("look for changes of others: %w", err)
	}
	db.catchUpSoon(number)
	return nil
}

// catchUp appends to the anchor what it lacks of the log, unless it has the change of this number, and waits for the disk.
// What came meanwhile goes with it, so that changes that wait share that. After an error it begins anew.
func (db *DB) catchUp(ctx context.Context, number int64) (err error) {
	a := db.anchor
	if a == nil {
		return nil
	}
	ctx, cancel := db.patient(context.WithoutCancel(ctx))
	defer cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return fmt.Errorf("%w: it is closed", errAnchor)
	}
	if a.size >= number && a.file != nil {
		return nil
	}
	err = a.reopen()
	if err == nil {
		err = db.appendToAnchor(ctx)
	}
	if err != nil {
		a.drop()
		return fmt.Errorf("%w: %w", errAnchor, err)
	}
	a.broken.Store(false)
	return nil
}

// drop closes the file: after an error the system may say no more of what it has not written.
func (a *anchor) drop() {
	a.broken.Store(true)
	if a.file != nil {
		_ = a.file.Close() // which says nothing of what is on the disk
		a.file = nil
	}
}

// reopen opens the file anew where that is needed, and cuts off what may not be on the disk.
func (a *anchor) reopen() (err error) {
	if a.file != nil {
		return a.same()
	}
	if a.file, err = a.open(a.path); err != nil {
		a.file = nil
		return err
	}
	info, err := a.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < a.end {
		return fmt.Errorf("%s has lost its end; start keydesk again", a.path)
	}
	if err := a.file.Truncate(a.end); err != nil {
		return err
	}
	_, err = a.file.Seek(a.end, io.SeekStart)
	return err
}

// same returns an error if another file, or none, has taken the place of the one that is written.
func (a *anchor) same() error {
	now, err := os.Stat(a.path)
	if err != nil {
		return err
	}
	ours, err := a.file.Stat()
	if err == nil && !os.SameFile(now, ours) {
		err = fmt.Errorf("%s is another file by now; start keydesk again", a.path)
	}
	return err
}

// close ends the use of the file.
func (a *anchor) close() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	var err error
	if a.file != nil {
		err = a.file.Close()
		a.file = nil
	}
	return errors.Join(err, a.lock.Unlock())
}
