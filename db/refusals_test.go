package db_test

import (
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// lawless is a connection around the desk, on which alice owns the key live, and bob the deactivated key dead.
func lawless(t *testing.T, d *desk) dbtest.Outside {
	t.Helper()
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
	return dbtest.Open(t, d.path)
}

// wantRefused runs each statement and fails the test unless a trigger refuses it with these words and nothing changes.
func wantRefused(t *testing.T, conn dbtest.Outside, words string, statements map[string]string) {
	t.Helper()
	before := dbtest.Content(t, conn)
	for name, statement := range statements {
		if _, err := conn.Exec(statement); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got %v, want %q", name, err, words)
		}
		if after := dbtest.Content(t, conn); after != before {
			t.Fatalf("%s: before\n%safter\n%s", name, before, after)
		}
	}
}

const keyColumns = `INTO keys (id, number, user_id, hash, pepper_id, last4, name, once, created_at) `

// AZ-4
func TestDatabaseRefusesAnAdministratorsKey(t *testing.T) {
	conn := lawless(t, newDesk(t))
	live := ` FROM keys WHERE name = 'live'`
	wantRefused(t, conn, "an administrator owns no key", map[string]string{
		"of the administrator": `INSERT ` + keyColumns +
			`SELECT 'new', 99, 'root', substr(hash, 1, 1), pepper_id, last4, '', NULL, created_at` + live,
		"a copy of a user's": `INSERT ` + keyColumns +
			`SELECT 'new', 99, 'root', substr(hash, 1, 1), pepper_id, last4, name, once, created_at` + live,
		"an inactive key": `INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name, created_at, deactivated_at)
			SELECT 'new', 99, 'root', substr(hash, 1, 1), pepper_id, last4, '', created_at, 1` + live,
	})
	// The same statement for a user is good, so that what was refused was the administrator.
	if _, err := conn.Exec(`INSERT ` + keyColumns +
		`SELECT 'new', 99, 'bob', substr(hash, 1, 1), pepper_id, last4, '', NULL, created_at` + live); err != nil {
		t.Errorf("a user's key: %v", err)
	}
}

// KEY-8, AZ-11
func TestDatabaseBringsNoKeyBack(t *testing.T) {
	conn := lawless(t, newDesk(t))
	wantRefused(t, conn, "a deactivation is final", map[string]string{
		"active":        `UPDATE keys SET deactivated_at = NULL WHERE name = 'dead'`,
		"active, all":   `UPDATE keys SET deactivated_at = NULL, deactivated_by = NULL, reason = '' WHERE name = 'dead'`,
		"later":         `UPDATE keys SET deactivated_at = deactivated_at + 1 WHERE name = 'dead'`,
		"by another":    `UPDATE keys SET deactivated_by = 'root' WHERE name = 'dead'`,
		"by nobody":     `UPDATE keys SET deactivated_by = NULL WHERE name = 'dead'`,
		"other reason":  `UPDATE keys SET reason = 'none' WHERE name = 'dead'`,
		"with a rename": `UPDATE keys SET name = 'alive', deactivated_at = NULL WHERE name = 'dead'`,
	})
	wantRefused(t, conn, "a key is never deleted", map[string]string{
		"the active key": `DELETE FROM keys WHERE name = 'live'`,
		"the other key":  `DELETE FROM keys WHERE name = 'dead'`,
		"all keys":       `DELETE FROM keys`,
	})
}

