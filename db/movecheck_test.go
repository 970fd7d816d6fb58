package db_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// pair is a database that was moved, and a connection to the target that holds none of its rules.
type pair struct {
	t      *testing.T
	source *db.DB
	to     *pgx.Conn
}

func newPair(t *testing.T) *pair {
	t.Helper()
	s := newStory(t)
	from, to := s.path, pgtest.Database(t)
	dbtest.Exec(t, from, `INSERT INTO made_up (one, at) VALUES (1, 1)`)
	dbtest.Exec(t, from, `INSERT INTO new_uses (place, uses) VALUES (-5, x'0102')`) // which cannot be merged
	s.move(to)
	source, err := db.OpenToRead(t.Context(), from, s.now)
	s.must(err)
	t.Cleanup(func() { s.must(source.Close()) })
	conn, err := pgx.Connect(t.Context(), to)
	s.must(err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	p := &pair{t, source, conn}
	p.exec(`SET session_replication_role = replica`) // no trigger, no reference
	for _, check := range p.texts(`SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
		WHERE contype = 'c' AND connamespace = 'public'::regnamespace`) {
		p.exec(check)
	}
	return p
}

func (p *pair) exec(statement string) int64 {
	p.t.Helper()
	done, err := p.to.Exec(p.t.Context(), statement)
	if err != nil {
		p.t.Fatalf("%s: %v", statement, err)
	}
	return done.RowsAffected()
}

func (p *pair) texts(query string) []string {
	p.t.Helper()
	rows, _ := p.to.Query(p.t.Context(), query) // CollectRows has the error
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		p.t.Fatalf("%s: %v", query, err)
	}
	return texts
}

// wantFound fails the test unless the comparison of a table finds what a statement does to it, which is undone.
func (p *pair) wantFound(table, statement string, words ...string) {
	p.t.Helper()
	p.exec(`BEGIN`)
	if n := p.exec(statement); n != 1 {
		p.t.Errorf("%s: %d rows", statement, n)
	}
	wantLine(p.t, statement, p.source.CompareMoved(p.t.Context(), p.to, table), nil, append(words, "compare "+table)...)
	p.exec(`ROLLBACK`)
}

// otherValue returns an expression for another value than the column's.
func otherValue(column, kind string) string {
	other := map[string]string{"bigint": `%s + 1000`, "integer": `%s + 1000`, "text": `%s || 'x'`, "bytea": `%s || '\x00'`}[kind]
	blank := map[string]string{"bigint": `0`, "integer": `0`, "text": `''`, "bytea": `''`}[kind]
	return fmt.Sprintf(`coalesce(`+other+`, `+blank+`)`, column)
}

// Every column of every table counts, in the first row as in the last, and so does every row.
func TestComparisonFindsEveryDifference(t *testing.T) {
	p := newPair(t)
	if err := p.source.CompareMoved(t.Context(), p.to, ""); err != nil {
		t.Fatalf("without a difference: %v", err)
	}
	for _, table := range db.MovedTables() {
		keys := p.texts(`SELECT attname::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
			WHERE indisprimary AND indrelid = '` + table + `'::regclass`)
		columns := p.texts(`SELECT column_name || ' ' || data_type FROM information_schema.columns WHERE table_name = '` + table + `'`)
		for _, order := range []string{"ASC", "DESC"} {
			row := ` WHERE ctid = (SELECT ctid FROM ` + table + ` ORDER BY ` + strings.Join(keys, " "+order+", ") + ` ` + order + ` LIMIT 1)`
			for _, column := range columns {
				name, kind, _ := strings.Cut(column, " ")
				said := name + " of the row with " // or it is another row
				if slices.Contains(keys, name) {
					said = "the row with "
				}
				p.wantFound(table, `UPDATE `+table+` SET `+name+` = `+otherValue(name, kind)+row, said)
			}
			p.wantFound(table, `DELETE FROM `+table+row, "is missing", keys[0])
		}
		var names, others []string
		for _, column := range columns {
			name, kind, _ := strings.Cut(column, " ")
			names, others = append(names, name), append(others, otherValue(name, kind)) // as many are unique
		}
		p.wantFound(table, fmt.Sprintf(`INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM %[1]s ORDER BY %[4]s DESC LIMIT 1`, table,
			strings.Join(names, ", "), strings.Join(others, ", "), strings.Join(keys, " DESC, ")), "is not in the source", keys[0])
	}
}

// An empty text, or no bytes, are not null.
func TestComparisonTellsEmptyFromNull(t *testing.T) {
	p := newPair(t)
	p.exec(`ALTER TABLE keys ALTER COLUMN reason DROP NOT NULL`)
	p.exec(`ALTER TABLE audit ALTER COLUMN at DROP NOT NULL`)
	p.exec(`ALTER TABLE secrets ALTER COLUMN sealed DROP NOT NULL`)
	p.wantFound("keys", `UPDATE keys SET reason = NULL WHERE number = 1`, "reason of the row")
	p.wantFound("keys", `UPDATE keys SET once = '' WHERE number = 1`, "once of the row")
	p.wantFound("keys", `UPDATE keys SET deactivated_at = 0 WHERE number = 1`, "deactivated_at of the row")
	p.wantFound("keys", `UPDATE keys SET deactivated_at = NULL WHERE number = 3`, "deactivated_at of the row")
	p.wantFound("keys", `UPDATE keys SET deactivated_by = NULL WHERE number = 3`, "deactivated_by of the row")
	p.wantFound("audit", `UPDATE audit SET at = NULL WHERE number = 3`, "at of the row with number 3 is")
	p.wantFound("secrets", `UPDATE secrets SET sealed = NULL WHERE kind = 'pepper'`, "sealed of the row")
	p.wantFound("keys", `UPDATE keys SET number = number + 4294967296 WHERE number = 1`, "number of the row")
}

// What the server makes of a row after it was copied is found out before anybody relies on it.
func TestMoveThatTheServerAltersIsUndone(t *testing.T) {
	s := newStory(t)
	s.close()
	to := pgtest.Database(t)
	dbtest.Exec(t, to, `CREATE FUNCTION meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
		IF to_regclass('keys') IS NOT NULL THEN UPDATE keys SET name = 'mine' WHERE number = 2; END IF; END $$`)
	dbtest.Exec(t, to, `CREATE EVENT TRIGGER meddle ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION meddle()`)
	_, err := db.Move(t.Context(), s.options(), to, func(int, int) {})
	wantLine(t, "meddled with", err, nil, "nothing was moved", "compare keys: name of the row with id ")
	wantEmpty(t, to)
	dbtest.Exec(t, to, `DROP EVENT TRIGGER meddle`)
	s.wantMoved(to)
}
