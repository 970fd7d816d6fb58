package db

import (
	"context"

	"github.com/keydesk/keydesk/access"
)

// Prove writes down that the person of this session has just proved again who they are, as db.SignIn has found. The session goes on
// under another id (ASVS 7.2.4), of the hash after, and the former one is dead.
func (db *DB) Prove(ctx context.Context, before, after []byte, s access.SignIn) error {
	ctx, term := db.steadfast(ctx)
	defer term.end()
	t, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return unsaved("prove", err)
	}
	defer func() { _ = t.Rollback() }()
	now := micros(db.Now())
	n, err := affect(ctx, t, `UPDATE sessions SET id_hash = ?, proved_at = ?, passkey = CASE WHEN ? = 1 THEN 1 ELSE passkey END
		WHERE id_hash = ? AND user_id = ?`, after, now, bit(s.Means.Strong()), before, s.UserID)
	if err == nil && n == 0 {
		err = access.Refuse(access.SignedOut, "", "Your session has ended. Please sign in again.")
	}
	if err == nil {
		err = recordSignIn(ctx, t, s, now)
	}
	if err != nil {
		return unsaved("prove", err)
	}
	return term.commit("prove", t)
}
