package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// KeyPage is how many keys a page of them holds.
const KeyPage = 100

const selectKeys = `SELECT k.id, k.number, k.user_id, k.name, k.last4, k.created_at, u.last_used_at, k.deactivated_at,
	coalesce(k.deactivated_by, '') AS deactivated_by, k.reason, ` + unconfirmed + `
	FROM keys k LEFT JOIN last_uses u ON u.key = k.number `

// unconfirmed is the detail of the entry that made the key: it is one of the few at that time, found by the index of times
// alone.
const unconfirmed = `coalesce((SELECT a.detail FROM audit a WHERE a.at = k.created_at AND a.key_id = k.id
	AND a.action || '' = 'create key'), '') AS unconfirmed`

type keyRow struct {
	ID            string        `db:"id"`
	Number        int64         `db:"number"`
	UserID        string        `db:"user_id"`
	Name          string        `db:"name"`
	Last4         string        `db:"last4"`
	CreatedAt     sql.NullInt64 `db:"created_at"`
	LastUsedAt    sql.NullInt64 `db:"last_used_at"`
	DeactivatedAt sql.NullInt64 `db:"deactivated_at"`
	DeactivatedBy string        `db:"deactivated_by"`
	Reason        string        `db:"reason"`
	Unconfirmed   string        `db:"unconfirmed"`
}

// key returns the key, last used as the database has it or as is known since.
func (r keyRow) key(recent *recentUses) access.Key {
	return access.Key{
		ID: r.ID, Number: r.Number, UserID: r.UserID, Name: r.Name, Last4: r.Last4, CreatedAt: timeOf(r.CreatedAt),
		LastUsedAt: recent.latest(r.Number, timeOf(r.LastUsedAt)), DeactivatedAt: timeOf(r.DeactivatedAt),
		DeactivatedBy: r.DeactivatedBy, Reason: r.Reason, Unconfirmed: r.Unconfirmed,
	}
}

// CreateKey keeps a new key of the actor's. The form's once, unless empty, makes one key only: a second use is refused
// as a clash.
func (db *DB) CreateKey(ctx context.Context, actor access.Actor, f access.Fingerprint, once string) (access.Key, error) {
	var made access.Key
	used := sql.NullString{String: access.HashOnce(once), Valid: once != ""}
	err := db.change(ctx, actor, access.CreateKey, func(ctx context.Context, t *tx) (access.Change, error) {
		if err := t.checkNewKey(ctx, used, db.limits); err != nil {
			return access.Change{}, err
		}
		made = access.Key{ID: newID(), UserID: actor.UserID, Last4: f.Last4, CreatedAt: t.at}
		var err error
		if made.Unconfirmed, err = t.unconfirmed(ctx); err != nil {
			return access.Change{}, err
		}
		t.made("keys", made.ID)
		err = t.GetContext(ctx, &made.Number, t.Rebind(`INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name,
			once, created_at, change) SELECT ?, coalesce(max(number), 0) + 1, ?, ?, (SELECT id FROM secrets WHERE id = ? AND retired_at IS NULL),
			?, '', ?, ?, ? FROM keys RETURNING number`), made.ID, made.UserID, f.Hash, f.PepperID, f.Last4, used, micros(t.at), t.number)
		t.changes = append(t.changes, access.KeyChange{
			Number: t.number, KeyID: made.ID, Key: made.Number, UserID: made.UserID, Hash: [access.HashLen]byte(f.Hash), Last4: f.Last4,
			Status: access.Active,
		})
		return access.Change{UserID: made.UserID, KeyID: made.ID, Detail: made.Unconfirmed}, err
	})
	return made, err
}

