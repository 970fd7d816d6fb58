package db_test

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// changePassword gives the actor another password, in a browser that goes on with the session returned.
func (d *desk) changePassword(actor access.Actor, after string) []byte {
	d.t.Helper()
	session := access.HashToken(access.NewToken())
	before := d.passwordHash(actor.UserID)
	d.must(d.ChangePassword(d.t.Context(), actor, before, after, session, with(signedIn(actor.UserID))))
	return session
}

// AUTH-13, SES-2: a password change ends the other sessions, and the one it was made in goes on under a new id.
func TestPasswordChangeEndsTheSessions(t *testing.T) {
	d := newDesk(t)
	here, there, bobs := d.signIn("alice"), d.signIn("alice"), d.signIn("bob")
	d.advance(time.Minute)
	session := d.changePassword(d.alice, "y")
	if d.passwordHash("alice") != "y" || d.passwordHash("bob") != "x" {
		t.Errorf("the passwords are %s and %s", d.passwordHash("alice"), d.passwordHash("bob"))
	}
	if d.alive(here) || d.alive(there) || !d.alive(session) || !d.alive(bobs) {
		t.Errorf("alive: here %t, there %t, the new %t, bob's %t", d.alive(here), d.alive(there), d.alive(session), d.alive(bobs))
	}
	visit, err := d.Session(t.Context(), session, limits())
	if err != nil || visit.Person.UserID != "alice" || visit.Stale {
		t.Errorf("the new session is %+v, %v", visit, err)
	}
	sessions, err := d.OwnSessions(t.Context(), d.alice, limits())
	want := access.Session{
		ID: visit.SessionID, CreatedAt: d.Now(), SeenAt: d.Now(), Address: "192.0.2.1", UserAgent: "curl/8",
	}
	if err != nil || !slices.Equal(sessions, []access.Session{want}) {
		t.Errorf("she has the sessions %+v, %v, want %+v", sessions, err, want)
	}
}

// AUTH-13: the password that was checked must be the current one still.
func TestPasswordIsChangedFromTheCurrentOne(t *testing.T) {
	d := newDesk(t)
	here := d.signIn("alice")
	d.must(d.DisableUser(t.Context(), d.root, "bob"))
	before := d.content()
	for name, row := range map[string]struct {
		actor access.Actor
		hash  string
		code  access.Code
	}{
		"another hash":    {d.alice, "X", access.Clashes},
		"no hash":         {d.alice, "", access.Clashes},
		"a pattern":       {d.alice, "%", access.Clashes},
		"a disabled user": {d.bob, "x", access.SignedOut},
		"nobody":          {access.Actor{}, "x", access.SignedOut},
		"the operator":    {d.operator, "x", access.Denied},
	} {
		err := d.ChangePassword(t.Context(), row.actor, row.hash, "y", access.HashToken(name), with(signedIn(row.actor.UserID)))
		if access.Refused(err, row.code) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := d.content(); after != before || !d.alive(here) {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}

// AUTH-13, AZ-10: of several changes from the same password one holds, and its session alone.
func TestOfConcurrentPasswordChangesOneHolds(t *testing.T) {
	const rounds, browsers = 15, 4
	d := newDesk(t)
	for range rounds {
		before := d.passwordHash("alice")
		sessions, errs, start := make([][]byte, browsers), make([]error, browsers), make(chan struct{})
		var racing sync.WaitGroup
		for i := range browsers {
			sessions[i] = access.HashToken(access.NewToken())
			racing.Go(func() {
				<-start
				errs[i] = d.ChangePassword(t.Context(), d.alice, before, before+strconv.Itoa(i), sessions[i], with(signedIn("alice")))
			})
		}
		close(start)
		racing.Wait()
		won := slices.Index(errs, nil)
		if won < 0 || d.passwordHash("alice") != before+strconv.Itoa(won) {
			t.Fatalf("%d won of %v, and the password is %s", won, errs, d.passwordHash("alice"))
		}
		for i, err := range errs {
			if i != won && access.Refused(err, access.Clashes) == nil || d.alive(sessions[i]) != (i == won) {
				t.Fatalf("%d won, and %d ends with %v, alive: %t", won, i, err, d.alive(sessions[i]))
			}
		}
	}
}

// The session is not opened for whomever a caller names, but for the actor.
func TestPasswordChangeOpensTheActorsSession(t *testing.T) {
	d := newDesk(t)
	session := access.HashToken("new")
	d.must(d.ChangePassword(t.Context(), d.alice, "x", "y", session, with(signedIn("root"))))
	if visit, err := d.Session(t.Context(), session, limits()); err != nil || visit.Person.UserID != "alice" {
		t.Errorf("the session is %+v, %v", visit, err)
	}
}

// AUTH-1: the same password under today's parameters ends nothing, and never undoes a change that came between.
func TestRehashedPasswordEndsNothing(t *testing.T) {
	d := newDesk(t)
	session, link := d.signIn("alice"), d.issue(d.root, "alice")
	log := d.changes()
	d.must(d.RehashPassword(t.Context(), "alice", "x", "x, stronger"))
	if d.passwordHash("alice") != "x, stronger" || d.passwordHash("bob") != "x" {
		t.Errorf("the passwords are %s and %s", d.passwordHash("alice"), d.passwordHash("bob"))
	}
	if more := d.changes(); !d.alive(session) || len(more) != len(log)+1 || more[0].Actor != access.System {
		t.Errorf("the session is alive: %t, the log has %+v", d.alive(session), more)
	}
	d.wantGood("meanwhile", link, "alice")
	d.changePassword(d.alice, "y")
	d.must(d.RehashPassword(t.Context(), "alice", "x, stronger", "of the old one"))
	if d.passwordHash("alice") != "y" {
		t.Errorf("the password is %s", d.passwordHash("alice"))
	}
}
