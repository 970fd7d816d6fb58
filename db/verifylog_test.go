package db_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// verified returns what a check of the audit log says, beside the desk.
func (d *desk) verified() db.LogState {
	d.t.Helper()
	return verifiedAt(d.t, d.path, d.Secrets().Verifiers)
}

func verifiedAt(t testing.TB, database string, verifiers []string) db.LogState {
	t.Helper()
	reader, err := db.OpenToRead(t.Context(), database, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	state, err := reader.VerifyLog(t.Context(), access.TheOperator(), verifiers)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// wantSound fails the test unless nothing is wrong.
func wantSound(t testing.TB, state db.LogState) {
	t.Helper()
	if !state.Sound() {
		t.Errorf("false alarm:\n%s", strings.Join(state.Findings, "\n"))
	}
}

// AUD-3, AUD-4
func TestLogOfEveryKindOfChangeIsSound(t *testing.T) {
	for name, row := range accountChanges(t) {
		d := row.start(t)
		d.must(row.do(d))
		state := d.verified()
		t.Run(name, func(t *testing.T) { wantSound(t, state) })
		if state.Size != d.changes()[0].Number || state.Users == 0 && name != "set-up link" {
			t.Errorf("%s: %d entries, %d users", name, state.Size, state.Users)
		}
	}
	d := busyDesk(t)
	key, _ := d.makeKey(d.alice)
	if _, err := d.RenameKey(t.Context(), d.alice, key.ID, "CI"); err != nil {
		t.Fatal(err)
	}
	d.deactivate(d.alice, key.ID)
	state := d.verified()
	wantSound(t, state)
	if state.Users != 5 || state.Keys != 3 || state.Links != 1 {
		t.Errorf("%d users, %d keys, %d links were compared", state.Users, state.Keys, state.Links)
	}
}

// AUD-4: who may write in the database, around its triggers, is found, and each finding names what is wrong.
func TestTamperingIsNamed(t *testing.T) {
	for name, row := range map[string]struct {
		sql  string
		want string
	}{
		"an edited entry":            {`UPDATE audit SET detail = 'role admin' WHERE number = 2`, "entry 2 (add user) is not as it was written"},
		"a deleted entry":            {`DELETE FROM audit WHERE number = 2`, "entry 2 is missing"},
		"deleted entries":            {`DELETE FROM audit WHERE number IN (2, 3)`, "entries 2 to 3 are missing"},
		"an entry before the first":  {`INSERT INTO audit SELECT 0, at, actor, address, action, user_id, key_id, detail, traces, hashes FROM audit WHERE number = 1`, "there is an entry 0"},
		"an entry after the last":    {`INSERT INTO audit SELECT number + 1, at, actor, address, action, user_id, key_id, detail, traces, hashes FROM audit WHERE number = 8`, "its last one is entry 9"},
		"a cut end":                  {`DELETE FROM audit WHERE number = 8`, "its last one is entry 7"},
		"a head set back":            {`UPDATE audit_head SET number = 7`, "its last one is entry 8"},
		"another edge":               {`UPDATE audit_head SET edge = (SELECT hashes FROM audit WHERE number = 1)`, "does not have the edge"},
		"another origin":             {`UPDATE audit_head SET origin = 'keydesk/other'`, `the log is called "keydesk/other"`},
		"no checkpoint":              {`UPDATE audit_head SET checkpoint = ''`, "checkpoint is not signed by the log's key"},
		"no head":                    {`DELETE FROM audit_head`, "audit_head has no row"},
		"other hashes":               {`UPDATE audit SET hashes = (SELECT hashes FROM audit WHERE number = 1) WHERE number = 4`, "entry 4 (add user) is not as it was written, or its hash is not"},
		"traces that do not read":    {`UPDATE audit SET traces = '{' WHERE number = 2`, "entry 2 has traces that do not read"},
		"another role":               {`UPDATE users SET role = 'admin' WHERE id = 'bob'`, "user bob is not as entry 2 left it"},
		"a key brought back":         {`UPDATE keys SET deactivated_at = NULL, deactivated_by = NULL`, " of alice is not as entry 8 left it"},
		"a key that nobody made":     {`INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name, created_at) SELECT 'x', 9, 'bob', (SELECT hashes FROM audit WHERE number = 1), pepper_id, last4, name, created_at FROM keys LIMIT 1`, "key x of bob was made by no entry"},
		"a deleted key":              {`DELETE FROM keys`, " of alice is missing; entry 8 left it there"},
		"a deleted user":             {`DELETE FROM users WHERE id = 'root'`, "user root is missing; entry 3 left it there"},
		"a link that is open longer": {`UPDATE links SET expires_at = expires_at + 1`, "is not as entry 6 left it"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.addUser("carol")
			key, _ := d.makeKey(d.alice)
			d.issue(d.root, "bob")
			d.must(d.DisableUser(t.Context(), d.root, "carol"))
			d.deactivate(d.alice, key.ID)
			dropTriggers(t, d.path)
			dbtest.Exec(t, d.path, row.sql)
			if state := d.verified(); !slices.ContainsFunc(state.Findings, func(f string) bool { return strings.Contains(f, row.want) }) {
				t.Errorf("found %q, want %q", state.Findings, row.want)
			}
		})
	}
}

// dropTriggers takes all triggers and references away, as who owns the database can.
func dropTriggers(t testing.TB, database string) {
	t.Helper()
	conn := dbtest.Open(t, database)
	defer func() { _ = conn.Close() }()
	list, drop := `SELECT name FROM sqlite_master WHERE type = 'trigger'`, func(name string) string { return `DROP TRIGGER ` + name }
	if conn.Postgres() {
		list = `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`
		drop = func(name string) string { return `ALTER TABLE ` + name + ` DISABLE TRIGGER ALL` }
	}
	var names []string
	if err := conn.Select(&names, list); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, err := conn.Exec(drop(name)); err != nil {
			t.Fatal(err)
		}
	}
}
