package db_test

import (
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

func limits() access.SessionLimits { return access.SessionLimits{Idle: time.Hour, Max: 12 * time.Hour} }

// openSession signs the person in, with the password of now, by this session, in the place of the one before.
func (d *desk) openSession(hash, before []byte, userID string) (access.Outcome, error) {
	d.t.Helper()
	a := access.Attempt{SignIn: signedIn(userID), Password: d.passwordHash(userID)}
	return d.SignIn(d.t.Context(), a, db.Opening{Session: hash, Before: before, Limits: limits()})
}

// attempt has a sign-in written down that failed.
func (d *desk) attempt(s access.SignIn) error {
	_, err := d.SignIn(d.t.Context(), with(s), db.Opening{})
	return err
}

// signIn opens a session for the person and returns its hash.
func (d *desk) signIn(userID string) []byte {
	d.t.Helper()
	hash := access.HashToken(access.NewToken())
	if outcome, err := d.openSession(hash, nil, userID); err != nil || outcome != access.SignedIn {
		d.t.Fatalf("%s: %s, %v", userID, outcome, err)
	}
	return hash
}

func signedIn(userID string) access.SignIn {
	return access.SignIn{UserID: userID, Address: "192.0.2.1", UserAgent: "curl/8", Outcome: access.SignedIn}
}

// alive tells whether somebody is signed in by the session.
func (d *desk) alive(hash []byte) bool {
	d.t.Helper()
	_, err := d.Session(d.t.Context(), hash, limits())
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
	visit, err := d.Session(t.Context(), hash, limits())
	if err != nil || visit.Stale || visit.Person.UserID != "carol" || visit.Person.Role != access.Admin {
		t.Errorf("got %+v, stale: %t, %v", visit.Person, visit.Stale, err)
	}
	for name, other := range map[string][]byte{
		"another hash": access.HashToken("x"), "a part of it": hash[:16], "none": nil, "empty": {},
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
		visit, err := d.Session(t.Context(), hash, limits())
		if err != nil || visit.Stale != row.want {
			t.Errorf("at %v it is stale: %t, %v", d.Now(), visit.Stale, err)
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
	hash := access.HashToken("after")
	if _, err := d.openSession(hash, before, "bob"); err != nil {
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
	dbtest.Exec(t, d.path, `UPDATE users SET disabled_at = created_at WHERE id = 'alice'`)
	if d.alive(hash) || !d.alive(bobs) {
		t.Errorf("alice's session is alive: %t, bob's: %t", d.alive(hash), d.alive(bobs))
	}
}

// SES-6
func TestSessionHasTheRoleOfNow(t *testing.T) {
	d := newDesk(t)
	hash := d.signIn("alice")
	dbtest.Exec(t, d.path, `UPDATE users SET role = 'admin' WHERE id = 'alice'`)
	if visit, err := d.Session(t.Context(), hash, limits()); err != nil || visit.Person.Role != access.Admin {
		t.Errorf("got %+v, %v", visit, err)
	}
}

func TestWhoIsDisabledOrUnknownCannotSignIn(t *testing.T) {
	d := newDesk(t)
	dbtest.Exec(t, d.path, `UPDATE users SET disabled_at = created_at WHERE id = 'alice'`)
	for id, want := range map[string]access.Outcome{
		"alice": access.UserDisabled, "nobody": access.UserUnknown, "Bob": access.UserUnknown, "": access.UserUnknown,
	} {
		hash := access.HashToken(id)
		if outcome, err := d.openSession(hash, nil, id); err != nil || outcome != want || d.alive(hash) {
			t.Errorf("%q: %s, %v, has a session: %t", id, outcome, err, d.alive(hash))
		}
		last, _, err := d.SignIns(t.Context(), d.root, 0)
		if err != nil || last[0].Outcome != want || want == access.UserUnknown && last[0].UserID != access.UnknownUser {
			t.Errorf("%q is written down as %+v, %v", id, last[0], err)
		}
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
