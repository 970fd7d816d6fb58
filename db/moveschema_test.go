package db_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// columns returns the columns of a table, in SQLite or PostgreSQL.
func columns(t *testing.T, conn dbtest.Outside, table string) (names []string) {
	t.Helper()
	query := `SELECT name FROM pragma_table_info(?) ORDER BY name`
	if conn.Postgres() {
		query = `SELECT column_name FROM information_schema.columns WHERE table_name = ? ORDER BY column_name COLLATE "C"`
	}
	if err := conn.Select(&names, conn.Rebind(query), table); err != nil {
		t.Fatal(err)
	}
	return names
}

// A table that a migration adds is not forgotten, nor is a column.
func TestEveryTableIsMoved(t *testing.T) {
	s := newStory(t)
	s.close()
	source, target := dbtest.Open(t, s.path), dbtest.Open(t, dbtest.NewCopy(t))
	var here []string
	if err := source.Select(&here, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`); err != nil {
		t.Fatal(err)
	}
	there := dbtest.Tables(t, target)
	moved := append(db.MovedTables(), "goose_db_version", "oldest_program")
	slices.Sort(moved)
	if !slices.Equal(moved, here) {
		t.Errorf("moved are %v, but there are %v", moved, here)
	}
	moved = append(moved, "leases")
	slices.Sort(moved)
	if !slices.Equal(moved, there) {
		t.Errorf("moved are %v, but PostgreSQL has %v", moved, there)
	}
	for _, name := range db.MovedTables() {
		if one, other := columns(t, source, name), columns(t, target, name); !slices.Equal(one, other) || len(one) == 0 {
			t.Errorf("%s has the columns %v and %v", name, one, other)
		}
	}
}

// rules returns what PostgreSQL holds about the tables and how it finds rows, but for what is in them.
func rules(t *testing.T, database string) string {
	t.Helper()
	conn := dbtest.Open(t, database)
	defer func() { _ = conn.Close() }()
	var all []string
	for _, query := range []string{
		`SELECT concat_ws(' ', conrelid::regclass, conname, convalidated, condeferrable, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace`,
		`SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'`,
		`SELECT concat_ws(' ', indexrelid::regclass, indisvalid, indisready, indisunique) FROM pg_index JOIN pg_class c ON c.oid = indrelid
			WHERE relnamespace = 'public'::regnamespace`,
		`SELECT concat_ws(' ', pg_get_triggerdef(pg_trigger.oid), tgenabled) FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
			WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace`,
		`SELECT concat_ws(' ', tgrelid::regclass, tgfoid::regproc, tgenabled) FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
			WHERE tgisinternal AND relnamespace = 'public'::regnamespace`,
		`SELECT concat_ws(' ', table_name, column_name, data_type, collation_name, is_nullable, column_default, is_identity)
			FROM information_schema.columns WHERE table_schema = 'public'`,
		`SELECT concat_ws(' ', sequencename, min_value, max_value, cycle, cache_size) FROM pg_sequences WHERE schemaname = 'public'`,
	} {
		var found []string
		if err := conn.Select(&found, query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		slices.Sort(found)
		all = append(all, found...)
	}
	return strings.Join(all, "\n")
}

// Indexes and references are made anew, and triggers are switched off meanwhile.
func TestMovedDatabaseHoldsTheSameRules(t *testing.T) {
	s := newStory(t)
	to := pgtest.Database(t)
	s.move(to)
	if got, want := rules(t, to), rules(t, dbtest.NewCopy(t)); got != want || strings.Count(want, "TRIGGER") < 20 {
		t.Errorf("it has\n%s\nwant\n%s", got, want)
	}
}

// A role that owns nothing but its schema can move a desk there, beside another desk in the same database.
func TestMoveToASchemaOfItsOwn(t *testing.T) {
	s := newStory(t)
	s.close()
	to := dbtest.NewCopy(t)
	deskAt(t, to).close()
	before, beside := everything(t, to), rules(t, to)
	dbtest.Exec(t, to, `CREATE ROLE keydesk_owner LOGIN`)
	dbtest.Exec(t, to, `CREATE SCHEMA desk AUTHORIZATION keydesk_owner`)
	t.Cleanup(func() { dbtest.Exec(t, to, `DROP OWNED BY keydesk_owner; DROP ROLE keydesk_owner`) })
	own := strings.Replace(to, "//postgres@", "//keydesk_owner@", 1) + "&search_path=desk"
	s.wantMoved(own)
	if everything(t, to) != before || rules(t, to) != beside {
		t.Error("the other desk has changed")
	}
	s.path = own
	s.open()
	defer s.close() // before the role goes
	s.makeKey(s.alice)
	if s.verdict(s.good) != access.Accepted {
		t.Errorf("the key is %s", s.verdict(s.good))
	}
}
