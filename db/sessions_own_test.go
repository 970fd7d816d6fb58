package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// sessions returns what the actor sees of their sessions.
func (d *desk) sessions(actor access.Actor) []access.Session {
	d.t.Helper()
	sessions, err := d.OwnSessions(d.t.Context(), actor, limits())
	d.must(err)
	return sessions
}

// sessionID returns the name of the session in its owner's list.
func (d *desk) sessionID(hash []byte) string {
	d.t.Helper()
	visit, err := d.Session(d.t.Context(), hash, limits())
	d.must(err)
	return visit.SessionID
}

// SES-7, SES-4: listed is what can be used, newest first.
func TestOwnSessionsAreTheLiveOnes(t *testing.T) {
	d := newDesk(t)
	d.advance(24 * time.Hour)
	d.signIn("alice") // of the future, once the clock is set back
	d.advance(-24 * time.Hour)
	d.signIn("alice") // in use for too long
	for range 23 {
		d.advance(31 * time.Minute)
		dbtest.Exec(t, d.path, `UPDATE sessions SET seen_at = ? WHERE created_at < ?`, d.Now().UnixMicro(), d.Now().UnixMicro())
	}
	d.signIn("alice") // idle for too long
	d.advance(30 * time.Minute)
	one := d.signIn("alice")
	d.advance(30*time.Minute + time.Microsecond)
	d.signIn("bob")
	phone := access.SignIn{UserID: "alice", Address: "2001:db8::1", UserAgent: "a phone", Outcome: access.SignedIn}
	hash := access.HashToken("phone")
	_, err := d.SignIn(t.Context(), with(phone), db.Opening{Session: hash, Limits: limits()})
	d.must(err)
	opened := d.Now()
	d.advance(time.Minute + time.Microsecond)
	d.mark(hash)
	want := []access.Session{
		{ID: d.sessionID(hash), CreatedAt: opened, SeenAt: d.Now(), Address: "2001:db8::1", UserAgent: "a phone"},
		{
			ID: d.sessionID(one), CreatedAt: opened.Add(-30*time.Minute - time.Microsecond),
			SeenAt: opened.Add(-30*time.Minute - time.Microsecond), Address: "192.0.2.1", UserAgent: "curl/8",
		},
	}
	if got := d.sessions(d.alice); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, actor := range []access.Actor{{}, d.operator, {UserID: "alice"}} {
		_, err := d.OwnSessions(t.Context(), actor, limits())
		wantRefusal(t, err, access.Denied)
	}
}

// SES-7
func TestOneSessionIsEnded(t *testing.T) {
	d := newDesk(t)
	one, other, bobs := d.signIn("alice"), d.signIn("alice"), d.signIn("bob")
	id := d.sessionID(one)
	d.must(d.EndOwnSession(t.Context(), d.alice, id))
	d.mark(one)
	if d.alive(one) || !d.alive(other) || !d.alive(bobs) || len(d.sessions(d.alice)) != 1 {
		t.Errorf("alive: the one %t, the other %t, bob's %t", d.alive(one), d.alive(other), d.alive(bobs))
	}
	wantRefusal(t, d.EndOwnSession(t.Context(), d.alice, id), access.NotFound)
}

// SES-7, AZ-2: a session of another person and none at all are refused with the same error, to an administrator too.
func TestSessionOfAnotherIsNotThere(t *testing.T) {
	d := newDesk(t)
	hash := d.signIn("alice")
	d.signIn("bob")
	id, before := d.sessionID(hash), d.content()
	for _, actor := range []access.Actor{d.bob, d.root} {
		for _, asked := range []string{id, uuid.NewString(), "", "'", "%", id + " "} {
			wantRefusal(t, d.EndOwnSession(t.Context(), actor, asked), access.NotFound)
		}
		// That is no text: SQLite has nothing like it, and PostgreSQL says so.
		if err := d.EndOwnSession(t.Context(), actor, string(hash)); err == nil {
			t.Error("it has ended by its hash")
		}
	}
	wantRefusal(t, d.EndOwnSession(t.Context(), d.operator, id), access.Denied)
	wantRefusal(t, d.EndOwnSession(t.Context(), access.Actor{}, id), access.SignedOut)
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}

