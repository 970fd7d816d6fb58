package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

var codePattern = regexp.MustCompile(`[0-9a-z]{4}(-[0-9a-z]{4}){3}`)

// enrol adds a passkey to the account of the visitor.
func (v *visitor) enrol(k *authenticator, name string) reply {
	v.desk.t.Helper()
	return v.post("/profile/passkeys", url.Values{"credential": {k.create(v.challenge("/profile/passkeys/challenge"))}, "name": {name}})
}

// codes makes recovery codes and returns them.
func (v *visitor) codes() []string {
	v.desk.t.Helper()
	codes := codePattern.FindAllString(v.post("/profile/recovery-codes", url.Values{}).is(http.StatusOK).body, -1)
	if len(codes) != access.RecoveryCodes {
		v.desk.t.Fatalf("%d codes", len(codes))
	}
	return codes
}

// password gives the password, which does not do alone.
func (v *visitor) password(userID string) *visitor {
	v.desk.t.Helper()
	got := v.post("/login", login(userID, password)).is(http.StatusSeeOther)
	if got.header.Get("Location") != "/login/second" || v.cookie != nil {
		v.desk.t.Fatalf("the password alone leads to %q, session %v", got.header.Get("Location"), v.cookie)
	}
	return v
}

// answers lets a passkey answer a challenge.
func (v *visitor) answers(challenge, path string, k *authenticator) reply {
	v.desk.t.Helper()
	return v.post(path, url.Values{"credential": {k.answer(v.challenge(challenge))}})
}

// says looks for a sentence in the answer.
func (r reply) says(sentence string) {
	r.t.Helper()
	if !strings.Contains(r.body, sentence) {
		r.t.Errorf("it does not say %q: %s", sentence, r.body)
	}
}

// lastSignIn returns the newest entry of the sign-in history.
func (d *desk) lastSignIn() string {
	return value[string](d, `SELECT user_id || ': ' || outcome || ' by ' || means FROM sign_ins ORDER BY number DESC LIMIT 1`)
}

// AUTH-13, SES-2: a passkey is the second factor of who has one, and ends the sessions that were opened without it.
func TestPasskeyIsAskedForAfterThePassword(t *testing.T) {
	d := newDesk(t)
	alice, elsewhere, k := d.signIn("alice"), d.signIn("alice"), newAuthenticator(t)
	if to := alice.enrol(k, "laptop").is(http.StatusSeeOther).header.Get("Location"); to != "/profile/recovery-codes?note=passkey-added" {
		t.Errorf("the first passkey leads to %q", to)
	}
	elsewhere.refused()
	alice.get("/profile").is(http.StatusOK).says("laptop")

	v := d.visitor().password("alice")
	if got := d.lastSignIn(); got != "alice: password right, passkey awaited by password" {
		t.Errorf("written down: %s", got)
	}
	v.refused()
	if to := v.answers("/login/second/challenge", "/login/second", k).is(http.StatusSeeOther).header.Get("Location"); to != "/" {
		t.Errorf("the passkey leads to %q", to)
	}
	if got := d.lastSignIn(); got != "alice: signed in by password and passkey" {
		t.Errorf("written down: %s", got)
	}
	v.get("/profile/keys").is(http.StatusOK)
}

// A passkey that knows its owner signs in by itself, without a User ID.
func TestPasskeySignsInAlone(t *testing.T) {
	d := newDesk(t)
	k, second := newAuthenticator(t), newAuthenticator(t)
	alice := d.signIn("alice")
	alice.enrol(k, "laptop").is(http.StatusSeeOther)
	alice.enrol(second, "blue key").is(http.StatusSeeOther)
	for _, k := range []*authenticator{k, second} {
		v := d.visitor()
		if c := v.challenge("/login/challenge"); len(c.AllowCredentials) > 0 || c.UserVerification != "required" || c.RPID != "desk.example" {
			t.Errorf("a stranger is told of passkeys, or may do without a PIN: %+v", c)
		}
		v.answers("/login/challenge", "/login/passkey", k).is(http.StatusSeeOther)
		if got := d.lastSignIn(); got != "alice: signed in by passkey" {
			t.Errorf("written down: %s", got)
		}
		v.get("/profile/keys").is(http.StatusOK)
	}
}

