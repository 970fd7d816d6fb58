package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/keydesk/keydesk/access"
)

// Verify returns the verdict on the key with this hash, and the key itself unless it is unknown.
func (db *DB) Verify(ctx context.Context, hash []byte) (access.Verdict, access.Key, error) {
	var row keyRow
	err := db.read.GetContext(ctx, &row,
		db.read.Rebind(`SELECT id, user_id, last4, deactivated_at FROM keys WHERE hash = ?`), hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return access.Unknown, access.Key{}, nil
	case err != nil:
		return "", access.Key{}, fmt.Errorf("verify: %w", err)
	case row.DeactivatedAt.Valid:
		return access.Deactivated, row.key(), nil
	}
	return access.Accepted, row.key(), nil
}

// SaveUses writes when keys were last used, by key id, in one transaction. A time never moves backwards.
func (db *DB) SaveUses(ctx context.Context, uses map[string]time.Time) error {
	if len(uses) == 0 {
		return nil
	}
	t, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("save uses: %w", err)
	}
	defer func() { _ = t.Rollback() }()
	save, err := t.PreparexContext(ctx, t.Rebind(`INSERT INTO key_uses (key_id, last_used_at) VALUES (?, ?)
		ON CONFLICT (key_id) DO UPDATE SET last_used_at = excluded.last_used_at
		WHERE excluded.last_used_at > key_uses.last_used_at`))
	if err != nil {
		return fmt.Errorf("save uses: %w", err)
	}
	defer func() { _ = save.Close() }()
	for id, at := range uses {
		if _, err := save.ExecContext(ctx, id, micros(at)); err != nil {
			return fmt.Errorf("save uses: %w", err)
		}
	}
	return committed("save uses", t)
}

// Ready returns nil when the database answers.
func (db *DB) Ready(ctx context.Context) error {
	var number int64
	if err := db.read.GetContext(ctx, &number, `SELECT number FROM audit_head`); err != nil {
		return fmt.Errorf("ready: %w", err)
	}
	return nil
}
