package db_test

import (
	"errors"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// busyDesk is a desk where every change of an account finds something to change: alice has two keys, a session and an
// open link; carol is another administrator, dave is disabled.
func busyDesk(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	d.addAdmin("carol")
	d.addUser("dave")
	d.must(d.DisableUser(t.Context(), d.operator, "dave"))
	d.makeKey(d.alice)
	d.makeKey(d.alice)
	d.signIn("alice")
	d.must(d.IssueLink(t.Context(), d.root, "alice", access.HashToken("alice's")))
	d.advance(time.Minute)
	return d
}

// setUpDesk is a desk without people, whose set-up link is open.
func setUpDesk(t *testing.T) *desk {
	t.Helper()
	d := nobodysDesk(t)
	d.must(d.IssueSetUpLink(t.Context(), access.HashToken("set-up")))
	return d
}

// accountChange is a change of an account or of the help, and the entry that it must leave.
type accountChange struct {
	start func(*testing.T) *desk
	do    func(*desk) error
	want  access.Change
}

func accountChanges(t *testing.T) map[string]accountChange {
	const own, roots = "192.0.2.1", "192.0.2.9"
	ctx := t.Context()
	return map[string]accountChange{
		"promotion": {
			busyDesk, func(d *desk) error { return d.ChangeRole(ctx, d.root, "alice", access.Admin) },
			access.Change{Actor: "root", Address: roots, Action: access.ChangeRole, UserID: "alice", Detail: "from user to admin"},
		},
		"demotion": {
			busyDesk, func(d *desk) error { return d.ChangeRole(ctx, d.root, "carol", access.User) },
			access.Change{Actor: "root", Address: roots, Action: access.ChangeRole, UserID: "carol", Detail: "from admin to user"},
		},
		"disabling": {
			busyDesk, func(d *desk) error { return d.DisableUser(ctx, d.root, "alice") },
			access.Change{Actor: "root", Address: roots, Action: access.DisableUser, UserID: "alice"},
		},
		"disabling by the operator": {
			busyDesk, func(d *desk) error { return d.DisableUser(ctx, d.operator, "alice") },
			access.Change{Actor: access.Operator, Action: access.DisableUser, UserID: "alice"},
		},
		"enabling": {
			busyDesk, func(d *desk) error { return d.EnableUser(ctx, d.root, "dave") },
			access.Change{Actor: "root", Address: roots, Action: access.EnableUser, UserID: "dave"},
		},
		"invitation": {
			busyDesk, func(d *desk) error {
				return d.InviteUser(ctx, d.root, access.Person{UserID: "erin", Role: access.User}, access.HashToken("erin's"))
			},
			access.Change{
				Actor: "root", Address: roots, Action: access.AddUser, UserID: "erin",
				Detail: "role user, with a link to set the password",
			},
		},
		"link": {
			busyDesk, func(d *desk) error { return d.IssueLink(ctx, d.root, "bob", access.HashToken("bob's")) },
			access.Change{Actor: "root", Address: roots, Action: access.IssueLink, UserID: "bob"},
		},
		"link of the operator's, in the place of another": {
			busyDesk, func(d *desk) error { return d.IssueLink(ctx, d.operator, "alice", access.HashToken("newer")) },
			access.Change{Actor: access.Operator, Action: access.IssueLink, UserID: "alice"},
		},
		"use of a link": {
			busyDesk, func(d *desk) error { return d.UseLink(ctx, access.HashToken("alice's"), "y", from("203.0.113.5")) },
			access.Change{
				Actor: "alice", Address: "203.0.113.5", Action: access.SetPassword, UserID: "alice", Detail: "by a link of root",
			},
		},
		"note of a link": {
			busyDesk, func(d *desk) error { return d.NoteLinks(ctx, d.alice, d.Now()) },
			access.Change{Actor: "alice", Address: own, Action: access.NoteLinks, UserID: "alice"},
		},
		"new password": {
			busyDesk, func(d *desk) error {
				return d.ChangePassword(ctx, d.alice, "x", "y", access.HashToken("new"), with(signedIn("alice")))
			},
			access.Change{Actor: "alice", Address: own, Action: access.ChangePassword, UserID: "alice"},
		},
		"end of a session": {
			busyDesk, func(d *desk) error { return d.EndOwnSession(ctx, d.alice, d.sessions(d.alice)[0].ID) },
			access.Change{Actor: "alice", Address: own, Action: access.EndOwnSessions, UserID: "alice", Detail: "one session"},
		},
		"end of the own sessions": {
			busyDesk, func(d *desk) error { return d.EndOwnSessions(ctx, d.alice) },
			access.Change{Actor: "alice", Address: own, Action: access.EndOwnSessions, UserID: "alice", Detail: "all sessions"},
		},
		"end of another's sessions": {
			busyDesk, func(d *desk) error { return d.EndSessions(ctx, d.root, "alice") },
			access.Change{Actor: "root", Address: roots, Action: access.EndSessions, UserID: "alice", Detail: "all sessions"},
		},
		"feedback": {
			busyDesk, func(d *desk) error { return d.GiveFeedback(ctx, d.alice, true, "Clear.") },
			access.Change{Actor: "alice", Address: own, Action: access.GiveFeedback, UserID: "alice", Detail: "helpful"},
		},
		"set-up link": {
			setUpDesk, func(d *desk) error { return d.IssueSetUpLink(ctx, access.HashToken("newer")) },
			access.Change{Actor: access.Operator, Action: access.SetUp, Detail: "set-up link issued"},
		},
		"set-up": {
			setUpDesk, func(d *desk) error { return d.setUp(access.HashToken("set-up"), "root") },
			access.Change{
				Actor: access.Operator, Address: "192.0.2.7", Action: access.SetUp, UserID: "root", Detail: "first administrator",
			},
		},
	}
}

// AUD-1: who, what, to whom, when and from where, once.
func TestEveryChangeOfAnAccountIsWrittenDown(t *testing.T) {
	for name, row := range accountChanges(t) {
		d := row.start(t)
		log := d.changes()
		if err := row.do(d); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		after := d.changes()
		if len(after) != len(log)+1 {
			t.Errorf("%s: the audit log grew by %d", name, len(after)-len(log))
			continue
		}
		row.want.Number, row.want.At = int64(len(after)), d.Now()
		if after[0] != row.want {
			t.Errorf("%s: got %+v, want %+v", name, after[0], row.want)
		}
		d.close()
	}
}

// AUD-2: what cannot be written down does not happen, which the error says, and nobody is told of it.
func TestChangeOfAnAccountThatCannotBeWrittenDownDoesNotHappen(t *testing.T) {
	for name, row := range accountChanges(t) {
		d := row.start(t)
		allow := dbtest.Refuse(t, d.path, "audit")
		before, told := d.content(), len(d.all())
		if err := row.do(d); !errors.Is(err, access.ErrUnsaved) || errors.Is(err, access.ErrUnsure) {
			t.Errorf("%s: %v", name, err)
		}
		if after := d.content(); after != before || len(d.all()) != told {
			t.Errorf("%s: told of %d, before\n%safter\n%s", name, len(d.all())-told, before, after)
		}
		allow()
		if err := row.do(d); err != nil {
			t.Errorf("%s, with room again: %v", name, err)
		}
		d.close()
	}
}

// AUD-1: what changes nothing leaves no entry, and succeeds.
func TestChangeOfNothingIsNotWrittenDown(t *testing.T) {
	d := busyDesk(t)
	before, told := d.content(), len(d.all())
	for name, err := range map[string]error{
		"the same role":           d.ChangeRole(t.Context(), d.root, "alice", access.User),
		"the same role, of carol": d.ChangeRole(t.Context(), d.root, "carol", access.Admin),
		"disabled again":          d.DisableUser(t.Context(), d.root, "dave"),
		"enabled already":         d.EnableUser(t.Context(), d.root, "alice"),
		"no sessions":             d.EndSessions(t.Context(), d.root, "bob"),
		"no own sessions":         d.EndOwnSessions(t.Context(), d.bob),
		"no links":                d.NoteLinks(t.Context(), d.bob, d.Now()),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := d.content(); after != before || len(d.all()) != told {
		t.Errorf("told of %d, before\n%safter\n%s", len(d.all())-told, before, after)
	}
}
