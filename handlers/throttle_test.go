package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// AUTH-5, AUTH-6, DOS-7: an address that has failed 20 times is told how long to wait, before any account is looked at.
func TestAddressThatFailsOftenIsToldToWait(t *testing.T) {
	d := newDesk(t)
	bob := d.signIn("bob")
	for range access.AddressFailures {
		d.visitor().post("/login", login("nobody", "another password")).is(http.StatusUnprocessableEntity)
	}
	for v, form := range map[*visitor]url.Values{
		d.visitor(): login("alice", password), bob: login("alice", "wrong"), d.visitor(): login("nobody", "wrong"),
	} {
		got := v.post("/login", form).is(http.StatusTooManyRequests)
		if got.header.Get("Retry-After") != "600" || !strings.Contains(text(got.page()), "Please wait a few minutes") {
			t.Errorf("%v waits %q", form, got.header.Get("Retry-After"))
		}
		one(t, got.page(), tag("h1"), saying("Too many failed sign-ins"))
		one(t, got.page(), tag("p"), saying("You can try again in 10 minutes."))
		one(t, one(t, got.page(), tag("main")), tag("a"), with("href", "/login"))
		if len(got.header["Set-Cookie"]) != 0 {
			t.Error("a cookie comes with the refusal")
		}
	}
	d.later(access.AddressWindow + time.Second)
	d.signIn("alice")
}

// AUTH-13: who found a session open tries no passwords on the profile either.
func TestCurrentPasswordIsThrottledToo(t *testing.T) {
	d := newDesk(t)
	v := d.signIn("alice")
	form := url.Values{"current": {"wrong"}, "password": {"a long enough new one"}}
	for range access.AddressFailures {
		v.post("/profile/password", form).is(http.StatusUnprocessableEntity)
	}
	v.post("/profile/password", form).is(http.StatusTooManyRequests)
	form.Set("current", password)
	v.post("/profile/password", form).is(http.StatusTooManyRequests)
}

// AUTH-6, AUTH-13: nor in a browser that the account does not know, while strangers have to wait: a session that was
// carried elsewhere is no way around the throttle.
func TestCurrentPasswordIsAskedOfStrangersAsAtSignIn(t *testing.T) {
	d := newDesk(t)
	owner := d.signIn("alice")
	thief := d.visitor()
	thief.cookie = owner.cookie
	form := url.Values{"current": {password}, "password": {"a long enough new one"}}
	d.exec(`UPDATE users SET failed_sign_ins = ?, tried_at = ? WHERE id = 'alice'`, access.AccountFailures, d.db.Now().UnixMicro())
	page := thief.post("/profile/password", form).is(http.StatusUnprocessableEntity).page()
	if said := wrongWith(page, "current"); !strings.HasPrefix(said, "That is not your current password.") {
		t.Errorf("the thief is told %q", said)
	}
	owner.post("/profile/password", form).is(http.StatusSeeOther)
}

// AUTH-6: whoever sets a password in a browser is known by it, and signs in there while others attack the account.
func TestBrowserInWhichAPasswordWasSetIsKnown(t *testing.T) {
	d := newDesk(t)
	v := d.visitor()
	v.post("/set-password", setPassword(d.newLink("alice"), newPassword)).is(http.StatusSeeOther)
	d.exec(`UPDATE users SET failed_sign_ins = ?, tried_at = ? WHERE id = 'alice'`, access.AccountFailures, d.db.Now().UnixMicro())
	v.post("/login", login("alice", newPassword)).leadsTo("/")
	d.visitor().post("/login", login("alice", newPassword)).is(http.StatusUnprocessableEntity)
}

// AUTH-5: an account under attack answers strangers as it does a wrong password, to the byte. AUTH-6: its owner signs
// in all the while, in a browser that has before.
func TestAccountUnderAttackAnswersStrangersAsBefore(t *testing.T) {
	d := newDesk(t)
	owner := d.signIn("alice")
	wrong := d.visitor().post("/login", login("alice", "wrong")).is(http.StatusUnprocessableEntity)
	d.exec(`UPDATE users SET failed_sign_ins = ?, tried_at = ? WHERE id = 'alice'`, access.AccountFailures, d.db.Now().UnixMicro())
	throttled := d.visitor().post("/login", login("alice", password)).is(http.StatusUnprocessableEntity)
	if throttled.body != wrong.body {
		t.Errorf("the throttled answer differs:\n%s\n%s", throttled.body, wrong.body)
	}
	wrong.header.Del("X-Request-Id")
	throttled.header.Del("X-Request-Id")
	for name := range throttled.header {
		if name != "Date" && throttled.header.Get(name) != wrong.header.Get(name) {
			t.Errorf("%s: %q, not %q", name, throttled.header.Get(name), wrong.header.Get(name))
		}
	}
	if got := value[string](d, `SELECT outcome FROM sign_ins ORDER BY number DESC LIMIT 1`); got != string(access.Throttled) {
		t.Errorf("written down as %q", got)
	}
	owner.post("/logout", nil).is(http.StatusSeeOther)
	owner.post("/login", login("alice", password)).leadsTo("/")
}

// AUTH-8: however the account is spelled, it is one account.
func TestThrottleSeesThroughSpellings(t *testing.T) {
	d := newDesk(t)
	for _, spelled := range []string{"alice", "ALICE", " alice ", "Alice\t", "aLiCe"} {
		d.visitor().post("/login", login(spelled, "wrong")).is(http.StatusUnprocessableEntity)
	}
	if got := value[int](d, `SELECT failed_sign_ins FROM users WHERE id = 'alice'`); got != 5 {
		t.Errorf("%d of 5 failures are counted", got)
	}
}

// AUTH-1: a password that was hashed with weaker parameters is hashed anew when it is next typed.
func TestOutdatedHashIsMadeAnewAtSignIn(t *testing.T) {
	d := newDesk(t)
	// "correct horse desk battery" under m=8 KiB, t=1.
	const hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQxMjM0NTY$GjBVBm7BNhaVGheKOp0l2ZoAjQEZ4cYvdPg1gI5wCb0"
	d.exec(`UPDATE users SET password_hash = ? WHERE id = 'alice'`, hash)
	d.visitor().post("/login", login("alice", "wrong")).is(http.StatusUnprocessableEntity)
	if value[string](d, `SELECT password_hash FROM users WHERE id = 'alice'`) != hash {
		t.Error("a wrong password changed the hash")
	}
	d.signIn("alice")
	if got := value[string](d, `SELECT password_hash FROM users WHERE id = 'alice'`); !strings.HasPrefix(got, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the hash is %s", got)
	}
	d.signIn("alice")
}
