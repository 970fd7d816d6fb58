package db_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// tryMove moves to a database, which is not to succeed.
func (s *story) tryMove(to string) error {
	s.t.Helper()
	_, err := db.Move(s.t.Context(), s.options(), to, func(int, int) { s.t.Error("a row was copied") })
	return err
}

// nameOf returns the name of a database in its URL.
func nameOf(url string) string { return url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")] }

func TestTargetThatCannotBeMovedToIsLeftAsItIs(t *testing.T) {
	s := newStory(t)
	s.close()
	before := sum(t, s.path)
	filled := func(statement string) string {
		url := dbtest.NewCopy(t)
		dbtest.Exec(t, url, statement)
		return url
	}
	other := pgtest.Database(t)
	dbtest.Exec(t, other, `CREATE TABLE notes (text TEXT)`)
	asleep := dbtest.NewCopy(t)
	dbtest.Exec(t, asleep, `ALTER DATABASE `+nameOf(asleep)+` SET default_transaction_read_only = on`)
	served := dbtest.NewCopy(t)
	deskAt(t, served).close()
	for name, row := range map[string]struct {
		to    string
		want  error
		words string
	}{
		"served once": {served, db.ErrNotEmpty, "nothing in it"},
		"one use":     {filled(`INSERT INTO last_uses (key, last_used_at) VALUES (1, 1)`), db.ErrNotEmpty, ""},
		"one sign-in": {
			filled(`INSERT INTO sign_ins (at, user_id, address, user_agent, outcome) VALUES (1, 'x', '', '', '')`), db.ErrNotEmpty, "",
		},
		"one change":     {filled(`UPDATE audit_head SET number = 1`), db.ErrNotEmpty, ""},
		"an instance":    {filled(`INSERT INTO leases (id, name, renewals, applied) VALUES ('x', 'x', 1, 1)`), db.ErrNotEmpty, ""},
		"newer":          {filled(newerTables + `UPDATE oldest_program SET migration = 99999`), db.ErrNewer, ""},
		"another's":      {other, nil, "tables of another program"},
		"a table lacks":  {filled(`DROP TABLE oldest_program`), db.ErrDamaged, ""},
		"too old":        {aged(t), db.ErrTooOld, "14.11"},
		"in Latin":       {latin(t), nil, "LATIN1"},
		"only to read":   {asleep, db.ErrReadOnly, ""},
		"nobody's table": {filled(`CREATE ROLE keydesk_nobody LOGIN; GRANT ALL ON SCHEMA public TO keydesk_nobody`), nil, "must own"},
	} {
		t.Run(name, func(t *testing.T) {
			to, content := row.to, everything(t, row.to)
			if name == "nobody's table" {
				t.Cleanup(func() { dbtest.Exec(t, row.to, `DROP OWNED BY keydesk_nobody; DROP ROLE keydesk_nobody`) })
				to = strings.Replace(to, "//postgres@", "//keydesk_nobody@", 1)
			}
			wantLine(t, name, s.tryMove(to), row.want, row.words, db.Shown(to))
			if everything(t, row.to) != content {
				t.Error("the target has changed")
			}
			if sum(t, s.path) != before {
				t.Error("the source has changed")
			}
		})
	}
	wantLine(t, "nobody there", s.tryMove("postgres://keydesk:hunter2@127.0.0.1:1/keydesk"), db.ErrUnreachable, "127.0.0.1:1")
	wantLine(t, "no URL", s.tryMove("postgres://keydesk:hunter2@[::1/keydesk"), db.ErrNotURL)
}

// Nothing is made in the target for a source that cannot be moved.
func TestSourceThatCannotBeMovedIsLeftAsItIs(t *testing.T) {
	for name, row := range map[string]struct {
		prepare func(s *story)
		want    error
	}{
		"another root secret": {func(s *story) { s.digits = access.NewRootSecret() }, db.ErrWrongSecret},
		"in use": {func(s *story) {
			other, err := db.Open(s.t.Context(), s.options())
			s.must(err)
			s.t.Cleanup(func() { s.must(other.Close()) })
		}, db.ErrInUse},
		"newer": {func(s *story) {
			dbtest.Exec(s.t, s.path, newerTables+`UPDATE oldest_program SET migration = 99999`)
		}, db.ErrNewer},
		"none": {func(s *story) { s.path = filepath.Join(filepath.Dir(s.path), "none.db") }, db.ErrAbsent},
		"another program's": {func(s *story) {
			s.path = filepath.Join(filepath.Dir(s.path), "songs.db")
			s.must(os.WriteFile(s.path, nil, 0o600))
			dbtest.Exec(s.t, s.path, `CREATE TABLE songs (name TEXT)`)
		}, db.ErrForeign},
		"damaged": {func(s *story) { s.must(os.Truncate(s.path, 9000)) }, db.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.close()
			row.prepare(s)
			before, err := os.ReadFile(s.path)
			if err != nil && name != "none" {
				t.Fatal(err)
			}
			to := pgtest.Database(t)
			wantLine(t, name, s.tryMove(to), row.want, s.path)
			if made := everything(t, to); made != "" {
				t.Errorf("in the target are %s", made)
			}
			if after, _ := os.ReadFile(s.path); string(after) != string(before) {
				t.Error("the source has changed")
			}
			if _, err := os.Stat(s.path); name == "none" && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a file was made: %v", err)
			}
		})
	}
}

// Rows that somebody has written around the program, and that contradict others, are no reason for half a database.
func TestRowsThatContradictOthersAreNotMoved(t *testing.T) {
	s := newStory(t)
	s.close()
	dbtest.Exec(t, s.path, `INSERT INTO feedback (user_id, at, helpful, text) VALUES ('nobody', 1, 1, '')`)
	to := pgtest.Database(t)
	_, err := db.Move(t.Context(), s.options(), to, func(int, int) {})
	wantLine(t, "a reference to nobody", err, nil, "nothing was moved", "feedback_user_id_fkey", "around keydesk")
	wantEmpty(t, to)
}

// wantEmpty fails the test unless the target is as it was, but for tables that are made.
func wantEmpty(t *testing.T, to string) {
	t.Helper()
	if err := db.Exists(t.Context(), to); !errors.Is(err, db.ErrAbsent) {
		t.Errorf("the target: %v", err)
	}
	conn := dbtest.Open(t, to)
	defer func() { _ = conn.Close() }()
	for _, name := range db.MovedTables() {
		if rows := dbtest.Table(t, conn, name); rows != "" && name != "audit_head" || name == "audit_head" && rows != "1 0 \"\" \"x''\" \"\" 0 \n" {
			t.Errorf("in %s are %s", name, rows)
		}
	}
}
