package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// found returns the User IDs on all pages of a search.
func (d *desk) found(text string) (list []string) {
	d.t.Helper()
	after := ""
	for more := true; more; {
		people, further, err := d.Users(d.t.Context(), d.operator, text, after)
		if err != nil {
			d.t.Fatal(err)
		}
		list = append(list, ids(people)...)
		if more = further; more {
			after = list[len(list)-1]
		}
	}
	return list
}

// However many a text finds, and by which of the three, it finds whom it should, in order and once.
func TestSearchOfManyFindsWhoBeginsSo(t *testing.T) {
	d := newDesk(t)
	dbtest.Exec(t, d.path, `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)
		INSERT INTO users (id, name, name_folded, email, role, password_hash, created_at)
		SELECT CASE i % 3 WHEN 0 THEN 'x' WHEN 1 THEN 'maria.' ELSE 'a' END || i, '', CASE i % 2 WHEN 0 THEN 'maria '
			WHEN 1 THEN 'émile ' END || i, CASE i % 5 WHEN 0 THEN 'maria.' ELSE 'e' END || i || '@example.com', 'user', '', 0
		FROM n`)
	var texts []struct{ id, name, email string }
	rows, err := dbtest.Open(t, d.path).Query(`SELECT id, name_folded, coalesce(email, '') FROM users ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var u struct{ id, name, email string }
		if err := rows.Scan(&u.id, &u.name, &u.email); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, u)
	}
	if err := rows.Err(); err != nil || len(texts) != 3003 {
		t.Fatal(len(texts), err)
	}
	for _, text := range []string{
		"m", "ma", "mar", "mari", "maria", "maria ", "maria.", "maria 1", "maria.15", "É", "émi", "émile", "émile 29", "e", "x", "x1",
		"e1@", "mb", "marib",
	} {
		var want []string
		for _, u := range texts {
			folded := access.Fold(text)
			if strings.HasPrefix(u.id, folded) || strings.HasPrefix(u.name, folded) || strings.HasPrefix(u.email, folded) {
				want = append(want, u.id)
			}
		}
		if strings.HasSuffix(text, " ") {
			continue // is trimmed, and so the same as without
		}
		if got := d.found(text); !slices.Equal(got, want) {
			t.Errorf("%q finds %d, want %d: %.200s", text, len(got), len(want), fmt.Sprint(got))
		}
	}
}

// A name or an address that is changed is found by what it is now.
func TestSearchFollowsAChange(t *testing.T) {
	d := newDesk(t)
	d.add(access.Person{UserID: "u1", Name: "Anna", Email: "anna@example.com", Role: access.User})
	dbtest.Exec(t, d.path, `UPDATE users SET name_folded = 'anton', email = 'berta@example.com' WHERE id = 'u1'`)
	for text, want := range map[string][]string{"ann": nil, "anna": nil, "an": {"u1"}, "ant": {"u1"}, "anto": {"u1"}, "be": {"u1"}} {
		if got := d.found(text); !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", text, got, want)
		}
	}
}
