package db

import (
	"testing"

	"github.com/google/uuid"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/verify"
)

// belief is what memory says of the key.
type belief uint8

const (
	unknown belief = iota
	active
	doubtful
	inactive
)

// says is the fact that an answer from memory tells of; in doubt there is none.
func (b belief) says() fact { return [...]fact{unknown: 0, active: 1, inactive: 2}[b] }

// notes is what news of the key make of a belief, as the table of keys has it.
type notes [inactive + 1][inactive + 1]belief

// tableNotes asks the real table.
func tableNotes(t *testing.T) (n notes) {
	t.Helper()
	key := access.KeyChange{KeyID: uuid.NewString(), Key: 1, UserID: "alice", Last4: "abcd"}
	note := func(table *verify.Table, b belief) {
		if b != unknown {
			key.Status = map[belief]access.Status{active: access.Active, inactive: access.Inactive}[b]
			table.Note(key)
		}
	}
	for before := range n {
		for news := range n {
			table := verify.NewTable()
			note(table, belief(before))
			note(table, belief(news))
			verdict, _ := table.Find(&key.Hash)
			n[before][news] = map[access.Verdict]belief{
				access.Unknown: unknown, access.Accepted: active, "": doubtful, access.Deactivated: inactive,
			}[verdict]
		}
	}
	return n
}

// note tells memory of the key.
func (m *model) note(in *instance, news belief) { in.memory = m.notes[in.memory][news] }

// answer is what handlers/verify.go does. One request at a time is enough, as others make no difference to what becomes
// of it, but that memory may have been told of a deactivation.
func (m *model) answer(in instance, w world, add func(instance)) {
	if m.calm {
		return
	}
	if !m.asks {
		m.answerNow(in, w, add)
		return
	}
	to := func(in instance, q question) {
		in.verify = q
		if q == unasked {
			in.promised = 0
		}
		add(in)
	}
	switch in.verify {
	case unasked:
		in.promised = w.promised
		to(in, arrived)
	case arrived:
		if m.holds(in.lease) {
			to(in, trusting)
		} else {
			to(in, unasked) // 503
		}
	case trusting:
		if in.memory == doubtful {
			to(in, doubting)
			return
		}
		m.tell(in, in.promised)
		to(in, unasked)
	case doubting:
		if m.everybodyKnows(in, w) {
			to(in, resolved)
		}
		to(in, unasked)
	case resolved:
		m.note(&in, inactive)
		m.tell(in, in.promised)
		to(in, unasked)
	}
}

// answerNow answers a verify that takes no time. That is the worst that it can do: had it come earlier less would have been
// promised, and later memory can only know more.
func (m *model) answerNow(in instance, w world, add func(instance)) {
	if !m.holds(in.lease) {
		return
	}
	if in.memory == doubtful && m.everybodyKnows(in, w) {
		m.note(&in, inactive)
	}
	if in.memory != doubtful {
		m.tell(in, w.promised)
	}
	if m.refused {
		add(in)
	}
}

// everybodyKnows is what DB.Resolve asks the database.
func (m *model) everybodyKnows(in instance, w world) bool {
	return w.head == last && (m.rules.resolvesEarly || w.known == last && (!in.row.there || in.row.applied == last))
}

// tell answers a verify from memory, and notes if that breaks the promise that there was when it came. From then on nobody
// may say of a key that was refused that it is good.
func (m *model) tell(in instance, promised fact) {
	m.broken = m.broken || in.memory.says() < promised
	m.refused = m.refused || in.memory == inactive
}
