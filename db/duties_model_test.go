package db_test

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// duties is a desk in a few lines: who is what, whose keys are active, which links and sessions are good.
type duties struct {
	people   map[string]*member
	keys     []*held   // in the order in which they were made
	links    []*issued // in no order that counts
	sessions []opened  // oldest first
	now      time.Time
}

type member struct {
	role     access.Role
	disabled bool
	password string // hash; empty when none is set yet
}

type held struct {
	id, owner, name, endedBy string
}

type issued struct {
	hash     string
	user, by string
	at       time.Time
	gone     bool // used or withdrawn
}

type opened struct {
	hash, id, user string
	at             time.Time
}

// readDuties returns what the database holds, read around the program.
func readDuties(conn dbtest.Outside, now time.Time) (*duties, error) {
	m := &duties{people: map[string]*member{}, now: now}
	at := func(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
	err := each(conn, `SELECT id, role, disabled_at IS NOT NULL, password_hash FROM users`, func(scan scan) error {
		var id string
		p := &member{}
		err := scan(&id, &p.role, &p.disabled, &p.password)
		m.people[id] = p
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each(conn, `SELECT id, user_id, name, CASE WHEN deactivated_at IS NULL THEN '' ELSE deactivated_by END FROM keys ORDER BY number`,
		func(scan scan) error {
			k := &held{}
			m.keys = append(m.keys, k)
			return scan(&k.id, &k.owner, &k.name, &k.endedBy)
		})
	if err != nil {
		return nil, err
	}
	err = each(conn, `SELECT token_hash, user_id, issued_by, issued_at, used_at IS NOT NULL OR withdrawn_at IS NOT NULL FROM links ORDER BY issued_at`,
		func(scan scan) error {
			l, issuedAt, hash := &issued{}, int64(0), []byte(nil)
			err := scan(&hash, &l.user, &l.by, &issuedAt, &l.gone)
			l.hash, l.at = hex.EncodeToString(hash), at(issuedAt)
			m.links = append(m.links, l)
			return err
		})
	if err != nil {
		return nil, err
	}
	return m, each(conn, `SELECT id_hash, id, user_id, created_at FROM sessions ORDER BY created_at, id`, func(scan scan) error {
		s, openedAt, hash := opened{}, int64(0), []byte(nil)
		err := scan(&hash, &s.id, &s.user, &openedAt)
		s.hash, s.at = hex.EncodeToString(hash), at(openedAt)
		m.sessions = append(m.sessions, s)
		return err
	})
}

type scan func(into ...any) error

func each(conn dbtest.Outside, query string, do func(scan) error) error {
	rows, err := conn.Query(query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// String writes all of it down; what the desk makes up, such as ids, it leaves out.
func (m *duties) String() (all string) {
	for _, id := range slices.Sorted(maps.Keys(m.people)) {
		all += fmt.Sprintf("%s %+v\n", id, *m.people[id])
	}
	for i, k := range m.keys {
		all += fmt.Sprintf("key %d of %s %q ended by %q\n", i, k.owner, k.name, k.endedBy)
	}
	links := slices.SortedFunc(slices.Values(m.links), func(a, b *issued) int { return cmp.Compare(a.hash, b.hash) })
	for _, l := range links {
		all += fmt.Sprintf("link %s for %s by %s, gone %t\n", l.hash[:8], l.user, l.by, l.gone)
	}
	sessions := slices.SortedFunc(slices.Values(m.sessions), func(a, b opened) int { return cmp.Compare(a.hash, b.hash) })
	for _, s := range sessions {
		all += fmt.Sprintf("session %s of %s\n", s.hash[:8], s.user)
	}
	return all
}

// endKeys ends all keys of the person.
func (m *duties) endKeys(owner, by string) {
	for _, k := range m.keys {
		if k.owner == owner && k.endedBy == "" {
			k.endedBy = by
		}
	}
}

func (m *duties) endSessions(user string) (n int) {
	before := len(m.sessions)
	m.sessions = slices.DeleteFunc(m.sessions, func(s opened) bool { return s.user == user })
	return before - len(m.sessions)
}

func (m *duties) withdraw(which func(l *issued) bool) {
	for _, l := range m.links {
		l.gone = l.gone || which(l)
	}
}

// shutOut is what ends with a password.
func (m *duties) shutOut(user string) {
	m.endSessions(user)
	m.withdraw(func(l *issued) bool { return l.user == user || l.by == user })
}

// openSession opens one, the 21st of a person in the place of the oldest.
func (m *duties) openSession(s opened) {
	m.sessions = append(m.sessions, s)
	own := 0
	for _, other := range m.sessions {
		if other.user == s.user {
			own++
		}
	}
	if own > 20 {
		oldest := slices.IndexFunc(m.sessions, func(other opened) bool { return other.user == s.user })
		m.sessions = slices.Delete(m.sessions, oldest, oldest+1)
	}
}

// another tells whether another administrator than this one can sign in.
func (m *duties) another(id string) bool {
	for other, p := range m.people {
		if other != id && p.role == access.Admin && !p.disabled && p.password != "" {
			return true
		}
	}
	return false
}
