package db

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// spend refuses with the sentence what was spent before.
func (t *tx) spend(ctx context.Context, hash []byte, sentence string) error {
	fresh, err := spend(ctx, t, hash, t.at)
	if err == nil && !fresh {
		err = access.Refuse(access.Clashes, "once", sentence)
	}
	return err
}

// spend writes down that this was answered, and tells whether it is the first time.
func spend(ctx context.Context, w execer, hash []byte, now time.Time) (bool, error) {
	n, err := affect(ctx, w, `INSERT INTO spent (hash, until) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING`, hash, micros(now.Add(access.CeremonyLife)))
	return n > 0, err
}

// usePasskey takes note of an answer of the account's passkey, and tells whether it is good: it is the first to this challenge,
// and the authenticator has counted on, unless it does not count (WebAuthn, 6.1.1: a copy would count by itself).
func usePasskey(ctx context.Context, t *sqlx.Tx, userID string, use access.PasskeyUse, now time.Time) (bool, error) {
	fresh, err := spend(ctx, t, use.Challenge, now)
	if err != nil || !fresh {
		return false, err
	}
	n, err := affect(ctx, t, `UPDATE passkeys SET sign_count = ?, used_at = ?, backed_up = ?
		WHERE id = ? AND user_id = ? AND (sign_count < ? OR sign_count = 0 AND ? = 0)`,
		use.SignCount, micros(now), bit(use.BackedUp), use.ID, userID, use.SignCount, use.SignCount)
	return n > 0, err
}

// bit is how the databases keep a yes or no.
func bit(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
