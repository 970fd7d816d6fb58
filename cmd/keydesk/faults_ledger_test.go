//go:build unix

package main

import (
	"fmt"
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// ledger is what was asked of keys and people, and what has to be found of it. At each of them one person is at work at a
// time, one thing after the other.
type ledger struct {
	t        *testing.T
	wrong    func(format string, args ...any) // is told of what is not as it has to be
	database string

	mu      sync.Mutex
	rows    map[string]string // the row of each key and person, as it was found last
	deeds   map[string][]deed // what was asked of each since then
	secrets map[string]string // of keys
	unnamed map[string]int    // by owner, keys that were asked for since then without an answer
	number  int64             // of the last change that was found

	answered   map[access.Action]int
	unanswered int
	happened   int // of those without an answer
}

// deed is what was asked for, and how it leaves the row.
type deed struct {
	what     access.Action
	leaves   string
	answered bool
}

// rowsOf finds the rows of keys and people, as they are compared.
const rowsOf = `SELECT id, row FROM (
	SELECT id, user_id || '|' || name || '|' || coalesce(deactivated_by, '') || '|' || reason AS row FROM keys
	UNION ALL SELECT id, role || '|' || (disabled_at IS NOT NULL) AS row FROM users)`

func keyRow(owner, name, deactivatedBy, reason string) string {
	return owner + "|" + name + "|" + deactivatedBy + "|" + reason
}

func personRow(role access.Role, disabled bool) string {
	return fmt.Sprintf("%s|%d", role, map[bool]int{true: 1}[disabled])
}

// openLedger returns the ledger of a database in which there are people, and no keys.
func openLedger(t *testing.T, database string) *ledger {
	t.Helper()
	l := &ledger{
		t: t, wrong: t.Errorf, database: database, deeds: map[string][]deed{}, secrets: map[string]string{}, unnamed: map[string]int{},
		answered: map[access.Action]int{},
	}
	l.rows = l.read(rowsOf)
	dbtest.Look(t, database, `SELECT number FROM audit_head`, &l.number)
	return l
}

// note notes what was asked of a key or a person, unless it did not happen for sure.
func (l *ledger) note(id string, what access.Action, became outcome, leaves string) {
	if became == unchanged {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deeds[id] = append(l.deeds[id], deed{what, leaves, became == changed})
	l.count(what, became)
}

// noteMade notes that a key was asked for.
func (l *ledger) noteMade(k provedKey, owner string, became outcome) {
	if became == changed {
		l.note(k.id, access.CreateKey, became, keyRow(owner, "", "", ""))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch became {
	case changed:
		l.secrets[k.id] = k.secret
	case unsure:
		l.unnamed[owner]++
		l.count(access.CreateKey, became)
	}
}

func (l *ledger) count(what access.Action, became outcome) {
	if became == changed {
		l.answered[what]++
	} else {
		l.unanswered++
	}
}

// changes is how many were answered.
func (l *ledger) changes() (n int) {
	for _, of := range l.answered {
		n += of
	}
	return n
}

// read returns the rows that a query finds, by their ids.
func (l *ledger) read(query string, args ...any) map[string]string {
	l.t.Helper()
	conn := dbtest.Open(l.t, l.database)
	defer func() { _ = conn.Close() }()
	var found []struct {
		ID  string `db:"id"`
		Row string `db:"row"`
	}
	if err := conn.Select(&found, query, args...); err != nil {
		l.t.Fatal(err)
	}
	rows := make(map[string]string, len(found))
	for _, f := range found {
		rows[f.ID] = f.Row
	}
	return rows
}
