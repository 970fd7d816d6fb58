package db

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
)

// signingVerifiers returns the public keys of what signs the audit log, newest first: of the keys that root opens, and not
// what else the database may say that they are.
func signingVerifiers(ctx context.Context, q sqlx.QueryerContext, root access.RootSecret) (verifiers []string, err error) {
	rows, err := sealedRows(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, row := range slices.Backward(rows) {
		if row.Kind != signingKind {
			continue
		}
		seed, err := row.open(root)
		if err != nil {
			return nil, err
		}
		_, verifier, err := access.NewSigningKey(originOf(row.Verifier), seed)
		if err != nil {
			return nil, err
		}
		verifiers = append(verifiers, verifier)
	}
	return verifiers, nil
}

// originOf returns the log that a public key is of.
func originOf(verifier string) string {
	origin, _, _ := strings.Cut(verifier, "+")
	return origin
}

// LogKeys returns the public keys of the audit log's checkpoints, newest first.
func (db *DB) LogKeys(ctx context.Context, actor access.Actor, root access.RootSecret) ([]string, error) {
	if err := access.Check(actor, access.SeeLog); err != nil {
		return nil, err
	}
	return signingVerifiers(ctx, db.read, root)
}

// maker makes secrets, sealed under a root secret.
type maker struct {
	*sqlx.Tx
	root access.RootSecret
	at   int64 // microseconds
}

// maker returns who makes secrets beside those that there are, sealed under the root secret of the newest of them: other
// processes may have no other yet. Theirs is the order in which they were made, wherever the clock went.
func (db *DB) maker(t *sqlx.Tx, rows []sealedRow) (*maker, error) {
	root := db.vault.rootSecret()
	m := &maker{t, root.Newest(), micros(db.Now())}
	if len(rows) > 0 {
		m.at = max(m.at, rows[len(rows)-1].CreatedAt+1)
	}
	for _, row := range slices.Backward(rows) {
		if row.retired() {
			continue
		}
		var err error
		if m.root, err = root.Opening(row.label(), row.Sealed); err != nil {
			return nil, ErrWrongSecret
		}
		break
	}
	return m, nil
}

// secret makes a pepper or a session key, and returns its id.
func (m *maker) secret(ctx context.Context, kind string) (id string, err error) {
	value := make([]byte, sealedLen)
	_, _ = rand.Read(value) // never fails
	id = newID()
	_, err = affect(ctx, m, `INSERT INTO secrets (id, kind, sealed, created_at) VALUES (?, ?, ?, ?)`,
		id, kind, m.root.Seal(sealedRow{ID: id, Kind: kind}.label(), value), m.at)
	return id, err
}

// signingKey makes a key that signs the checkpoints of the log of this origin, and returns it with its public key.
func (m *maker) signingKey(ctx context.Context, origin string) (key note.Signer, verifier string, err error) {
	seed := make([]byte, access.SigningSeedLen)
	_, _ = rand.Read(seed) // never fails
	if key, verifier, err = access.NewSigningKey(origin, seed); err != nil {
		return nil, "", err
	}
	row := sealedRow{ID: newID(), Kind: signingKind, Verifier: verifier}
	_, err = affect(ctx, m, `INSERT INTO signing_keys (id, verifier, sealed, created_at) VALUES (?, ?, ?, ?)`,
		row.ID, verifier, m.root.Seal(row.label(), seed), m.at)
	return key, verifier, err
}
