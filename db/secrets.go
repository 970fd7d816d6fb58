package db

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// ErrWrongSecret says that the database was sealed under another root secret.
var ErrWrongSecret = errors.New("the root secret is not the one that this database was sealed under; " +
	"give the right one with KEYDESK_SECRET or --secret-file")

const sealedLen = 64 // bytes of a pepper (the first 32) or of a session key (hash, block)

type sealedRow struct {
	ID     string `db:"id"`
	Kind   string `db:"kind"`
	Sealed []byte `db:"sealed"`
}

// checkRoot returns nil if root opens everything that is sealed in the file.
func checkRoot(ctx context.Context, path string, root access.RootSecret) error {
	read, err := connectToRead(path, 1)
	if err != nil {
		return err
	}
	_, err = unseal(ctx, read, root)
	return errors.Join(err, read.Close())
}

// openSecrets opens the sealed secrets, making those of a new database first.
func (db *DB) openSecrets(ctx context.Context, root access.RootSecret) error {
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
	if db.secrets, err = unseal(ctx, tx, root); err != nil {
		return err
	}
	return committed("open secrets", tx)
}

func (db *DB) makeSecrets(ctx context.Context, tx *sqlx.Tx, root access.RootSecret) error {
	for _, kind := range []string{"pepper", "session"} {
		value := make([]byte, sealedLen)
		_, _ = rand.Read(value) // never fails
		id := newID()
		_, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO secrets (id, kind, sealed, created_at) VALUES (?, ?, ?, ?)`),
			id, kind, root.Seal(kind+" "+id, value), micros(db.Now()))
		if err != nil {
			return err
		}
	}
	return nil
}

// unseal returns the newest secret of each kind. One that is missing is not made anew: every key would be unknown.
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
			s.SessionHash, s.SessionBlock = value[:32], value[32:]
		}
	}
	if s.Pepper.ID == "" || s.SessionHash == nil {
		return Secrets{}, fmt.Errorf("its sealed secrets are missing: %w", ErrDamaged)
	}
	return s, nil
}
