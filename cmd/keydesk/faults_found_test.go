//go:build unix

package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// entry is one of the audit log.
type entry struct {
	Number int64         `db:"number"`
	Action access.Action `db:"action"`
	ID     string        `db:"id"` // of the key, or else of the person
}

// settle holds what was asked since the last time against the audit log and the rows. Of a key or a person the log has to
// have what was answered, and may have what was asked last without an answer; the row has to be as the last of it leaves it.
// It returns the keys that were touched.
func (l *ledger) settle() (keys []string) {
	l.t.Helper()
	did := l.entries()
	touched := slices.Sorted(maps.Keys(did))
	for id := range l.deeds {
		if _, ok := did[id]; !ok {
			touched = append(touched, id)
		}
	}
	found := l.read(rowsOf+` WHERE id IN (SELECT value FROM json_each(?))`, asJSON(touched))
	for _, id := range touched {
		want, right := l.outcome(id, did[id])
		if !right || found[id] != want {
			l.wrong("%s: asked were %+v, the audit log has %q, the row is %q, and was %q", id, l.deeds[id], did[id], found[id], l.rows[id])
		}
		l.rows[id] = found[id]
		if _, isKey := l.secrets[id]; isKey {
			keys = append(keys, id)
		}
	}
	clear(l.deeds)
	clear(l.unnamed)
	return keys
}

// entries returns what the audit log has since the last time, by key or person. The numbers have no gap.
func (l *ledger) entries() map[string][]access.Action {
	l.t.Helper()
	conn := dbtest.Open(l.t, l.database)
	defer func() { _ = conn.Close() }()
	var all []entry
	err := conn.Select(&all, `SELECT number, action, coalesce(nullif(key_id, ''), user_id) AS id FROM audit WHERE number > ?
		ORDER BY number`, l.number)
	if err != nil {
		l.t.Fatal(err)
	}
	did := map[string][]access.Action{}
	for _, e := range all {
		if l.number++; e.Number != l.number {
			l.wrong("the audit log has number %d in the place of %d", e.Number, l.number)
		}
		did[e.ID] = append(did[e.ID], e.Action)
	}
	return did
}

// outcome returns the row that a key or a person has to have when the audit log has this of it, and whether it may.
func (l *ledger) outcome(id string, did []access.Action) (row string, right bool) {
	asked := l.deeds[id]
	if len(asked) == 0 { // a key whose maker had no answer
		row = l.read(rowsOf+` WHERE id = ?`, id)[id]
		owner, _, _ := strings.Cut(row, "|")
		l.unnamed[owner]--
		l.happened++
		return keyRow(owner, "", "", ""), l.unnamed[owner] >= 0 && slices.Equal(did, []access.Action{access.CreateKey})
	}
	row = l.rows[id]
	for i, deed := range asked {
		switch {
		case i < len(did) && did[i] == deed.what:
			row = deed.leaves
			if !deed.answered {
				l.happened++
			}
		case deed.answered || i < len(asked)-1:
			return row, false
		}
	}
	return row, len(did) <= len(asked)
}

// settleAll looks at every row: each is one that was found before, none is missing, and the audit log tells of as many keys
// and deactivations as there are.
func (l *ledger) settleAll() {
	l.t.Helper()
	l.settle()
	if found := l.read(rowsOf); !maps.Equal(found, l.rows) {
		l.wrong("there are %d rows, and %d were found one by one; or they are not the same", len(found), len(l.rows))
	}
	for entries, rows := range map[string]string{
		`SELECT count(*) FROM audit WHERE action = 'create key'`: `SELECT count(*) FROM keys`,
		`SELECT count(*) FROM audit WHERE action IN ('deactivate key', 'deactivate own key')`: `SELECT count(*) FROM keys
			WHERE deactivated_at IS NOT NULL`,
		`SELECT count(*) FROM audit`: `SELECT number FROM audit_head`,
	} {
		var told, there int
		dbtest.Look(l.t, l.database, entries, &told)
		dbtest.Look(l.t, l.database, rows, &there)
		if told != there {
			l.wrong("%d by %s, %d by %s", told, entries, there, rows)
		}
	}
	var sound string
	dbtest.Look(l.t, l.database, `PRAGMA integrity_check`, &sound)
	if sound != "ok" {
		l.wrong("the database: %s", sound)
	}
}

// judge has the instance verify the keys, which it has to tell as their rows do.
func (l *ledger) judge(at *instance, keys []string) {
	l.t.Helper()
	next := make(chan string)
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for id := range next {
				want := good
				if strings.Count(l.rows[id], "|") == 3 && strings.Split(l.rows[id], "|")[2] != "" {
					want = deactivated
				}
				if says := at.judge(l.secrets[id], changeTime); says != want {
					l.wrong("verify says %q of %s, whose row is %q", says, id, l.rows[id])
				}
			}
		})
	}
	for _, id := range keys {
		next <- id
	}
	close(next)
	asking.Wait()
}

func asJSON(ids []string) string {
	text, err := json.Marshal(ids)
	if err != nil {
		panic(err) // of strings
	}
	return string(text)
}
