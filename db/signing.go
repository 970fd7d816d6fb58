package db

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
)

func (db *DB) makeSigningKey(ctx context.Context, t *sqlx.Tx, root access.RootSecret, origin string) error {
	seed := make([]byte, access.SigningSeedLen)
	_, _ = rand.Read(seed) // never fails
	_, verifier, err := access.NewSigningKey(origin, seed)
	if err != nil {
		return err
	}
	id := newID()
	_, err = affect(ctx, t, `INSERT INTO signing_keys (id, verifier, sealed, created_at) VALUES (?, ?, ?, ?)`,
		id, verifier, root.Seal("signing "+id+" "+origin, seed), micros(db.Now()))
	return err
}

// unsealSigning returns the keys that sign the audit log, and their public keys, newest first.
func unsealSigning(ctx context.Context, q querier, root access.RootSecret) (keys []note.Signer, verifiers []string, err error) {
	var rows []struct {
		ID       string `db:"id"`
		Verifier string `db:"verifier"`
		Sealed   []byte `db:"sealed"`
	}
	err = sqlx.SelectContext(ctx, q, &rows, `SELECT id, verifier, sealed FROM signing_keys ORDER BY created_at DESC, id DESC`)
	if err != nil {
		return nil, nil, fmt.Errorf("read signing keys: %w", err)
	}
	for _, row := range rows {
		origin := originOf(row.Verifier)
		seed, err := root.Open("signing "+row.ID+" "+origin, row.Sealed)
		if err != nil || len(seed) != access.SigningSeedLen {
			return nil, nil, ErrWrongSecret
		}
		key, verifier, err := access.NewSigningKey(origin, seed)
		if err != nil {
			return nil, nil, err
		}
		keys, verifiers = append(keys, key), append(verifiers, verifier)
	}
	return keys, verifiers, nil
}

// originOf returns the log that a public key is of.
func originOf(verifier string) string {
	origin, _, _ := strings.Cut(verifier, "+")
	return origin
}

// LogKeys returns the public keys of the audit log's checkpoints, newest first. They are those of the keys that root opens,
// and not what else the database may say that they are.
func (db *DB) LogKeys(ctx context.Context, actor access.Actor, root access.RootSecret) ([]string, error) {
	if err := access.Check(actor, access.SeeLog); err != nil {
		return nil, err
	}
	_, verifiers, err := unsealSigning(ctx, db.read, root)
	return verifiers, err
}
