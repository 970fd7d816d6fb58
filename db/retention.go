package db

import (
	"context"
	"fmt"
	"time"
)

// forgetChunk is how many rows are forgotten in one transaction, so that nobody waits long for the writer.
const forgetChunk = 500

// Forget deletes sign-ins, known browsers and uses of keys that are older than keep, and links that expired before then,
// unless the owner of the account has yet to take note of them. So long it remembers what was spent, too. It returns how many
// rows that were. The audit log and the keys, with their last use, stay for ever.
func (db *DB) Forget(ctx context.Context, keep time.Duration) (int64, error) {
	before := micros(db.Now().Add(-keep))
	var total int64
	for _, statement := range []string{
		`DELETE FROM sign_ins WHERE number IN (SELECT number FROM sign_ins WHERE at < ? LIMIT ?)`,
		`DELETE FROM browsers WHERE (user_id, id_hash) IN (SELECT user_id, id_hash FROM browsers WHERE seen_at < ? LIMIT ?)`,
		`DELETE FROM key_days WHERE (key, day, service, address) IN
			(SELECT key, day, service, address FROM key_days WHERE day < ? / 86400000000 LIMIT ?)`,
		`DELETE FROM links WHERE token_hash IN (SELECT token_hash FROM links
			WHERE expires_at < ? AND (seen_at IS NOT NULL OR user_id IS NULL) LIMIT ?)`,
		`DELETE FROM spent WHERE hash IN (SELECT hash FROM spent WHERE until < ? LIMIT ?)`,
	} {
		for {
			done, err := db.write.ExecContext(ctx, db.write.Rebind(statement), before, forgetChunk)
			if err != nil {
				return total, fmt.Errorf("forget: %w", err)
			}
			n, err := done.RowsAffected()
			if err != nil {
				return total, fmt.Errorf("forget: %w", err)
			}
			if total += n; n < forgetChunk {
				break
			}
		}
	}
	return total, nil
}
