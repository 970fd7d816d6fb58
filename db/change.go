package db

import (
	"context"
	"database/sql"
	"errors"
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
	former  *tx                // that is committed together with it, and came before; nil for none
	log     auditLog           // as it was before the change, and then with it
	signing []note.Signer
	cosigns []note.Signer // with it, this change only
	watched []watchedRow  // which the change may make something of
	traces  []access.Trace
	logged  logged // once it is recorded
}

// act makes of the tables what a change is to make of them, and returns the change as it is written down.
type act func(context.Context, *tx) (access.Change, error)

// change makes one change: advances the audit head (so that changes happen one at a time), checks that the actor may,
// acts, and writes the audit entry that act returns. If the entry cannot be written the change does not happen. It is
// not given up when the person who asked goes away. It returns when the anchor has it, and no instance answers for a key from
// before it.
func (db *DB) change(ctx context.Context, actor access.Actor, what access.Action, act act) error {
	if err := db.mendAnchor(ctx, what); err != nil {
		return err
	}
	made, changes, err := db.commit(&pending{ctx: ctx, actor: actor, what: what, act: act})
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

func (t *tx) run(ctx context.Context, what access.Action, act act) (access.Change, error) {
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
	if t.former != nil {
		t.log.Origin, t.log.Edge = t.former.log.Origin, t.former.log.Edge
	}
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