// Each of these answers of a passkey is one that another site, a thief or a former owner could come with.
func TestWrongAnswersOfPasskeysOpenNothing(t *testing.T) {
	for name, spoil := range map[string]func(d *desk, v *visitor, k *authenticator) string{
		"another site": func(_ *desk, v *visitor, k *authenticator) string {
			k.origin = "https://desk.example.evil.test"
			return alone(v, k)
		},
		"another host": func(_ *desk, v *visitor, k *authenticator) string {
			k.host = "evil.test"
			return alone(v, k)
		},
		"nobody there": func(_ *desk, v *visitor, k *authenticator) string {
			k.flags = verified
			return alone(v, k)
		},
		"without a PIN": func(_ *desk, v *visitor, k *authenticator) string {
			k.flags = present
			return alone(v, k)
		},
		"another's handle": func(_ *desk, v *visitor, k *authenticator) string {
			k.handle = append([]byte{^k.handle[0]}, k.handle[1:]...)
			return alone(v, k)
		},
		"another key pair": func(_ *desk, v *visitor, k *authenticator) string {
			k.key = newAuthenticator(k.t).key
			return alone(v, k)
		},
		"unknown": func(_ *desk, v *visitor, k *authenticator) string {
			k.id = newAuthenticator(k.t).id
			return alone(v, k)
		},
		"a copy that has counted less": func(_ *desk, v *visitor, k *authenticator) string {
			k.count = 0
			return alone(v, k)
		},
		"an earlier challenge": func(_ *desk, v *visitor, k *authenticator) string {
			credential := k.answer(v.challenge("/login/challenge"))
			v.challenge("/login/challenge")
			return credential
		},
		"another browser's challenge": func(d *desk, v *visitor, k *authenticator) string {
			v.challenge("/login/challenge")
			return k.answer(d.visitor().challenge("/login/challenge"))
		},
		"no challenge": func(d *desk, _ *visitor, k *authenticator) string {
			return k.answer(d.visitor().challenge("/login/challenge"))
		},
		"too late": func(d *desk, v *visitor, k *authenticator) string {
			credential := k.answer(v.challenge("/login/challenge"))
			d.later(access.CeremonyLife + time.Second)
			return credential
		},
		"a challenge of the future": func(d *desk, v *visitor, k *authenticator) string {
			credential := k.answer(v.challenge("/login/challenge"))
			d.later(-time.Hour)
			return credential
		},
		"made for a proof": func(d *desk, v *visitor, k *authenticator) string {
			alice := d.visitor().password("alice")
			alice.answers("/login/second/challenge", "/login/second", k).is(http.StatusSeeOther)
			credential := k.answer(alice.challenge("/prove/challenge"))
			v.others["keydesk-ceremony"] = alice.others["keydesk-ceremony"]
			return credential
		},
		"made for the second step": func(_ *desk, v *visitor, k *authenticator) string {
			v.password("alice")
			return k.answer(v.challenge("/login/second/challenge"))
		},
		"disabled": func(d *desk, v *visitor, k *authenticator) string {
			credential := k.answer(v.challenge("/login/challenge"))
			d.signIn("root").post("/admin/users/alice/disable", url.Values{}).is(http.StatusSeeOther)
			return credential
		},
		"removed": func(d *desk, v *visitor, k *authenticator) string {
			credential := k.answer(v.challenge("/login/challenge"))
			d.signIn("root").post("/admin/users/alice/passkeys/remove", url.Values{}).is(http.StatusSeeOther)
			return credential
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, k := newDesk(t), newAuthenticator(t)
			d.signIn("alice").enrol(k, "laptop").is(http.StatusSeeOther)
			v := d.visitor()
			v.post("/login/passkey", url.Values{"credential": {spoil(d, v, k)}}).is(http.StatusUnprocessableEntity).says("does not open an account")
			v.refused()
			if got := d.lastSignIn(); strings.Contains(got, "signed in") || (name == "disabled") != strings.Contains(got, "account disabled") {
				t.Errorf("written down: %s", got)
			}
		})
	}
}

// alone lets the passkey answer a challenge to sign in.
func alone(v *visitor, k *authenticator) string {
	return k.answer(v.challenge("/login/challenge"))
}

// An answer that was seen on its way is good for nothing a second time, in whichever browser.
func TestAnswerOfAPasskeyIsGoodOnce(t *testing.T) {
	d, k := newDesk(t), newAuthenticator(t)
	d.signIn("alice").enrol(k, "laptop").is(http.StatusSeeOther)
	k.counts, k.count = false, 0 // as one that is synced: the count does not tell
	d.exec(`UPDATE passkeys SET sign_count = 0`)
	v := d.visitor()
	form := url.Values{"credential": {k.answer(v.challenge("/login/challenge"))}}
	thief := d.visitor()
	thief.others["keydesk-ceremony"] = v.others["keydesk-ceremony"]
	v.post("/login/passkey", form).is(http.StatusSeeOther)
	thief.post("/login/passkey", form).is(http.StatusUnprocessableEntity)
	thief.refused()
	v.answers("/login/challenge", "/login/passkey", k).is(http.StatusSeeOther)
}
