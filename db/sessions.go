package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/keydesk/keydesk/access"
)

// idleMark is how often at most the last request of a session is written down.
const idleMark = time.Minute

// Visit is a request's session as the database knows it now.
type Visit struct {
	SessionID string
	Person    access.Person // their User ID and role
	Stale     bool          // it is time to mark the session seen
	NewLinks  bool          // set-password links were issued for the person, who has not taken note of them
	ProvedAt  time.Time     // when the person last proved who they are
	Passkey   bool          // a passkey, or a recovery code in its place, was part of that, and the person has one still
}

type sessionRow struct {
	ID        string        `db:"id"`
	CreatedAt sql.NullInt64 `db:"created_at"`
	SeenAt    sql.NullInt64 `db:"seen_at"`
	Address   string        `db:"address"`
	UserAgent string        `db:"user_agent"`
}

// Session returns the live session of this hash. It refuses one that has ended, timed out, was opened or seen in a future
// that a set-back clock has undone, or whose person is disabled.
func (db *DB) Session(ctx context.Context, sessionHash []byte, limits access.SessionLimits) (Visit, error) {
	var row struct {
		userRow
		SessionID string `db:"session_id"`
		SeenAt    int64  `db:"seen_at"`
		ProvedAt  int64  `db:"proved_at"`
		Passkey   bool   `db:"passkey"`
		NewLinks  bool   `db:"new_links"`
	}
	now := db.Now()
	err := db.read.GetContext(ctx, &row, db.read.Rebind(`SELECT s.id AS session_id, u.id, u.role, s.seen_at, s.proved_at, s.passkey = 1 AND EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.id) AS passkey,
	
		EXISTS (SELECT 1 FROM links l WHERE l.user_id = u.id AND l.seen_at IS NULL) AS new_links
		FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.id_hash = ? AND s.seen_at BETWEEN ? AND ? AND s.created_at BETWEEN ? AND ? AND u.disabled_at IS NULL`),
		sessionHash, micros(now.Add(-limits.Idle)), micros(now.Add(idleMark)), micros(now.Add(-limits.Max)), micros(now.Add(idleMark)))
	if errors.Is(err, sql.ErrNoRows) {
		return Visit{}, access.Refuse(access.SignedOut, "", "Your session has ended. Please sign in again.")
	}
	if err != nil {
		return Visit{}, fmt.Errorf("read session: %w", err)
	}
	return Visit{
		SessionID: row.SessionID, Person: row.person(), NewLinks: row.NewLinks,
		Stale: micros(now)-row.SeenAt > idleMark.Microseconds(), ProvedAt: time.UnixMicro(row.ProvedAt), Passkey: row.Passkey,
	}, nil
}

// MarkSession writes down that the session was used now.
func (db *DB) MarkSession(ctx context.Context, sessionHash []byte) error {
	ctx, term := db.steadfast(ctx)
	defer term.end()
	_, err := db.write.ExecContext(ctx, db.write.Rebind(`UPDATE sessions SET seen_at = ? WHERE id_hash = ?`),
		micros(db.Now()), sessionHash)
	if err != nil {
		return fmt.Errorf("mark session: %w", err)
	}
	return nil
}

// OwnSessions returns the actor's live sessions, newest first.
func (db *DB) OwnSessions(ctx context.Context, actor access.Actor, limits access.SessionLimits) ([]access.Session, error) {
	if err := access.Check(actor, access.SeeProfile); err != nil {
		return nil, err
	}
	now := db.Now()
	var rows []sessionRow
	err := db.read.SelectContext(ctx, &rows, db.read.Rebind(`SELECT id, created_at, seen_at, address, user_agent
		FROM sessions WHERE user_id = ? AND seen_at BETWEEN ? AND ? AND created_at BETWEEN ? AND ? ORDER BY created_at DESC, id DESC`),
		actor.UserID, micros(now.Add(-limits.Idle)), micros(now.Add(idleMark)), micros(now.Add(-limits.Max)), micros(now.Add(idleMark)))
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	sessions := make([]access.Session, 0, len(rows))
	for _, r := range rows {
		sessions = append(sessions, access.Session{
			ID: r.ID, CreatedAt: timeOf(r.CreatedAt), SeenAt: timeOf(r.SeenAt), Address: r.Address, UserAgent: r.UserAgent,
		})
	}
	return sessions, nil
}

// EndOwnSession ends one of the actor's sessions.
func (db *DB) EndOwnSession(ctx context.Context, actor access.Actor, id string) error {
	if !storable(id) {
		return unsaved(access.EndOwnSessions, access.ErrNotFound)
	}
	return db.change(ctx, actor, access.EndOwnSessions, func(ctx context.Context, t *tx) (access.Change, error) {
		n, err := affect(ctx, t, `DELETE FROM sessions WHERE id = ? AND user_id = ?`, id, actor.UserID)
		if err == nil && n == 0 {
			err = access.ErrNotFound
		}
		return access.Change{UserID: actor.UserID, Detail: "one session"}, err
	})
}

// EndOwnSessions ends all of the actor's sessions, the one of the request too, and withdraws the open links that they
// have issued: whoever was in one of the sessions could have.
func (db *DB) EndOwnSessions(ctx context.Context, actor access.Actor) error {
	return db.endSessions(ctx, actor, access.EndOwnSessions, actor.UserID)
}

// EndSessions does the same of anybody.
func (db *DB) EndSessions(ctx context.Context, actor access.Actor, userID string) error {
	return db.endSessions(ctx, actor, access.EndSessions, userID)
}

// EndAllSessions does so of everybody, also while a server is at work; links that the operator has issued stay. It returns
// how many sessions there were.
func (db *DB) EndAllSessions(ctx context.Context, actor access.Actor) (n int64, err error) {
	err = db.change(ctx, actor, access.EndAllSessions, func(ctx context.Context, t *tx) (access.Change, error) {
		if n, err = affect(ctx, t, `DELETE FROM sessions`); err != nil {
			return access.Change{}, err
		}
		return access.Change{Detail: english.Plural(int(n), "session", "")}, t.withdrawLinks(ctx, `issued_by <> ? AND user_id IS NOT NULL`, access.Operator)
	})
	return n, err
}

func (db *DB) endSessions(ctx context.Context, actor access.Actor, what access.Action, userID string) error {
	return db.change(ctx, actor, what, func(ctx context.Context, t *tx) (access.Change, error) {
		if _, err := oneUser(ctx, t, userID); err != nil {
			return access.Change{}, err
		}
		n, err := affect(ctx, t, `DELETE FROM sessions WHERE user_id = ?`, userID)
		if err == nil && n == 0 {
			err = errUnchanged
		}
		if err != nil {
			return access.Change{}, err
		}
		return access.Change{UserID: userID, Detail: "all sessions"}, t.withdrawLinks(ctx, `issued_by = ?`, userID)
	})
}