// SES-7, SES-6: everywhere means the browser it is done in too; the account itself stays.
func TestAllSessionsAreEnded(t *testing.T) {
	for name, end := range map[string]func(*desk) error{
		"by their owner":      func(d *desk) error { return d.EndOwnSessions(t.Context(), d.alice) },
		"by an administrator": func(d *desk) error { return d.EndSessions(t.Context(), d.root, "alice") },
	} {
		d := newDesk(t)
		one, other, bobs, roots := d.signIn("alice"), d.signIn("alice"), d.signIn("bob"), d.signIn("root")
		_, key := d.makeKey(d.alice)
		d.must(end(d))
		if d.alive(one) || d.alive(other) || !d.alive(bobs) || !d.alive(roots) {
			t.Errorf("%s: alive: %t, %t, bob's %t, root's %t", name, d.alive(one), d.alive(other), d.alive(bobs), d.alive(roots))
		}
		if d.verdict(key) != access.Accepted || !d.alive(d.signIn("alice")) {
			t.Errorf("%s: the key is %s", name, d.verdict(key))
		}
	}
}

// SES-9, SES-10: the oldest of a person's sessions make room, and nobody else's.
func TestAPersonHasTwentySessionsAtMost(t *testing.T) {
	const most = 20
	d := newDesk(t)
	bobs := d.signIn("bob")
	var hashes [][]byte
	for i := range most + 5 {
		hashes = append(hashes, d.signIn("alice"))
		if i%2 == 0 { // some are opened at the same microsecond
			d.advance(time.Second)
		}
	}
	if got := d.sessions(d.alice); len(got) != most {
		t.Errorf("she has %d sessions", len(got))
	}
	for i, hash := range hashes {
		if want := i >= 5; d.alive(hash) != want {
			t.Errorf("session %d of %d is alive: %t", i, len(hashes), !want)
		}
	}
	if !d.alive(bobs) {
		t.Error("bob's has ended")
	}
	session := d.changePassword(d.alice, "y")
	if got := d.sessions(d.alice); len(got) != 1 || !d.alive(session) {
		t.Errorf("after a password change she has %d sessions", len(got))
	}
}

// DUR-7, SES-9: sessions that were opened while the clock ran ahead do not push out those of now.
func TestSessionsOfTheFutureKeepNobodyOut(t *testing.T) {
	d := newDesk(t)
	d.advance(10 * 365 * 24 * time.Hour)
	for range 20 {
		d.signIn("alice")
	}
	d.advance(-10 * 365 * 24 * time.Hour)
	if hash := d.signIn("alice"); !d.alive(hash) {
		t.Error("who signed in is not signed in")
	}
}

// DUR-7, SES-4: a session that a set-back clock ended does not come to life again when its time arrives.
func TestSessionOfTheFutureStaysDead(t *testing.T) {
	d := newDesk(t)
	d.advance(48 * time.Hour)
	hash := d.signIn("alice")
	d.advance(-48 * time.Hour)
	if d.alive(hash) {
		t.Fatal("it lives two days before it was opened")
	}
	d.signIn("bob")
	d.advance(48 * time.Hour)
	if d.alive(hash) {
		t.Error("it lives, two days after the clock was set right")
	}
}

// SES-9: sessions that have ended by time do not pile up.
func TestSignInForgetsEndedSessions(t *testing.T) {
	d := newDesk(t)
	for range 5 {
		d.signIn("alice")
		d.advance(time.Hour + time.Microsecond)
	}
	alive := d.signIn("bob")
	var n int
	if dbtest.Look(t, d.path, `SELECT count(*) FROM sessions`, &n); n != 1 || !d.alive(alive) {
		t.Errorf("%d sessions are kept", n)
	}
}

// SES-7: the operator ends everybody's sessions, and nobody else does. The links that people have issued go too.
func TestAllSessionsEndAtOnce(t *testing.T) {
	d := newDesk(t)
	for _, id := range []string{"alice", "bob"} {
		if outcome, err := d.openSession([]byte(id), nil, id); err != nil || outcome != access.SignedIn {
			t.Fatal(outcome, err)
		}
	}
	d.must(d.IssueLink(t.Context(), d.root, "alice", access.HashToken("of root")))
	d.must(d.IssueLink(t.Context(), d.operator, "bob", access.HashToken("of the operator")))
	if _, err := d.EndAllSessions(t.Context(), d.root); access.Refused(err, access.Denied) == nil {
		t.Errorf("an administrator: %v", err)
	}
	if n, err := d.EndAllSessions(t.Context(), d.operator); err != nil || n != 2 {
		t.Errorf("%d ended, %v", n, err)
	}
	if _, err := d.Link(t.Context(), access.HashToken("of root")); err == nil {
		t.Error("a link is open that somebody in a session may have issued")
	}
	if _, err := d.Link(t.Context(), access.HashToken("of the operator")); err != nil {
		t.Errorf("the operator's link: %v", err)
	}
	if c := d.changes()[0]; c.Action != access.EndAllSessions || c.Actor != access.Operator || c.Detail != "2 sessions" {
		t.Errorf("the audit log has %+v", c)
	}
}
