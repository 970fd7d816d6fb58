package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/keydesk/keydesk/access"
)

type passkeyRow struct {
	ID           string        `db:"id"`
	UserID       string        `db:"user_id"`
	Handle       []byte        `db:"handle"`
	CredentialID []byte        `db:"credential_id"`
	Record       []byte        `db:"record"`
	Name         string        `db:"name"`
	CreatedAt    sql.NullInt64 `db:"created_at"`
	UsedAt       sql.NullInt64 `db:"used_at"`
	SignCount    uint32        `db:"sign_count"`
	BackedUp     bool          `db:"backed_up"`
}

const selectPasskeys = `SELECT id, user_id, handle, credential_id, record, name, created_at, used_at, sign_count,
	backed_up = 1 AS backed_up FROM passkeys `

func (r passkeyRow) passkey() access.Passkey {
	return access.Passkey{
		ID: r.ID, UserID: r.UserID, Handle: r.Handle, CredentialID: r.CredentialID, Record: r.Record, Name: r.Name,
		CreatedAt: timeOf(r.CreatedAt), UsedAt: timeOf(r.UsedAt), SignCount: r.SignCount, BackedUp: r.BackedUp,
	}
}

// SecondFactor returns what a person has beside the password. Whoever asks must know that it is them, or that they have given
// it.
func (db *DB) SecondFactor(ctx context.Context, userID string) (f access.SecondFactor, err error) {
	var rows []passkeyRow
	err = db.read.SelectContext(ctx, &rows, db.read.Rebind(selectPasskeys+`WHERE user_id = ? ORDER BY created_at, id`), userID)
	if err != nil {
		return f, fmt.Errorf("list passkeys: %w", err)
	}
	for _, r := range rows {
		f.Passkeys = append(f.Passkeys, r.passkey())
	}
	err = db.read.GetContext(ctx, &f.RecoveryCodes,
		db.read.Rebind(`SELECT count(*) FROM recovery_codes WHERE user_id = ? AND used_at IS NULL`), userID)
	if err != nil {
		return f, fmt.Errorf("count recovery codes: %w", err)
	}
	return f, nil
}

// PasskeysRemoved returns the latest change by which somebody else took the actor's passkeys away, or the zero value.
func (db *DB) PasskeysRemoved(ctx context.Context, actor access.Actor) (access.Change, error) {
	if err := access.Check(actor, access.SeeProfile); err != nil {
		return access.Change{}, err
	}
	w := wantedChanges{before: newestIf(0), filter: access.ChangeFilter{Person: actor.UserID, Action: access.RemovePasskeys}}
	changes, err := db.readChanges(ctx, w, ` AND a.user_id = ? AND a.user_id <> a.actor`)
	if err != nil || len(changes) == 0 {
		return access.Change{}, err
	}
	return changes[0], nil
}

// PasskeyOf returns the passkey of this credential, or the zero value when there is none.
func (db *DB) PasskeyOf(ctx context.Context, credentialID []byte) (access.Passkey, error) {
	var row passkeyRow
	err := db.read.GetContext(ctx, &row, db.read.Rebind(selectPasskeys+`WHERE credential_id = ?`), credentialID)
	if errors.Is(err, sql.ErrNoRows) {
		return access.Passkey{}, nil
	}
	if err != nil {
		return access.Passkey{}, fmt.Errorf("read passkey: %w", err)
	}
	return row.passkey(), nil
}

