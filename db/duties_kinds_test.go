package db_test

import (
	"context"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// try is somebody's attempt to do something, as it is drawn. Numbers choose among what there is by then.
type try struct {
	Kind, By, Whom     string
	Role, Claims       access.Role // that somebody is to get, and that who tries says they have
	Fits               bool        // somebody tries who may
	Key, Link, Session int
	Together           bool // with the next one, at once
	Day                bool // has passed before
}

// meant is a try with what it chose: of the key, the link and the session their ids, which may be nobody's.
type meant struct {
	try
	key, link, session string
	before             string // the password hash that who tries knows
	new                string // what is new in it: a name, a hash, a token
	fingerprint        access.Fingerprint
	now                time.Time
}

const granted access.Code = 0

// kind is something that can be tried.
type kind struct {
	users, admins, operator, anyone bool // who may
	run                             func(*desk, context.Context, access.Actor, meant) error
	predict                         func(*duties, meant) access.Code // once they may, with what it changes
}

func kinds() map[string]kind {
	return map[string]kind{
		"create key": {users: true, run: (*desk).tryCreate, predict: func(m *duties, o meant) access.Code {
			m.keys = append(m.keys, &held{owner: o.By})
			return granted
		}},
		"rename key": {users: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			_, err := d.RenameKey(ctx, by, o.key, o.new)
			return err
		}, predict: onKey(true, func(k *held, o meant) { k.name = o.new })},
		"deactivate own key": {users: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			_, err := d.DeactivateOwnKey(ctx, by, o.key)
			return err
		}, predict: onKey(true, endKey)},
		"deactivate key": {admins: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			_, err := d.DeactivateKey(ctx, by, o.key, "leaked")
			return err
		}, predict: onKey(false, endKey)},
		"add user": {admins: true, operator: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			return d.InviteUser(ctx, by, access.Person{UserID: o.Whom, Role: o.Role}, access.HashToken(o.new))
		}, predict: (*duties).add},
		"change role": {admins: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			return d.ChangeRole(ctx, by, o.Whom, o.Role)
		}, predict: onOther((*duties).changeRole)},
		"disable": {admins: true, operator: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			return d.DisableUser(ctx, by, o.Whom)
		}, predict: onOther((*duties).disable)},
		"enable": {admins: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			return d.EnableUser(ctx, by, o.Whom)
		}, predict: onPerson(func(_ *duties, p *member, _ meant) access.Code {
			p.disabled = false
			return granted
		})},
		"issue link": {admins: true, operator: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			return d.IssueLink(ctx, by, o.Whom, access.HashToken(o.new))
		}, predict: onOther((*duties).issueLink)},
		"end sessions": {admins: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			return d.EndSessions(ctx, by, o.Whom)
		}, predict: onPerson(func(m *duties, _ *member, o meant) access.Code { return m.endAll(o.Whom) })},
		"end own sessions": {users: true, admins: true, run: func(d *desk, ctx context.Context, by access.Actor, _ meant) error {
			return d.EndOwnSessions(ctx, by)
		}, predict: func(m *duties, o meant) access.Code { return m.endAll(o.By) }},
		"note links": {users: true, admins: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			return d.NoteLinks(ctx, by, o.now)
		}, predict: func(*duties, meant) access.Code { return granted }},
		"change password": {users: true, admins: true, run: func(d *desk, ctx context.Context, by access.Actor, o meant) error {
			return d.ChangePassword(ctx, by, o.before, o.new, access.HashToken(o.new), from("192.0.2.1"))
		}, predict: (*duties).changePassword},
		"use link": {anyone: true, run: func(d *desk, ctx context.Context, _ access.Actor, o meant) error {
			link, err := hex.DecodeString(o.link)
			if err != nil {
				return err
			}
			return d.UseLink(ctx, link, o.new, from("192.0.2.1"))
		}, predict: (*duties).useLink},
		"sign in": {anyone: true, run: (*desk).trySignIn, predict: (*duties).signIn},
	}
}

// kindNames returns what is drawn from. What moves duties from one to another comes more often.
func kindNames() []string {
	return append(slices.Sorted(maps.Keys(kinds())), "change role", "change role", "disable", "disable", "enable", "enable", "create key")
}

// tryCreate asks for a key.
func (d *desk) tryCreate(ctx context.Context, by access.Actor, o meant) error {
	_, err := d.CreateKey(ctx, by, o.fingerprint, o.new)
	return err
}

