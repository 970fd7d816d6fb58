package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// maxSessions is how many sessions a person has at most; a further sign-in ends the oldest (ASVS 7.1.2).
const maxSessions = 20

// Credentials returns the person with this User ID, without dates and keys, and the hash of their password. The person is
// the zero value when there is nobody, and the hash is empty for who has set no password yet.
func (db *DB) Credentials(ctx context.Context, userID string) (p access.Person, hash string, err error) {
	var row struct {
		userRow
		Hash string `db:"password_hash"`
	}
	err = db.read.GetContext(ctx, &row,
		db.read.Rebind(`SELECT id, name, coalesce(email, '') AS email, role, password_hash, disabled_at
			FROM users WHERE id = ?`), userID)
	if errors.Is(err, sql.ErrNoRows) || unstorable(err) {
		return p, "", nil
	}
	if err != nil {
		return p, "", fmt.Errorf("read credentials: %w", err)
	}
	return row.person(), row.Hash, nil
}

// Opening says which session a sign-in opens. The zero value opens none: only the password is asked for.
type Opening struct {
	Session []byte // hash of the new session's id
	Before  []byte // hash of the session that the browser had, which ends; nil when it had none
	Limits  access.SessionLimits
}

// SignIn decides on an attempt and writes it down. The outcome is the attempt's, unless the throttle of the account
// refuses it, or the account was disabled or got another password since the password was looked at. A success opens a
// session and clears away those that have run out; without a session to open it leaves no trace. An address that has
// failed too often is refused before anything else.
//
// A success and a failure are one transaction each, and failures of every kind do the same work (ASVS 6.3.8).
func (db *DB) SignIn(ctx context.Context, a access.Attempt, o Opening) (access.Outcome, error) {
	ctx, term := db.steadfast(ctx)
	defer term.end()
	inner, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return "", unsaved("sign in", err)
	}
	defer func() { _ = inner.Rollback() }()
	if err := db.oneByOne(ctx, inner); err != nil {
		return "", unsaved("sign in", err)
	}
	t := &attempt{Tx: inner, Attempt: a, now: db.Now(), lock: db.lockUser}
	if err := t.decide(ctx, o); err != nil {
		return "", unsaved("sign in", err)
	}
	if err := t.record(ctx, o); err != nil {
		return "", unsaved("sign in", err)
	}
	return t.Outcome, term.commit("sign in", t)
}

// oneByOne waits until no other sign-in is being decided.
func (db *DB) oneByOne(ctx context.Context, t *sqlx.Tx) error {
	if db.oneSignIn == "" {
		return nil
	}
	_, err := t.ExecContext(ctx, db.oneSignIn)
	return err
}

// record writes the attempt down, and opens the session of a success.
func (t *attempt) record(ctx context.Context, o Opening) error {
	if t.Outcome != access.SignedIn {
		return recordSignIn(ctx, t, t.SignIn, micros(t.now))
	}
	if o.Session == nil {
		return nil
	}
	if err := t.open(ctx, o); err != nil {
		return err
	}
	return recordSignIn(ctx, t, t.SignIn, micros(t.now))
}

// open makes the session of an attempt that succeeded.
func (t *attempt) open(ctx context.Context, o Opening) error {
	_, err := affect(ctx, t, `UPDATE users SET last_sign_in_at = ? WHERE id = ?`, micros(t.now), t.UserID)
	if err != nil {
		return err
	}
	ahead := micros(t.now.Add(idleMark))
	_, err = affect(ctx, t, `DELETE FROM sessions WHERE id_hash = ? OR seen_at < ? OR created_at < ? OR seen_at > ? OR created_at > ?`,
		o.Before, micros(t.now.Add(-o.Limits.Idle)), micros(t.now.Add(-o.Limits.Max)), ahead, ahead)
	if err != nil {
		return err
	}
	return openSession(ctx, t, o.Session, t.SignIn, micros(t.now))
}

// openSession makes the row of a session, and ends the person's oldest where there are too many.
func openSession(ctx context.Context, w execer, sessionHash []byte, s access.SignIn, now int64) error {
	_, err := affect(ctx, w, `INSERT INTO sessions (id, id_hash, user_id, created_at, seen_at, address, user_agent, proved_at, passkey)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, newID(), sessionHash, s.UserID, now, now, s.Address, s.UserAgent, now, bit(s.Means.Strong()))
	if err != nil {
		return err
	}
	_, err = affect(ctx, w, `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = ?
		ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?)`, s.UserID, math.MaxInt64, maxSessions)
	return err
}

// SignOut ends the session, whoever's it is, and writes that down if there was one.
func (db *DB) SignOut(ctx context.Context, sessionHash []byte, s access.SignIn) error {
	ctx, term := db.steadfast(ctx)
	defer term.end()
	t, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return unsaved("sign out", err)
	}
	defer func() { _ = t.Rollback() }()
	err = t.GetContext(ctx, &s.UserID, t.Rebind(`DELETE FROM sessions WHERE id_hash = ? RETURNING user_id`), sessionHash)
	if errors.Is(err, sql.ErrNoRows) {
		return db.confirm(ctx, "sign out")
	}
	if err != nil {
		return unsaved("sign out", err)
	}
	if err := recordSignIn(ctx, t, s, micros(db.Now())); err != nil {
		return unsaved("sign out", err)
	}
	return term.commit("sign out", t)
}

func recordSignIn(ctx context.Context, w execer, s access.SignIn, at int64) error {
	_, err := affect(ctx, w, `INSERT INTO sign_ins (at, user_id, address, network, user_agent, means, outcome)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, at, s.UserID, s.Address, access.Network(s.Address), s.UserAgent, s.Means, s.Outcome)
	if err != nil {
		return fmt.Errorf("record sign-in: %w", err)
	}
	return nil
}
