package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keydesk/keydesk/access"
)

// term is how long a transaction may take until it is committed, and then how long that is waited for.
type term struct {
	wait   time.Duration // 0 for ever
	timer  *time.Timer
	cancel context.CancelFunc
	left   bool // its commit goes on without anybody who waits
}

// steadfast returns a context for what is not given up when the person who asked goes away, and its term. What has no end
// is never done: the driver would watch over each statement with a goroutine of its own, a third of what a change takes.
func (d *dialect) steadfast(ctx context.Context) (context.Context, *term) {
	ctx = context.WithoutCancel(ctx)
	if d.wait == 0 {
		return ctx, &term{cancel: func() {}}
	}
	ctx, cancel := context.WithCancel(ctx)
	return ctx, &term{wait: d.wait, cancel: cancel, timer: time.AfterFunc(d.wait, cancel)}
}

// end ends the context, but for a commit that goes on.
func (t *term) end() {
	if t.timer != nil {
		t.timer.Stop()
	}
	if !t.left {
		t.cancel()
	}
}

var errSlow = errors.New("the database did not answer in time")

// commit commits, and says of what if that fails: unless it is sure that it did not, it may have happened all the same.
// A commit is never called off: PostgreSQL would take it for done without waiting for its standbys, and whoever asks
// again would be told that it is.
func (t *term) commit(what access.Action, tx interface{ Commit() error }) error {
	if t.wait == 0 {
		return committed(what, tx.Commit())
	}
	if !t.timer.Stop() {
		return unsaved(what, errSlow)
	}
	done := make(chan error, 1)
	go func() {
		done <- tx.Commit()
		t.cancel()
	}()
	slow := time.NewTimer(t.wait)
	defer slow.Stop()
	select {
	case err := <-done:
		return committed(what, err)
	case <-slow.C:
		t.left = true
		return committed(what, errSlow)
	}
}

func committed(what access.Action, err error) error {
	if notCommitted(err) {
		return unsaved(what, err)
	}
	if err != nil {
		return fmt.Errorf("%s: commit: %w (%w)", what, err, access.ErrUnsure)
	}
	return nil
}

// unsaved says that the change was given up before it was committed.
func unsaved(what access.Action, err error) error {
	return fmt.Errorf("%s: %w (%w)", what, err, access.ErrUnsaved)
}

// confirm returns once what is there already is as safe as a change that is made now. It may have been made by somebody
// who was told that nobody knows whether it was, because PostgreSQL's standbys did not answer.
func (db *DB) confirm(ctx context.Context, what access.Action) error {
	if !db.shared {
		return nil
	}
	ctx, term := db.steadfast(ctx)
	defer term.end()
	t, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return unsaved(what, err)
	}
	defer func() { _ = t.Rollback() }()
	if _, err := affect(ctx, t, `UPDATE oldest_program SET migration = migration`); err != nil { // any write will do
		return unsaved(what, err)
	}
	return term.commit(what, t)
}
