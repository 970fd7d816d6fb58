package db

import (
	"testing"

	"github.com/keydesk/keydesk/db/provetest"
)

// TestConsistencyHolds goes through all that can happen to instances on one database, with the real lease, watch and table
// of keys deciding. Each step of an instance, of the database for it and of who makes a change may come at any time, any
// message may be lost, and any time may pass at any point. No verify may say less than what was answered before it came: by
// who made the key, by who deactivated it, or by a verify that refused it.
//
// It is bounded in this: one key, which is made and deactivated, one change waited for at a time, and time that passes in
// halves, thirds or sixths of a lease. There is no end to time, renewals, losses and restarts in it, because ages of what has
// run out are all the same.
//
// One instance shows what an answer to a change can be broken by, as others can only keep a change waiting. Two show what a
// refusal can be broken by. Three are there to be sure.
func TestConsistencyHolds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		states int // so many there were
		long   bool
		model
	}{
		{"one", 185_612, false, model{count: 1, ticks: 3, kills: true, asks: true}},
		{"two, swift", 1_059_647, false, model{count: 2, ticks: 2, kills: true, swift: true}},
		{"three, swift, one change, nobody killed", 2_356_603, false, model{count: 3, ticks: 2, first: 1, swift: true}},
		{"one, in sixths", 1_080_350, true, model{count: 1, ticks: 6, kills: true, asks: true}},
		{"two", 10_970_663, true, model{count: 2, ticks: 2, kills: true}},
		{"two, one change, in thirds", 3_518_558, true, model{count: 2, ticks: 3, first: 1, kills: true}},
		{"two, swift, one change, asked", 1_574_979, true, model{count: 2, ticks: 2, first: 1, kills: true, asks: true, swift: true}},
		{"three, swift, one change", 4_845_341, true, model{count: 3, ticks: 2, first: 1, kills: true, swift: true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.long && !provetest.Asked() {
				t.Skip("KEYDESK_PROVE=1 tries this too")
			}
			m := row.model
			m.notes = tableNotes(t)
			all, broken := m.search()
			if broken >= 0 {
				m.show(t, all, broken)
				t.Fatal("and that says less than was answered before")
			}
			if t.Logf("%d states", len(all.list)); len(all.list) < row.states {
				t.Errorf("there were %d", row.states)
			}
		})
	}
}

// TestConsistencyNeedsEachRule breaks one rule after the other, and finds an answer that it should not.
func TestConsistencyNeedsEachRule(t *testing.T) {
	t.Parallel()
	one, two := model{count: 1, ticks: 3, kills: true, asks: true}, model{count: 2, ticks: 2, kills: true, swift: true}
	for _, row := range []struct {
		name   string
		model  model
		broken rules
	}{
		{"a renewal counts from its answer", one, rules{fromAnswer: true}},
		{"a renewal counts before its head is applied", one, rules{unapplied: true}},
		{"an instance tells ahead what it has applied", one, rules{tellsAhead: true}},
		{"an instance takes more for applied than it has read", one, rules{pullsAhead: true}},
		{"the keys are read before the head", one, rules{loadsFirst: true}},
		{"a new lease counts at once", one, rules{unpulled: true}},
		{"memory is asked without a lease", one, rules{outlives: true}},
		{"a lease counts for as long as it is waited for", one, rules{noMargin: true}},
		{"a lease is ended early", one, rules{endsEarly: true}},
		{"a lease is ended that was renewed", one, rules{endsBlindly: true}},
		{"nobody is waited for", one, rules{ignores: true}},
		{"a silent database is not waited for", one, rules{impatient: true}},
		{"what is pulled is refused", two, rules{refusesAtOnce: true}},
		{"a renewal ends all doubt", two, rules{endsAlone: true}},
		{"what is loaded is refused", two, rules{loadsEnded: true}},
		{"what is asked about is refused", two, rules{resolvesEarly: true}},
		{"an instance tells its own memory", two, rules{tellsItself: true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := row.model
			m.rules, m.notes = row.broken, tableNotes(t)
			if all, broken := m.search(); broken < 0 {
				t.Errorf("nothing is wrong in %d states", len(all.list))
			}
		})
	}
}

// TestConsistencyAnswersInTheEnd sees that whatever has happened before, every change can be answered once nothing is lost
// any more, though the database never falls silent.
func TestConsistencyAnswersInTheEnd(t *testing.T) {
	t.Parallel()
	m := model{count: 1, ticks: 3, kills: true, notes: tableNotes(t)}
	all, _ := m.search()
	m.calm, m.steps = true, map[from][]step{}
	before, can, todo := make([][]int32, len(all.list)), make([]bool, len(all.list)), []int32{}
	for i, s := range all.list {
		m.after(s, func(next state) {
			at := all.places[m.key(next)]
			before[at] = append(before[at], int32(i))
		})
		if s.promised == last {
			can[i], todo = true, append(todo, int32(i))
		}
	}
	for i := 0; i < len(todo); i++ {
		for _, earlier := range before[todo[i]] {
			if !can[earlier] {
				can[earlier], todo = true, append(todo, earlier)
			}
		}
	}
	if len(todo) < len(all.list) || len(todo) < 40_000 {
		t.Errorf("in %d of %d states", len(todo), len(all.list))
	}
}

// show logs how it came to a state.
func (m *model) show(t *testing.T, all states, at int) {
	t.Helper()
	if at > 0 {
		m.show(t, all, int(all.before[at]))
	}
	t.Logf("%+v", all.list[at])
	for _, n := range all.list[at].instances {
		if n > 0 {
			t.Logf("\t%+v", m.instances[n])
		}
	}
}
