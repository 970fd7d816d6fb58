package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/keydesk/keydesk/access"
)

// UserPage is how many users a page of them holds.
const UserPage = 50

// beginning is up to how many characters a text is found by what a name or an e-mail address begins with, whoever it
// matches; fewMatches is up to how many names a longer one is looked for by them all.
const (
	beginning  = 3
	fewMatches = 1000
)

// A range can use an index where LIKE cannot. The last code point sorts after every text that begins so.
const lastRune = "\U0010FFFF"

// Users returns a page of the users whose User ID, name or e-mail address begins with the text, by User ID, those that
// follow after; more tells whether others follow.
func (db *DB) Users(ctx context.Context, actor access.Actor, text, after string) (people []access.Person, more bool, err error) {
	if err := access.Check(actor, access.SeeUsers); err != nil {
		return nil, false, err
	}
	if !storable(text) {
		return nil, false, nil
	}
	after, _, _ = strings.Cut(strings.ToValidUTF8(after, lastRune), "\x00") // what both databases take, in the same place
	where, args := `WHERE id > ?`, []any{after}
	if text = access.Fold(text); text != "" {
		if where, args, err = db.search(ctx, text, after); err != nil {
			return nil, false, fmt.Errorf("search users: %w", err)
		}
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

// Each of these finds User IDs in an index, a page of them at most, or all of a few.
const (
	byUserID = `SELECT id FROM (SELECT id FROM users WHERE id BETWEEN ? AND ? AND id <> ? ORDER BY id LIMIT ?) found`
	// One to three characters that a name or an e-mail address begins with.
	byBeginning = `SELECT user_id FROM (SELECT user_id FROM user_beginnings WHERE beginning = ? AND user_id > ?
		ORDER BY user_id LIMIT ?) found`
	// More characters, which few begin with: all of those.
	byFew = `SELECT id FROM users WHERE name_folded BETWEEN ? AND ? AND id > ?
		UNION ALL SELECT id FROM users WHERE email BETWEEN ? AND ? AND id > ?`
	// More characters, which many begin with: among those who begin with the first three there is soon a page.
	byMany = `SELECT user_id FROM (SELECT b.user_id FROM user_beginnings b CROSS JOIN users u WHERE u.id = b.user_id
		AND b.beginning = ? AND b.user_id > ? AND (u.name_folded BETWEEN ? AND ? OR u.email BETWEEN ? AND ?)
		ORDER BY b.user_id LIMIT ?) found`
)

// search returns the condition for the users that the text finds, and its arguments.
func (db *DB) search(ctx context.Context, text, after string) (where string, args []any, err error) {
	end := text + lastRune
	args = []any{max(after, text), end, after, UserPage + 1} // one lower bound: of two SQLite takes either
	first := []rune(text)
	if len(first) <= beginning {
		where, args = byBeginning, append(args, text, after, UserPage+1)
		return `WHERE id IN (` + byUserID + ` UNION ALL ` + where + `)`, args, nil
	}
	few, err := db.fewBeginWith(ctx, text, end)
	if few {
		where, args = byFew, append(args, text, end, after, text, end, after)
	} else {
		where, args = byMany, append(args, string(first[:beginning]), after, text, end, text, end, UserPage+1)
	}
	return `WHERE id IN (` + byUserID + ` UNION ALL ` + where + `)`, args, err
}

// fewBeginWith tells whether few names and few e-mail addresses are in the range.
func (db *DB) fewBeginWith(ctx context.Context, text, end string) (few bool, err error) {
	some := `(SELECT count(*) FROM (SELECT 1 FROM users WHERE column BETWEEN ? AND ? LIMIT ?) found) <= ?`
	both := strings.Replace(some, "column", "name_folded", 1) + ` AND ` + strings.Replace(some, "column", "email", 1)
	err = db.read.GetContext(ctx, &few, db.read.Rebind(`SELECT `+both),
		text, end, fewMatches+1, fewMatches, text, end, fewMatches+1, fewMatches)
	return few, err
}
