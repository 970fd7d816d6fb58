package db

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/keydesk/keydesk/access"
)

// eachChange tells of the keys that the rows hold: id, number, owner, hash, last 4 and whether they are inactive.
func eachChange(rows *sql.Rows, tell func(access.KeyChange)) error {
	defer func() { _ = rows.Close() }()
	var hash sql.RawBytes
	for rows.Next() {
		var inactive bool
		c := access.KeyChange{Status: access.Active}
		if err := rows.Scan(&c.KeyID, &c.Key, &c.UserID, &hash, &c.Last4, &inactive); err != nil {
			return fmt.Errorf("read keys: %w", err)
		}
		if len(hash) != access.HashLen {
			return fmt.Errorf("read keys: the hash of %s has %d bytes", c.KeyID, len(hash))
		}
		if inactive {
			c.Status = access.Inactive
		}
		c.Hash = [access.HashLen]byte(hash)
		tell(c)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	return nil
}

// doubt tells that nobody knows what became of keys whose change may have been committed or not, and settles it if that
// can be read at once. Call it while changing is held.
func (db *DB) doubt(ctx context.Context, changes []access.KeyChange) {
	for _, c := range changes {
		db.doubted = append(db.doubted, c.KeyID)
		if c.Status == access.Inactive { // of a key that may not have been made, nobody has the secret
			c.Status = ""
			db.tell(c)
		}
	}
	_ = db.settle(ctx) // else Settle does it, and verify cannot tell until then
}

// Settle tells what became of the keys of which nobody knew, as the database says it now. Without such keys it does
// nothing.
func (db *DB) Settle(ctx context.Context) error {
	db.changing.Lock()
	defer db.changing.Unlock()
	return db.settle(ctx)
}

func (db *DB) settle(ctx context.Context) error {
	for len(db.doubted) > 0 {
		rows, err := db.read.QueryContext(ctx, db.read.Rebind(`SELECT id, number, user_id, hash, last4, deactivated_at IS NOT NULL
			FROM keys WHERE id = ?`), db.doubted[0])
		if err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		if err := eachChange(rows, db.tell); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		db.doubted = db.doubted[1:]
	}
	return nil
}
