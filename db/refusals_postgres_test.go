package db_test

import (
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// KEY-8, AZ-9, AUD-7: what empties a whole table fires no trigger of a row.
func TestPostgresEmptiesNoTable(t *testing.T) {
	d := newPostgresDesk(t)
	conn := lawless(t, d)
	dbtest.Exec(t, d.path, `INSERT INTO made_up (one, at) VALUES (1, 1)`)
	for words, statement := range map[string]string{
		"a key is never deleted":                 `TRUNCATE keys`,
		"a user is never deleted":                `TRUNCATE users CASCADE`,
		"the audit log is never altered":         `TRUNCATE audit`,
		"the audit log is appended to, in order": `TRUNCATE audit_head`,
		"what was made up stays so":              `TRUNCATE made_up`,
	} {
		wantRefused(t, conn, words, map[string]string{words: statement})
	}
	wantRefused(t, conn, "a key is never deleted", map[string]string{"by what it refers to": `TRUNCATE secrets CASCADE`})
}

// KEY-8, AZ-4, AZ-9, SES-6: a row that is there already is changed as by an update, or stays.
func TestPostgresReplacesNothing(t *testing.T) {
	d := newPostgresDesk(t)
	conn := lawless(t, d)
	dbtest.Exec(t, d.path, `UPDATE users SET email = 'root@example.com' WHERE id = 'root'`)
	d.issue(d.root, "bob")
	user := func(values, set string) string {
		return `INSERT INTO users (id, name, name_folded, email, role, password_hash, created_at) VALUES (` + values + `, 'x', 1) ` + set
	}
	dead := func(values, set string) string {
		return `INSERT ` + keyColumns + `SELECT ` + values + ` FROM keys WHERE name = 'dead' ` + set
	}
	same := `id, number, user_id, hash, pepper_id, last4, name, once, created_at`
	wantRefused(t, conn, "who owns an active key cannot be an administrator", map[string]string{
		"promoted": user(`'alice', '', '', NULL, 'admin'`, `ON CONFLICT (id) DO UPDATE SET role = excluded.role`),
	})
	wantRefused(t, conn, "who is disabled owns no active key", map[string]string{
		"disabled": user(`'alice', '', '', NULL, 'user'`, `ON CONFLICT (id) DO UPDATE SET disabled_at = 1`),
	})
	wantRefused(t, conn, "the last enabled administrator stays", map[string]string{
		"demoted":        user(`'root', '', '', NULL, 'user'`, `ON CONFLICT (id) DO UPDATE SET role = excluded.role`),
		"by the address": user(`'new', '', '', 'root@example.com', 'user'`, `ON CONFLICT (email) DO UPDATE SET role = excluded.role`),
		"of all the rows": `MERGE INTO users u USING users v ON u.id = v.id AND u.role = 'admin'
			WHEN MATCHED THEN UPDATE SET disabled_at = 1`,
	})
	wantRefused(t, conn, "a deactivation is final", map[string]string{
		"upserted": dead(same, `ON CONFLICT (id) DO UPDATE SET deactivated_at = NULL`),
		"by its hash": dead(`'new', 99, user_id, hash, pepper_id, last4, name, NULL, created_at`,
			`ON CONFLICT (hash) DO UPDATE SET deactivated_at = NULL`),
		"merged": `MERGE INTO keys k USING users u ON k.user_id = u.id AND k.name = 'dead'
			WHEN MATCHED THEN UPDATE SET deactivated_at = NULL`,
	})
	wantRefused(t, conn, "a key is never deleted", map[string]string{
		"merged": `MERGE INTO keys k USING users u ON k.user_id = u.id WHEN MATCHED THEN DELETE`,
	})
	wantRefused(t, conn, "duplicate key value", map[string]string{
		"a key":         dead(same, ``),
		"its hash":      dead(`'new', 99, user_id, hash, pepper_id, last4, name, NULL, created_at`, ``),
		"its number":    dead(`'new', number, user_id, substr(hash, 1, 1), pepper_id, last4, name, NULL, created_at`, ``),
		"its form":      dead(`'new', 99, user_id, substr(hash, 1, 1), pepper_id, last4, name, once, created_at`, ``),
		"a user":        user(`'root', '', '', NULL, 'user'`, ``),
		"their address": user(`'new', '', '', 'root@example.com', 'user'`, ``),
		"a link": `INSERT INTO links (token_hash, user_id, issued_at, issued_by, issued_from, expires_at)
			SELECT token_hash, user_id, issued_at, issued_by, issued_from, expires_at FROM links`,
	})
}

// AZ-4, AUD-7: what is no value compares as neither the same nor another.
func TestPostgresTakesNoNullForAValue(t *testing.T) {
	conn := lawless(t, newPostgresDesk(t))
	for words, statement := range map[string]string{
		"a key has a number": `INSERT ` + keyColumns + `SELECT 'new', NULL, 'bob', substr(hash, 1, 1), pepper_id, last4, '', NULL,
			created_at FROM keys WHERE name = 'live'`,
		"a key keeps its number":                          `UPDATE keys SET number = NULL WHERE name = 'live'`,
		"a key keeps its owner and its hash":              `UPDATE keys SET user_id = NULL WHERE name = 'live'`,
		"a key keeps the time at which it was made":       `UPDATE keys SET created_at = NULL WHERE name = 'live'`,
		"a User ID never changes":                         `UPDATE users SET id = NULL WHERE id = 'alice'`,
		"the audit log is appended to, in order":          `UPDATE audit_head SET number = NULL`,
		"null value in column \"role\" of relation \"use": `UPDATE users SET role = NULL WHERE id = 'alice'`,
	} {
		wantRefused(t, conn, words, map[string]string{words: statement})
	}
}

// AZ-4: a table of the same name that only the session has is not asked who is an administrator, or has a key.
func TestPostgresAsksItsOwnTables(t *testing.T) {
	d := newPostgresDesk(t)
	lawless(t, d)
	before, conn := d.content(), dbtest.Open(t, d.path)
	conn.SetMaxOpenConns(1)
	for _, statement := range []string{
		`CREATE TEMPORARY TABLE users AS SELECT id, 'user' AS role, disabled_at FROM users`,
		`CREATE TEMPORARY TABLE keys AS SELECT * FROM keys WHERE false`,
	} {
		if _, err := conn.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	for words, statement := range map[string]string{
		"an administrator owns no key": strings.ReplaceAll(`INSERT `+keyColumns+`SELECT 'new', 99, 'root', substr(hash, 1, 1), pepper_id,
			last4, '', NULL, created_at FROM public.keys WHERE name = 'live'`, `INTO keys`, `INTO public.keys`),
		"who owns an active key cannot be an administrator": `UPDATE public.users SET role = 'admin' WHERE id = 'alice'`,
	} {
		if _, err := conn.Exec(statement); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %q", err, words)
		}
	}
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}

// AZ-4, AZ-9, AZ-10: two who go around the program at once cannot break together what each of them keeps.
func TestPostgresTakesOneAfterTheOther(t *testing.T) {
	makeKey := func(owner string) string {
		return `INSERT ` + keyColumns + `SELECT 'new', 99, '` + owner + `', substr(hash, 1, 1), pepper_id, last4, '', NULL, created_at
			FROM keys WHERE name = 'live'`
	}
	const promote, demote = `UPDATE users SET role = 'admin' WHERE id = 'bob'`, `UPDATE users SET role = 'user' WHERE id = `
	for name, row := range map[string]struct{ first, second, words string }{
		"a key, and a promotion": {makeKey("bob"), promote, "who owns an active key cannot be an administrator"},
		"a promotion, and a key": {promote, makeKey("bob"), "an administrator owns no key"},
		"two demotions":          {demote + `'root'`, demote + `'carol'`, "the last enabled administrator stays"},
		"a demotion, and a lock": {demote + `'root'`, `UPDATE users SET password_hash = '' WHERE id = 'carol'`, "the last enabled administrator stays"},
		"a disabling, and a key": {`UPDATE users SET disabled_at = 1 WHERE id = 'bob'`, makeKey("bob"), "who is disabled makes no key"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newPostgresDesk(t)
			d.addAdmin("carol")
			conn := lawless(t, d)
			first, err := conn.Begin()
			d.must(err)
			_, err = first.Exec(row.first)
			d.must(err)
			second := make(chan error)
			go func() {
				_, err := conn.Exec(row.second)
				second <- err
			}()
			for waiting := 0; waiting == 0; {
				dbtest.Look(t, d.path, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, &waiting)
			}
			d.must(first.Commit())
			if err := <-second; err == nil || !strings.Contains(err.Error(), row.words) {
				t.Errorf("got %v, want %q", err, row.words)
			}
			if people := d.people(); people["root"] != access.Admin && people["carol"] != access.Admin {
				t.Errorf("there are %v", people)
			}
		})
	}
}

// AZ-4, AZ-9: at the other levels of isolation a trigger would decide by what was there when the transaction began.
func TestPostgresDecidesByWhatIsThereNow(t *testing.T) {
	d := newPostgresDesk(t)
	conn := lawless(t, d)
	conn.SetMaxOpenConns(1)
	for _, level := range []string{"repeatable read", "serializable"} {
		if _, err := conn.Exec(`SET default_transaction_isolation = '` + level + `'`); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, conn, "changes are made at READ COMMITTED", map[string]string{
			level + ", a key": `INSERT ` + keyColumns + `SELECT 'new', 99, 'bob', substr(hash, 1, 1), pepper_id, last4, '', NULL, created_at
				FROM keys WHERE name = 'live'`,
			level + ", a role":         `UPDATE users SET role = 'admin' WHERE id = 'bob'`,
			level + ", an account":     `UPDATE users SET disabled_at = 1 WHERE id = 'bob'`,
			level + ", a password":     `UPDATE users SET password_hash = '' WHERE id = 'root'`,
			level + ", nobody's, even": `UPDATE users SET role = 'user' WHERE false`,
		})
	}
}
