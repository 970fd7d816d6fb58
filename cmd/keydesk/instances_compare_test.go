//go:build unix

package main

import (
	"github.com/keydesk/keydesk/db/dbtest"
)

// compare holds what was answered against what is in the database, and what every instance says of it.
func (l *load) compare(database string) {
	l.c.t.Helper()
	inactive := l.inactive(database)
	ends := map[int]bool{} // keys whose deactivation was answered
	for _, s := range l.h.steps {
		if in, ok := s.Input.(input); ok && s.Output == changed && in.ask == toDeactivate {
			ends[in.key] = true
		}
	}
	for number, k := range l.keys {
		ended, there := inactive[k.id]
		if !there || ends[number] && !ended {
			l.c.t.Errorf("%s: answered, but lost: it is there: %t, inactive: %t", k.id, there, ended)
		}
		for _, i := range l.c.instances {
			if says := i.says(k.secret); says != map[bool]verdict{false: good, true: deactivated}[ended] {
				l.c.t.Errorf("%s says of %s: %q; inactive in the database: %t", i.name, k.id, says, ended)
			}
		}
	}
	var differ int
	dbtest.Look(l.c.t, database, `SELECT
		abs((SELECT count(*) FROM audit WHERE action = 'create key') - (SELECT count(*) FROM keys)) +
		abs((SELECT count(*) FROM audit WHERE action = 'deactivate own key') - (SELECT count(*) FROM keys WHERE deactivated_at IS NOT NULL))
		`, &differ)
	if differ != 0 {
		l.c.t.Errorf("the audit log has %d entries more or fewer than there are changes", differ)
	}
}

// inactive returns which keys the database has, and whether they are.
func (l *load) inactive(database string) map[string]bool {
	l.c.t.Helper()
	conn := dbtest.Open(l.c.t, database)
	defer func() { _ = conn.Close() }()
	var rows []struct {
		ID    string `db:"id"`
		Ended bool   `db:"ended"`
	}
	if err := conn.Select(&rows, `SELECT id, deactivated_at IS NOT NULL AS ended FROM keys`); err != nil {
		l.c.t.Fatal(err)
	}
	inactive := make(map[string]bool, len(rows))
	for _, r := range rows {
		inactive[r.ID] = r.Ended
	}
	return inactive
}