// AddPasskey keeps a passkey that the actor has just made, in answer to the challenge of this hash. It ends the other sessions
// of the account; this one has been proved with it, and goes on under another id, of the hash session (ASVS 7.2.4). No sign-in by
// the password alone can come between.
func (db *DB) AddPasskey(ctx context.Context, actor access.Actor, p access.Passkey, challenge, session []byte) error {
	return db.change(ctx, actor, access.AddPasskey, func(ctx context.Context, t *tx) (access.Change, error) {
		if _, err := affect(ctx, t, `SELECT id FROM users u WHERE id = ?`+db.lockUser, actor.UserID); err != nil {
			return access.Change{}, err
		}
		if err := t.spend(ctx, challenge, "This passkey was added already. Open your profile again."); err != nil {
			return access.Change{}, err
		}
		var had, taken int
		err := t.QueryRowxContext(ctx, t.Rebind(`SELECT (SELECT count(*) FROM passkeys WHERE user_id = ?),
			(SELECT count(*) FROM passkeys WHERE credential_id = ?)`), actor.UserID, p.CredentialID).Scan(&had, &taken)
		switch {
		case err != nil:
		case taken > 0:
			err = access.Refuse(access.Clashes, "credential", "This passkey is registered here already.")
		case had >= access.MostPasskeys:
			err = access.Refuse(access.Clashes, "credential", "You have 20 passkeys, which is the most that there can be. Remove one first.")
		}
		if err != nil {
			return access.Change{}, err
		}
		id := newID()
		t.made("passkeys", id)
		_, err = affect(ctx, t, `INSERT INTO passkeys (id, user_id, handle, credential_id, record, name, created_at, sign_count, backed_up)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, id, actor.UserID, p.Handle, p.CredentialID, p.Record, p.Name, micros(t.at),
			p.SignCount, bit(p.BackedUp))
		if err != nil {
			return access.Change{}, err
		}
		_, err = affect(ctx, t, `UPDATE sessions SET passkey = 1, proved_at = ?, id_hash = ? WHERE id = ?`, micros(t.at), session, actor.Session)
		if err != nil {
			return access.Change{}, err
		}
		return access.Change{UserID: actor.UserID, Detail: p.Name}, t.endOtherSessions(ctx)
	})
}

// RemovePasskey takes one of the actor's passkeys away, and with the last one the recovery codes. It ends the other sessions of
// the account.
func (db *DB) RemovePasskey(ctx context.Context, actor access.Actor, id string) error {
	if !storable(id) {
		return unsaved(access.RemovePasskey, access.ErrNotFound)
	}
	return db.change(ctx, actor, access.RemovePasskey, func(ctx context.Context, t *tx) (access.Change, error) {
		var name string
		err := t.GetContext(ctx, &name, t.Rebind(`SELECT name FROM passkeys WHERE id = ? AND user_id = ?`), id, actor.UserID)
		if errors.Is(err, sql.ErrNoRows) {
			err = access.ErrNotFound
		}
		if err == nil {
			err = t.remove(ctx, "passkeys", `id = ?`, id)
		}
		if err == nil {
			err = t.checkLongPassword(ctx)
		}
		if err == nil {
			err = t.remove(ctx, "recovery_codes", `user_id = ? AND NOT EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = ?)`,
				actor.UserID, actor.UserID)
		}
		if err != nil {
			return access.Change{}, err
		}
		return access.Change{UserID: actor.UserID, Detail: name}, t.endOtherSessions(ctx)
	})
}

// RemovePasskeys takes all passkeys and recovery codes of somebody else away, who has lost them, and ends their sessions. What is
// left is the password. Without any it changes nothing.
func (db *DB) RemovePasskeys(ctx context.Context, actor access.Actor, userID string) error {
	return db.change(ctx, actor, access.RemovePasskeys, func(ctx context.Context, t *tx) (access.Change, error) {
		if _, err := t.otherAccount(ctx, userID, "Remove your own passkeys on your profile."); err != nil {
			return access.Change{}, err
		}
		var had bool
		err := t.GetContext(ctx, &had, t.Rebind(`SELECT EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?)`), userID)
		if err == nil && !had {
			err = errUnchanged
		}
		if err == nil {
			err = t.remove(ctx, "passkeys", `user_id = ?`, userID)
		}
		if err == nil {
			err = t.remove(ctx, "recovery_codes", `user_id = ?`, userID)
		}
		if err != nil {
			return access.Change{}, err
		}
		return access.Change{UserID: userID}, t.endSessionsOf(ctx, userID)
	})
}

// checkLongPassword refuses to leave the actor with nothing but a password that is too short for that.
func (t *tx) checkLongPassword(ctx context.Context) error {
	var alone bool
	err := t.GetContext(ctx, &alone, t.Rebind(`SELECT short_password = 1 AND NOT EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.id)
		FROM users u WHERE id = ?`), t.actor.UserID)
	if err == nil && alone {
		err = access.Refuse(access.Clashes, "", "Your password is long enough beside a passkey only. Choose one of 15 characters or "+
			"more first, then remove your last passkey.")
	}
	return err
}

// needPasskey refuses a short password for an account without a passkey.
func (t *tx) needPasskey(ctx context.Context, userID string) error {
	var has bool
	err := t.GetContext(ctx, &has, t.Rebind(`SELECT EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?)`), userID)
	if err == nil && !has {
		err = access.Refuse(access.Clashes, "password", "Your passkeys were removed meanwhile, so a password needs at least 15 characters.")
	}
	return err
}

// remove deletes the rows that the condition selects.
func (t *tx) remove(ctx context.Context, table, where string, args ...any) error {
	if _, err := t.watch(ctx, table, where, args...); err != nil {
		return err
	}
	_, err := affect(ctx, t, `DELETE FROM `+table+` WHERE `+where, args...)
	return err
}

// endOtherSessions ends the actor's sessions but for the one that asks.
func (t *tx) endOtherSessions(ctx context.Context) error {
	_, err := affect(ctx, t, `DELETE FROM sessions WHERE user_id = ? AND id <> ?`, t.actor.UserID, t.actor.Session)
	return err
}
