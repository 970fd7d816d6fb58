//go:build unix

package main

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// Whoever proves that nothing is lost has to show that a loss is found.
func TestLostChangesAreFound(t *testing.T) {
	const last = `(SELECT key_id FROM audit WHERE number = (SELECT max(number) FROM audit))`
	c := newCrowd(newAlone(t, crowdUsers, crowdAdmins))
	kept, renamed, ended := c.oneOfEach()
	c.at.terminate()
	for name, of := range map[string]struct {
		unnamed int // keys that were asked for without an answer
		tamper  string
		found   bool
	}{
		"nothing":                 {0, ``, false},
		"a key":                   {0, `DELETE FROM keys WHERE id = '` + kept + `'`, true},
		"a key and its entry":     {0, `DELETE FROM keys WHERE id = ` + last + `; DELETE FROM audit WHERE key_id = ` + last, true},
		"the entry of a key":      {0, `DELETE FROM audit WHERE key_id = '` + kept + `'`, true},
		"the end of a key":        {0, `UPDATE keys SET deactivated_at = NULL, deactivated_by = NULL WHERE id = '` + ended + `'`, true},
		"who ended a key":         {0, `UPDATE keys SET deactivated_by = 'root0' WHERE id = '` + ended + `'`, true},
		"the name of a key":       {0, `UPDATE keys SET name = '' WHERE id = '` + renamed + `'`, true},
		"an end that nobody made": {0, `UPDATE keys SET deactivated_at = 1, deactivated_by = 'root0' WHERE id = '` + kept + `'`, true},
		"a role":                  {0, `UPDATE users SET role = 'user' WHERE id = 'person7'`, true},
		"the entry of a role":     {0, `UPDATE audit SET action = 'enable user' WHERE action = 'change role'`, true},
		"a key without an answer": {1, addKey + addEntry, false},
		"a key nobody asked for":  {0, addKey + addEntry, true},
		"half a key":              {1, addKey, true},
		"the other half":          {1, addEntry, true},
		"the last entry":          {0, `DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)`, true},
	} {
		l := c.copied(filepath.Join(t.TempDir(), "keydesk.db"))
		l.unnamed["person1"] = of.unnamed
		wrong := 0
		l.wrong = func(string, ...any) { wrong++ }
		l.tamper(of.tamper)
		l.settleAll()
		if found := wrong > 0; found != of.found {
			t.Errorf("%s: found: %t", name, found)
		}
	}
}

const (
	addKey = `INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name, created_at, reason, change)
		SELECT 'new', 99, 'person1', randomblob(32), pepper_id, 'last', '', 1, '', 99 FROM keys LIMIT 1;`
	addEntry = `UPDATE audit_head SET number = number + 1; INSERT INTO audit (number, at, actor, address, action, user_id, key_id, detail)
		SELECT number, 1, 'person1', '', 'create key', 'person1', 'new', '' FROM audit_head;`
)

// oneOfEach has a change of each kind made, and returns a key that is left as it was made, one that was renamed, and one that
// its owner has ended.
func (c *crowd) oneOfEach() (kept, renamed, ended string) {
	c.t.Helper()
	for range 12 {
		if !c.makeKey("person0") {
			c.t.Fatal("no key")
		}
	}
	if !c.endKey("root0", nil) || !c.changePerson("root0", "person7") {
		c.t.Fatal("an administrator could not")
	}
	for id, did := range c.deeds {
		switch {
		case len(did) == 1 && did[0].what == access.CreateKey:
			kept = id
		case did[len(did)-1].what == access.RenameKey:
			renamed = id
		case did[len(did)-1].what == access.DeactivateOwnKey:
			ended = id
		}
	}
	if !c.makeKey("person0") { // of which the last entry is
		c.t.Fatal("no key")
	}
	return kept, renamed, ended
}

// copied returns the ledger for a copy of the database.
func (l *ledger) copied(path string) *ledger {
	l.t.Helper()
	content, err := os.ReadFile(l.database)
	if err != nil {
		l.t.Fatal(err)
	}
	mustWrite(l.t, path, string(content))
	return &ledger{
		t: l.t, database: path, rows: maps.Clone(l.rows), deeds: maps.Clone(l.deeds), secrets: l.secrets, unnamed: map[string]int{},
		number: l.number,
	}
}

// tamper changes the database in spite of what refuses it.
func (l *ledger) tamper(statements string) {
	l.t.Helper()
	var triggers []string
	conn := dbtest.Open(l.t, l.database)
	defer func() { _ = conn.Close() }()
	if err := conn.Select(&triggers, `SELECT name FROM sqlite_master WHERE type = 'trigger'`); err != nil {
		l.t.Fatal(err)
	}
	for _, name := range triggers {
		statements = `DROP TRIGGER ` + name + `; ` + statements
	}
	if _, err := conn.Exec(statements); err != nil {
		l.t.Fatal(err)
	}
}
