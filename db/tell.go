package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

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

// tellMade tells of what a change made of keys. Who follows the changes is told of these in the same order as of all
// others, by following alone: what is told beside that could be older than what following has told already.
func (db *DB) tellMade(changes []access.KeyChange) {
	if db.following.Load() != nil {
		return
	}
	for _, c := range changes {
		if !db.shared || c.Status == access.Active {
			db.tell(c)
		}
	}
}

// tellEnded tells of the keys that a change deactivated, once every instance knows of it.
func (db *DB) tellEnded(changes []access.KeyChange) {
	for _, c := range changes {
		if db.shared && c.Status == access.Inactive {
			db.tell(c)
		}
	}
}

// maxResolves is how many ask at once about keys in doubt, so that they leave some of the database to the pages.
const maxResolves = 8

// Resolve tells what became of a key that is in doubt, as soon as that is known until ctx is done: it was deactivated,
// and every instance knows of it. Mostly it is being deactivated just then.
func (db *DB) Resolve(ctx context.Context, hash *[access.HashLen]byte, tell func(access.KeyChange)) error {
	known := !db.shared
	for pause := firstLook; !known; pause = min(2*pause, lastLook) {
		err := db.resolve(ctx, hash, func(c access.KeyChange) { known = true; tell(c) })
		if err != nil || known {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
	return nil
}

func (db *DB) resolve(ctx context.Context, hash *[access.HashLen]byte, tell func(access.KeyChange)) error {
	select {
	case db.resolving <- struct{}{}:
		defer func() { <-db.resolving }()
	case <-ctx.Done():
		return fmt.Errorf("resolve: %w", ctx.Err())
	}
	rows, err := db.read.QueryContext(ctx, db.read.Rebind(`SELECT id, number, user_id, hash, last4, deactivated_at IS NOT NULL
		FROM keys WHERE hash = ? AND deactivated_at IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM leases WHERE applied < keys.change)`), hash[:])
	if err == nil {
		err = eachChange(rows, tell)
	}
	if err != nil {
		return fmt.Errorf("resolve: %w", err)
	}
	return nil
}

// doubt tells that nobody knows what became of keys whose change may have been committed or not, and settles it if that
// can be read at once. Call it while changing is held.
func (db *DB) doubt(ctx context.Context, changes []access.KeyChange) {
	if db.following.Load() != nil {
		return // if it was made it is pulled
	}
	for _, c := range changes {
		db.doubted = append(db.doubted, c.KeyID)
		if c.Status == access.Inactive { // of a key that may not have been made, nobody has the secret
			c.Status = ""
			db.tell(c)
		}
	}
	_ = db.settle(context.WithoutCancel(ctx)) // else Settle does it, and verify cannot tell until then
}

// Settle tells what became of the keys of which nobody knew, as the database says it now. Without such keys it does
// nothing.
func (db *DB) Settle(ctx context.Context) error {
	db.changing.Lock()
	defer db.changing.Unlock()
	return db.settle(ctx)
}

func (db *DB) settle(ctx context.Context) error {
	ctx, cancel := db.patient(ctx)
	defer cancel()
	for len(db.doubted) > 0 {
		rows, err := db.read.QueryContext(ctx, db.read.Rebind(`SELECT id, number, user_id, hash, last4, deactivated_at IS NOT NULL
			FROM keys WHERE id = ?`), db.doubted[0])
		if err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		err = eachChange(rows, func(c access.KeyChange) {
			if !db.shared || c.Status == access.Active { // else who follows changes tells of it
				db.tell(c)
				db.log(c)
			}
		})
		if err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		db.doubted = db.doubted[1:]
	}
	return nil
}
