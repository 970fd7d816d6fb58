package db_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/db"
)

// content returns everything that people and programs have put into the tables.
func (d *desk) content() string {
	d.t.Helper()
	conn := raw(d.t, d.path)
	defer func() { _ = conn.Close() }()
	return content(d.t, conn)
}

func content(t *testing.T, conn outside) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{
		"users", "keys", "last_uses", "key_days", "new_uses", "links", "sessions", "browsers", "feedback", "sign_ins", "audit", "audit_head",
	} {
		fmt.Fprintln(&all, name)
		all.WriteString(table(t, conn, name))
	}
	return all.String()
}

// table returns the rows of a table, one a line, in an order of their own.
func table(t *testing.T, conn outside, name string) string {
	t.Helper()
	var all []string
	each(t, conn, name, func(row []any) {
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

// each reads the rows of a table.
func each(t *testing.T, conn outside, name string, do func(row []any)) {
	t.Helper()
	rows, err := conn.Queryx(`SELECT * FROM ` + name)
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

// written returns all that a database has written down: the bytes of the files, or those of every value of every table.
func written(t *testing.T, database string) (all []byte) {
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
	conn := raw(t, database)
	for _, name := range tables(t, conn) {
		each(t, conn, name, func(row []any) {
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

// tables returns the names of all tables of a PostgreSQL database.
func tables(t *testing.T, conn outside) (names []string) {
	t.Helper()
	if err := conn.Select(&names, `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`); err != nil {
		t.Fatal(err)
	}
	return names
}
