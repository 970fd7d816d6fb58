package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// attempt is a sign-in under way: what the throttle knows of it is read and written in one transaction, so that no two
// attempts pass where one may. What it counts is kept in the database: restarts forgive nothing, and no flood fills the
// memory.
type attempt struct {
	*sqlx.Tx
	access.Attempt
	now   time.Time
	lock  string // by which no change of the account comes between the look at it and the commit; empty where none can
	known bool   // the account knows the browser
	waits bool   // the attempt comes too soon
	needs bool   // the account has passkeys, so that its password alone does not open it
}

// decide refuses an address that has to wait, and settles the outcome. A right password that is to open a session of an
// account with passkeys awaits one: it neither counts as a failure nor makes the browser known.
func (t *attempt) decide(ctx context.Context, o Opening) error {
	if err := checkAddress(ctx, t, t.Address, t.now); err != nil {
		return err
	}
	if err := t.look(ctx); err != nil {
		return err
	}
	switch {
	case t.waits:
		t.Outcome = access.Throttled
		return nil
	case t.Outcome == access.SignedIn && o.Session != nil && t.needs && !t.Means.Strong():
		t.Outcome = access.AwaitsPasskey
		return nil
	case t.Outcome == access.SignedIn && t.Means.Strong():
		if err := t.useSecond(ctx); err != nil {
			return err
		}
	}
	if t.Outcome == access.SignedIn {
		return t.remember(ctx)
	}
	return t.countFailure(ctx)
}

// look reads the account as it is now: what its throttle says, and whether the password that was looked at still opens
// it. Between that look and this transaction it may have been disabled, or got another password.
func (t *attempt) look(ctx context.Context) error {
	var row struct {
		Disabled      bool          `db:"disabled"`
		PasswordHash  string        `db:"password_hash"`
		Failed        int           `db:"failed_sign_ins"`
		TriedAt       int64         `db:"tried_at"`
		BrowserFailed sql.NullInt64 `db:"browser_failed"`
		Needs         bool          `db:"needs"`
		Short         bool          `db:"short"`
	}
	if t.lock != "" { // first, by itself: what the look sees is then no older than the wait for it
		if _, err := affect(ctx, t, `SELECT id FROM users u WHERE id = ?`+t.lock, t.UserID); err != nil {
			return err
		}
	}
	err := t.GetContext(ctx, &row, t.Rebind(`SELECT u.disabled_at IS NOT NULL AS disabled, u.password_hash, u.failed_sign_ins,
		u.tried_at, b.failed_sign_ins AS browser_failed,
		u.short_password = 1 AS short, EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.id) AS needs
		FROM users u LEFT JOIN browsers b ON b.user_id = u.id AND b.id_hash = ? WHERE u.id = ?`), t.Browser, t.UserID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if t.Outcome == access.SignedIn {
			t.Outcome, t.UserID = access.UserUnknown, access.UnknownUser
		}
		return nil
	case err != nil:
		return err
	}
	t.known = row.BrowserFailed.Valid && row.BrowserFailed.Int64 < access.AccountFailures
	t.needs = row.Needs
	t.waits = !t.known && t.Means != access.ByPasskey && access.StrangersWait(row.Failed, time.UnixMicro(row.TriedAt), t.now)
	byPassword := t.Means != access.ByPasskey
	switch {
	case t.Outcome != access.SignedIn:
	case byPassword && (row.PasswordHash == "" || row.PasswordHash != t.Password):
		t.Outcome = access.WrongPassword
	case byPassword && row.Short && !row.Needs: // its passkeys were removed since
		t.Outcome = access.NoPassword
	case row.Disabled:
		t.Outcome = access.UserDisabled
	}
	return nil
}

// remember makes the browser known to the account. Only a stranger's success forgives the failures of strangers: who
// attacks an account gains nothing when its owner signs in. A stranger is told of the links that were used lately: who
// used one and took note of it may be somebody else.
func (t *attempt) remember(ctx context.Context) error {
	if !t.known {
		if _, err := affect(ctx, t, `UPDATE users SET failed_sign_ins = 0 WHERE id = ?`, t.UserID); err != nil {
			return err
		}
		if _, err := affect(ctx, t, `UPDATE links SET seen_at = NULL WHERE user_id = ? AND used_at > ?`,
			t.UserID, micros(t.now.Add(-access.LinkTold))); err != nil {
			return err
		}
	}
	return knowBrowser(ctx, t, t.UserID, t.Browser, t.now)
}

