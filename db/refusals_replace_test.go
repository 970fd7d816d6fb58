package db_test

import (
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// REPLACE is SQLite's alone: it deletes the row that it collides with, on whichever uniqueness, without firing a delete
// trigger. An upsert changes such a row; that it never gets there is simpler than to ask what it would change.

// AZ-4
func TestSQLiteReplacesNoKey(t *testing.T) {
	conn := lawless(t, newSQLiteDesk(t))
	dead := ` FROM keys WHERE name = 'dead'`
	same := keyColumns + `SELECT id, number, user_id, hash, pepper_id, last4, name, once, created_at` + dead
	wantRefused(t, conn, "a key is made once", map[string]string{
		"replaced": `INSERT OR REPLACE ` + same,
		"replaced by its hash": `INSERT OR REPLACE ` + keyColumns +
			`SELECT 'new', 99, user_id, hash, pepper_id, last4, name, NULL, created_at` + dead,
		"replaced by its number": `INSERT OR REPLACE ` + keyColumns +
			`SELECT 'new', number, user_id, x'01', pepper_id, last4, name, NULL, created_at` + dead,
		"replaced by its id": `INSERT OR REPLACE ` + keyColumns +
			`SELECT id, 99, user_id, x'01', pepper_id, last4, name, NULL, created_at` + dead,
		"replaced by its form": `INSERT OR REPLACE ` + keyColumns +
			`SELECT 'new', 99, user_id, x'01', pepper_id, last4, name, once, created_at` + dead,
		"inserted or else updated": `INSERT ` + same + ` ON CONFLICT (id) DO UPDATE SET deactivated_at = NULL`,
		"moved to another": `INSERT OR REPLACE ` + keyColumns +
			`SELECT id, number, 'alice', hash, pepper_id, last4, name, NULL, created_at` + dead,
	})
	wantRefused(t, conn, "a deactivation is final", map[string]string{
		"with a rename": `UPDATE OR REPLACE keys SET name = 'alive', deactivated_at = NULL WHERE name = 'dead'`,
	})
	wantRefused(t, conn, "a key keeps its number", map[string]string{
		"numbered anew": `UPDATE OR REPLACE keys SET number = 99 WHERE name = 'live'`,
	})
	wantRefused(t, conn, "a key keeps its owner and its hash", map[string]string{
		"hash of other": `UPDATE OR REPLACE keys SET hash = (SELECT hash FROM keys WHERE name = 'dead') WHERE name = 'live'`,
	})
}

// AZ-4, SES-6: a BLOB compares as another value than the text of the same bytes.
func TestSQLiteRefusesTheKeyOfWhoMayHaveNone(t *testing.T) {
	d := newSQLiteDesk(t)
	conn := lawless(t, d)
	values := func(owner string) string {
		return keyColumns + `SELECT 'new', 99, ` + owner + `, x'01', pepper_id, last4, name, once, created_at FROM keys WHERE name = 'live'`
	}
	wantRefused(t, conn, "an administrator owns no key", map[string]string{"replaced": `INSERT OR REPLACE ` + values(`'root'`)})
	wantRefused(t, conn, "cannot store BLOB value", map[string]string{
		"of the administrator's bytes":  `INSERT ` + values(`CAST('root' AS BLOB)`),
		"an administrator by its bytes": `UPDATE users SET role = CAST('admin' AS BLOB) WHERE id = 'alice'`,
	})
	d.must(d.DisableUser(t.Context(), d.root, "bob"))
	wantRefused(t, conn, "who is disabled makes no key", map[string]string{"replaced": `INSERT OR REPLACE ` + values(`'bob'`)})
}

// AZ-9, AZ-4, SES-6
func TestSQLiteReplacesNoUser(t *testing.T) {
	d := newSQLiteDesk(t)
	conn := lawless(t, d)
	d.must(d.DisableUser(t.Context(), d.root, "bob"))
	d.add(access.Person{UserID: "carol", Email: "carol@example.com", Role: access.User})
	dbtest.Exec(t, d.path, `UPDATE users SET email = 'root@example.com' WHERE id = 'root'`)
	columns := ` INTO users (id, name, name_folded, email, role, password_hash, created_at) VALUES `
	wantRefused(t, conn, "a user is added once", map[string]string{
		"promoted":                                 `INSERT OR REPLACE` + columns + `('alice', '', '', NULL, 'admin', 'x', 1)`,
		"promoted, upserted":                       `INSERT` + columns + `('alice', '', '', NULL, 'admin', 'x', 1) ON CONFLICT (id) DO UPDATE SET role = excluded.role`,
		"disabled":                                 `INSERT` + columns + `('alice', '', '', NULL, 'user', 'x', 1) ON CONFLICT (id) DO UPDATE SET disabled_at = 1`,
		"the last administrator":                   `REPLACE` + columns + `('root', '', '', NULL, 'user', 'x', 1)`,
		"the last administrator's password":        `REPLACE` + columns + `('root', '', '', NULL, 'admin', 'stolen', 1)`,
		"the last administrator's address":         `REPLACE` + columns + `('new', '', '', 'root@example.com', 'user', 'x', 1)`,
		"somebody disabled, who would be in again": `REPLACE` + columns + `('bob', '', '', NULL, 'user', 'x', 1)`,
	})
	wantRefused(t, conn, "an e-mail address belongs to one user", map[string]string{
		"the last administrator's address, for another's": `UPDATE OR REPLACE users SET email = 'root@example.com' WHERE id = 'carol'`,
	})
	wantRefused(t, conn, "the last enabled administrator stays", map[string]string{
		"disabled, with a name": `UPDATE OR REPLACE users SET name = 'x', disabled_at = 1 WHERE id = 'root'`,
	})
}

// AZ-6, AUD-7
func TestSQLiteReplacesNoLinkAndNoEntry(t *testing.T) {
	d := newSQLiteDesk(t)
	conn := lawless(t, d)
	d.issue(d.root, "alice")
	wantRefused(t, conn, "a link is issued once", map[string]string{
		"replaced": `REPLACE INTO links (token_hash, user_id, issued_at, issued_by, issued_from, expires_at)
			SELECT token_hash, user_id, issued_at, issued_by, issued_from, expires_at FROM links WHERE user_id = 'alice'`,
	})
	wantRefused(t, conn, "the audit log is appended to, in order", map[string]string{
		"head replaced":   `INSERT OR REPLACE INTO audit_head (one, number) VALUES (1, 0)`,
		"newest replaced": `INSERT OR REPLACE ` + auditColumns + `number` + auditRest,
		"oldest replaced": `INSERT OR REPLACE ` + auditColumns + `1` + auditRest,
	})
}
