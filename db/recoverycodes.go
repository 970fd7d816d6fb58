package db

import (
	"context"
	"time"

	"github.com/keydesk/keydesk/access"
)

// MakeRecoveryCodes keeps a new set of the actor's recovery codes, by their hashes, in the place of any former one. The form's
// once makes one set only.
func (db *DB) MakeRecoveryCodes(ctx context.Context, actor access.Actor, hashes [][]byte, once string) error {
	return db.change(ctx, actor, access.MakeRecoveryCodes, func(ctx context.Context, t *tx) (access.Change, error) {
		if err := t.spend(ctx, access.HashToken(once), "This form has already made a set of codes, which was shown in that answer "+
			"only. If you did not save it, make another on your profile."); err != nil {
			return access.Change{}, err
		}
		var has bool
		err := t.GetContext(ctx, &has, t.Rebind(`SELECT EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?)`), actor.UserID)
		if err == nil && !has {
			err = access.Refuse(access.Clashes, "", "Recovery codes stand in for a passkey. Add one first.")
		}
		if err == nil {
			err = t.checkRate(ctx, access.MakeRecoveryCodes)
		}
		if err == nil {
			err = t.remove(ctx, "recovery_codes", `user_id = ?`, actor.UserID)
		}
		if err != nil {
			return access.Change{}, err
		}
		for _, hash := range hashes {
			t.made("recovery_codes", hash)
			if _, err := affect(ctx, t, `INSERT INTO recovery_codes (hash, user_id, made_at) VALUES (?, ?, ?)`,
				hash, actor.UserID, micros(t.at)); err != nil {
				return access.Change{}, err
			}
		}
		return access.Change{UserID: actor.UserID}, nil
	})
}

// endRecoveryCodes uses all recovery codes up that are left, in a database that was set back: some may have been used since.
func endRecoveryCodes(ctx context.Context, w execer, now time.Time) error {
	_, err := affect(ctx, w, `UPDATE recovery_codes SET used_at = ? WHERE used_at IS NULL`, micros(now))
	return err
}