// checkNewKey refuses the once of a form that has made a key, and one key too many. Changes happen one at a time, so none can
// come between. Those count too that were made up to a minute later by a clock that was set back since.
func (t *tx) checkNewKey(ctx context.Context, once sql.NullString, limits access.KeyLimits) error {
	var used bool
	var active, recent int
	err := t.QueryRowxContext(ctx, t.Rebind(`SELECT EXISTS (SELECT 1 FROM keys WHERE user_id = ? AND once = ?),
		(SELECT count(*) FROM keys WHERE user_id = ? AND deactivated_at IS NULL),
		(SELECT count(*) FROM keys WHERE user_id = ? AND created_at > ? AND created_at <= ?)`),
		t.actor.UserID, once, t.actor.UserID, t.actor.UserID, micros(t.at.Add(-time.Minute)), micros(t.at.Add(time.Minute))).
		Scan(&used, &active, &recent)
	if err != nil {
		return err
	}
	if used {
		return access.Refuse(access.Clashes, "once", "This form has already made a key, which was shown in that answer "+
			"only. Open API Keys again: if you did not save the key, deactivate it and make another.")
	}
	return limits.Check(active, recent)
}

// RenameKey names a key of the actor's and returns it.
func (db *DB) RenameKey(ctx context.Context, actor access.Actor, id, name string) (access.Key, error) {
	var named access.Key
	err := db.change(ctx, actor, access.RenameKey, func(ctx context.Context, t *tx) (access.Change, error) {
		key, err := oneKey(ctx, t, db.recent, `WHERE k.id = ? AND k.user_id = ?`, id, actor.UserID)
		if err != nil {
			return access.Change{}, err
		}
		named = key
		if key.Name == name {
			return access.Change{}, errUnchanged
		}
		if err := t.checkRate(ctx, access.RenameKey); err != nil {
			return access.Change{}, err
		}
		named.Name = name
		if _, err := t.watch(ctx, "keys", `id = ?`, id); err != nil {
			return access.Change{}, err
		}
		_, err = t.ExecContext(ctx, t.Rebind(`UPDATE keys SET name = ? WHERE id = ?`), name, id)
		return access.Change{UserID: key.UserID, KeyID: id, Detail: name}, err
	})
	return named, err
}

// DeactivateOwnKey ends a key of the actor's for ever and returns it. Ending it again changes nothing.
func (db *DB) DeactivateOwnKey(ctx context.Context, actor access.Actor, id string) (access.Key, error) {
	return db.deactivateKey(ctx, actor, access.DeactivateOwnKey, "", `WHERE k.id = ? AND k.user_id = ?`, id, actor.UserID)
}

// DeactivateKey ends anybody's key for ever, for a reason that its owner will read, and returns it. Ending it again
// changes nothing.
func (db *DB) DeactivateKey(ctx context.Context, actor access.Actor, id, reason string) (access.Key, error) {
	return db.deactivateKey(ctx, actor, access.DeactivateKey, reason, `WHERE k.id = ?`, id)
}

func (db *DB) deactivateKey(ctx context.Context, actor access.Actor, what access.Action, reason, where string,
	args ...any,
) (access.Key, error) {
	var ended access.Key
	err := db.change(ctx, actor, what, func(ctx context.Context, t *tx) (access.Change, error) {
		key, err := oneKey(ctx, t, db.recent, where, args...)
		if err != nil {
			return access.Change{}, err
		}
		ended = key
		if key.Status() == access.Inactive {
			return access.Change{}, errUnchanged
		}
		ended.DeactivatedAt, ended.DeactivatedBy, ended.Reason = t.at, actor.UserID, reason
		return access.Change{UserID: key.UserID, KeyID: key.ID, Detail: reason}, t.deactivate(ctx, reason, `id = ?`, key.ID)
	})
	return ended, err
}

