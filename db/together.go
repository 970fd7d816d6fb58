package db

import (
	"context"
	"errors"
	"fmt"
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
// have been.
func (db *DB) commit(p *pending) (made int64, changes []access.KeyChange, err error) {
	p.done = make(chan struct{})
	switch {
	case db.shared || p.alone():
		db.commitAll(func() []*pending { return []*pending{p} })
	case db.group.join(p):
		db.commitAll(db.group.take)
	default:
		<-p.done
	}
	if p.tx != nil {
		made, changes = p.tx.number, p.tx.changes
	}
	return made, changes, p.err
}

// alone tells whether the change is committed without others, who could go by secrets from before it.
func (p *pending) alone() bool {
	return p.what == access.RotateSecrets || p.what == access.RenewSecrets
}

// errGivenUp is told those whose change was to be committed together with one that panicked.
var errGivenUp = errors.New("given up with a change beside it")

// commitAll makes the changes that there are once it is their turn, one after the other, in one transaction. What is refused, or
// fails, leaves the others alone.
func (db *DB) commitAll(take func() []*pending) {
	db.changing.Lock()
	defer db.changing.Unlock()
	all := take()
	for _, p := range all {
		p.err = unsaved(p.what, errGivenUp)
		defer close(p.done)
	}
	if err := db.makeAll(all); err != nil {
		for _, p := range all {
			p.err = err
		}
	}
}

// makeAll does so. Its error is that of every change, even of those that were refused: it may have been for what others made.
func (db *DB) makeAll(all []*pending) error {
	what := all[0].what
	ctx, term := db.steadfast(all[0].ctx)
	defer term.end()
	inner, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return unsaved(what, err)
	}
	defer func() { _ = inner.Rollback() }()
	var last *tx
	var changes []access.KeyChange
	var entries []logged
	signing := db.Secrets().Signing
	for _, p := range all {
		p.tx = &tx{Tx: inner, actor: p.actor, at: db.Now(), signing: signing, former: last}
		if err := p.make(ctx, len(all) > 1); err != nil {
			return unsaved(what, err)
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
		return unsaved(what, fmt.Errorf("audit: %w", err))
	}
	entries[len(entries)-1] = last.logged
	if len(changes) > 0 && db.tellChange != "" {
		if _, err := inner.ExecContext(ctx, db.tellChange); err != nil {
			return unsaved(what, err)
		}
	}
	if err := term.commit(what, inner); err != nil {
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

// make makes the change within the transaction, of which the rest stays as it is whatever becomes of it. Its own error says
// that nothing of the transaction is left.
func (p *pending) make(ctx context.Context, together bool) error {
	if together {
		if _, err := p.tx.ExecContext(ctx, `SAVEPOINT one_change`); err != nil {
			return err
		}
	}
	p.err = p.makeAlone(ctx)
	if !together {
		return nil
	}
	if p.err != nil {
		if _, err := p.tx.ExecContext(ctx, `ROLLBACK TO one_change`); err != nil {
			return errors.Join(p.err, err)
		}
	}
	_, err := p.tx.ExecContext(ctx, `RELEASE one_change`)
	return err
}

func (p *pending) makeAlone(ctx context.Context) error {
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
