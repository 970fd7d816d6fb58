package db_test

import (
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/keydesk/keydesk/access"
)

// choose finds what an attempt is about among what there is now. Some of it is not there, is another's, or is no more.
func (c *court) choose(tried try) meant {
	c.words++
	o := meant{try: tried, key: "00000000-0000-7000-8000-000000000000", link: "00", before: "stale", now: c.d.Now()}
	o.new, o.fingerprint = "new "+strconv.Itoa(c.words), c.d.fingerprint()
	if may := c.m.whoMay(kinds()[o.Kind]); o.Fits && len(may) > 0 {
		o.By = may[o.Key%len(may)]
	}
	if n := len(c.m.keys); n > 0 && o.Key%7 < 6 {
		o.key = c.m.keys[n-1-o.Key%n].id
	}
	if n := len(c.m.links); n > 0 && o.Link < 20 {
		o.link = c.m.links[n-1-o.Link%n].hash
	}
	if p := c.m.people[o.By]; p != nil && o.Key%5 < 4 {
		o.before = p.password
	}
	if past := c.past[o.By]; len(past) > 0 && o.Session > 10 {
		o.session = past[max(0, len(past)-1-o.Session%4)]
	}
	return o
}

// whoMay returns who may do this.
func (m *duties) whoMay(k kind) (ids []string) {
	for id, p := range m.people {
		if !p.disabled && (k.anyone || p.role == access.User && k.users || p.role == access.Admin && k.admins) {
			ids = append(ids, id)
		}
	}
	if k.operator {
		ids = append(ids, access.Operator)
	}
	slices.Sort(ids)
	return ids
}

// try makes an attempt as whoever it is by: their role is as they claim it.
func (c *court) try(o meant) error {
	by := access.Actor{UserID: o.By, Role: o.Claims, Address: "192.0.2.1", Session: o.session}
	if o.By == access.Operator {
		by = access.TheOperator()
	}
	return kinds()[o.Kind].run(c.d, c.t.Context(), by, o)
}

// outcome predicts the answer to an attempt, and changes the model so.
func (m *duties) outcome(o meant) access.Code {
	k, p := kinds()[o.Kind], m.people[o.By]
	switch {
	case k.anyone || o.By == access.Operator && k.operator:
		return k.predict(m, o)
	case o.By == access.Operator:
		return access.Denied
	case o.session != "" && !m.live(o.session), p == nil, p.disabled:
		return access.SignedOut
	case p.role == access.User && k.users, p.role == access.Admin && k.admins:
		return k.predict(m, o)
	}
	return access.Denied
}

// live tells whether somebody is signed in by the session.
func (m *duties) live(id string) bool {
	for _, s := range m.sessions {
		if s.id == id {
			return true
		}
	}
	return false
}

// hashOf returns the hash of the token that is new in an attempt.
func hashOf(o meant) string { return hex.EncodeToString(access.HashToken(o.new)) }
