package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize/english"

	"github.com/keydesk/keydesk/access"
)

// fillMost is the most of the file that is held while it is filled, in KiB, and takes twice as much of memory: keys come in
// no order of what the indexes are sorted by. Less of it is held of less: 1 KiB a row.
const fillMost = 1 << 20

// Fill puts a crowd into an SQLite database without anybody, in one change, and marks it for good as made up. each is called
// with every key that is kept. Nobody is told of the keys: without people, nobody was following them.
func (db *DB) Fill(ctx context.Context, c access.Crowd, prefix string, each func(access.Made) error) error {
	cache := min(fillMost, max(2000, c.Users+c.Keys))
	// In memory too is what SQLite keeps to undo a single statement, which otherwise takes a third of the time.
	if _, err := db.write.ExecContext(ctx, fmt.Sprintf(`PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY`, cache)); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	w, err := db.newUseWriter(ctx)
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	defer w.close()
	stop := ctx.Err // a change goes on when who asked has gone; this one is too long for that
	return db.change(ctx, access.TheOperator(), access.MakeUp, func(ctx context.Context, t *tx) (access.Change, error) {
		if err := t.nobodyAtAll(ctx); err != nil {
			return access.Change{}, err
		}
		if err := t.fillPeople(ctx, c, stop); err != nil {
			return access.Change{}, err
		}
		if err := t.fillKeys(ctx, c.Made(prefix), db.Secrets().Pepper, w, each, stop); err != nil {
			return access.Change{}, err
		}
		if err := errors.Join(t.traceTable(ctx, "users"), t.traceTable(ctx, "keys")); err != nil {
			return access.Change{}, err
		}
		_, err := affect(ctx, t, `INSERT INTO made_up (one, at) VALUES (1, ?)`, micros(t.at))
		return access.Change{Detail: english.Plural(c.Users, "user", "") + ", " + english.Plural(c.Keys, "key", "")}, err
	})
}

// nobodyAtAll refuses where there is a user: what people did is not to be mixed with what is made up.
func (t *tx) nobodyAtAll(ctx context.Context) error {
	var some bool
	err := t.GetContext(ctx, &some, `SELECT EXISTS (SELECT 1 FROM users)`)
	if err == nil && some {
		err = access.Refuse(access.Clashes, "", "There are people in this database. Data is made up in a new one only.")
	}
	return err
}

func (t *tx) fillPeople(ctx context.Context, c access.Crowd, stop func() error) error {
	add, err := t.PreparexContext(ctx, t.Rebind(`INSERT INTO users (id, name, name_folded, email, role, password_hash,
		created_at) VALUES (?, ?, ?, ?, ?, '', ?)`))
	if err != nil {
		return err
	}
	defer func() { _ = add.Close() }()
	for p := range c.People() {
		_, err := add.ExecContext(ctx, p.UserID, p.Name, access.Fold(p.Name), p.Email, string(p.Role), micros(p.CreatedAt))
		if err != nil {
			return err
		}
		if err := stop(); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) fillKeys(ctx context.Context, keys func(func(access.Made) bool), pepper access.Pepper, w *useWriter,
	each func(access.Made) error, stop func() error,
) error {
	add, err := t.PreparexContext(ctx, t.Rebind(insertKey))
	if err != nil {
		return err
	}
	defer func() { _ = add.Close() }()
	var uses []access.Use
	for k := range keys {
		f := pepper.Fingerprint(k.Secret)
		_, err := add.ExecContext(ctx, k.ID, k.Number, k.UserID, f.Hash, f.PepperID, f.Last4, k.Name, micros(k.CreatedAt),
			sql.NullInt64{Int64: k.DeactivatedAt.UnixMicro(), Valid: k.Status() == access.Inactive},
			sql.NullString{String: k.DeactivatedBy, Valid: k.DeactivatedBy != ""}, k.Reason)
		if err != nil {
			return err
		}
		if !k.LastUsedAt.IsZero() {
			uses = append(uses, access.Use{
				Key: k.Number, Day: access.Day(k.LastUsedAt), Service: "gateway", Address: "198.51.100.7", Accepted: 1,
				LastAt: k.LastUsedAt, UsedAt: k.LastUsedAt,
			})
		}
		if len(uses) == useRows {
			if err := w.write(ctx, t.Tx, uses); err != nil {
				return err
			}
			uses = uses[:0]
		}
		if err := each(k); err != nil {
			return err
		}
		if err := stop(); err != nil {
			return err
		}
	}
	return w.write(ctx, t.Tx, uses)
}

const insertKey = `INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name, created_at, deactivated_at,
	deactivated_by, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// MadeUp tells whether the people and keys of this database are made up.
func (db *DB) MadeUp(ctx context.Context) (bool, error) {
	var made bool
	if err := db.read.GetContext(ctx, &made, `SELECT EXISTS (SELECT 1 FROM made_up)`); err != nil {
		return false, fmt.Errorf("made up: %w", err)
	}
	return made, nil
}
