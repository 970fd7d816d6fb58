package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
)

// ErrWrongSecret says that the database was sealed under another root secret.
var ErrWrongSecret = errors.New("the root secret is not the one that this database was sealed under; " +
	"give the right one with KEYDESK_SECRET or --secret-file")

const sealedLen = 64 // bytes of a pepper (the first 32) or of a session key (hash, block)

// Secrets is what the database keeps sealed, opened. It never changes: when there are others, DB.Secrets returns another.
type Secrets struct {
	Pepper      access.Pepper   // under which new keys are hashed
	Peppers     []access.Pepper // under one of which every key is hashed that is not long dead
	SessionKeys []SessionKey    // the first makes new cookies, the others still open theirs
	Signing     []note.Signer   // newest first, of the audit log's checkpoints
	Verifiers   []string        // the public keys of these, in the same order
	Incomplete  bool            // there are others, which this process cannot open
}

// SessionKey is what the session cookie is sealed with.
type SessionKey struct {
	Hash  []byte // 32 bytes, authenticates the cookie
	Block []byte // 32 bytes, encrypts it
}

// Secrets returns the opened secrets as they are now; they are empty after OpenToRead.
func (db *DB) Secrets() *Secrets { return db.vault.now.Load() }

// The kinds of what is sealed.
const (
	pepperKind  = "pepper"
	sessionKind = "session"
	signingKind = "signing"
)

// sealedRow is a secret as the database keeps it.
type sealedRow struct {
	ID        string `db:"id"`
	Kind      string `db:"kind"`
	Verifier  string `db:"verifier"` // the public key of a signing key
	Sealed    []byte `db:"sealed"`   // empty once it is retired
	CreatedAt int64  `db:"created_at"`
}

// selectSealed reads all that is sealed, oldest first.
const selectSealed = `SELECT id, kind, '' AS verifier, sealed, created_at FROM secrets
	UNION ALL SELECT id, '` + signingKind + `', verifier, sealed, created_at FROM signing_keys ORDER BY created_at, id`

func sealedRows(ctx context.Context, q sqlx.QueryerContext) (rows []sealedRow, err error) {
	if err = sqlx.SelectContext(ctx, q, &rows, selectSealed); err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	return rows, nil
}

// label is what it is sealed under, besides the root secret.
func (r sealedRow) label() string {
	if r.Kind == signingKind {
		return r.Kind + " " + r.ID + " " + originOf(r.Verifier)
	}
	return r.Kind + " " + r.ID
}

func (r sealedRow) retired() bool { return len(r.Sealed) == 0 }

func (r sealedRow) same(other sealedRow) bool {
	return r.ID == other.ID && bytes.Equal(r.Sealed, other.Sealed)
}

func (r sealedRow) open(root access.RootSecret) ([]byte, error) {
	want := sealedLen
	if r.Kind == signingKind {
		want = access.SigningSeedLen
	}
	value, err := root.Open(r.label(), r.Sealed)
	if err != nil || len(value) != want {
		return nil, ErrWrongSecret
	}
	return value, nil
}

// checkRoot returns nil if root opens the peppers and session keys, and there are some: where they are missing none is made
// anew, or every key would be unknown. It knows what tables of any version have.
func checkRoot(ctx context.Context, q sqlx.QueryerContext, root access.RootSecret) error {
	var rows []sealedRow
	if err := sqlx.SelectContext(ctx, q, &rows, `SELECT id, kind, sealed FROM secrets`); err != nil {
		return fmt.Errorf("read secrets: %w", err)
	}
	there := map[string]bool{}
	for _, row := range rows {
		if row.retired() {
			continue
		}
		if _, err := row.open(root); err != nil {
			return err
		}
		there[row.Kind] = true
	}
	if !there[pepperKind] || !there[sessionKind] {
		return fmt.Errorf("its sealed secrets are missing: %w", ErrDamaged)
	}
	return nil
}

// SealedUnder returns nil if the root secret opens all peppers and session keys by itself.
func (db *DB) SealedUnder(ctx context.Context, root access.RootSecret) error {
	return checkRoot(ctx, db.read, root)
}

// openSealed opens what is sealed, making that of a new database first, and begins the audit log where there is none yet.
func (db *DB) openSealed(ctx context.Context, w *sqlx.DB, root access.RootSecret, o Options) error {
	db.vault.root, db.vault.again = root, o.Root
	if db.shared {
		db.vault.grace = ripeAfter
	}
	if err := db.makeSecrets(ctx); err != nil {
		return err
	}
	return db.openLog(ctx, w)
}

// makeSecrets makes the first secrets of a new database.
func (db *DB) makeSecrets(ctx context.Context) error {
	ctx, term := db.steadfast(ctx)
	defer term.end()
	t, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("make secrets: %w", err)
	}
	defer func() { _ = t.Rollback() }()
	var used bool
	err = t.GetContext(ctx, &used, `SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM secrets)`)
	if err != nil {
		return fmt.Errorf("make secrets: %w", err)
	}
	if used {
		return checkRoot(ctx, t, db.vault.root)
	}
	// What a first start that was cut short left behind may be sealed under another root secret.
	_, err = affect(ctx, t, `DELETE FROM signing_keys`)
	if err == nil {
		_, err = affect(ctx, t, `UPDATE audit_head SET origin = '' WHERE origin <> '' AND number = 0`)
	}
	for _, kind := range []string{pepperKind, sessionKind} {
		if err == nil {
			_, err = (&maker{t, db.vault.root.Newest(), micros(db.Now())}).secret(ctx, kind)
		}
	}
	if err != nil {
		return fmt.Errorf("make secrets: %w", err)
	}
	return term.commit("make secrets", t)
}
