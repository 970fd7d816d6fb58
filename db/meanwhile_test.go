package db_test

import (
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// AUTH-13, SES-6, AZ-10: what happened to the account after the password was looked at decides.
func TestSignInIsDecidedByTheAccountAsItIsNow(t *testing.T) {
	for name, row := range map[string]struct {
		meanwhile func(*desk)
		want      access.Outcome
	}{
		"nothing":             {func(*desk) {}, access.SignedIn},
		"disabled":            {func(d *desk) { d.must(d.DisableUser(d.t.Context(), d.root, "alice")) }, access.UserDisabled},
		"another password":    {func(d *desk) { d.changePassword(d.alice, "y") }, access.WrongPassword},
		"a link was used":     {func(d *desk) { d.must(d.UseLink(d.t.Context(), d.issue(d.root, "alice"), "y", from(""))) }, access.WrongPassword},
		"the password erased": {func(d *desk) { dbtest.Exec(d.t, d.path, `UPDATE users SET password_hash = '' WHERE id = 'alice'`) }, access.WrongPassword},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			a := with(signedIn("alice"))
			row.meanwhile(d)
			hash := access.HashToken("session")
			outcome, err := d.SignIn(t.Context(), a, db.Opening{Session: hash, Limits: limits()})
			if err != nil || outcome != row.want || d.alive(hash) != (row.want == access.SignedIn) {
				t.Errorf("%s, %v, and the session is alive: %t", outcome, err, d.alive(hash))
			}
			log, _, err := d.SignIns(t.Context(), d.root, 0)
			if err != nil || log[0].Outcome != row.want || log[0].UserID != "alice" {
				t.Errorf("written down: %+v, %v", log[0], err)
			}
		})
	}
}

// AUTH-6, AUTH-13: a password that is only asked for opens nothing and leaves no trace, but its failures count.
func TestPasswordThatIsOnlyAskedForOpensNothing(t *testing.T) {
	d := newDesk(t)
	before := d.content()
	outcome, err := d.SignIn(t.Context(), with(signedIn("alice")), db.Opening{})
	if after := d.content(); err != nil || outcome != access.SignedIn || after != before {
		t.Errorf("%s, %v, before\n%safter\n%s", outcome, err, before, after)
	}
	d.attack("alice", access.AccountFailures)
	if outcome, err := d.SignIn(t.Context(), with(signedIn("alice")), db.Opening{}); err != nil || outcome != access.Throttled {
		t.Errorf("under attack: %s, %v", outcome, err)
	}
}

// SES-5, SES-7, AZ-10: a session that is ended while a request waits changes nothing any more.
func TestEndedSessionChangesNothing(t *testing.T) {
	d := newDesk(t)
	for name, end := range map[string]func(hash []byte, id string){
		"sign-out": func(hash []byte, _ string) {
			d.must(d.SignOut(t.Context(), hash, access.SignIn{Outcome: access.SignOut}))
		},
		"its owner":     func(_ []byte, id string) { d.must(d.EndOwnSession(t.Context(), d.alice, id)) },
		"everywhere":    func([]byte, string) { d.must(d.EndOwnSessions(t.Context(), d.alice)) },
		"administrator": func([]byte, string) { d.must(d.EndSessions(t.Context(), d.root, "alice")) },
		"new password":  func([]byte, string) { d.changePassword(d.alice, d.passwordHash("alice")+"+") },
	} {
		hash := d.signIn("alice")
		actor := d.alice
		actor.Session = d.sessionID(hash)
		if _, err := d.CreateKey(t.Context(), actor, d.fingerprint(), ""); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		end(hash, actor.Session)
		before := d.content()
		_, err := d.CreateKey(t.Context(), actor, d.fingerprint(), "")
		wantRefusal(t, err, access.SignedOut)
		if after := d.content(); after != before {
			t.Errorf("%s: before\n%safter\n%s", name, before, after)
		}
	}
	bobs := d.bob
	bobs.Session = d.sessionID(d.signIn("alice"))
	_, err := d.CreateKey(t.Context(), bobs, d.fingerprint(), "")
	wantRefusal(t, err, access.SignedOut)
}

// AUTH-6: of the browsers that an account knew, a new password leaves the one in which it was set.
func TestNewPasswordLeavesItsBrowserKnown(t *testing.T) {
	for name, set := range map[string]func(d *desk, here access.Attempt){
		"by a link": func(d *desk, here access.Attempt) {
			d.must(d.UseLink(d.t.Context(), d.issue(d.root, "alice"), "y", here))
		},
		"on the profile": func(d *desk, here access.Attempt) {
			d.must(d.ChangePassword(d.t.Context(), d.alice, "x", "y", access.HashToken("new"), here))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.mustTry("alice", access.SignedIn, "192.0.2.1", "other", access.SignedIn)
			here := with(signedIn("alice"))
			here.Browser = access.HashToken("here")
			set(d, here)
			d.attack("alice", access.AccountFailures)
			for browser, want := range map[string]access.Outcome{"here": access.SignedIn, "other": access.Throttled, "": access.Throttled} {
				a := access.SignIn{UserID: "alice", Address: "192.0.2.2", Outcome: access.SignedIn}
				try := access.Attempt{SignIn: a, Password: "y", Browser: access.HashToken(browser)}
				if outcome, err := d.SignIn(t.Context(), try, db.Opening{}); err != nil || outcome != want {
					t.Errorf("%q: %s, %v, want %s", browser, outcome, err, want)
				}
			}
		})
	}
}

// AZ-6: an administrator who is shut out, or is one no longer, leaves no way in behind, nor does who was in their session.
func TestLinksOfWhoIsShutOutAreWithdrawn(t *testing.T) {
	for name, end := range map[string]func(*desk){
		"her password changed": func(d *desk) { d.changePassword(asAdmin("erin"), "y") },
		"reset":                func(d *desk) { d.must(d.UseLink(d.t.Context(), d.issue(d.root, "erin"), "y", from(""))) },
		"signed out everywhere": func(d *desk) {
			d.signIn("erin")
			d.must(d.EndOwnSessions(d.t.Context(), asAdmin("erin")))
		},
		"her sessions ended": func(d *desk) {
			d.signIn("erin")
			d.must(d.EndSessions(d.t.Context(), d.root, "erin"))
		},
		"disabled": func(d *desk) { d.must(d.DisableUser(d.t.Context(), d.root, "erin")) },
		"demoted":  func(d *desk) { d.must(d.ChangeRole(d.t.Context(), d.root, "erin", access.User)) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.addAdmin("erin")
			erins, roots := d.issue(asAdmin("erin"), "alice"), d.issue(d.root, "bob")
			d.advance(time.Minute)
			end(d)
			d.wantDead("erin's", erins)
			d.wantGood("root's", roots, "bob")
		})
	}
}
