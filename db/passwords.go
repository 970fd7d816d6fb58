package db

import (
	"context"

	"github.com/keydesk/keydesk/access"
)

// ChangePassword gives the actor another password in the place of the one with the hash before, which must be the
// current one still. It ends every session of the actor's and opens a new one, of this hash, for the browser it was
// done in, which is the one that the account knows.
func (db *DB) ChangePassword(ctx context.Context, actor access.Actor, before, after string, sessionHash []byte,
	from access.Attempt,
) error {
	return db.change(ctx, actor, access.ChangePassword, func(ctx context.Context, t *tx) (access.Change, error) {
		n, err := t.replaceHash(ctx, actor.UserID, before, after)
		if err == nil && n == 0 {
			err = access.Refuse(access.Clashes, "current", "Your password was changed meanwhile. Please sign in again.")
		}
		if err != nil {
			return access.Change{}, err
		}
		if err := t.setPassword(ctx, actor.UserID, after, from); err != nil {
			return access.Change{}, err
		}
		from.UserID = actor.UserID
		return access.Change{UserID: actor.UserID}, openSession(ctx, t, sessionHash, from.SignIn, micros(t.at))
	})
}

// replaceHash gives the account another password, unless it has another one than before by now, and returns the number of
// accounts that it changed.
func (t *tx) replaceHash(ctx context.Context, userID, before, after string) (int64, error) {
	if _, err := t.watch(ctx, "users", `id = ?`, userID); err != nil {
		return 0, err
	}
	return affect(ctx, t, `UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?`, after, userID, before)
}

// RehashPassword keeps the same password under today's parameters, unless it was changed meanwhile.
func (db *DB) RehashPassword(ctx context.Context, userID, before, after string) error {
	return db.change(ctx, access.TheSystem(), access.RenewHash, func(ctx context.Context, t *tx) (access.Change, error) {
		n, err := t.replaceHash(ctx, userID, before, after)
		if err == nil && n == 0 {
			err = errUnchanged
		}
		return access.Change{UserID: userID}, err
	})
}
