package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

const selectLinks = `SELECT coalesce(user_id, '') AS user_id, issued_at, issued_by, issued_from, expires_at, used_at,
	used_from, withdrawn_at FROM links `

type linkRow struct {
	UserID      string        `db:"user_id"`
	IssuedAt    sql.NullInt64 `db:"issued_at"`
	IssuedBy    string        `db:"issued_by"`
	IssuedFrom  string        `db:"issued_from"`
	ExpiresAt   sql.NullInt64 `db:"expires_at"`
	UsedAt      sql.NullInt64 `db:"used_at"`
	UsedFrom    string        `db:"used_from"`
	WithdrawnAt sql.NullInt64 `db:"withdrawn_at"`
}

func (r linkRow) link() access.Link {
	return access.Link{
		UserID: r.UserID, IssuedAt: timeOf(r.IssuedAt), IssuedBy: r.IssuedBy, IssuedFrom: r.IssuedFrom,
		ExpiresAt: timeOf(r.ExpiresAt), UsedAt: timeOf(r.UsedAt), UsedFrom: r.UsedFrom, WithdrawnAt: timeOf(r.WithdrawnAt),
	}
}

// InviteUser adds a person without a password, and the link by which they set one. All of p must have been parsed.
func (db *DB) InviteUser(ctx context.Context, actor access.Actor, p access.Person, tokenHash []byte) error {
	return db.change(ctx, actor, access.AddUser, func(ctx context.Context, t *tx) (access.Change, error) {
		if err := t.addUser(ctx, p, ""); err != nil {
			return access.Change{}, err
		}
		return access.Change{UserID: p.UserID, Detail: "role " + string(p.Role) + ", with a link to set the password"},
			t.issueLink(ctx, p.UserID, tokenHash)
	})
}

// IssueLink makes a link by which somebody sets a new password, in the place of any that is still open. The password
// of now holds until then. Nobody issues one for themselves.
func (db *DB) IssueLink(ctx context.Context, actor access.Actor, userID string, tokenHash []byte) error {
	return db.change(ctx, actor, access.IssueLink, func(ctx context.Context, t *tx) (access.Change, error) {
		person, err := t.otherAccount(ctx, userID, "Change your own password on your profile.")
		if err != nil {
			return access.Change{}, err
		}
		if !person.Enabled() {
			return access.Change{}, access.Refuse(access.Clashes, "", "This account is disabled. An administrator can enable it, on "+
				"the user's page in Manage Users.")
		}
		if err := t.withdrawLinks(ctx, `user_id = ?`, userID); err != nil {
			return access.Change{}, err
		}
		return access.Change{UserID: userID}, t.issueLink(ctx, userID, tokenHash)
	})
}

func (t *tx) issueLink(ctx context.Context, userID string, tokenHash []byte) error {
	t.made("links", tokenHash)
	_, err := affect(ctx, t, `INSERT INTO links (token_hash, user_id, issued_at, issued_by, issued_from, expires_at)
		VALUES (?, ?, ?, ?, ?, ?)`, tokenHash, sql.NullString{String: userID, Valid: userID != ""}, micros(t.at),
		t.actor.UserID, t.actor.Address, micros(t.at.Add(access.LinkLife)))
	return err
}

// withdrawLinks ends those of the links that the condition selects which are still open.
func (t *tx) withdrawLinks(ctx context.Context, where string, args ...any) error {
	open := `used_at IS NULL AND withdrawn_at IS NULL AND (` + where + `)`
	if _, err := t.watch(ctx, "links", open, args...); err != nil {
		return err
	}
	_, err := affect(ctx, t, `UPDATE links SET withdrawn_at = ? WHERE `+open, append([]any{micros(t.at)}, args...)...)
	return err
}

// Link returns the set-password link of this token if it can be used now. Looking does not use it up.
func (db *DB) Link(ctx context.Context, tokenHash []byte) (access.Link, error) {
	link, err := oneLink(ctx, db.read, `WHERE token_hash = ? AND user_id IS NOT NULL`, tokenHash)
	if err == nil {
		err = link.Check(db.Now())
	}
	return link, err
}

// UseLink sets the password of the link's account, uses the link up, and ends the account's sessions. Of the browsers
// the account knows the one that it was used from alone. Whoever signs in next is told of every link that was used:
// who came in by one cannot have hidden it from the owner.
func (db *DB) UseLink(ctx context.Context, tokenHash []byte, passwordHash string, from access.Attempt) error {
	link, err := db.Link(ctx, tokenHash)
	if err != nil {
		return unsaved(access.SetPassword, err)
	}
	actor := access.Actor{UserID: link.UserID, Address: from.Address}
	return db.change(ctx, actor, access.SetPassword, func(ctx context.Context, t *tx) (access.Change, error) {
		link, err := oneLink(ctx, t, `WHERE token_hash = ?`, tokenHash)
		if err == nil {
			err = link.Check(t.at)
		}
		if err == nil {
			_, err = affect(ctx, t, `SELECT id FROM users u WHERE id = ?`+db.lockUser, link.UserID) // before its links, as a sign-in does
		}
		if err != nil {
			return access.Change{}, err
		}
		if err := t.useLink(ctx, tokenHash, from.Address); err != nil {
			return access.Change{}, err
		}
		if _, err := affect(ctx, t, `UPDATE links SET seen_at = NULL WHERE user_id = ? AND used_at IS NOT NULL`,
			link.UserID); err != nil {
			return access.Change{}, err
		}
		return access.Change{UserID: link.UserID, Detail: "by a link of " + link.IssuedBy},
			t.setPassword(ctx, link.UserID, passwordHash, from)
	})
}

