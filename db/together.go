package db

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/keydesk/keydesk/access"
)

// pending is a change that somebody waits for.
type pending struct {
	ctx   context.Context
	actor access.Actor
	what  access.Action
	act   act

	tx   *tx
	err  error
	done chan struct{} // closed when it is known what became of it
}

// commitGroup is the changes that are to be committed together: those that came while another commit waited for the disk.
// The first of them commits them all.
type commitGroup struct {
	mu   sync.Mutex
	some []*pending
}

// join adds a change, and tells whether it is the first.
func (g *commitGroup) join(p *pending) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.some = append(g.some, p)
	return len(g.some) == 1
}

// take returns all that wait. Whoever comes next is the first of others.
func (g *commitGroup) take() []*pending {
	g.mu.Lock()
	defer g.mu.Unlock()
	some := g.some
	g.some = nil
	return some
}

// commit makes the change, and returns its number and what it made of keys. After errUnchanged the number is what it would
// have been. On PostgreSQL each is committed by itself: it has so long to do so, and no longer.
func (db *DB) commit(p *pending) (made int64, changes []access.KeyChange, err error) {
	p.done = make(chan struct{})
	ctx, term := db.steadfast(p.ctx) // which it waits for its turn in, too
	defer term.end()
	switch {
	case db.shared || p.byItself():
		db.commitAll(ctx, term, func() []*pending { return []*pending{p} })
	case db.group.join(p):
		db.commitAll(ctx, term, db.group.take)
	default:
		<-p.done
	}
	if p.tx != nil {
		made, changes = p.tx.number, p.tx.changes
	}
	return made, changes, p.err
}

// byItself tells whether no others are committed with the change: they could go by secrets from before it.
func (p *pending) byItself() bool {
	return p.what == access.RotateSecrets || p.what == access.RenewSecrets
}

// errPanic is told of changes that were in the hands of one who panicked.
var errPanic = errors.New("panic")

// commitAll makes the changes that there are once it is their turn, one after the other, in one transaction. What is refused, or
// fails, leaves the others alone.
func (db *DB) commitAll(ctx context.Context, term *term, take func() []*pending) {
	db.changing.Lock()
	defer db.changing.Unlock()
	all, err := take(), fmt.Errorf("%w (%w)", errPanic, access.ErrUnsure)
	defer func() {
		for _, p := range all {
			if err != nil {
				p.err = fmt.Errorf("%s: %w", p.what, err)
			}
			close(p.done)
		}
	}()
	err = db.makeAll(ctx, term, all)
}

// makeAll does so. Its error is that of every change, even of those that were refused: it may have been for what others made.
func (db *DB) makeAll(ctx context.Context, term *term, all []*pending) error {
	inner, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return unsaved("begin", err)
	}
	defer func() { _ = inner.Rollback() }()
	var last *tx
	var changes []access.KeyChange
	var entries []logged
	signing := db.Secrets().Signing
	for _, p := range all {
		p.tx = &tx{Tx: inner, actor: p.actor, at: db.Now(), signing: signing, former: last}
		if len(all) == 1 {
			p.err = p.make(ctx)
		} else if err := p.makeBeside(ctx); err != nil {
			return unsaved("one change of several", err)
		}
		if p.err == nil {
			last = p.tx
			changes = append(changes, last.changes...)
			entries = append(entries, last.logged)
		}
	}
	if last == nil {
		return nil
	}
	if err := last.seal(ctx); err != nil {
		return unsaved("audit", err)
	}
	entries[len(entries)-1] = last.logged
	if len(changes) > 0 && db.tellChange != "" {
		if _, err := inner.ExecContext(ctx, db.tellChange); err != nil {
			return unsaved("tell", err)
		}
	}
	if err := term.commit("end", inner); err != nil {
		if errors.Is(err, access.ErrUnsure) {
			db.doubt(ctx, changes)
		}
		return err
	}
	if db.anchor != nil {
		db.anchor.queue.add(entries)
	}
	db.tellMade(changes)
	return nil
}

// makeBeside makes the change beside others, of which the transaction keeps what they made whatever becomes of this one. Its
// own error says that nothing of the transaction is left.
func (p *pending) makeBeside(ctx context.Context) error {
	if _, err := p.tx.ExecContext(ctx, `SAVEPOINT one_change`); err != nil {
		return err
	}
	if p.err = p.make(ctx); p.err != nil {
		if _, err := p.tx.ExecContext(ctx, `ROLLBACK TO one_change`); err != nil {
			return fmt.Errorf("%w (after %v)", err, p.err) //nolint:errorlint // what p.err is of, it is of this change only
		}
	}
	_, err := p.tx.ExecContext(ctx, `RELEASE one_change`)
	return err
}

// make makes the change. A panic is an error of it: who waits for another change, and has this one in hand, has no part in it.
func (p *pending) make(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = unsaved(p.what, fmt.Errorf("%w: %v\n%s", errPanic, v, debug.Stack()))
		}
	}()
	entry, err := p.tx.run(ctx, p.what, p.act)
	switch {
	case errors.Is(err, errUnchanged):
		return err
	case err != nil:
		return unsaved(p.what, err)
	}
	if err := p.tx.enter(ctx, p.what, entry); err != nil {
		return unsaved(p.what, fmt.Errorf("audit: %w", err))
	}
	for i := range p.tx.changes {
		p.tx.changes[i].Request = p.actor.Request
	}
	return nil
}
