package db_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// life is people who do at a desk whatever can be done there, in any order.
type life struct {
	*desk
	*rand.Rand
	users  []string
	links  [][]byte
	made   int
	hashes int
}

func newLife(d *desk, r *rand.Rand) *life {
	return &life{desk: d, Rand: r, users: []string{"alice", "bob", "root"}}
}

// live has many things happen at random; half of them are refused, and leave no trace.
func (l *life) live(times int) {
	l.t.Helper()
	for range times {
		l.advance(time.Duration(l.IntN(100_000)) * time.Millisecond)
		if err := l.something(); err != nil && !refusal(err) {
			l.t.Fatal(err)
		}
	}
}

func refusal(err error) bool {
	_, ok := errors.AsType[*access.Error](err)
	return ok
}

// actor returns somebody as they sign in now.
func (l *life) actor() access.Actor {
	id := l.users[l.IntN(len(l.users))]
	p, err := l.User(l.t.Context(), l.root, id)
	l.must(err)
	return access.Actor{UserID: id, Role: p.Role, Address: "192.0.2.1"}
}

// key returns the id of a key of the actor's, if there is one.
func (l *life) key(owner string) string {
	keys, _, err := l.KeysOf(l.t.Context(), l.root, owner, "")
	l.must(err)
	if len(keys) == 0 {
		return "none"
	}
	return keys[l.IntN(len(keys))].ID
}

// something happens.
func (l *life) something() error {
	things := []func(access.Actor, string) error{l.ofKeys, l.ofKeys, l.ofAccounts, l.ofPasswords, l.ofTheRest}
	return things[l.IntN(len(things))](l.actor(), l.users[l.IntN(len(l.users))])
}

func (l *life) ofKeys(who access.Actor, _ string) error {
	ctx, owner := l.t.Context(), l.users[l.IntN(len(l.users))]
	switch l.IntN(5) {
	case 0:
		_, err := l.RenameKey(ctx, who, l.key(who.UserID), fmt.Sprintf("„key“ <%d> & \u2028\U0001F511", l.IntN(9)))
		return err
	case 1:
		_, err := l.DeactivateOwnKey(ctx, who, l.key(who.UserID))
		return err
	case 2:
		_, err := l.DeactivateKey(ctx, l.root, l.key(owner), "reason \"\\ <&>")
		return err
	}
	_, err := l.CreateKey(ctx, who, l.fingerprint(), access.NewToken())
	return err
}

func (l *life) ofAccounts(_ access.Actor, whom string) error {
	ctx := l.t.Context()
	if whom == "root" {
		whom = "alice"
	}
	switch l.IntN(6) {
	case 0:
		return l.ChangeRole(ctx, l.root, whom, []access.Role{access.User, access.Admin}[l.IntN(2)])
	case 1:
		return l.DisableUser(ctx, l.operator, whom)
	case 2:
		return l.InviteUser(ctx, l.root, l.person(), l.link())
	case 3:
		return l.AddUser(ctx, l.operator, l.person(), "x")
	}
	return l.EnableUser(ctx, l.root, whom)
}

// person returns somebody new.
func (l *life) person() access.Person {
	l.made++
	id := fmt.Sprintf("u%d", l.made)
	l.users = append(l.users, id)
	return access.Person{UserID: id, Name: "Ünal <" + id + ">", Email: id + "@example.com", Role: access.User}
}

// link returns the hash of a new link's token.
func (l *life) link() []byte {
	l.links = append(l.links, access.HashToken(access.NewToken()))
	return l.links[len(l.links)-1]
}

func (l *life) ofPasswords(who access.Actor, whom string) error {
	ctx := l.t.Context()
	l.hashes++
	before, after := l.passwordHash(who.UserID), fmt.Sprintf("x%d", l.hashes) // never the same, as they are salted
	switch l.IntN(5) {
	case 0:
		return l.ChangePassword(ctx, who, before, after, access.HashToken(access.NewToken()), with(signedIn(who.UserID)))
	case 1:
		return l.RehashPassword(ctx, who.UserID, before, after)
	case 2:
		return l.RehashPassword(ctx, who.UserID, "another than before", after) // which changes nothing
	case 3:
		if len(l.links) > 0 {
			return l.UseLink(ctx, l.links[l.IntN(len(l.links))], after, from("203.0.113.5"))
		}
	}
	return l.IssueLink(ctx, l.root, whom, l.link())
}

func (l *life) ofTheRest(who access.Actor, whom string) error {
	ctx := l.t.Context()
	switch l.IntN(8) {
	case 0:
		return l.GiveFeedback(ctx, who, l.IntN(2) == 0, "text")
	case 1:
		_, err := l.SignIn(ctx, with(signedIn(who.UserID)), db.Opening{Session: access.HashToken(access.NewToken()), Limits: limits()})
		return err
	case 2:
		return l.EndOwnSessions(ctx, who)
	case 3:
		return l.EndSessions(ctx, l.root, whom)
	case 4:
		return l.NoteLinks(ctx, who, l.Now())
	case 5:
		return l.Export(ctx, l.root, "", db.Export{
			Begin: func() error { return nil }, Row: access.NewReport(l.Now()).Append, Write: func([]byte, int) error { return nil },
		})
	case 6:
		l.advance(time.Duration(l.IntN(40)) * 24 * time.Hour)
		_, err := l.Forget(ctx, 30*24*time.Hour)
		return err
	}
	l.reopen()
	return nil
}