// knowBrowser makes a browser known to the account, in the place of the one that was seen longest ago where there are
// many, or in the future of a clock that was set back; nil is none.
func knowBrowser(ctx context.Context, w execer, userID string, browser []byte, now time.Time) error {
	if browser == nil {
		return nil
	}
	_, err := affect(ctx, w, `INSERT INTO browsers (user_id, id_hash, seen_at) VALUES (?, ?, ?)
		ON CONFLICT (user_id, id_hash) DO UPDATE SET seen_at = excluded.seen_at, failed_sign_ins = 0`,
		userID, browser, micros(now))
	if err != nil {
		return err
	}
	_, err = affect(ctx, w, `DELETE FROM browsers WHERE user_id = ? AND id_hash IN (SELECT id_hash FROM browsers
		WHERE user_id = ? ORDER BY seen_at > ?, seen_at DESC LIMIT ? OFFSET ?)`,
		userID, userID, micros(now), math.MaxInt64, access.KnownBrowsers)
	return err
}

// useSecond takes the passkey or the recovery code of an attempt, in the transaction that opens the session: neither an answer of
// a passkey nor a code is good twice.
func (t *attempt) useSecond(ctx context.Context) error {
	var used bool
	var err error
	switch {
	case t.Passkey != nil:
		used, err = usePasskey(ctx, t.Tx, t.UserID, *t.Passkey, t.now)
	case t.Recovery != nil:
		var n int64
		n, err = affect(ctx, t, `UPDATE recovery_codes SET used_at = ? WHERE hash = ? AND user_id = ? AND used_at IS NULL`,
			micros(t.now), t.Recovery, t.UserID)
		used = n > 0
	}
	if err == nil && !used {
		t.Outcome = access.WrongPasskey
	}
	return err
}

// countFailure counts a failure against the browser that the account knows, or against all strangers. One of a passkey alone
// counts against its address only: nobody guesses it, and it waits for nothing, so it must not make others wait.
func (t *attempt) countFailure(ctx context.Context) error {
	if t.Means == access.ByPasskey {
		return nil
	}
	if t.known {
		_, err := affect(ctx, t, `UPDATE browsers SET failed_sign_ins = failed_sign_ins + 1
			WHERE user_id = ? AND id_hash = ?`, t.UserID, t.Browser)
		return err
	}
	_, err := affect(ctx, t, `UPDATE users SET failed_sign_ins = failed_sign_ins + 1, tried_at = ?
		WHERE id = ?`, micros(t.now), t.UserID)
	return err
}

// CheckAddress refuses an address from whose network too many sign-ins have failed lately.
func (db *DB) CheckAddress(ctx context.Context, address string) error {
	return checkAddress(ctx, db.read, address, db.Now())
}

func checkAddress(ctx context.Context, q querier, address string, now time.Time) error {
	if address == "" {
		return nil
	}
	// The oldest of the failures that make it too many: when it is forgotten, there is room for one more. Those count too
	// that were up to a window later by a clock that was set back since, or one that jumps to and fro would forget them.
	var oldest int64
	err := sqlx.GetContext(ctx, q, &oldest, q.Rebind(`SELECT at FROM sign_ins WHERE network = ? AND at BETWEEN ? AND ?
		AND outcome NOT IN (?, ?, ?, ?) ORDER BY at DESC LIMIT 1 OFFSET ?`), access.Network(address),
		micros(now.Add(-access.AddressWindow)), micros(now.Add(access.AddressWindow)), access.SignedIn, access.AwaitsPasskey, access.Confirmed, access.SignOut,
		access.AddressFailures-1)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check address: %w", err)
	}
	return access.WaitForAddress(time.UnixMicro(oldest).Add(access.AddressWindow).Sub(now))
}
