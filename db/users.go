package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

const selectUsers = `SELECT id, name, coalesce(email, '') AS email, role, created_at, disabled_at, last_sign_in_at,
	(SELECT count(*) FROM keys k WHERE k.user_id = users.id AND k.deactivated_at IS NULL) AS active_keys
	FROM users `

type userRow struct {
	ID           string        `db:"id"`
	Name         string        `db:"name"`
	Email        string        `db:"email"`
	Role         access.Role   `db:"role"`
	CreatedAt    sql.NullInt64 `db:"created_at"`
	DisabledAt   sql.NullInt64 `db:"disabled_at"`
	LastSignInAt sql.NullInt64 `db:"last_sign_in_at"`
	ActiveKeys   int           `db:"active_keys"`
}

func (r userRow) person() access.Person {
	return access.Person{
		UserID: r.ID, Name: r.Name, Email: r.Email, Role: r.Role, CreatedAt: timeOf(r.CreatedAt),
		DisabledAt: timeOf(r.DisabledAt), LastSignInAt: timeOf(r.LastSignInAt), ActiveKeys: r.ActiveKeys,
	}
}

// AddUser adds a person with the password of this hash, which only the operator may set. All of p must have been parsed.
func (db *DB) AddUser(ctx context.Context, actor access.Actor, p access.Person, passwordHash string) error {
	if err := access.Check(actor, access.SetOthersPassword); err != nil {
		return err
	}
	return db.change(ctx, actor, access.AddUser, func(ctx context.Context, t *tx) (access.Change, error) {
		return access.Change{UserID: p.UserID, Detail: "role " + string(p.Role)}, t.addUser(ctx, p, passwordHash)
	})
}

// addUser makes the row of a person; an empty hash stands for no password yet.
func (t *tx) addUser(ctx context.Context, p access.Person, passwordHash string) error {
	var taken []string
	err := t.SelectContext(ctx, &taken, t.Rebind(`SELECT id FROM users WHERE id = ? OR email = ?`), p.UserID, p.Email)
	switch {
	case err != nil:
		return err
	case slices.Contains(taken, p.UserID):
		return access.Refuse(access.Clashes, "user_id", "There is a user with this User ID already.")
	case len(taken) > 0:
		return access.Refuse(access.Clashes, "email", "There is a user with this e-mail address already: "+taken[0]+".")
	}
	t.made("users", p.UserID)
	_, err = affect(ctx, t, `INSERT INTO users (id, name, name_folded, email, role, password_hash, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, p.UserID, p.Name, access.Fold(p.Name),
		sql.NullString{String: p.Email, Valid: p.Email != ""}, p.Role, passwordHash, micros(t.at))
	return err
}

// User returns a person.
func (db *DB) User(ctx context.Context, actor access.Actor, id string) (access.Person, error) {
	if err := access.Check(actor, access.SeeUsers); err != nil {
		return access.Person{}, err
	}
	return oneUser(ctx, db.read, id)
}

func oneUser(ctx context.Context, q querier, id string) (access.Person, error) {
	var row userRow
	err := sqlx.GetContext(ctx, q, &row, q.Rebind(selectUsers+`WHERE id = ?`), id)
	if errors.Is(err, sql.ErrNoRows) || unstorable(err) {
		return access.Person{}, access.ErrNotFound
	}
	if err != nil {
		return access.Person{}, fmt.Errorf("read user: %w", err)
	}
	return row.person(), nil
}

// Own returns the actor's own account.
func (db *DB) Own(ctx context.Context, actor access.Actor) (access.Person, error) {
	if err := access.Check(actor, access.SeeProfile); err != nil {
		return access.Person{}, err
	}
	return oneUser(ctx, db.read, actor.UserID)
}

// AnyUser tells whether there is any user yet.
func (db *DB) AnyUser(ctx context.Context) (bool, error) {
	var some bool
	if err := db.read.GetContext(ctx, &some, `SELECT EXISTS (SELECT 1 FROM users)`); err != nil {
		return false, fmt.Errorf("look for users: %w", err)
	}
	return some, nil
}