// useLink uses a link up.
func (t *tx) useLink(ctx context.Context, tokenHash []byte, address string) error {
	if _, err := t.watch(ctx, "links", `token_hash = ?`, tokenHash); err != nil {
		return err
	}
	_, err := affect(ctx, t, `UPDATE links SET used_at = ?, used_from = ? WHERE token_hash = ?`,
		micros(t.at), address, tokenHash)
	return err
}

// setPassword gives the account another password. Every session, link and known browser of it ends, but for the browser
// in which it was set; nil is none.
func (t *tx) setPassword(ctx context.Context, userID, hash string, from access.Attempt) error {
	if from.Short {
		if err := t.needPasskey(ctx, userID); err != nil {
			return err
		}
	}
	if err := t.updateUser(ctx, userID, `password_hash = ?, short_password = ?, failed_sign_ins = 0`, hash, bit(from.Short)); err != nil {
		return err
	}
	if err := t.shutOut(ctx, userID); err != nil {
		return err
	}
	return knowBrowser(ctx, t, userID, from.Browser, t.at)
}

// OwnLinks returns the set-password links that were issued for the actor's account: those that were used before the
// others, the newest of each first.
func (db *DB) OwnLinks(ctx context.Context, actor access.Actor) ([]access.Link, error) {
	return db.ownLinks(ctx, actor, allLinks)
}

// NewLinks returns those of OwnLinks that the actor has not taken note of.
func (db *DB) NewLinks(ctx context.Context, actor access.Actor) ([]access.Link, error) {
	return db.ownLinks(ctx, actor, unseenLinks)
}

// Which links of an account are asked for, and how many.
const (
	allLinks    = selectLinks + `WHERE user_id = ? ORDER BY used_at IS NULL, issued_at DESC LIMIT ?`
	unseenLinks = selectLinks + `WHERE user_id = ? AND seen_at IS NULL ORDER BY used_at IS NULL, issued_at DESC LIMIT ?`
)

func (db *DB) ownLinks(ctx context.Context, actor access.Actor, which string) ([]access.Link, error) {
	const most = 30
	if err := access.Check(actor, access.SeeProfile); err != nil {
		return nil, err
	}
	return linksWhere(ctx, db.read, which, actor.UserID, most)
}

func linksWhere(ctx context.Context, q querier, which, userID string, most int) ([]access.Link, error) {
	var rows []linkRow
	if err := sqlx.SelectContext(ctx, q, &rows, q.Rebind(which), userID, most); err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	links := make([]access.Link, 0, len(rows))
	for _, r := range rows {
		links = append(links, r.link())
	}
	return links, nil
}

// unconfirmed says which link for the account the actor has not taken note of: the first of those they are told of, or
// nothing.
func (t *tx) unconfirmed(ctx context.Context) (string, error) {
	links, err := linksWhere(ctx, t, unseenLinks, t.actor.UserID, 1)
	if err != nil || len(links) == 0 {
		return "", err
	}
	return links[0].BeforeConfirming(), nil
}

// NoteLinks writes down that the actor knows what became of the links for them until that time.
func (db *DB) NoteLinks(ctx context.Context, actor access.Actor, until time.Time) error {
	return db.change(ctx, actor, access.NoteLinks, func(ctx context.Context, t *tx) (access.Change, error) {
		n, err := affect(ctx, t, `UPDATE links SET seen_at = ?
			WHERE user_id = ? AND seen_at IS NULL AND issued_at <= ? AND coalesce(used_at, issued_at) <= ?`,
			micros(t.at), actor.UserID, micros(until), micros(until))
		if err == nil && n == 0 {
			err = errUnchanged
		}
		return access.Change{UserID: actor.UserID}, err
	})
}

func oneLink(ctx context.Context, q querier, where string, args ...any) (access.Link, error) {
	var row linkRow
	err := sqlx.GetContext(ctx, q, &row, q.Rebind(selectLinks+where), args...)
	if errors.Is(err, sql.ErrNoRows) {
		return access.Link{}, access.Refuse(access.NotFound, "token", "This link is not one of this desk's, or it was not "+
			"copied whole. Open it again, or ask an administrator for a new one.")
	}
	if err != nil {
		return access.Link{}, fmt.Errorf("read link: %w", err)
	}
	return row.link(), nil
}
