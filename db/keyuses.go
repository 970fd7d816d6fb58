package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// dayRow is a row of key_days, or several in one.
type dayRow struct {
	KeyID    string        `db:"key_id"`
	Day      int64         `db:"day"`
	Service  string        `db:"service"`
	Address  string        `db:"address"`
	Accepted int64         `db:"accepted"`
	Refused  int64         `db:"refused"`
	LastAt   sql.NullInt64 `db:"last_at"`
}

func (r dayRow) use() access.Use {
	return access.Use{
		KeyID: r.KeyID, Day: time.Unix(r.Day*secondsOfDay, 0).UTC(), Service: r.Service, Address: r.Address,
		Accepted: r.Accepted, Refused: r.Refused, LastAt: timeOf(r.LastAt),
	}
}

// OwnKeyUses returns who used a key of the actor's.
func (db *DB) OwnKeyUses(ctx context.Context, actor access.Actor, id string) (access.KeyUses, error) {
	key, err := db.OwnKey(ctx, actor, id)
	if err != nil {
		return access.KeyUses{}, err
	}
	return db.keyUses(ctx, key)
}

// KeyUses returns who used anybody's key.
func (db *DB) KeyUses(ctx context.Context, actor access.Actor, id string) (access.KeyUses, error) {
	key, err := db.Key(ctx, actor, id)
	if err != nil {
		return access.KeyUses{}, err
	}
	return db.keyUses(ctx, key)
}

// keyUses reads by the primary key alone. What is refused has only been so since the key was deactivated.
func (db *DB) keyUses(ctx context.Context, key access.Key) (access.KeyUses, error) {
	found := access.KeyUses{Key: key}
	days, err := db.days(ctx, selectDays, key.ID, db.firstDay())
	if err != nil {
		return found, err
	}
	last, err := db.days(ctx, selectLastUse, key.ID)
	if err != nil {
		return found, err
	}
	if found.Days = days; len(last) > 0 {
		found.Last = last[0]
	}
	if key.Status() == access.Active {
		return found, nil
	}
	refused, err := db.days(ctx, selectRefused, key.ID, dayNumber(key.DeactivatedAt))
	if err == nil && len(refused) > 0 {
		found.Refused = refused[0]
	}
	return found, err
}

const (
	selectDays = `SELECT key_id, day, service, address, accepted, refused, last_at FROM key_days
		WHERE key_id = ? AND day >= ? ORDER BY day DESC, last_at DESC, service, address`
	selectLastUse = `SELECT key_id, day, service, address, accepted, refused, last_at FROM key_days
		WHERE key_id = ? AND accepted > 0 ORDER BY day DESC, last_at DESC, service, address LIMIT 1`
	selectRefused = `SELECT key_id, max(day) AS day, '' AS service, '' AS address, 0 AS accepted,
		CAST(sum(refused) AS BIGINT) AS refused, max(last_at) AS last_at FROM key_days WHERE key_id = ? AND day >= ? AND refused > 0 GROUP BY key_id`
	selectDaysOf = `SELECT key_id, day, service, address, accepted, refused, last_at FROM key_days
		WHERE key_id IN (?) AND day >= ?` // in no order, because sorting them costs more than finding them
)

// daysOf returns who used these keys in the last access.UseDays days, by key.
func (db *DB) daysOf(ctx context.Context, keys []access.Key) (map[string][]access.Use, error) {
	found := map[string][]access.Use{}
	if len(keys) == 0 {
		return found, nil
	}
	ids := make([]string, 0, len(keys))
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	query, args, err := sqlx.In(selectDaysOf, ids, db.firstDay())
	if err != nil {
		return nil, err
	}
	uses, err := db.days(ctx, query, args...)
	for _, u := range uses {
		found[u.KeyID] = append(found[u.KeyID], u)
	}
	return found, err
}

// firstDay returns the number of the first day of which uses are shown.
func (db *DB) firstDay() int64 { return dayNumber(db.Now()) - access.UseDays + 1 }

func (db *DB) days(ctx context.Context, query string, args ...any) ([]access.Use, error) {
	var rows []dayRow
	if err := db.read.SelectContext(ctx, &rows, db.read.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("read uses: %w", err)
	}
	uses := make([]access.Use, 0, len(rows))
	for _, r := range rows {
		uses = append(uses, r.use())
	}
	return uses, nil
}
