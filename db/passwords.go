package db

import (
	"context"
	"fmt"

	"github.com/keydesk/keydesk/access"
)

// ChangePassword gives the actor another password in the place of the one with the hash before, which must be the
// current one still. It ends every session of the actor's and opens a new one, of this hash, for the browser it was
// done in, which is the one that the account knows.
func (db *DB) ChangePassword(ctx context.Context, actor access.Actor, before, after string, sessionHash []byte,
	from access.Attempt,
) error {
	return db.change(ctx, actor, access.ChangePassword, func(ctx context.Context, t *tx) (access.Change, error) {
		n, err := affect(ctx, t, `UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?`,
			after, actor.UserID, before)
		if err == nil && n == 0 {
			err = access.Refuse(access.Clashes, "current", "Your password was changed meanwhile. Please sign in again.")
		}
		if err != nil {
			return access.Change{}, err
		}
		if err := t.setPassword(ctx, actor.UserID, after, from.Browser); err != nil {
			return access.Change{}, err
		}
		from.UserID = actor.UserID
		return access.Change{UserID: actor.UserID}, openSession(ctx, t, sessionHash, from.SignIn, micros(t.at))
	})
}

// RehashPassword keeps the same password under today's parameters, unless it was changed meanwhile.
func (db *DB) RehashPassword(ctx context.Context, userID, before, after string) error {
	ctx, term := db.steadfast(ctx)
	defer term.end()
	_, err := db.write.ExecContext(ctx, db.write.Rebind(`UPDATE users SET password_hash = ?
		WHERE id = ? AND password_hash = ?`), after, userID, before)
	if err != nil {
		return fmt.Errorf("rehash password: %w", err)
	}
	return nil
}
