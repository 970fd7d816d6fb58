package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/keydesk/keydesk/access"
)

// Rotation says which secrets are to have a successor.
type Rotation struct {
	Root    bool // what is sealed is sealed anew, under the newest root secret
	Pepper  bool
	Session bool // the session key
	Signing bool // the key that signs the audit log
}

// Rotated is what a rotation has made.
type Rotated struct {
	Resealed int      // secrets that were sealed anew
	Pepper   string   // the id of the new one
	Session  string   // likewise
	Signing  string   // the public key of the new one
	Retired  []string // peppers that no active key needed any more
	Dropped  []string // session keys that no session needed any more
}

// RotateSecrets makes successors of secrets, in one change, and ends what is no longer in use. Instances that are at work
// learn of them within moments, and of everything they know at the time each stays good.
func (db *DB) RotateSecrets(ctx context.Context, actor access.Actor, r Rotation) (done Rotated, err error) {
	unused, err := db.unusedPeppers(ctx)
	if err != nil {
		return done, err
	}
	err = db.change(ctx, actor, access.RotateSecrets, func(ctx context.Context, t *tx) (access.Change, error) {
		rows, err := sealedRows(ctx, t)
		if err != nil {
			return access.Change{}, err
		}
		if done, err = db.rotate(ctx, t, r, rows); err != nil {
			return access.Change{}, err
		}
		if err := t.endSecrets(ctx, &done, rows, unused); err != nil {
			return access.Change{}, err
		}
		if done.detail() == "" {
			return access.Change{}, errUnchanged
		}
		return access.Change{Detail: done.detail()}, nil
	})
	if err == nil {
		_ = db.refreshSecrets(ctx) // or it is done within moments
	}
	return done, err
}

func (db *DB) rotate(ctx context.Context, t *tx, r Rotation, rows []sealedRow) (done Rotated, err error) {
	m, err := db.maker(t.Tx, rows)
	if err != nil {
		return done, err
	}
	if r.Root {
		all := db.vault.rootSecret()
		m.root = all.Newest()
		if done.Resealed, err = m.reseal(ctx, rows, all); err != nil {
			return done, err
		}
	}
	if r.Pepper {
		if done.Pepper, err = m.secret(ctx, pepperKind); err != nil {
			return done, err
		}
	}
	if r.Session {
		if done.Session, err = m.secret(ctx, sessionKind); err != nil {
			return done, err
		}
	}
	if r.Signing {
		done.Signing, err = t.newSigner(ctx, m)
	}
	return done, err
}

// reseal seals under m's root secret what is sealed under others of all, and returns how many that were.
func (m *maker) reseal(ctx context.Context, rows []sealedRow, all access.RootSecret) (n int, err error) {
	for _, row := range rows {
		if row.retired() {
			continue
		}
		if _, err := row.open(m.root); err == nil {
			continue
		}
		value, err := row.open(all)
		if err != nil {
			return n, err
		}
		table := "secrets"
		if row.Kind == signingKind {
			table = "signing_keys"
		}
		if _, err := affect(ctx, m, `UPDATE `+table+` SET sealed = ? WHERE id = ?`, m.root.Seal(row.label(), value), row.ID); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// newSigner makes the key that signs the audit log from this change on. Its first checkpoint is signed by the former one
// too, so that whoever has that one's public key can tell that the log goes on.
func (t *tx) newSigner(ctx context.Context, m *maker) (verifier string, err error) {
	key, verifier, err := m.signingKey(ctx, t.log.Origin)
	if err != nil {
		return "", err
	}
	for _, former := range t.signing {
		if former.Name() == t.log.Origin {
			t.cosigns = append(t.cosigns, former)
			break
		}
	}
	t.signing = append(t.signing[:0:0], key)
	return verifier, nil
}

// detail says what was done, for the audit log.
func (done Rotated) detail() string {
	var parts []string
	say := func(format string, what any) { parts = append(parts, fmt.Sprintf(format, what)) }
	if done.Resealed > 0 {
		say("root secret: %d sealed anew", done.Resealed)
	}
	if done.Pepper != "" {
		say("new pepper %s", done.Pepper)
	}
	if done.Session != "" {
		say("new session key %s", done.Session)
	}
	if done.Signing != "" {
		say("new signing key %s", done.Signing)
	}
	for _, id := range done.Retired {
		say("retired pepper %s", id)
	}
	for _, id := range done.Dropped {
		say("dropped session key %s", id)
	}
	return strings.Join(parts, ", ")
}
