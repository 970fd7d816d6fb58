package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keydesk/keydesk/access"
)

// ErrWentBack says that changes which were made are no longer there.
var ErrWentBack = errors.New("the database has lost changes: a standby took its place that had not received them, or a " +
	"backup was restored; start the desk again")

// Follower is who is to know every key.
type Follower struct {
	Name    string                 // of this instance, for the operator
	Reserve func(keys int)         // is told how many keys there are
	Note    func(access.KeyChange) // is told of each, and then of every change, of those made here a second time
	Trouble func(error)            // is told why changes made elsewhere are not known, and nil when they are again
	Lost    func(error)            // is told once that this process cannot go on
	Secrets func(what []string)    // is told which have new ones, of root, pepper, session and signing; or nil
	Sealed  func(error)            // is told why secrets are not known that others have made, and nil when they are; or nil
}

// Follow tells of every key, and then, where several instances are at work, of what the others change. The function that
// it returns ends that: call it when nobody asks for keys any more.
func (db *DB) Follow(ctx context.Context, who Follower) (stop func(), err error) {
	db.vault.tellOfSecrets(who.Secrets)
	if who.Sealed == nil {
		who.Sealed = func(error) {}
	}
	if !db.shared {
		if err := db.AllKeys(ctx, who.Reserve, who.Note); err != nil {
			return nil, err
		}
		return inBackground(ctx, func(ctx context.Context) { db.pollSecrets(ctx, who.Sealed) }), nil
	}
	f := &following{Follower: who, db: db, others: watch{}, ending: map[string]access.KeyChange{}}
	if err := f.load(ctx); err != nil {
		return nil, err
	}
	if err := f.sync(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("follow changes: %w", err), f.disconnect())
	}
	db.following.Store(f)
	end := inBackground(ctx, f.run)
	return func() {
		end()
		f.leave()
	}, nil
}

// inBackground runs do until end is called, which waits for its end.
func inBackground(ctx context.Context, do func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// How long Current waits, and how often it looks meanwhile.
const (
	currentWait = 250 * time.Millisecond
	currentLook = 5 * time.Millisecond
)

// Current tells whether what was told of the keys is all that there is to know: nothing was changed since, or whoever
// changed it has not been answered yet. If it is not, it waits a moment for it to be, which is long enough for a process
// that was paused, or lost its connection.
func (db *DB) Current() bool {
	if !db.shared {
		return true
	}
	f := db.following.Load()
	for waited := time.Duration(0); f == nil || int64(clock()) >= f.until.Load(); waited += currentLook {
		if f == nil || waited >= currentWait {
			return false
		}
		time.Sleep(currentLook)
	}
	return true
}

// run follows the changes until ctx is done, or this process cannot go on.
func (f *following) run(ctx context.Context) {
	for {
		err := f.wait(ctx)
		if err == nil {
			err = f.sync(context.WithoutCancel(ctx)) // or the connection would be lost in the middle of it
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrNewer) || errors.Is(err, ErrWentBack):
			f.until.Store(0)
			f.Lost(err)
			return
		case err != nil:
			_ = f.disconnect() // whatever is wrong with it, another one is made
		}
		f.Trouble(err)
	}
}

// again is after how long it is tried again to reach the database.
const again = renewEvery / 5

// wait waits until a change is told of, or it is time to renew the lease.
func (f *following) wait(ctx context.Context) error {
	long := renewEvery
	if f.conn == nil {
		long = again
	}
	due, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	if f.conn == nil {
		<-due.Done()
		return nil
	}
	_, err := f.conn.WaitForNotification(due)
	for err == nil { // all that have come: one look is enough for them
		cancel()
		_, err = f.conn.WaitForNotification(due)
	}
	if due.Err() != nil && !f.conn.IsClosed() {
		return nil
	}
	return err
}

// syncRounds is how often changes are pulled at most before others are waited for: where there is no end to them, the
// renewals count all the same.
const syncRounds = 4

// sync applies all changes and renews the lease, taking one out where there is none any more.
func (f *following) sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, leaseTime)
	defer cancel()
	if err := f.connect(ctx); err != nil {
		return err
	}
	for round := 1; ; round++ {
		if err := f.pull(ctx); err != nil {
			return err
		}
		asked := clock()
		head, renewed, err := f.renew(ctx)
		switch {
		case err != nil:
			return err
		case !renewed: // and what is missing is pulled after this
			if err := f.register(ctx); err != nil {
				return err
			}
			continue
		}
		if err := f.secrets(ctx); err != nil { // or a key could be unknown that others have made
			return err
		}
		f.lease.renewed(asked, head)
		f.until.Store(int64(f.lease.until))
		f.db.catchUpSoon(f.lease.applied)
		if f.lease.applied >= head || round >= syncRounds { // or it is told of more that are to be followed
			return f.fenceOthers(ctx)
		}
	}
}
