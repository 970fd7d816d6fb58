package db_test

import (
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// The program writes no such texts. Who went around it has them moved all the same, as far as PostgreSQL can keep them.
func TestTextsThatPostgresCannotKeepAreCounted(t *testing.T) {
	s := newStory(t)
	s.close()
	number := s.key.Number
	for _, row := range []struct {
		statement string
		args      []any
	}{
		{`UPDATE users SET name = ?, name_folded = ? WHERE id = 'alice'`, []any{"A\x00l\xff", "\xc3\x28l"}},
		{`UPDATE sign_ins SET user_agent = ? WHERE number = 2`, []any{"curl\x00"}},
		{`UPDATE feedback SET text = ?`, []any{"\xed\xa0\x80 \U0010FFFF \uFFFD"}}, // a surrogate, and what is allowed
		// In the order of the source the last comes first, and the other way round as it is kept.
		{`INSERT INTO key_days (key, day, service, address, accepted, refused, last_at) VALUES (?, 1, ?, '', 7, 0, 1), (?, 1, ?, '', 8, 0, 1)`,
			[]any{number, "\xff", number, "😀"}},
	} {
		dbtest.Exec(t, s.path, row.statement, row.args...)
	}
	moved := s.moveClosed(pgtest.Database(t))
	// Of user_beginnings 3 begin with what is none, and the bytes of a surrogate are one text.
	if moved.Altered != 8 {
		t.Errorf("%d texts are altered", moved.Altered)
	}
	for _, c := range []struct{ query, want string }{
		{`SELECT name || ' ' || name_folded FROM users WHERE id = 'alice'`, "A\uFFFDl\uFFFD \uFFFD(l"},
		{`SELECT user_agent FROM sign_ins WHERE number = 2`, "curl\uFFFD"},
		{`SELECT text FROM feedback`, "\uFFFD\uFFFD\uFFFD \U0010FFFF \uFFFD"},
		{`SELECT string_agg(service || accepted, ' ' ORDER BY service) FROM key_days WHERE day = 1`, "\uFFFD7 😀8"},
		{`SELECT string_agg(beginning, ' ' ORDER BY beginning) FROM user_beginnings WHERE user_id = 'alice'`, "\uFFFD \uFFFD( \uFFFD(l"},
	} {
		var got string
		if dbtest.Look(t, s.path, c.query, &got); got != c.want {
			t.Errorf("%s finds %q, want %q", c.query, got, c.want)
		}
	}
	if got := s.person("alice"); got.Name != "A\uFFFDl\uFFFD" || strings.Join(s.found("\uFFFD(l"), "") != "alice" {
		t.Errorf("she is %+v", got)
	}
}

// Two rows are never taken for one.
func TestTextsThatBecomeTheSameAreNotMoved(t *testing.T) {
	s := newStory(t)
	s.close()
	dbtest.Exec(t, s.path, `INSERT INTO key_days (key, day, service, address, accepted, refused, last_at) VALUES (1, 1, ?, '', 7, 0, 1), (1, 1, ?, '', 8, 0, 1)`,
		"\xff", "\xfe")
	to := pgtest.Database(t)
	_, err := db.Move(t.Context(), s.options(), to, func(int, int) {})
	wantLine(t, "the same", err, nil, "nothing was moved", "copy key_days", "around keydesk")
	wantEmpty(t, to)
}

// New uses that do not read are left out, as they are where they were, and told of. What is in no place of any key's is
// moved as it is.
func TestNewUsesThatCannotBeMergedDoNotHoldTheMoveUp(t *testing.T) {
	s := newStory(t)
	s.unmerged(s.key.ID, s.Now(), "gateway", "192.0.2.9", 1, 0)
	s.close()
	dbtest.Exec(t, s.path, `INSERT INTO new_uses (place, uses) VALUES (7, x'ff'), (8, x''), (-5, x''), (-9, x'ff')`)
	moved := s.moveClosed(pgtest.Database(t))
	if moved.Damaged != 1 {
		t.Errorf("%d rows are damaged", moved.Damaged)
	}
	var left, uses int
	dbtest.Look(t, s.path, `SELECT count(*) FROM new_uses WHERE place < 0`, &left)
	dbtest.Look(t, s.path, `SELECT count(*) FROM key_days WHERE address = '192.0.2.9'`, &uses)
	if left != 2 || uses != 1 {
		t.Errorf("%d rows are left as they were, %d uses are merged", left, uses)
	}
	s.unmerged(s.key.ID, s.Now(), "gateway", "192.0.2.10", 1, 0)
	if s.count(`SELECT count(*) FROM new_uses WHERE place >= 0`) != 1 {
		t.Error("a new use has no place")
	}
	if s.verdict(s.good) != access.Accepted {
		t.Error("the key is lost")
	}
}
