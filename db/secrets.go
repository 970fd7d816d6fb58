package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// ErrWrongSecret says that the database was sealed under another root secret.
var ErrWrongSecret = errors.New("the root secret is not the one that this database was sealed under; " +
	"give the right one with KEYDESK_SECRET or --secret-file")

const sealedLen = 64 // bytes of a pepper (the first 32) or of a session key (hash, block)

// A session key gets a successor at the first start after this long, and goes with the second one. That is far longer
// than a session lasts, so nobody is signed out by it.
const sessionKeyLife = 30 * 24 * time.Hour

type sealedRow struct {
	ID     string `db:"id"`
	Kind   string `db:"kind"`
	Sealed []byte `db:"sealed"`
}

// openSecrets opens the sealed secrets, making those of a new database first.
func (db *DB) openSecrets(ctx context.Context, root access.RootSecret) error {
	ctx, term := db.steadfast(ctx)
	defer term.end()
	tx, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("open secrets: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	var used bool
	err = tx.GetContext(ctx, &used, `SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM secrets)`)
	if err != nil {
		return fmt.Errorf("open secrets: %w", err)
	}
	if !used {
		if err := db.makeSecrets(ctx, tx, root); err != nil {
			return fmt.Errorf("make secrets: %w", err)
		}
	}
	if err := db.renewSessionKey(ctx, tx, root); err != nil {
		return fmt.Errorf("renew session key: %w", err)
	}
	if db.secrets, err = unseal(ctx, tx, root); err != nil {
		return err
	}
	return term.commit("open secrets", tx)
}

func (db *DB) makeSecrets(ctx context.Context, tx *sqlx.Tx, root access.RootSecret) error {
	// What a first start that was cut short left behind may be sealed under another root secret.
	_, err := affect(ctx, tx, `DELETE FROM signing_keys`)
	if err == nil {
		_, err = affect(ctx, tx, `UPDATE audit_head SET origin = '' WHERE origin <> '' AND number = 0`)
	}
	return errors.Join(err, db.makeSecret(ctx, tx, root, "pepper"), db.makeSecret(ctx, tx, root, "session"))
}

func (db *DB) makeSecret(ctx context.Context, tx *sqlx.Tx, root access.RootSecret, kind string) error {
	value := make([]byte, sealedLen)
	_, _ = rand.Read(value) // never fails
	id := newID()
	_, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO secrets (id, kind, sealed, created_at) VALUES (?, ?, ?, ?)`),
		id, kind, root.Seal(kind+" "+id, value), micros(db.Now()))
	return err
}

// renewSessionKey gives a session key that has served its time a successor, and drops the one before it. It does not while
// other instances are at work, which do not know the successor.
func (db *DB) renewSessionKey(ctx context.Context, tx *sqlx.Tx, root access.RootSecret) error {
	if db.shared {
		var others bool
		if err := tx.GetContext(ctx, &others, `SELECT EXISTS (SELECT 1 FROM leases)`); err != nil || others {
			return err
		}
	}
	var newest sql.NullInt64
	err := tx.GetContext(ctx, &newest, `SELECT max(created_at) FROM secrets WHERE kind = 'session'`)
	if err != nil || !newest.Valid || db.Now().Sub(timeOf(newest)) < sessionKeyLife {
		return err // where there is none, unseal says so
	}
	_, err = tx.ExecContext(ctx, tx.Rebind(`DELETE FROM secrets WHERE kind = 'session' AND created_at < ?`), newest.Int64)
	return errors.Join(err, db.makeSecret(ctx, tx, root, "session"))
}

// unseal returns the newest pepper and all session keys. A secret that is missing is not made anew: every key would be unknown.
func unseal(ctx context.Context, q sqlx.QueryerContext, root access.RootSecret) (Secrets, error) {
	var rows []sealedRow
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT id, kind, sealed FROM secrets ORDER BY created_at, id`); err != nil {
		return Secrets{}, fmt.Errorf("read secrets: %w", err)
	}
	var s Secrets
	for _, row := range rows {
		value, err := root.Open(row.Kind+" "+row.ID, row.Sealed)
		if err != nil || len(value) != sealedLen {
			return Secrets{}, ErrWrongSecret
		}
		switch row.Kind {
		case "pepper":
			s.Pepper = access.NewPepper(row.ID, value[:32])
		case "session":
			s.SessionKeys = append(s.SessionKeys, SessionKey{Hash: value[:32], Block: value[32:]})
		}
	}
	slices.Reverse(s.SessionKeys)
	if s.Pepper.ID == "" || s.SessionKeys == nil {
		return Secrets{}, fmt.Errorf("its sealed secrets are missing: %w", ErrDamaged)
	}
	return s, nil
}
