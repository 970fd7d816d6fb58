package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/keydesk/keydesk/access"
)

// SecretState is a secret as it stands, without its value.
type SecretState struct {
	Kind     string    // pepper, session or signing
	Name     string    // its id, or the public key
	Since    time.Time // when it was made
	Newest   bool      // of its kind
	Retired  time.Time // zero unless it is a pepper that has
	Active   int       // keys under a pepper
	KeptTill time.Time // when a session key goes that has a successor; zero for others
}

// SecretStates returns all secrets, by kind, oldest first.
func (db *DB) SecretStates(ctx context.Context, actor access.Actor) ([]SecretState, error) {
	if err := access.Check(actor, access.RotateSecrets); err != nil {
		return nil, err
	}
	var rows []struct {
		sealedRow
		RetiredAt sql.NullInt64 `db:"retired_at"`
	}
	err := db.exports.SelectContext(ctx, &rows, `SELECT id, kind, '' AS verifier, created_at, retired_at FROM secrets
		UNION ALL SELECT id, '`+signingKind+`', verifier, created_at, NULL FROM signing_keys ORDER BY kind, created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	active, err := db.activeUnder(ctx)
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	states := make([]SecretState, 0, len(rows))
	for i, row := range rows {
		s := SecretState{
			Kind: row.Kind, Name: row.ID, Since: time.UnixMicro(row.CreatedAt).UTC(), Retired: timeOf(row.RetiredAt), Active: active[row.ID],
			Newest: i+1 == len(rows) || rows[i+1].Kind != row.Kind,
		}
		if row.Kind == signingKind {
			s.Name = row.Verifier
		}
		if row.Kind == sessionKind && !s.Newest {
			s.KeptTill = time.UnixMicro(rows[i+1].CreatedAt).UTC().Add(sessionKeyLife)
		}
		states = append(states, s)
	}
	return states, nil
}

// Sealing is how many secrets are sealed under which root secret.
type Sealing struct {
	Newest, Former int // that is given
	None           int // that is given
}

// Sealing returns under which root secret the secrets are sealed.
func (db *DB) Sealing(ctx context.Context, actor access.Actor, root access.RootSecret) (s Sealing, err error) {
	if err := access.Check(actor, access.RotateSecrets); err != nil {
		return s, err
	}
	rows, err := sealedRows(ctx, db.exports)
	if err != nil {
		return s, err
	}
	for _, row := range rows {
		if row.retired() {
			continue
		}
		if _, err := row.open(root.Newest()); err == nil {
			s.Newest++
		} else if _, err := row.open(root); err == nil {
			s.Former++
		} else {
			s.None++
		}
	}
	return s, nil
}

// activeUnder returns how many active keys there are under each pepper.
func (db *DB) activeUnder(ctx context.Context) (map[string]int, error) {
	var rows []struct {
		Pepper string `db:"pepper_id"`
		Active int    `db:"active"`
	}
	err := db.exports.SelectContext(ctx, &rows, `SELECT pepper_id, count(*) AS active FROM keys WHERE deactivated_at IS NULL
		GROUP BY pepper_id`)
	active := map[string]int{}
	for _, row := range rows {
		active[row.Pepper] = row.Active
	}
	return active, err
}
