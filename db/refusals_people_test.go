package db_test

import (
	"testing"

	"github.com/keydesk/keydesk/access"
)

// AZ-9: whoever goes around the program cannot shut everybody out either.
func TestDatabaseKeepsTheLastAdministrator(t *testing.T) {
	d := newDesk(t)
	conn := lawless(t, d)
	d.must(d.InviteUser(t.Context(), d.root, access.Person{UserID: "carol", Role: access.Admin}, access.HashToken("t")))
	wantRefused(t, conn, "the last enabled administrator stays", map[string]string{
		"demoted":      `UPDATE users SET role = 'user' WHERE id = 'root'`,
		"disabled":     `UPDATE users SET disabled_at = 1 WHERE id = 'root'`,
		"both":         `UPDATE users SET role = 'user', disabled_at = 1 WHERE id = 'root'`,
		"all demoted":  `UPDATE users SET role = 'user'`,
		"all disabled": `UPDATE users SET disabled_at = 1 WHERE role = 'admin'`,
		"locked out":   `UPDATE users SET password_hash = '' WHERE id = 'root'`,
		"with a name":  `UPDATE users SET name = 'x', disabled_at = 1 WHERE id = 'root'`,
	})
	d.addAdmin("dave")
	d.addAdmin("erin")
	wantRefused(t, conn, "the last enabled administrator stays", map[string]string{
		"all of three demoted":  `UPDATE users SET role = 'user'`,
		"all of three disabled": `UPDATE users SET disabled_at = 1 WHERE role = 'admin'`,
	})
	// Of several, one may go: what was refused was the last.
	for _, statement := range []string{
		`UPDATE users SET role = 'user' WHERE id = 'root'`, `UPDATE users SET disabled_at = 1 WHERE id = 'dave'`,
	} {
		if _, err := conn.Exec(statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	wantRefused(t, conn, "the last enabled administrator stays", map[string]string{
		"the last of three": `UPDATE users SET disabled_at = 1 WHERE id = 'erin'`,
	})
}

// SES-6: who is disabled owns no active key, and gets none.
func TestDatabaseKeepsDisabledUsersWithoutKeys(t *testing.T) {
	conn := lawless(t, newDesk(t))
	wantRefused(t, conn, "who is disabled owns no active key", map[string]string{
		"disabled":       `UPDATE users SET disabled_at = 1 WHERE id = 'alice'`,
		"disabled later": `UPDATE users SET disabled_at = 9223372036854775807 WHERE id = 'alice'`,
		"all disabled":   `UPDATE users SET disabled_at = 1 WHERE role = 'user'`,
	})
	if _, err := conn.Exec(`UPDATE users SET disabled_at = 1 WHERE id = 'bob'`); err != nil {
		t.Fatalf("bob, whose key is inactive: %v", err)
	}
	values := `SELECT 'new', 99, 'bob', substr(hash, 1, 1), pepper_id, last4, '', NULL, created_at FROM keys WHERE name = 'live'`
	wantRefused(t, conn, "who is disabled makes no key", map[string]string{
		"a key": `INSERT ` + keyColumns + values,
		"an inactive key": `INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name, created_at, deactivated_at)
			SELECT 'new', 99, 'bob', substr(hash, 1, 1), pepper_id, last4, '', created_at, 1 FROM keys WHERE name = 'live'`,
	})
	if _, err := conn.Exec(`UPDATE users SET disabled_at = NULL WHERE id = 'bob'`); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(`INSERT ` + keyColumns + values); err != nil {
		t.Errorf("bob, enabled: %v", err)
	}
}

// AZ-6: a link that was used or withdrawn stays so, and none passes to another account.
func TestDatabaseUsesALinkOnce(t *testing.T) {
	d := newDesk(t)
	conn := lawless(t, d)
	d.must(d.UseLink(t.Context(), d.issue(d.root, "alice"), "y", from("")))
	d.issue(d.root, "bob")
	d.issue(d.root, "bob") // withdraws the one before
	wantRefused(t, conn, "a link is used once", map[string]string{
		"unused again":     `UPDATE links SET used_at = NULL WHERE user_id = 'alice'`,
		"used later":       `UPDATE links SET used_at = used_at + 1 WHERE user_id = 'alice'`,
		"back again":       `UPDATE links SET withdrawn_at = NULL WHERE withdrawn_at IS NOT NULL`,
		"withdrawn later":  `UPDATE links SET withdrawn_at = withdrawn_at + 1 WHERE withdrawn_at IS NOT NULL`,
		"another token":    `UPDATE links SET token_hash = substr(token_hash, 1, 1) WHERE user_id = 'alice'`,
		"of an open one":   `UPDATE links SET token_hash = substr(token_hash, 1, 1) WHERE used_at IS NULL AND withdrawn_at IS NULL`,
		"another account":  `UPDATE links SET user_id = 'root' WHERE used_at IS NULL AND withdrawn_at IS NULL`,
		"no account":       `UPDATE links SET user_id = NULL WHERE used_at IS NULL AND withdrawn_at IS NULL`,
		"used elsewhere":   `UPDATE links SET used_from = '::1' WHERE user_id = 'alice'`,
		"another issuer":   `UPDATE links SET issued_by = 'alice' WHERE user_id = 'alice'`,
		"from elsewhere":   `UPDATE links SET issued_from = '::1' WHERE user_id = 'alice'`,
		"issued before":    `UPDATE links SET issued_at = issued_at - 1 WHERE user_id = 'alice'`,
		"good for longer":  `UPDATE links SET expires_at = expires_at + 1 WHERE used_at IS NULL AND withdrawn_at IS NULL`,
		"all, with a note": `UPDATE links SET seen_at = 1, used_at = NULL`,
	})
	for _, statement := range []string{
		`UPDATE links SET used_at = 1 WHERE used_at IS NULL AND withdrawn_at IS NULL`, `UPDATE links SET seen_at = 1`,
	} {
		if _, err := conn.Exec(statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}
