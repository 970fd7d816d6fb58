package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/keydesk/keydesk/access"
)

// UserPage is how many users a page of them holds.
const UserPage = 50

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

// AddUser adds a person with the password of this hash. All of p must have been parsed.
func (db *DB) AddUser(ctx context.Context, actor access.Actor, p access.Person, passwordHash string) error {
	return db.change(ctx, actor, access.AddUser, func(ctx context.Context, t *tx) (access.Change, error) {
		_, err := t.ExecContext(ctx, t.Rebind(`INSERT INTO users
			(id, name, name_folded, email, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`),
			p.UserID, p.Name, access.Fold(p.Name), sql.NullString{String: p.Email, Valid: p.Email != ""},
			p.Role, passwordHash, micros(t.at))
		if clash(err) {
			return access.Change{}, access.Refuse(access.Clashes, "user_id",
				"There is a user with this User ID or e-mail address already.")
		}
		return access.Change{UserID: p.UserID, Detail: "role " + string(p.Role)}, err
	})
}

// Users returns a page of the users whose User ID, name or e-mail address begins with the text, by User ID, those that
// follow after; more tells whether others follow.
func (db *DB) Users(ctx context.Context, actor access.Actor, text, after string) (people []access.Person, more bool, err error) {
	if err := access.Check(actor, access.SeeUsers); err != nil {
		return nil, false, err
	}
	where, args := `WHERE id > ?`, []any{after}
	if text = access.Fold(text); text != "" {
		// The last code point sorts after every text that begins so; a range can use an index where LIKE cannot.
		end := text + "\U0010FFFF"
		where += ` AND id IN (SELECT id FROM users WHERE id BETWEEN ? AND ?
			UNION ALL SELECT id FROM users WHERE name_folded BETWEEN ? AND ?
			UNION ALL SELECT id FROM users WHERE email BETWEEN ? AND ?)`
		args = append(args, text, end, text, end, text, end)
	}
	var rows []userRow
	err = db.read.SelectContext(ctx, &rows, db.read.Rebind(selectUsers+where+` ORDER BY id LIMIT ?`),
		append(args, UserPage+1)...)
	if err != nil {
		return nil, false, fmt.Errorf("list users: %w", err)
	}
	for _, row := range rows[:min(len(rows), UserPage)] {
		people = append(people, row.person())
	}
	return people, len(rows) > UserPage, nil
}

// User returns a person.
func (db *DB) User(ctx context.Context, actor access.Actor, id string) (access.Person, error) {
	if err := access.Check(actor, access.SeeUsers); err != nil {
		return access.Person{}, err
	}
	var row userRow
	err := db.read.GetContext(ctx, &row, db.read.Rebind(selectUsers+`WHERE id = ?`), id)
	if errors.Is(err, sql.ErrNoRows) {
		return access.Person{}, access.ErrNotFound
	}
	if err != nil {
		return access.Person{}, fmt.Errorf("read user: %w", err)
	}
	return row.person(), nil
}

// AnyUser tells whether there is any user yet.
func (db *DB) AnyUser(ctx context.Context) (bool, error) {
	var some bool
	if err := db.read.GetContext(ctx, &some, `SELECT EXISTS (SELECT 1 FROM users)`); err != nil {
		return false, fmt.Errorf("look for users: %w", err)
	}
	return some, nil
}
