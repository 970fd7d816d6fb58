package dbtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/db"
)

// Content returns everything that people and programs have put into the tables.
func Content(t testing.TB, conn Outside) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{
		"users", "keys", "last_uses", "key_days", "new_uses", "links", "passkeys", "recovery_codes", "spent", "sessions", "browsers", "feedback", "sign_ins", "audit", "audit_head",
	} {
		fmt.Fprintln(&all, name)
		all.WriteString(Table(t, conn, name))
	}
	return all.String()
}

// Table returns the rows of a table, as Rows does.
func Table(t testing.TB, conn Outside, name string) string {
	t.Helper()
	return Rows(t, conn, `SELECT * FROM `+name)
}

// Rows returns the rows of a query, one a line, in an order of their own.
func Rows(t testing.TB, conn Outside, query string, args ...any) string {
	t.Helper()
	var all []string
	each(t, conn, query, args, func(row []any) {
		line := ""
		for _, value := range row {
			if bytes, ok := value.([]byte); ok {
				value = fmt.Sprintf("x'%x'", bytes)
			}
			line += fmt.Sprintf("%#v ", value)
		}
		all = append(all, line+"\n")
	})
	slices.Sort(all)
	return strings.Join(all, "")
}

// each reads the rows of a query.
func each(t testing.TB, conn Outside, query string, args []any, do func(row []any)) {
	t.Helper()
	rows, err := conn.Queryx(conn.Rebind(query), args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row, err := rows.SliceScan()
		if err != nil {
			t.Fatal(err)
		}
		do(row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// Written returns all that a database has written down: the bytes of the files, or those of every value of every table.
func Written(t testing.TB, database string) (all []byte) {
	t.Helper()
	if !db.IsPostgres(database) {
		for _, suffix := range []string{"", "-wal"} {
			file, err := os.ReadFile(database + suffix)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, file...)
		}
		return all
	}
	conn := Open(t, database)
	for _, name := range Tables(t, conn) {
		each(t, conn, `SELECT * FROM `+name, nil, func(row []any) {
			for _, value := range row {
				if bytes, ok := value.([]byte); ok {
					all = append(all, bytes...)
				}
				all = fmt.Appendln(all, value)
			}
		})
	}
	return all
}

// Tables returns the names of all tables of a PostgreSQL database.
func Tables(t testing.TB, conn Outside) (names []string) {
	t.Helper()
	if err := conn.Select(&names, `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`); err != nil {
		t.Fatal(err)
	}
	return names
}
