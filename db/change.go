package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

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
}

// change makes one change: advances the audit head (so that changes happen one at a time), checks that the actor may,
// acts, and writes the audit entry that act returns. If the entry cannot be written the change does not happen. It is
// not given up when the person who asked goes away.
func (db *DB) change(ctx context.Context, actor access.Actor, what access.Action,
	act func(context.Context, *tx) (access.Change, error),
) error {
	ctx = context.WithoutCancel(ctx)
	db.changing.Lock()
	defer db.changing.Unlock()
	inner, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer func() { _ = inner.Rollback() }()
	t := &tx{Tx: inner, actor: actor, at: db.Now()}
	entry, err := t.run(ctx, what, act)
	switch {
	case errors.Is(err, errUnchanged):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := t.record(ctx, what, entry); err != nil {
		return fmt.Errorf("%s: audit: %w", what, err)
	}
	if err := committed(string(what), t); err != nil {
		return err
	}
	for _, c := range t.changes {
		db.tell(c)
	}
	return nil
}

func (t *tx) run(ctx context.Context, what access.Action,
	act func(context.Context, *tx) (access.Change, error),
) (access.Change, error) {
	err := t.GetContext(ctx, &t.number, t.Rebind(`UPDATE audit_head SET number = number + 1 RETURNING number`))
	if err != nil {
		return access.Change{}, err
	}
	if err := t.check(ctx, what); err != nil {
		return access.Change{}, err
	}
	return act(ctx, t)
}

// check decides again, inside the transaction: the actor's role is the one that the database holds now.
func (t *tx) check(ctx context.Context, what access.Action) error {
	if t.actor.UserID == access.Operator {
		return access.Check(t.actor, what)
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

func (t *tx) record(ctx context.Context, what access.Action, c access.Change) error {
	_, err := t.ExecContext(ctx, t.Rebind(`INSERT INTO audit (number, at, actor, address, action, user_id, key_id, detail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
		t.number, micros(t.at), t.actor.UserID, t.actor.Address, what, c.UserID, c.KeyID, c.Detail)
	return err
}

// committed commits, and says of what if that fails.
func committed(what string, t interface{ Commit() error }) error {
	if err := t.Commit(); err != nil {
		return fmt.Errorf("%s: commit: %w", what, err)
	}
	return nil
}

// newID returns a UUIDv7.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
