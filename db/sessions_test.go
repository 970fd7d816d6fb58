package db_test

import (
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

func limits() access.SessionLimits { return access.SessionLimits{Idle: time.Hour, Max: 12 * time.Hour} }

// signIn opens a session for the person and returns its hash.
func (d *desk) signIn(userID string) []byte {
	d.t.Helper()
	hash := access.HashSessionID(access.NewSessionID())
	if err := d.SignIn(d.t.Context(), hash, nil, signedIn(userID), limits()); err != nil {
		d.t.Fatal(err)
	}
	return hash
}

func signedIn(userID string) access.SignIn {
	return access.SignIn{UserID: userID, Address: "192.0.2.1", UserAgent: "curl/8", Outcome: access.SignedIn}
}

// alive tells whether somebody is signed in by the session.
func (d *desk) alive(hash []byte) bool {
	d.t.Helper()
	_, _, err := d.Session(d.t.Context(), hash, limits())
	if err != nil && access.Refused(err, access.SignedOut) == nil {
		d.t.Fatal(err)
	}
	return err == nil
}

func (d *desk) mark(hash []byte) {
	d.t.Helper()
	if err := d.MarkSession(d.t.Context(), hash); err != nil {
		d.t.Fatal(err)
	}
}

func TestSessionSaysWhoIsSignedIn(t *testing.T) {
	d := newDesk(t)
	d.add(access.Person{UserID: "carol", Role: access.Admin})
	d.signIn("alice")
	hash := d.signIn("carol")
	who, stale, err := d.Session(t.Context(), hash, limits())
	if err != nil || stale || who.UserID != "carol" || who.Role != access.Admin {
		t.Errorf("got %+v, stale: %t, %v", who, stale, err)
	}
	for name, other := range map[string][]byte{
		"another hash": access.HashSessionID("x"), "a part of it": hash[:16], "none": nil, "empty": {},
	} {
		if d.alive(other) {
			t.Errorf("%s is a session", name)
		}
	}
}

// SES-4
func TestIdleSessionEnds(t *testing.T) {
	d := newDesk(t)
	hash := d.signIn("alice")
	d.advance(time.Hour)
	if !d.alive(hash) {
		t.Fatal("it ends before the limit")
	}
	d.mark(hash)
	d.advance(time.Hour)
	if !d.alive(hash) {
		t.Error("it ends although it was used")
	}
	d.advance(time.Microsecond)
	if d.alive(hash) {
		t.Error("it outlives the limit")
	}
}

// DUR-7: a clock that ran ahead and was set back leaves no session that lives until then.
func TestSessionOfTheFutureIsNoSession(t *testing.T) {
	d := newDesk(t)
	d.advance(10 * 365 * 24 * time.Hour)
	hash := d.signIn("alice")
	if !d.alive(hash) {
		t.Fatal("it does not live where it was opened")
	}
	d.advance(-10 * 365 * 24 * time.Hour)
	if d.alive(hash) {
		t.Error("it lives 10 years before it was opened")
	}
}

// SES-4
func TestSessionEndsHoweverMuchItIsUsed(t *testing.T) {
	d := newDesk(t)
	hash := d.signIn("alice")
	for range 24 {
		d.advance(30 * time.Minute)
		if !d.alive(hash) {
			t.Fatalf("it ends after %v", d.Now())
		}
		d.mark(hash)
	}
	d.advance(time.Microsecond)
	if d.alive(hash) {
		t.Error("it outlives 12 h")
	}
	d.mark(hash)
	if d.alive(hash) {
		t.Error("a mark brings it back")
	}
}

// The mark is written at most once a minute.
func TestSessionIsStaleAfterAMinute(t *testing.T) {
	d := newDesk(t)
	hash := d.signIn("alice")
	for _, row := range []struct {
		after time.Duration
		mark  bool
		want  bool
	}{
		{time.Minute, false, false}, {time.Microsecond, true, true}, {0, false, false}, {time.Minute, false, false},
		{time.Second, false, true},
	} {
		d.advance(row.after)
		_, stale, err := d.Session(t.Context(), hash, limits())
		if err != nil || stale != row.want {
			t.Errorf("at %v it is stale: %t, %v", d.Now(), stale, err)
		}
		if row.mark {
			d.mark(hash)
		}
	}
}

// SES-5
func TestSignOutEndsThatSessionOnly(t *testing.T) {
	d := newDesk(t)
	hash, other := d.signIn("alice"), d.signIn("alice")
	out := access.SignIn{UserID: "alice", Address: "192.0.2.1", UserAgent: "curl/8", Outcome: access.SignOut}
	if err := d.SignOut(t.Context(), hash, out); err != nil {
		t.Fatal(err)
	}
	d.mark(hash)
	if d.alive(hash) || !d.alive(other) {
		t.Errorf("the session is alive: %t, the other: %t", d.alive(hash), d.alive(other))
	}
	signIns, _, err := d.SignIns(t.Context(), d.root, 0)
	if err != nil || len(signIns) != 3 {
		t.Fatalf("%d entries, %v", len(signIns), err)
	}
	out.Number, out.At = 3, d.Now()
	if signIns[0] != out {
		t.Errorf("written down is %+v, want %+v", signIns[0], out)
	}
	if err := d.SignOut(t.Context(), hash, out); err != nil {
		t.Errorf("again: %v", err)
	}
	if again, _, err := d.SignIns(t.Context(), d.root, 0); err != nil || len(again) != 3 {
		t.Errorf("signing out again is written down: %+v, %v", again, err)
	}
}

// SES-2: the session that the browser had before is dead, whoever's it was.
func TestSignInEndsTheSessionBefore(t *testing.T) {
	d := newDesk(t)
	before, other := d.signIn("alice"), d.signIn("alice")
	hash := access.HashSessionID("after")
	if err := d.SignIn(t.Context(), hash, before, signedIn("bob"), limits()); err != nil {
		t.Fatal(err)
	}
	if d.alive(before) || !d.alive(other) || !d.alive(hash) {
		t.Errorf("alive: the one before %t, another %t, the new one %t", d.alive(before), d.alive(other), d.alive(hash))
	}
}

// SES-6
func TestDisabledUserHasNoSession(t *testing.T) {
	d := newDesk(t)
	hash, bobs := d.signIn("alice"), d.signIn("bob")
	exec(t, d.path, `UPDATE users SET disabled_at = created_at WHERE id = 'alice'`)
	if d.alive(hash) || !d.alive(bobs) {
		t.Errorf("alice's session is alive: %t, bob's: %t", d.alive(hash), d.alive(bobs))
	}
}

// SES-6
func TestSessionHasTheRoleOfNow(t *testing.T) {
	d := newDesk(t)
	hash := d.signIn("alice")
	exec(t, d.path, `UPDATE users SET role = 'admin' WHERE id = 'alice'`)
	if who, _, err := d.Session(t.Context(), hash, limits()); err != nil || who.Role != access.Admin {
		t.Errorf("got %+v, %v", who, err)
	}
}

func TestWhoIsDisabledOrUnknownCannotSignIn(t *testing.T) {
	d := newDesk(t)
	exec(t, d.path, `UPDATE users SET disabled_at = created_at WHERE id = 'alice'`)
	for _, id := range []string{"alice", "nobody", "Bob", ""} {
		hash := access.HashSessionID(id)
		wantRefusal(t, d.SignIn(t.Context(), hash, nil, signedIn(id), limits()), access.SignedOut)
		if d.alive(hash) {
			t.Errorf("%q has a session", id)
		}
	}
	if signIns, _, err := d.SignIns(t.Context(), d.root, 0); err != nil || len(signIns) != 0 {
		t.Errorf("written down: %+v, %v", signIns, err)
	}
	if alice, err := d.User(t.Context(), d.root, "alice"); err != nil || !alice.LastSignInAt.IsZero() {
		t.Errorf("alice signed in at %v, %v", alice.LastSignInAt, err)
	}
}

func TestLastSignInIsShown(t *testing.T) {
	d := newDesk(t)
	for range 2 {
		d.advance(time.Hour)
		d.signIn("alice")
		if alice, err := d.User(t.Context(), d.root, "alice"); err != nil || !alice.LastSignInAt.Equal(d.Now()) {
			t.Errorf("alice signed in at %v, %v, want %v", alice.LastSignInAt, err, d.Now())
		}
	}
	if bob, err := d.User(t.Context(), d.root, "bob"); err != nil || !bob.LastSignInAt.IsZero() {
		t.Errorf("bob signed in at %v, %v", bob.LastSignInAt, err)
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
	if err := raw(t, d.path).QueryRow(`SELECT count(*) FROM sessions`).Scan(&n); err != nil || n != 1 || !d.alive(alive) {
		t.Errorf("%d sessions are kept, %v", n, err)
	}
}