// trySignIn signs in with the password of before, in a browser that nobody knows. What fails counts as denied.
func (d *desk) trySignIn(ctx context.Context, _ access.Actor, o meant) error {
	a := access.Attempt{SignIn: access.SignIn{UserID: o.By, Outcome: access.SignedIn}, Password: o.before}
	outcome, err := d.SignIn(ctx, a, db.Opening{Session: access.HashToken(o.new), Limits: limits()})
	if err == nil && outcome != access.SignedIn {
		err = access.Refuse(access.Denied, "", string(outcome))
	}
	return err
}

// onKey predicts what is done to a key, of the own ones or of all.
func onKey(own bool, do func(*held, meant)) func(*duties, meant) access.Code {
	return func(m *duties, o meant) access.Code {
		for _, k := range m.keys {
			if k.id == o.key && (!own || k.owner == o.By) {
				do(k, o)
				return granted
			}
		}
		return access.NotFound
	}
}

func endKey(k *held, o meant) {
	if k.endedBy == "" {
		k.endedBy = o.By
	}
}

func onPerson(do func(*duties, *member, meant) access.Code) func(*duties, meant) access.Code {
	return func(m *duties, o meant) access.Code {
		if p := m.people[o.Whom]; p != nil {
			return do(m, p, o)
		}
		return access.NotFound
	}
}

// onOther predicts what nobody does to themselves.
func onOther(do func(*duties, *member, meant) access.Code) func(*duties, meant) access.Code {
	return func(m *duties, o meant) access.Code {
		if o.Whom == o.By {
			return access.Clashes
		}
		return onPerson(do)(m, o)
	}
}

func (m *duties) add(o meant) access.Code {
	if m.people[o.Whom] != nil {
		return access.Clashes
	}
	m.people[o.Whom] = &member{role: o.Role}
	m.links = append(m.links, &issued{hash: hashOf(o), user: o.Whom, by: o.By, at: o.now})
	return granted
}

func (m *duties) changeRole(p *member, o meant) access.Code {
	switch {
	case p.role == o.Role:
		return granted
	case o.Role == access.Admin:
		m.endKeys(o.Whom, o.By)
	case !p.disabled && !m.another(o.Whom):
		return access.Clashes
	default:
		m.withdraw(func(l *issued) bool { return l.by == o.Whom })
	}
	p.role = o.Role
	m.endSessions(o.Whom)
	return granted
}

func (m *duties) disable(p *member, o meant) access.Code {
	switch {
	case p.disabled:
		return granted
	case p.role == access.Admin && !m.another(o.Whom):
		return access.Clashes
	}
	p.disabled = true
	m.endKeys(o.Whom, o.By)
	m.shutOut(o.Whom)
	return granted
}

func (m *duties) issueLink(p *member, o meant) access.Code {
	if p.disabled {
		return access.Clashes
	}
	m.withdraw(func(l *issued) bool { return l.user == o.Whom })
	m.links = append(m.links, &issued{hash: hashOf(o), user: o.Whom, by: o.By, at: o.now})
	return granted
}

// endAll ends all sessions, and the links that could have been issued in them; without a session nothing ends.
func (m *duties) endAll(user string) access.Code {
	if m.endSessions(user) > 0 {
		m.withdraw(func(l *issued) bool { return l.by == user })
	}
	return granted
}

func (m *duties) changePassword(o meant) access.Code {
	p := m.people[o.By]
	if o.before != p.password {
		return access.Clashes
	}
	p.password = o.new
	m.shutOut(o.By)
	m.openSession(opened{hash: hashOf(o), user: o.By, at: o.now})
	return granted
}

// useLink predicts what becomes of the use of a link, and signIn of a sign-in.
func (m *duties) useLink(o meant) access.Code {
	for _, l := range m.links {
		if l.hash == o.link && !l.gone && o.now.Before(l.at.Add(24*time.Hour)) {
			l.gone = true
			m.people[l.user].password = o.new
			m.shutOut(l.user)
			return granted
		}
	}
	return access.NotFound
}

func (m *duties) signIn(o meant) access.Code {
	p := m.people[o.By]
	if p == nil || p.password == "" || p.password != o.before || p.disabled {
		return access.Denied
	}
	m.sessions = slices.DeleteFunc(m.sessions, func(s opened) bool { return s.at.Before(o.now.Add(-limits().Idle)) })
	m.openSession(opened{hash: hashOf(o), user: o.By, at: o.now})
	return granted
}
