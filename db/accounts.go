package db

import (
	"context"

	"github.com/keydesk/keydesk/access"
)

// What the owner of a key reads that was deactivated with something else.
const (
	reasonAdmin    = "The user became an administrator"
	reasonDisabled = "The account was disabled"
)

// ChangeRole makes somebody a user or an administrator and ends their sessions. It deactivates the keys of a new
// administrator, and withdraws the links that a former one has issued. Nobody changes their own role, and the last
// enabled administrator stays. Without a difference nothing changes.
func (db *DB) ChangeRole(ctx context.Context, actor access.Actor, userID string, role access.Role) error {
	return db.change(ctx, actor, access.ChangeRole, func(ctx context.Context, t *tx) (access.Change, error) {
		person, err := t.otherAccount(ctx, userID, "Nobody changes their own role: ask another administrator.")
		if err != nil {
			return access.Change{}, err
		}
		if person.Role == role {
			return access.Change{}, errUnchanged
		}
		if role == access.Admin {
			err = t.deactivate(ctx, reasonAdmin, `user_id = ?`, userID)
		} else {
			err = t.retireAdmin(ctx, person)
		}
		if err != nil {
			return access.Change{}, err
		}
		if err := t.updateUser(ctx, userID, `role = ?`, role); err != nil {
			return access.Change{}, err
		}
		return access.Change{UserID: userID, Detail: "from " + string(person.Role) + " to " + string(role)},
			t.endSessionsOf(ctx, userID)
	})
}

// DisableUser shuts somebody out: it ends their sessions, deactivates their keys, and withdraws the links for them and
// those that they have issued. Nobody disables themselves, and the last enabled administrator stays. Repeated, it
// changes nothing.
func (db *DB) DisableUser(ctx context.Context, actor access.Actor, userID string) error {
	return db.change(ctx, actor, access.DisableUser, func(ctx context.Context, t *tx) (access.Change, error) {
		person, err := t.otherAccount(ctx, userID, "Nobody disables themselves: ask another administrator.")
		if err != nil {
			return access.Change{}, err
		}
		if !person.Enabled() {
			return access.Change{}, errUnchanged
		}
		if err := t.retireAdmin(ctx, person); err != nil {
			return access.Change{}, err
		}
		if err := t.deactivate(ctx, reasonDisabled, `user_id = ?`, userID); err != nil {
			return access.Change{}, err
		}
		if err := t.updateUser(ctx, userID, `disabled_at = ?`, micros(t.at)); err != nil {
			return access.Change{}, err
		}
		return access.Change{UserID: userID}, t.shutOut(ctx, userID)
	})
}

// EnableUser lets a disabled person in again. It brings back neither sessions nor keys. Repeated, it changes nothing.
func (db *DB) EnableUser(ctx context.Context, actor access.Actor, userID string) error {
	return db.change(ctx, actor, access.EnableUser, func(ctx context.Context, t *tx) (access.Change, error) {
		person, err := oneUser(ctx, t, userID)
		if err != nil {
			return access.Change{}, err
		}
		if person.Enabled() {
			return access.Change{}, errUnchanged
		}
		return access.Change{UserID: userID}, t.updateUser(ctx, userID, `disabled_at = NULL`)
	})
}

// otherAccount returns the person of this User ID as the change finds them, and refuses the actor's own with the sentence.
func (t *tx) otherAccount(ctx context.Context, userID, sentence string) (access.Person, error) {
	if userID == t.actor.UserID {
		return access.Person{}, access.Refuse(access.Clashes, "", sentence)
	}
	return oneUser(ctx, t, userID)
}

// retireAdmin withdraws the links that an administrator has issued, and refuses to take away the last enabled one who
// can sign in, which a trigger refuses too. Of others it changes nothing.
func (t *tx) retireAdmin(ctx context.Context, going access.Person) error {
	if going.Role != access.Admin {
		return nil
	}
	if err := t.withdrawLinks(ctx, `issued_by = ?`, going.UserID); err != nil || !going.Enabled() {
		return err
	}
	var another bool
	err := t.GetContext(ctx, &another, t.Rebind(`SELECT EXISTS (SELECT 1 FROM users
		WHERE role = 'admin' AND disabled_at IS NULL AND password_hash <> '' AND id <> ?
		AND (short_password = 0 OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = users.id)))`), going.UserID)
	if err == nil && !another {
		err = access.Refuse(access.Clashes, "", "This is the last administrator who can sign in, so the account stays as "+
			"it is. Make somebody else an administrator first.")
	}
	return err
}

// updateUser sets columns of a person's row.
func (t *tx) updateUser(ctx context.Context, userID, set string, args ...any) error {
	if _, err := t.watch(ctx, "users", `id = ?`, userID); err != nil {
		return err
	}
	_, err := affect(ctx, t, `UPDATE users SET `+set+` WHERE id = ?`, append(args, userID)...)
	return err
}

func (t *tx) endSessionsOf(ctx context.Context, userID string) error {
	_, err := affect(ctx, t, `DELETE FROM sessions WHERE user_id = ?`, userID)
	return err
}

// shutOut ends the sessions of the account, the open links for it and those that it has issued, and makes all browsers
// strangers to it.
func (t *tx) shutOut(ctx context.Context, userID string) error {
	if err := t.endSessionsOf(ctx, userID); err != nil {
		return err
	}
	if err := t.withdrawLinks(ctx, `user_id = ? OR issued_by = ?`, userID, userID); err != nil {
		return err
	}
	_, err := affect(ctx, t, `DELETE FROM browsers WHERE user_id = ?`, userID)
	return err
}
