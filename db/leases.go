package db

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// How often it is looked whether the other instances have applied a change: soon at first.
const (
	firstLook = 2 * time.Millisecond
	lastLook  = 100 * time.Millisecond
)

type leaseRow struct {
	ID       string `db:"id"`
	Renewals int64  `db:"renewals"`
}

// everywhere returns when no instance answers from before the change any more: each has applied it, or lost its lease. A
// database that does not answer is not waited for longer than any lease can last: what was renewed after the change was
// committed counts only once that is applied.
func (db *DB) everywhere(ctx context.Context, change int64) {
	if !db.shared {
		return
	}
	ctx = context.WithoutCancel(ctx)
	seen, committed := watch{}, clock()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		behind, err := db.behind(ctx, change, "")
		now := clock()
		switch {
		case err == nil && len(behind) == 0, now-committed >= 2*leaseTime:
			return
		case err != nil && now-committed >= leaseTime:
			return
		}
		for _, l := range behind {
			if seen.expired(l.ID, l.Renewals, now) {
				_ = db.fence(ctx, l) // or it is tried again
			}
		}
		time.Sleep(pause)
	}
}

// behind returns the leases of the instances, but for one, that have not applied the change.
func (db *DB) behind(ctx context.Context, change int64, but string) (rows []leaseRow, err error) {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	err = sqlx.SelectContext(ctx, db.write, &rows, db.write.Rebind(`SELECT id, renewals FROM leases
		WHERE applied < ? AND id <> ?`), change, but)
	return rows, err
}

// fence ends a lease that was not renewed since it was read. Its holder, if it lives on, takes out another, and then
// loads what it has missed.
func (db *DB) fence(ctx context.Context, l leaseRow) error {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	_, err := affect(ctx, db.write, `DELETE FROM leases WHERE id = ? AND renewals = ?`, l.ID, l.Renewals)
	return err
}
