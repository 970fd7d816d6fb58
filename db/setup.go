package db

import (
	"context"
	"fmt"
	"time"

	"github.com/keydesk/keydesk/access"
)

// errSetUp refuses a set-up link, whatever became of it.
func errSetUp() error {
	return access.Refuse(access.NotFound, "token", "This set-up link is no longer good. If nobody can sign in yet, start "+
		"the desk again: it prints a new one.")
}

// IssueSetUpLink makes the link by which the first administrator is made, in the place of any former one where this is
// the only instance. It refuses where there is a user already.
func (db *DB) IssueSetUpLink(ctx context.Context, tokenHash []byte) error {
	return db.change(ctx, access.TheOperator(), access.SetUp, func(ctx context.Context, t *tx) (access.Change, error) {
		if err := t.nobodyYet(ctx); err != nil {
			return access.Change{}, err
		}
		if !db.shared { // others may have printed one too, and nobody can tell which is going to be opened
			if err := t.withdrawLinks(ctx, `user_id IS NULL`); err != nil {
				return access.Change{}, err
			}
		}
		return access.Change{Detail: "set-up link issued"}, t.issueLink(ctx, "", tokenHash)
	})
}

// CheckSetUpLink returns nil if the set-up link of this token can be used now. Looking does not use it up.
func (db *DB) CheckSetUpLink(ctx context.Context, tokenHash []byte) error {
	if some, err := db.AnyUser(ctx); err != nil {
		return err
	} else if some {
		return errSetUp()
	}
	return checkSetUpLink(ctx, db.read, tokenHash, db.Now())
}

func checkSetUpLink(ctx context.Context, q querier, tokenHash []byte, now time.Time) error {
	link, err := oneLink(ctx, q, `WHERE token_hash = ? AND user_id IS NULL`, tokenHash)
	if access.Refused(err, access.NotFound) != nil || err == nil && link.Check(now) != nil {
		return errSetUp()
	}
	return err
}

// SetUp makes the first administrator and uses the set-up link up. Of two at once, one is refused.
func (db *DB) SetUp(ctx context.Context, tokenHash []byte, p access.Person, passwordHash, address string) error {
	actor := access.TheOperator()
	actor.Address = address
	return db.change(ctx, actor, access.SetUp, func(ctx context.Context, t *tx) (access.Change, error) {
		if err := t.nobodyYet(ctx); err != nil {
			return access.Change{}, err
		}
		if err := checkSetUpLink(ctx, t, tokenHash, t.at); err != nil {
			return access.Change{}, err
		}
		if err := t.useLink(ctx, tokenHash, address); err != nil {
			return access.Change{}, err
		}
		p.Role = access.Admin
		return access.Change{UserID: p.UserID, Detail: "first administrator"}, t.addUser(ctx, p, passwordHash)
	})
}

// nobodyYet refuses once there is a user.
func (t *tx) nobodyYet(ctx context.Context) error {
	var some bool
	if err := t.GetContext(ctx, &some, `SELECT EXISTS (SELECT 1 FROM users)`); err != nil {
		return fmt.Errorf("look for users: %w", err)
	}
	if some {
		return errSetUp()
	}
	return nil
}