// AZ-4: nor does a key pass to an administrator later.
func TestDatabaseKeepsAKeysOwnerAndHash(t *testing.T) {
	conn := lawless(t, newDesk(t))
	wantRefused(t, conn, "a key keeps its number", map[string]string{
		"numbered anew": `UPDATE keys SET number = 99 WHERE name = 'live'`,
	})
	wantRefused(t, conn, "a key has a number", map[string]string{
		"number 0": `INSERT ` + keyColumns +
			`SELECT 'new', 0, 'bob', substr(hash, 1, 1), pepper_id, last4, '', NULL, created_at FROM keys WHERE name = 'live'`,
	})
	wantRefused(t, conn, "a key keeps the time at which it was made", map[string]string{
		"made later":  `UPDATE keys SET created_at = created_at + 1`,
		"made before": `UPDATE keys SET created_at = 0 WHERE name = 'live'`,
	})
	wantRefused(t, conn, "a key keeps its owner and its hash", map[string]string{
		"id":             `UPDATE keys SET id = 'new' WHERE name = 'live'`,
		"owner":          `UPDATE keys SET user_id = 'bob' WHERE name = 'live'`,
		"admin as owner": `UPDATE keys SET user_id = 'root' WHERE name = 'live'`,
		"hash":           `UPDATE keys SET hash = substr(hash, 1, 1) WHERE name = 'live'`,
		"hash of other":  `UPDATE keys SET hash = (SELECT hash FROM keys WHERE name = 'dead') WHERE name = 'live'`,
		"pepper":         `UPDATE keys SET pepper_id = 'other' WHERE name = 'live'`,
		"last 4":         `UPDATE keys SET last4 = '0000' WHERE name = 'live'`,
		"form":           `UPDATE keys SET once = 'other' WHERE name = 'live'`,
		"no form":        `UPDATE keys SET once = NULL WHERE name = 'live'`,
		"the dead":       `UPDATE keys SET user_id = 'alice' WHERE name = 'dead'`,
	})
}

// AZ-4
func TestDatabasePromotesNobodyWithAnActiveKey(t *testing.T) {
	d := newDesk(t)
	conn := lawless(t, d)
	wantRefused(t, conn, "who owns an active key cannot be an administrator", map[string]string{
		"updated":     `UPDATE users SET role = 'admin' WHERE id = 'alice'`,
		"all updated": `UPDATE users SET role = 'admin'`,
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

const (
	auditColumns = `INTO audit (number, at, actor, address, action, user_id, key_id, detail) SELECT `
	auditRest    = `, 1, 'root', '', 'create key', '', '', '' FROM audit_head`
)

// AUD-7
func TestDatabaseOnlyAppendsToTheAuditLog(t *testing.T) {
	conn := lawless(t, newDesk(t))
	wantRefused(t, conn, "the audit log is never altered", map[string]string{
		"actor altered":  `UPDATE audit SET actor = 'bob' WHERE number = 4`,
		"number altered": `UPDATE audit SET number = number + 1000`,
		"nothing new":    `UPDATE audit SET detail = detail`,
		"traces altered": `UPDATE audit SET traces = '[]' || traces WHERE number = 4`,
		"traces emptied": `UPDATE audit SET traces = '' WHERE number = (SELECT max(number) FROM audit)`,
		"hashes altered": `UPDATE audit SET hashes = (SELECT hashes FROM audit WHERE number = 1) WHERE number = 4`,
		"hashes emptied": `UPDATE audit SET hashes = substr(hashes, 1, 0) WHERE number = 4`,
		"newest deleted": `DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)`,
		"all deleted":    `DELETE FROM audit`,
	})
	wantRefused(t, conn, "the audit log is appended to, in order", map[string]string{
		"a number taken":    `INSERT ` + auditColumns + `number` + auditRest,
		"an old number":     `INSERT ` + auditColumns + `1` + auditRest,
		"number 0":          `INSERT ` + auditColumns + `0` + auditRest,
		"a number to come":  `INSERT ` + auditColumns + `number + 1` + auditRest,
		"head deleted":      `DELETE FROM audit_head`,
		"a second head":     `INSERT INTO audit_head (one, number) VALUES (2, 0)`,
		"head back by one":  `UPDATE audit_head SET number = number - 1`,
		"head back to 0":    `UPDATE audit_head SET number = 0`,
		"head on by two":    `UPDATE audit_head SET number = number + 2`,
		"head not moved":    `UPDATE audit_head SET number = number`,
		"other edge":        `UPDATE audit_head SET edge = substr(edge, 1, 32)`,
		"other origin":      `UPDATE audit_head SET origin = 'keydesk/other'`,
		"other checkpoint":  `UPDATE audit_head SET checkpoint = replace(checkpoint, 'a', 'b')`,
		"no checkpoint":     `UPDATE audit_head SET checkpoint = ''`,
		"all of the head":   `UPDATE audit_head SET number = number, edge = substr(edge, 1, 32), checkpoint = ''`,
		"head to the limit": `UPDATE audit_head SET number = 9223372036854775807`,
	})
}
