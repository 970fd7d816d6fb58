package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// refused fails unless the visitor is sent to the sign-in page, and to htmx told to go there.
func (v *visitor) refused() {
	v.desk.t.Helper()
	v.get("/profile/keys").leadsTo("/login?next=%2Fprofile%2Fkeys")
	v.htmx().post("/profile/keys", nil).is(http.StatusUnauthorized)
}

// SES-3: the attributes of the session cookie.
func TestSessionCookieIsHeldToThisDesk(t *testing.T) {
	for _, c := range []struct {
		base, name string
		secure     bool
	}{
		{"http://desk.example", "keydesk", false},
		{"https://desk.example", "__Host-keydesk", true},
	} {
		t.Run(c.base, func(t *testing.T) {
			d := newDeskAt(t, c.base)
			got := d.signIn("alice").cookie
			if got.Name != c.name || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode ||
				got.Path != "/" || got.Domain != "" || got.MaxAge != int(maxSession.Seconds()) {
				t.Errorf("the cookie is %s", got.Raw)
			}
			hsts := d.visitor().get("/login").header.Get("Strict-Transport-Security")
			if want := map[bool]string{true: "max-age=63072000; includeSubDomains"}[c.secure]; hsts != want {
				t.Errorf("Strict-Transport-Security: %q, not %q", hsts, want)
			}
		})
	}
}

// SES-1: the cookie shows nothing of what it carries, and the database cannot be turned into a cookie.
func TestSessionCookieIsSealed(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	if strings.Contains(alice.cookie.Value, "alice") || strings.Contains(d.stored(), alice.cookie.Value) ||
		strings.Contains(d.log.String(), alice.cookie.Value) {
		t.Errorf("the cookie is %s", alice.cookie.Value)
	}
	if n := value[int](d, `SELECT length(id_hash) FROM sessions`); n != 32 { // a SHA-256
		t.Errorf("%d bytes are kept of the session id", n)
	}
}

// SES-2: each sign-in opens a session of its own, and ends the one that the browser had.
func TestEachSignInOpensANewSession(t *testing.T) {
	const newest = `SELECT CAST(id_hash AS TEXT) FROM sessions ORDER BY created_at DESC LIMIT 1`
	d := newDesk(t)
	v := d.signIn("alice")
	first := value[string](d, newest)
	d.later(time.Second)
	before := *v
	v.post("/login", login("alice", password)).is(http.StatusSeeOther)
	if value[string](d, newest) == first {
		t.Error("the session is the same")
	}
	v.get("/profile/keys").is(http.StatusOK)
	before.refused()
}

// SES-5: sign-out ends the session itself, so that a copy of its cookie is worth nothing.
func TestSignOutEndsTheSession(t *testing.T) {
	d := newDesk(t)
	alice, elsewhere := d.signIn("alice"), d.signIn("alice")
	copied := *alice.cookie
	alice.post("/logout", nil).leadsTo("/login")
	if alice.cookie != nil {
		t.Error("the browser keeps the cookie")
	}
	alice.refused()
	alice.cookie = &copied
	alice.refused()
	elsewhere.get("/profile/keys").is(http.StatusOK)
}

func TestSignOutWithoutASessionSucceeds(t *testing.T) {
	d := newDesk(t)
	d.visitor().post("/logout", nil).leadsTo("/login")
	forged := d.visitor()
	forged.cookie = &http.Cookie{Name: "keydesk", Value: "forged"}
	forged.post("/logout", nil).leadsTo("/login")
}

// SES-1: only a cookie that this desk sealed opens a session.
func TestForgedCookieIsRefused(t *testing.T) {
	d, other := newDesk(t), newDesk(t)
	good := d.signIn("alice").cookie.Value
	middle := len(good) / 2
	flipped := good[:middle] + string(rune(good[middle]^1)) + good[middle+1:]
	for name, forged := range map[string]string{
		"altered": flipped, "cut off": good[:middle], "empty": "", "made up": "alice", "doubled": good + good,
		"of another desk": other.signIn("alice").cookie.Value,
	} {
		t.Run(name, func(*testing.T) {
			v := d.visitor()
			v.cookie = &http.Cookie{Name: "keydesk", Value: forged}
			v.refused()
			v.post("/login", login("alice", password)).is(http.StatusSeeOther) // and hinders nobody
		})
	}
}

