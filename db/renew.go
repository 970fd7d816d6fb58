package db

import (
	"context"
	"fmt"
	"time"

	"github.com/keydesk/keydesk/access"
)

// retireAfter is how old a pepper's successor is at least when it may retire: no instance makes keys under it any more.
const retireAfter = time.Minute

// sessionKeyLife is how long a session key makes new cookies until it gets a successor, and then how long it still opens
// its own. That is far longer than a session lasts, so nobody is signed out by it.
const sessionKeyLife = 30 * 24 * time.Hour

// unused are peppers that no active key needed when they were looked at.
type unused struct {
	peppers []string
	last    int64 // the last key that there was then
}

// unusedPeppers looks for peppers that may retire. It is done before the change that retires them, as it may have to look
// at every key.
func (db *DB) unusedPeppers(ctx context.Context) (u unused, err error) {
	if err = db.exports.GetContext(ctx, &u.last, `SELECT coalesce(max(number), 0) FROM keys`); err == nil {
		err = db.exports.SelectContext(ctx, &u.peppers, db.exports.Rebind(`SELECT id FROM secrets s
			WHERE kind = 'pepper' AND retired_at IS NULL
			AND EXISTS (SELECT 1 FROM secrets n WHERE n.kind = 'pepper' AND n.created_at > s.created_at AND n.created_at <= ?)
			AND NOT EXISTS (SELECT 1 FROM keys WHERE pepper_id = s.id AND deactivated_at IS NULL)
			ORDER BY created_at, id`), micros(db.Now().Add(-retireAfter)))
	}
	if err != nil {
		return u, fmt.Errorf("look for unused peppers: %w", err)
	}
	return u, nil
}

// endSecrets retires the unused peppers, and drops the session keys whose sessions have long ended.
func (t *tx) endSecrets(ctx context.Context, done *Rotated, rows []sealedRow, u unused) error {
	for _, id := range u.peppers {
		// Of no row is what was sealed kept; the row stays, which its keys name.
		n, err := affect(ctx, t, `UPDATE secrets SET sealed = ?, retired_at = ? WHERE id = ? AND retired_at IS NULL AND NOT EXISTS
			(SELECT 1 FROM keys WHERE number > ? AND pepper_id = ? AND deactivated_at IS NULL)`, []byte{}, micros(t.at), id, u.last, id)
		if err != nil {
			return err
		}
		if n > 0 {
			done.Retired = append(done.Retired, id)
		}
	}
	keys := sessionKeys(rows)
	for i, key := range keys {
		if i+1 == len(keys) || !aged(keys[i+1], t.at) {
			continue
		}
		if _, err := affect(ctx, t, `DELETE FROM secrets WHERE id = ?`, key.ID); err != nil {
			return err
		}
		done.Dropped = append(done.Dropped, key.ID)
	}
	return nil
}

// sessionKeys returns the rows that are session keys, oldest first.
func sessionKeys(rows []sealedRow) (keys []sealedRow) {
	for _, row := range rows {
		if row.Kind == sessionKind {
			keys = append(keys, row)
		}
	}
	return keys
}

// aged tells whether a session key has made cookies for as long as it is to.
func aged(key sealedRow, now time.Time) bool {
	return now.Sub(time.UnixMicro(key.CreatedAt)) >= sessionKeyLife
}

// due tells whether it is time that the session key has a successor, or that one goes.
func due(rows []sealedRow, now time.Time) (successor, drop bool) {
	keys := sessionKeys(rows)
	return aged(keys[len(keys)-1], now), len(keys) > 1 && aged(keys[1], now)
}

// RenewSecrets gives a session key that has served its time a successor, and ends what is no longer in use: session keys
// a while after their successor came, and peppers with the last active key that was hashed under them.
func (db *DB) RenewSecrets(ctx context.Context) error {
	u, err := db.unusedPeppers(ctx)
	if err != nil {
		return err
	}
	return db.renewSecrets(ctx, u)
}

// renewSessionKey does of that what takes no look at the keys.
func (db *DB) renewSessionKey(ctx context.Context) error { return db.renewSecrets(ctx, unused{}) }

func (db *DB) renewSecrets(ctx context.Context, u unused) error {
	if err := db.refreshSecrets(ctx); err != nil {
		return err
	}
	successor, drop := due(db.vault.sealed(), db.Now())
	if !successor && !drop && len(u.peppers) == 0 {
		return nil
	}
	err := db.change(ctx, access.TheSystem(), access.RenewSecrets, func(ctx context.Context, t *tx) (access.Change, error) {
		rows, err := sealedRows(ctx, t)
		if err != nil {
			return access.Change{}, err
		}
		var r Rotation
		r.Session, _ = due(rows, t.at) // or another instance was faster
		done, err := db.rotate(ctx, t, r, rows)
		if err == nil {
			err = t.endSecrets(ctx, &done, rows, u)
		}
		if err == nil && done.detail() == "" {
			err = errUnchanged
		}
		return access.Change{Detail: done.detail()}, err
	})
	if err != nil {
		return err
	}
	return db.refreshSecrets(ctx)
}
