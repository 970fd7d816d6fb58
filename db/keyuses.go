package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// dayRow is a row of key_days.
type dayRow struct {
	Key      int64  `db:"key"`
	Day      int64  `db:"day"`
	Service  string `db:"service"`
	Address  string `db:"address"`
	Accepted int64  `db:"accepted"`
	Refused  int64  `db:"refused"`
	LastAt   int64  `db:"last_at"`
	UsedAt   int64  `db:"used_at"` // 0 when it was only refused
}

func (r dayRow) use() access.Use {
	u := access.Use{
		Key: r.Key, Day: dayOf(r.Day), Service: r.Service, Address: r.Address,
		Accepted: r.Accepted, Refused: r.Refused, LastAt: time.UnixMicro(r.LastAt).UTC(),
	}
	if r.UsedAt != 0 {
		u.UsedAt = time.UnixMicro(r.UsedAt).UTC()
	}
	return u
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

// keyUses reads the rows of the key by their primary key, and all uses of its part that are not merged yet. What is
// refused has only been so since the key was deactivated.
func (db *DB) keyUses(ctx context.Context, key access.Key) (access.KeyUses, error) {
	found := access.KeyUses{Key: key}
	shown := db.firstDay()
	err := db.looking(ctx, func(t *sqlx.Tx) error {
		note := func(u access.Use) {
			if u.UsedAt.After(found.Last.UsedAt) {
				found.Last = u
			}
		}
		if err := selectIn(ctx, t, selectLastUse, func(r dayRow) { note(r.use()) }, []int64{key.Number}); err != nil {
			return err
		}
		since := shown
		if key.Status() == access.Inactive {
			since = min(since, dayNumber(key.DeactivatedAt))
		}
		uses, err := usesOf(ctx, t, since, key.Number)
		for _, u := range uses[key.Number] {
			note(u)
			if dayNumber(u.Day) >= shown {
				found.Days = append(found.Days, u)
			}
			if u.Refused > 0 && key.Status() == access.Inactive {
				found.Refused = found.Refused.And(access.Use{Refused: u.Refused, LastAt: u.LastAt})
			}
		}
		return err
	})
	return found, err
}

const (
	selectLastUse = `SELECT key, day, service, address, accepted, refused, last_at, used_at FROM key_days
		WHERE key IN (?) AND accepted > 0 ORDER BY day DESC, used_at DESC, service, address LIMIT 1`
	selectDays = `SELECT key, day, service, address, accepted, refused, last_at, used_at FROM key_days
		WHERE key IN (?) AND day >= ?`
)

// looking calls look with a transaction that sees one state of the database and changes nothing.
func (db *DB) looking(ctx context.Context, look func(t *sqlx.Tx) error) error {
	ctx, cancel := db.patient(ctx)
	defer cancel()
	t, err := db.read.BeginTxx(ctx, db.oneState)
	if err != nil {
		return fmt.Errorf("read uses: %w", err)
	}
	return errors.Join(look(t), t.Rollback())
}

// usesOf returns who used these keys since a day, merged or not, the latest first.
func usesOf(ctx context.Context, t *sqlx.Tx, since int64, keys ...int64) (map[int64][]access.Use, error) {
	found, parts := map[int64][]access.Use{}, map[int64]bool{}
	for _, k := range keys {
		found[k], parts[partOf(k)] = nil, true
	}
	if len(keys) == 0 {
		return found, nil
	}
	note := func(u access.Use) {
		if uses, wanted := found[u.Key]; wanted && dayNumber(u.Day) >= since {
			found[u.Key] = append(uses, u)
		}
	}
	if err := selectIn(ctx, t, selectDays, func(r dayRow) { note(r.use()) }, keys, since); err != nil {
		return nil, err
	}
	for part := range parts {
		if _, err := newUsesOf(ctx, t, part, everything, note); err != nil {
			return nil, err
		}
	}
	for key, uses := range found {
		found[key] = sumUses(uses)
		latestFirst(found[key])
	}
	return found, nil
}

func latestFirst(uses []access.Use) {
	slices.SortStableFunc(uses, func(a, b access.Use) int {
		return cmp.Or(b.Day.Compare(a.Day), b.LastAt.Compare(a.LastAt))
	})
}

// selectIn calls each with the rows of a query whose first argument is a list.
func selectIn[T any](ctx context.Context, t *sqlx.Tx, query string, each func(T), args ...any) error {
	query, args, err := sqlx.In(query, args...)
	if err != nil {
		return err
	}
	var rows []T
	if err := t.SelectContext(ctx, &rows, t.Rebind(query), args...); err != nil {
		return fmt.Errorf("read uses: %w", err)
	}
	for _, r := range rows {
		each(r)
	}
	return nil
}

// firstDay returns the number of the first day of which uses are shown.
func (db *DB) firstDay() int64 { return dayNumber(db.Now()) - access.UseDays + 1 }