// SES-3: under https the cookie counts under its __Host- name only.
func TestCookieUnderAnotherNameIsRefused(t *testing.T) {
	d := newDeskAt(t, "https://desk.example")
	v := d.signIn("alice")
	v.cookie.Name = "keydesk"
	v.refused()
}

// SES-6: what the database says of a person holds on the very next request.
func TestChangeOfAPersonHoldsOnTheNextRequest(t *testing.T) {
	for name, c := range map[string]struct{ who, change string }{
		"disabled":  {"alice", `UPDATE users SET disabled_at = 1 WHERE id = 'alice'`},
		"promoted":  {"alice", `UPDATE users SET role = 'admin' WHERE id = 'alice'`},
		"demoted":   {"root", `UPDATE users SET role = 'user' WHERE id = 'root'`},
		"ended":     {"alice", `DELETE FROM sessions`},
		"no admin":  {"root", `UPDATE users SET disabled_at = 1 WHERE id = 'root'`},
		"handed on": {"bob", `UPDATE sessions SET user_id = 'alice'`}, // by who writes the database
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.addUser(access.Person{UserID: "ruth", Role: access.Admin}) // the last administrator would stay
			v := d.signIn(c.who)
			v.get("/profile/keys").is(http.StatusOK)
			d.exec(c.change)
			v.refused()
			if got := v.get("/admin/users").status; got != http.StatusSeeOther {
				t.Errorf("the users: %d", got)
			}
		})
	}
}

// SES-4: a session ends an hour after its last request, and 12 hours after its first.
func TestSessionEndsByTime(t *testing.T) {
	d := newDesk(t)
	idle := d.signIn("alice")
	d.later(idleSession + time.Second)
	idle.refused()
	busy := d.signIn("alice")
	for range 24 {
		d.later(maxSession / 24)
		busy.get("/profile/keys").is(http.StatusOK)
	}
	d.later(time.Second)
	busy.refused()
}

// SES-9: who is nobody leaves nothing behind.
func TestAnonymousRequestsOpenNoSession(t *testing.T) {
	d := newDesk(t)
	for _, p := range d.places("none") {
		v := d.visitor()
		got := v.send(p.method, p.path, urlEncoded, "user_id=alice&password=wrong")
		delete(v.others, "keydesk-ceremony") // with which a passkey is asked
		if v.cookie != nil || len(v.others) > 0 {
			t.Errorf("%s %s: %d sets a cookie", p.method, p.path, got.status)
		}
		v.cookie = &http.Cookie{Name: "keydesk", Value: "forged"}
		if v.send(p.method, p.path, "", ""); v.cookie != nil && v.cookie.Value != "forged" {
			t.Errorf("%s %s gives who forges a cookie a good one", p.method, p.path)
		}
	}
	if n := value[int](d, `SELECT count(*) FROM sessions`); n > 0 {
		t.Errorf("%d sessions", n)
	}
}

// SES-9, SES-10: a person has 20 sessions at most; a further sign-in ends the oldest, and nobody else's.
func TestOldestOfTooManySessionsEnds(t *testing.T) {
	d := newDesk(t)
	bob := d.signIn("bob")
	var hers []*visitor
	for range 21 {
		d.later(time.Second)
		hers = append(hers, d.signIn("alice"))
	}
	hers[0].refused()
	hers[1].get("/profile").is(http.StatusOK)
	bob.get("/profile").is(http.StatusOK)
	if n := value[int](d, `SELECT count(*) FROM sessions WHERE user_id = 'alice'`); n != 20 {
		t.Errorf("%d sessions", n)
	}
}
