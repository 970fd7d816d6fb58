package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/keydesk/keydesk/access"
)

// idleMark is how often at most the last request of a session is written down.
const idleMark = time.Minute

// Credentials returns the person with this User ID and the hash of their password; it is empty when there is nobody.
func (db *DB) Credentials(ctx context.Context, userID string) (p access.Person, hash string, err error) {
	var row struct {
		userRow
		Hash string `db:"password_hash"`
	}
	err = db.read.GetContext(ctx, &row,
		db.read.Rebind(`SELECT id, role, password_hash, disabled_at FROM users WHERE id = ?`), userID)
	if errors.Is(err, sql.ErrNoRows) {
		return p, "", nil
	}
	if err != nil {
		return p, "", fmt.Errorf("read credentials: %w", err)
	}
	return row.person(), row.Hash, nil
}

// RecordSignIn writes down a sign-in that failed.
func (db *DB) RecordSignIn(ctx context.Context, s access.SignIn) error {
	return recordSignIn(ctx, db.write, s, db.Now())
}

// SignIn opens a session for the person, writes the sign-in down, and ends the session that the browser had before
// (nil for none) and those that have ended by time. It refuses, as the last word, who has been disabled meanwhile.
func (db *DB) SignIn(ctx context.Context, sessionHash, before []byte, s access.SignIn, limits access.SessionLimits) error {
	t, err := db.write.BeginTxx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	defer func() { _ = t.Rollback() }()
	now := db.Now()
	done, err := t.ExecContext(ctx, t.Rebind(`UPDATE users SET last_sign_in_at = ? WHERE id = ? AND disabled_at IS NULL`),
		micros(now), s.UserID)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil {
		return fmt.Errorf("sign in: %w", err)
	} else if n != 1 {
		return access.Refuse(access.SignedOut, "", "This account can no longer sign in.")
	}
	if _, err = t.ExecContext(ctx, t.Rebind(`DELETE FROM sessions WHERE id_hash = ? OR seen_at < ? OR created_at < ?`),
		before, micros(now.Add(-limits.Idle)), micros(now.Add(-limits.Max))); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if _, err = t.ExecContext(ctx, t.Rebind(`INSERT INTO sessions (id_hash, user_id, created_at, seen_at)
		VALUES (?, ?, ?, ?)`), sessionHash, s.UserID, micros(now), micros(now)); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if err := recordSignIn(ctx, t, s, now); err != nil {
		return err
	}
	return committed("sign in", t)
}

// SignOut ends the session, whoever's it is, and writes that down if there was one.
func (db *DB) SignOut(ctx context.Context, sessionHash []byte, s access.SignIn) error {
	t, err := db.write.BeginTxx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	defer func() { _ = t.Rollback() }()
	err = t.GetContext(ctx, &s.UserID, t.Rebind(`DELETE FROM sessions WHERE id_hash = ? RETURNING user_id`), sessionHash)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	if err := recordSignIn(ctx, t, s, db.Now()); err != nil {
		return err
	}
	return committed("sign out", t)
}

// Session returns who is signed in by a live session, as they are now, and whether it is time to mark it seen. It
// refuses a session that has ended, timed out, was seen in a future that a set-back clock has undone, or whose person
// is disabled.
func (db *DB) Session(ctx context.Context, sessionHash []byte, limits access.SessionLimits) (p access.Person, stale bool, err error) {
	var row struct {
		userRow
		SeenAt int64 `db:"seen_at"`
	}
	now := db.Now()
	err = db.read.GetContext(ctx, &row, db.read.Rebind(`SELECT u.id, u.role, s.seen_at
		FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.id_hash = ? AND s.seen_at BETWEEN ? AND ? AND s.created_at >= ? AND u.disabled_at IS NULL`),
		sessionHash, micros(now.Add(-limits.Idle)), micros(now.Add(idleMark)), micros(now.Add(-limits.Max)))
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, access.Refuse(access.SignedOut, "", "Your session has ended. Please sign in again.")
	}
	if err != nil {
		return p, false, fmt.Errorf("read session: %w", err)
	}
	return row.person(), micros(now)-row.SeenAt > idleMark.Microseconds(), nil
}

// MarkSession writes down that the session was used now.
func (db *DB) MarkSession(ctx context.Context, sessionHash []byte) error {
	_, err := db.write.ExecContext(ctx, db.write.Rebind(`UPDATE sessions SET seen_at = ? WHERE id_hash = ?`),
		micros(db.Now()), sessionHash)
	if err != nil {
		return fmt.Errorf("mark session: %w", err)
	}
	return nil
}

// execer is the writing connection or a transaction.
type execer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	Rebind(string) string
}

func recordSignIn(ctx context.Context, w execer, s access.SignIn, at time.Time) error {
	_, err := w.ExecContext(context.WithoutCancel(ctx), w.Rebind(`INSERT INTO sign_ins (at, user_id, address, user_agent, outcome)
		VALUES (?, ?, ?, ?, ?)`), micros(at), s.UserID, s.Address, s.UserAgent, s.Outcome)
	if err != nil {
		return fmt.Errorf("record sign-in: %w", err)
	}
	return nil
}
