package db

import (
	"os"
	"testing"
)

// TestConsistencyHolds goes through all that can happen to instances on one database, the real lease and watch deciding:
// each step of an instance, of the database for it and of who makes a change may come at any time, any message may be lost,
// and any amount of time may pass at any point. No verify says less than what was answered before it came. As ages of
// what has run out are all the same there is no end to time, renewals, losses and restarts in it. The bounds are a key that
// is made and deactivated, one change waited for at a time, and a time that passes in thirds or halves of a lease.
//
// What an instance does depends on no other: next does not see them, and they can only keep a change waiting. So the first
// row has all that can go wrong, and the others are there to be sure.
func TestConsistencyHolds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		states int // at least; so many there were, rounded down
		long   bool
		model
	}{
		{"one", 520_000, false, model{count: 1, ticks: 3, kills: true, asks: true}},
		{"two, one change", 560_000, false, model{count: 2, ticks: 2, first: 1, kills: true}},
		{"three, one change, nobody killed, swift", 1_700_000, false, model{count: 3, ticks: 2, first: 1, swift: true}},
		{"one, in sixths", 3_300_000, true, model{count: 1, ticks: 6, kills: true, asks: true}},
		{"two", 9_500_000, true, model{count: 2, ticks: 2, kills: true}},
		{"two, one change, in thirds", 2_200_000, true, model{count: 2, ticks: 3, first: 1, kills: true}},
		{"three, one change, swift", 3_300_000, true, model{count: 3, ticks: 2, first: 1, kills: true, swift: true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.long && os.Getenv("KEYDESK_PROVE") != "1" {
				t.Skip("KEYDESK_PROVE=1 tries this too")
			}
			m := row.model
			m.notes = tableNotes(t)
			all, broken := m.search()
			t.Logf("%d states", len(all.list))
			if broken >= 0 {
				m.show(t, all, broken)
				t.Error("that says less than was answered before")
			} else if len(all.list) < row.states {
				t.Error("there were more")
			}
		})
	}
}

// TestConsistencyNeedsEachRule breaks one rule after the other, and finds an answer that it should not.
func TestConsistencyNeedsEachRule(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]rules{
		"renewal from answer":      {fromAnswer: true},
		"renewal before applied":   {unapplied: true},
		"tells ahead":              {tellsAhead: true},
		"pulls ahead":              {pullsAhead: true},
		"loads before head":        {loadsFirst: true},
		"serves without pull":      {unpulled: true},
		"serves without lease":     {outlives: true},
		"no margin":                {noMargin: true},
		"ends early":               {endsEarly: true},
		"ends what was renewed":    {endsBlindly: true},
		"waits for none":           {ignores: true},
		"impatient":                {impatient: true},
		"refuses what it pulls":    {refusesAtOnce: true},
		"refuses when it renews":   {endsAlone: true},
		"refuses when it starts":   {loadsEnded: true},
		"refuses when it is asked": {resolvesEarly: true},
		"tells itself":             {tellsItself: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := model{count: 2, ticks: 2, kills: true, swift: true, rules: broken, notes: tableNotes(t)}
			all, broken := m.search()
			if broken < 0 {
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
	before, answers, todo := make([][]int32, len(all.list)), make([]bool, len(all.list)), []int32{}
	for i, s := range all.list {
		m.after(s, func(next state) {
			at := all.places[m.key(next)]
			before[at] = append(before[at], int32(i))
		})
		if s.promised == last {
			answers[i], todo = true, append(todo, int32(i))
		}
	}
	for i := 0; i < len(todo); i++ {
		for _, earlier := range before[todo[i]] {
			if !answers[earlier] {
				answers[earlier], todo = true, append(todo, earlier)
			}
		}
	}
	if len(todo) < len(all.list) || len(all.list) < 50_000 {
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
			t.Logf("\t%+v", m.known[n])
		}
	}
}
