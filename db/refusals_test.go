package db_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// lawless is a desk and a connection around it. alice owns the key live, bob the deactivated key dead.
func lawless(t *testing.T) (*desk, *sql.DB) {
	t.Helper()
	d := newDesk(t)
	for owner, name := range map[access.Actor]string{d.alice: "live", d.bob: "dead"} {
		key, err := d.CreateKey(t.Context(), owner, d.fingerprint(), "form of "+name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.RenameKey(t.Context(), owner, key.ID, name); err != nil {
			t.Fatal(err)
		}
		if name == "dead" {
			d.deactivate(owner, key.ID)
		}
	}
	return d, raw(t, d.path)
}

// content returns everything that stands in the tables.
func content(t *testing.T, conn *sql.DB) string {
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

func table(t *testing.T, conn *sql.DB, name string) string {
	t.Helper()
	rows, err := conn.Query(`SELECT * FROM ` + name + ` ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for _, value := range row {
			if bytes, ok := value.([]byte); ok {
				value = fmt.Sprintf("x'%x'", bytes)
			}
			fmt.Fprintf(&all, "%#v ", value)
		}
		fmt.Fprintln(&all)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// wantRefused runs each statement and fails the test unless a trigger refuses it with these words and nothing changes.
func wantRefused(t *testing.T, conn *sql.DB, words string, statements map[string]string) {
	t.Helper()
	before := content(t, conn)
	for name, statement := range statements {
		if _, err := conn.Exec(statement); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got %v, want %q", name, err, words)
		}
		if after := content(t, conn); after != before {
			t.Fatalf("%s: before\n%safter\n%s", name, before, after)
		}
	}
}

const keyColumns = `INTO keys (id, number, user_id, hash, pepper_id, last4, name, once, created_at) `

// AZ-4
func TestDatabaseRefusesAnAdministratorsKey(t *testing.T) {
	_, conn := lawless(t)
	for name, values := range map[string]string{
		"of the administrator": `'new', 99, 'root', x'01', pepper_id, last4, '', NULL, created_at`,
		"a copy of a user's":   `'new', 99, 'root', x'01', pepper_id, last4, name, once, created_at`,
	} {
		for _, insert := range []string{"INSERT ", "INSERT OR REPLACE "} {
			wantRefused(t, conn, "an administrator owns no key", map[string]string{
				insert + name: insert + keyColumns + `SELECT ` + values + ` FROM keys WHERE name = 'live'`,
			})
		}
	}
	// A BLOB compares as another value than the text of the same bytes.
	wantRefused(t, conn, "cannot store BLOB value", map[string]string{
		"of the administrator's bytes": `INSERT ` + keyColumns + `SELECT 'new', 99, CAST('root' AS BLOB), x'01', pepper_id, last4,
			'', NULL, created_at FROM keys WHERE name = 'live'`,
	})
	// The same statement for a user is good, so that what was refused was the administrator.
	if _, err := conn.Exec(`INSERT ` + keyColumns + `SELECT 'new', 99, 'bob', x'01', pepper_id, last4, '', NULL, created_at
		FROM keys WHERE name = 'live'`); err != nil {
		t.Errorf("a user's key: %v", err)
	}
}

// KEY-8, AZ-11
func TestDatabaseBringsNoKeyBack(t *testing.T) {
	_, conn := lawless(t)
	dead := ` FROM keys WHERE name = 'dead'`
	same := keyColumns + `SELECT id, number, user_id, hash, pepper_id, last4, name, once, created_at` + dead
	wantRefused(t, conn, "a deactivation is final", map[string]string{
		"active":        `UPDATE keys SET deactivated_at = NULL WHERE name = 'dead'`,
		"active, all":   `UPDATE keys SET deactivated_at = NULL, deactivated_by = NULL, reason = '' WHERE name = 'dead'`,
		"later":         `UPDATE keys SET deactivated_at = deactivated_at + 1 WHERE name = 'dead'`,
		"by another":    `UPDATE keys SET deactivated_by = 'root' WHERE name = 'dead'`,
		"by nobody":     `UPDATE keys SET deactivated_by = NULL WHERE name = 'dead'`,
		"other reason":  `UPDATE keys SET reason = 'none' WHERE name = 'dead'`,
		"with a rename": `UPDATE OR REPLACE keys SET name = 'alive', deactivated_at = NULL WHERE name = 'dead'`,
	})
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
	wantRefused(t, conn, "a key is never deleted", map[string]string{
		"the active key": `DELETE FROM keys WHERE name = 'live'`,
		"the other key":  `DELETE FROM keys WHERE name = 'dead'`,
		"all keys":       `DELETE FROM keys`,
	})
}

// AZ-4: nor does a key pass to an administrator later.
func TestDatabaseKeepsAKeysOwnerAndHash(t *testing.T) {
	_, conn := lawless(t)
	wantRefused(t, conn, "a key keeps its number", map[string]string{
		"numbered anew": `UPDATE OR REPLACE keys SET number = 99 WHERE name = 'live'`,
	})
	wantRefused(t, conn, "a key keeps the time at which it was made", map[string]string{
		"made later":  `UPDATE keys SET created_at = created_at + 1`,
		"made before": `UPDATE keys SET created_at = 0 WHERE name = 'live'`,
	})
	wantRefused(t, conn, "a key keeps its owner and its hash", map[string]string{
		"id":             `UPDATE keys SET id = 'new' WHERE name = 'live'`,
		"owner":          `UPDATE keys SET user_id = 'bob' WHERE name = 'live'`,
		"admin as owner": `UPDATE keys SET user_id = 'root' WHERE name = 'live'`,
		"hash":           `UPDATE keys SET hash = x'00' WHERE name = 'live'`,
		"hash of other": `UPDATE OR REPLACE keys SET hash = (SELECT hash FROM keys WHERE name = 'dead')
			WHERE name = 'live'`,
		"pepper":   `UPDATE keys SET pepper_id = 'other' WHERE name = 'live'`,
		"last 4":   `UPDATE keys SET last4 = '0000' WHERE name = 'live'`,
		"form":     `UPDATE keys SET once = 'other' WHERE name = 'live'`,
		"no form":  `UPDATE keys SET once = NULL WHERE name = 'live'`,
		"the dead": `UPDATE keys SET user_id = 'alice' WHERE name = 'dead'`,
	})
}

// AZ-4
func TestDatabasePromotesNobodyWithAnActiveKey(t *testing.T) {
	d, conn := lawless(t)
	admin := `INTO users (id, name, name_folded, role, password_hash, created_at) VALUES ('alice', '', '', 'admin', 'x', 1)`
	wantRefused(t, conn, "who owns an active key cannot be an administrator", map[string]string{
		"updated":     `UPDATE users SET role = 'admin' WHERE id = 'alice'`,
		"all updated": `UPDATE users SET role = 'admin'`,
	})
	wantRefused(t, conn, "a user is added once", map[string]string{
		"replaced": `INSERT OR REPLACE ` + admin,
		"upserted": `INSERT ` + admin + ` ON CONFLICT (id) DO UPDATE SET role = excluded.role`,
	})
	wantRefused(t, conn, "cannot store BLOB value", map[string]string{
		"by its bytes": `UPDATE users SET role = CAST('admin' AS BLOB) WHERE id = 'alice'`,
	})
	wantRefused(t, conn, "a user is never deleted", map[string]string{
		"deleted, to be added anew": `DELETE FROM users WHERE id = 'alice'`,
	})
	wantRefused(t, conn, "a User ID never changes", map[string]string{
		"renamed": `UPDATE users SET id = 'alicia' WHERE id = 'alice'`,
	})
	if _, err := conn.Exec(`UPDATE users SET role = 'admin' WHERE id = 'bob'`); err != nil {
		t.Errorf("bob, whose key is inactive: %v", err)
	}
	if bob, err := d.User(t.Context(), d.root, "bob"); err != nil || bob.Role != access.Admin {
		t.Errorf("bob is %+v, %v", bob, err)
	}
}

// AUD-7
func TestDatabaseOnlyAppendsToTheAuditLog(t *testing.T) {
	_, conn := lawless(t)
	columns := `INTO audit (number, at, actor, address, action, user_id, key_id, detail) SELECT `
	rest := `, 1, 'root', '', 'create key', '', '', '' FROM audit_head`
	wantRefused(t, conn, "the audit log is never altered", map[string]string{
		"actor altered":  `UPDATE audit SET actor = 'bob' WHERE number = 4`,
		"number altered": `UPDATE audit SET number = number + 1000`,
		"nothing new":    `UPDATE audit SET detail = detail`,
		"newest deleted": `DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)`,
		"all deleted":    `DELETE FROM audit`,
	})
	wantRefused(t, conn, "the audit log is appended to, in order", map[string]string{
		"a number taken":    `INSERT ` + columns + `number` + rest,
		"an old number":     `INSERT ` + columns + `1` + rest,
		"number 0":          `INSERT ` + columns + `0` + rest,
		"a number to come":  `INSERT ` + columns + `number + 1` + rest,
		"head deleted":      `DELETE FROM audit_head`,
		"head replaced":     `INSERT OR REPLACE INTO audit_head (one, number) VALUES (1, 0)`,
		"a second head":     `INSERT INTO audit_head (one, number) VALUES (2, 0)`,
		"newest replaced":   `INSERT OR REPLACE ` + columns + `number` + rest,
		"oldest replaced":   `INSERT OR REPLACE ` + columns + `1` + rest,
		"head back by one":  `UPDATE audit_head SET number = number - 1`,
		"head back to 0":    `UPDATE audit_head SET number = 0`,
		"head on by two":    `UPDATE audit_head SET number = number + 2`,
		"head not moved":    `UPDATE audit_head SET number = number`,
		"head to the limit": `UPDATE audit_head SET number = 9223372036854775807`,
	})
}
