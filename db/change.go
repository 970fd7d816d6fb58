package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
)

// errUnchanged ends a change that found nothing to do: it succeeds, and leaves no trace.
var errUnchanged = errors.New("nothing to change")

// tx is a change under way.
type tx struct {
	*sqlx.Tx
	actor   access.Actor
	number  int64
	at      time.Time
	changes []access.KeyChange // to be told once committed
	log     auditLog           // as it was before the change
	signing []note.Signer
	cosigns []note.Signer // with it, this change only
	watched []watchedRow  // which the change may make something of
	traces  []access.Trace
	logged  logged // once it is recorded
}

// change makes one change: advances the audit head (so that changes happen one at a time), checks that the actor may,
// acts, and writes the audit entry that act returns. If the entry cannot be written the change does not happen. It is
// not given up when the person who asked goes away. It returns when the anchor has it, and no instance answers for a key from
// before it.
func (db *DB) change(ctx context.Context, actor access.Actor, what access.Action,
	act func(context.Context, *tx) (access.Change, error),
) error {
	if err := db.mendAnchor(ctx, what); err != nil {
		return err
	}
	made, changes, err := db.commit(ctx, actor, what, act)
	switch {
	case errors.Is(err, errUnchanged): // by whoever did it first, and may not have been answered yet
		if err := db.confirm(ctx, what); err != nil {
			return err
		}
		if err := db.anchored(ctx, what, made-1); err != nil {
			return err
		}
		db.everywhere(ctx, made-1)
		return nil
	case err != nil:
		return err
	}
	err = db.anchored(ctx, what, made)
	if len(changes) > 0 { // whatever became of the anchor, they are committed
		db.everywhere(ctx, made)
		db.tellEnded(changes)
		for _, c := range changes {
			db.log(c)
		}
	}
	return err
}

// commit makes the change, and returns its number and what it made of keys. After errUnchanged the number is what it would
// have been.
func (db *DB) commit(ctx context.Context, actor access.Actor, what access.Action,
	act func(context.Context, *tx) (access.Change, error),
) (made int64, changes []access.KeyChange, err error) {
	ctx, term := db.steadfast(ctx)
	defer term.end()
	db.changing.Lock()
	defer db.changing.Unlock()
	inner, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return 0, nil, unsaved(what, err)
	}
	defer func() { _ = inner.Rollback() }()
	t := &tx{Tx: inner, actor: actor, at: db.Now(), signing: db.Secrets().Signing}
	entry, err := t.run(ctx, what, act)
	switch {
	case errors.Is(err, errUnchanged):
		return t.number, nil, err
	case err != nil:
		return 0, nil, unsaved(what, err)
	}
	if err := t.record(ctx, what, entry); err != nil {
		return 0, nil, unsaved(what, fmt.Errorf("audit: %w", err))
	}
	if len(t.changes) > 0 && db.tellChange != "" {
		if _, err := t.ExecContext(ctx, db.tellChange); err != nil {
			return 0, nil, unsaved(what, err)
		}
	}
	for i := range t.changes {
		t.changes[i].Request = actor.Request
	}
	if err := term.commit(what, t); err != nil {
		if errors.Is(err, access.ErrUnsure) {
			db.doubt(ctx, t.changes)
		}
		return 0, nil, err
	}
	if db.anchor != nil {
		db.anchor.queue.add(t.logged)
	}
	db.tellMade(t.changes)
	return t.number, t.changes, nil
}

func (t *tx) run(ctx context.Context, what access.Action,
	act func(context.Context, *tx) (access.Change, error),
) (access.Change, error) {
	if err := t.next(ctx); err != nil {
		return access.Change{}, err
	}
	if err := t.check(ctx, what); err != nil {
		return access.Change{}, err
	}
	return act(ctx, t)
}

// next takes the next number of the log, after which no other change can come before this one.
func (t *tx) next(ctx context.Context) error {
	err := t.GetContext(ctx, &t.log, t.Rebind(`UPDATE audit_head SET number = number + 1 RETURNING number, origin, edge`))
	t.number = t.log.Number
	return err
}

// check decides again, inside the transaction: the actor's session is live, and the role the one that the database holds
// now.
func (t *tx) check(ctx context.Context, what access.Action) error {
	if t.actor.UserID == access.Operator || t.actor.UserID == access.System {
		return access.Check(t.actor, what)
	}
	if err := t.checkSession(ctx); err != nil {
		return err
	}
	err := t.GetContext(ctx, &t.actor.Role,
		t.Rebind(`SELECT role FROM users WHERE id = ? AND disabled_at IS NULL`), t.actor.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		return access.Refuse(access.SignedOut, "", "This account can no longer be used.")
	}
	if err != nil {
		return err
	}
	return access.Check(t.actor, what)
}

// checkSession refuses an actor whose session was ended while the request waited.
func (t *tx) checkSession(ctx context.Context) error {
	if t.actor.Session == "" {
		return nil
	}
	var live bool
	err := t.GetContext(ctx, &live, t.Rebind(`SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ? AND user_id = ?)`),
		t.actor.Session, t.actor.UserID)
	if err == nil && !live {
		err = access.Refuse(access.SignedOut, "", "Your session has ended, so nothing was changed. Please sign in again.")
	}
	return err
}

// checkRate refuses the actor who has done this too often among the latest changes.
func (t *tx) checkRate(ctx context.Context, what access.Action) error {
	const latest = 1000 // so that no more than these are read
	var n int
	err := t.GetContext(ctx, &n, t.Rebind(`SELECT count(*) FROM audit WHERE number > ? AND actor = ? AND action = ?
		AND at BETWEEN ? AND ?`), t.number-latest, t.actor.UserID, what, micros(t.at.Add(-time.Minute)), micros(t.at.Add(time.Minute)))
	if err == nil && n >= access.ChangeRate {
		err = access.TooFast()
	}
	return err
}

// newID returns a UUIDv7.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