// deactivate ends the active keys that the condition selects. Every path that deactivates ends here, so that none can
// forget to tell.
func (t *tx) deactivate(ctx context.Context, reason, where string, args ...any) error {
	n, err := t.watch(ctx, "keys", `deactivated_at IS NULL AND `+where, args...)
	if err != nil {
		return err
	}
	for i := range t.watched[len(t.watched)-n:] {
		row := &t.watched[len(t.watched)-n+i]
		row.Deactivated, row.Reason = true, reason
	}
	rows, err := t.QueryContext(ctx, t.Rebind(`UPDATE keys SET deactivated_at = ?, deactivated_by = ?, reason = ?, change = ?
		WHERE deactivated_at IS NULL AND `+where+` RETURNING id, number, user_id, hash, last4, 1`),
		append([]any{micros(t.at), t.actor.UserID, reason, t.number}, args...)...)
	if err != nil {
		return err
	}
	return eachChange(rows, func(c access.KeyChange) {
		c.Number = t.number
		t.changes = append(t.changes, c)
	})
}

// OwnKeys returns a page of the actor's keys, newest first, those that follow the key with the id after; more tells
// whether others follow.
func (db *DB) OwnKeys(ctx context.Context, actor access.Actor, after string) (keys []access.Key, more bool, err error) {
	if err := access.Check(actor, access.SeeOwnKeys); err != nil {
		return nil, false, err
	}
	return db.keysOf(ctx, actor.UserID, after)
}

// KeysOf returns a page of anybody's keys, as OwnKeys does.
func (db *DB) KeysOf(ctx context.Context, actor access.Actor, userID, after string) (keys []access.Key, more bool, err error) {
	if err := access.Check(actor, access.SeeUsers); err != nil {
		return nil, false, err
	}
	return db.keysOf(ctx, userID, after)
}

func (db *DB) keysOf(ctx context.Context, userID, after string) (keys []access.Key, more bool, err error) {
	where, args := `WHERE k.user_id = ?`, []any{userID}
	if after != "" {
		last, err := oneKey(ctx, db.read, db.recent, `WHERE k.id = ? AND k.user_id = ?`, after, userID)
		if err != nil {
			return nil, false, err
		}
		where += ` AND (k.created_at, k.id) < (?, ?)`
		args = append(args, micros(last.CreatedAt), last.ID)
	}
	var rows []keyRow
	err = db.read.SelectContext(ctx, &rows,
		db.read.Rebind(selectKeys+where+` ORDER BY k.created_at DESC, k.id DESC LIMIT ?`), append(args, KeyPage+1)...)
	if err != nil {
		return nil, false, fmt.Errorf("list keys: %w", err)
	}
	for _, row := range rows[:min(len(rows), KeyPage)] {
		keys = append(keys, row.key(db.recent))
	}
	return keys, len(rows) > KeyPage, nil
}

// OwnKey returns a key of the actor's.
func (db *DB) OwnKey(ctx context.Context, actor access.Actor, id string) (access.Key, error) {
	if err := access.Check(actor, access.SeeOwnKeys); err != nil {
		return access.Key{}, err
	}
	return oneKey(ctx, db.read, db.recent, `WHERE k.id = ? AND k.user_id = ?`, id, actor.UserID)
}

// Key returns anybody's key.
func (db *DB) Key(ctx context.Context, actor access.Actor, id string) (access.Key, error) {
	if err := access.Check(actor, access.SeeUsers); err != nil {
		return access.Key{}, err
	}
	return oneKey(ctx, db.read, db.recent, `WHERE k.id = ?`, id)
}

// querier is a database or a transaction.
type querier interface {
	sqlx.QueryerContext
	Rebind(string) string
}

func oneKey(ctx context.Context, q querier, recent *recentUses, where string, args ...any) (access.Key, error) {
	var row keyRow
	err := sqlx.GetContext(ctx, q, &row, q.Rebind(selectKeys+where), args...)
	if errors.Is(err, sql.ErrNoRows) || unstorable(err) {
		return access.Key{}, access.ErrNotFound
	}
	if err != nil {
		return access.Key{}, fmt.Errorf("read key: %w", err)
	}
	return row.key(recent), nil
}
