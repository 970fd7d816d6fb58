package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/keydesk/keydesk/access"
)

// A recovery code stands in for a passkey, once, together with the password.
func TestRecoveryCodeWorksOnce(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	alice.post("/profile/recovery-codes", url.Values{}).is(http.StatusConflict) // without a passkey
	alice.enrol(newAuthenticator(t), "laptop").is(http.StatusSeeOther)
	former := alice.codes()
	codes := alice.codes()

	typed := strings.ToUpper(strings.ReplaceAll(codes[0], "-", " "))
	d.visitor().password("alice").post("/login/second", url.Values{"code": {typed}}).
		is(http.StatusSeeOther).leadsTo("/profile?note=recovery-used")
	if got := d.lastSignIn(); got != "alice: signed in by password and recovery code" {
		t.Errorf("written down: %s", got)
	}
	for name, code := range map[string]string{"used": codes[0], "of a former set": former[1], "made up": access.NewRecoveryCodes()[0], "": " "} {
		v := d.visitor().password("alice")
		v.post("/login/second", url.Values{"code": {code}}).is(http.StatusUnprocessableEntity).says("is not right")
		v.refused()
		if got := d.lastSignIn(); got != "alice: wrong passkey or recovery code by password and recovery code" {
			t.Errorf("%s code, written down: %s", name, got)
		}
	}
	if n := value[int](d, `SELECT failed_sign_ins FROM users WHERE id = 'alice'`); n != 4 {
		t.Errorf("%d failures are counted", n)
	}
	bob := d.signIn("bob")
	bob.enrol(newAuthenticator(t), "").is(http.StatusSeeOther)
	d.visitor().password("bob").post("/login/second", url.Values{"code": {codes[1]}}).is(http.StatusUnprocessableEntity)
	alice.get("/profile").is(http.StatusOK).says("9 recovery codes")
}

// REV-1, REV-2, REV-4, REV-6, REV-7: the codes appear in one answer, to a POST, and in nothing else.
func TestRecoveryCodesAreShownOnce(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	alice.enrol(newAuthenticator(t), "laptop").is(http.StatusSeeOther)
	form := alice.get("/profile/recovery-codes").is(http.StatusOK)
	once := attr(one(t, form.page(), tag("input"), with("name", "once")), "value")
	shown := alice.with("Accept-Encoding", "gzip").post("/profile/recovery-codes", url.Values{"once": {once}}).is(http.StatusOK)
	codes := codePattern.FindAllString(shown.body, -1)
	if len(codes) != access.RecoveryCodes {
		t.Fatalf("%d codes are shown", len(codes))
	}
	if h := shown.header; h.Get("Cache-Control") != "no-store" || h.Get("Content-Encoding") != "" {
		t.Errorf("the answer is %v", h)
	}
	if len(all(shown.page(), has("data-reveal"))) != 1 || strings.Join(strings.Fields(text(one(t, shown.page(), has("data-secret")))), " ") != strings.Join(codes, " ") {
		t.Error("the codes are not where the script wipes them")
	}
	again := alice.post("/profile/recovery-codes", url.Values{"once": {once}}).is(http.StatusConflict)
	for name, where := range map[string]string{
		"the second answer": again.body, "the profile": alice.get("/profile").body, "the form": alice.get("/profile/recovery-codes").body,
		"the log": d.log.String(), "the database": d.stored(),
	} {
		for _, code := range codes {
			if strings.Contains(where, code) || strings.Contains(where, strings.ReplaceAll(code, "-", "")) {
				t.Errorf("%s shows a code", name)
			}
		}
	}
	d.visitor().password("alice").post("/login/second", url.Values{"code": {codes[9]}}).is(http.StatusSeeOther) // of the first answer
}

// What was right a while ago, or of another password, is not half of a sign-in.
func TestSecondStepNeedsAPasswordThatIsRightStill(t *testing.T) {
	for name, spoil := range map[string]func(d *desk, v *visitor){
		"too late":               func(d *desk, _ *visitor) { d.later(access.CeremonyLife + time.Second) },
		"without the first":      func(_ *desk, v *visitor) { delete(v.others, "keydesk-ceremony") },
		"a forged first":         func(_ *desk, v *visitor) { v.others["keydesk-ceremony"].Value = "forged" },
		"a session in its place": func(d *desk, v *visitor) { v.others["keydesk-ceremony"].Value = d.signIn("bob").cookie.Value },
		"another password since": func(d *desk, _ *visitor) {
			d.exec(`UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = 'bob') || 'x' WHERE id = 'alice'`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			alice := d.signIn("alice")
			alice.enrol(newAuthenticator(t), "").is(http.StatusSeeOther)
			codes := alice.codes()
			v := d.visitor().password("alice")
			spoil(d, v)
			v.post("/login/second", url.Values{"code": {codes[0]}}).is(http.StatusSeeOther).leadsTo("/login?note=begin-anew")
			v.refused()
		})
	}
	d := newDesk(t)
	alice := d.signIn("alice")
	alice.enrol(newAuthenticator(t), "").is(http.StatusSeeOther)
	codes := alice.codes()
	v := d.visitor().password("alice")
	d.signIn("root").post("/admin/users/alice/disable", url.Values{}).is(http.StatusSeeOther)
	v.post("/login/second", url.Values{"code": {codes[0]}}).is(http.StatusUnprocessableEntity)
	v.refused()
}

// AUTH-6: wrong answers of a passkey alone, which wait for nothing, make nobody else wait.
func TestWrongPasskeysPostponeNobody(t *testing.T) {
	d, k := newDesk(t), newAuthenticator(t)
	alice := d.signIn("alice")
	alice.enrol(k, "").is(http.StatusSeeOther)
	codes := alice.codes()
	d.exec(`UPDATE users SET failed_sign_ins = ?, tried_at = 0 WHERE id = 'alice'`, access.AccountFailures)
	k.key = newAuthenticator(t).key
	d.visitor().answers("/login/challenge", "/login/passkey", k).is(http.StatusUnprocessableEntity)
	if got := d.lastSignIn(); got != "alice: wrong passkey or recovery code by passkey" {
		t.Errorf("written down: %s", got)
	}
	d.visitor().password("alice").post("/login/second", url.Values{"code": {codes[0]}}).is(http.StatusSeeOther)
}

// Where a sign-in is to go on to may be as long as any address; the second step then leads to the start page.
func TestLongNextDoesNotFailTheSecondStep(t *testing.T) {
	d, k := newDesk(t), newAuthenticator(t)
	d.signIn("alice").enrol(k, "").is(http.StatusSeeOther)
	v, form := d.visitor(), login("alice", password)
	form.Set("next", "/profile/keys?"+strings.Repeat("x", 7000))
	v.post("/login", form).is(http.StatusSeeOther).leadsTo("/login/second")
	v.answers("/login/second/challenge", "/login/second", k).is(http.StatusSeeOther).leadsTo("/")
}

// SES-2: a session that a passkey was added in goes on under another id.
func TestSessionGoesOnUnderAnotherIDWithAPasskey(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	former := *alice
	alice.enrol(newAuthenticator(t), "").is(http.StatusSeeOther)
	former.refused()
	alice.get("/profile").is(http.StatusOK)
}

// AUTH-1: who signs in with a passkey after the password has it hashed anew, too.
func TestPasswordBesideAPasskeyIsHashedAnew(t *testing.T) {
	d, k := newDesk(t), newAuthenticator(t)
	d.signIn("alice").enrol(k, "").is(http.StatusSeeOther)
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 8192, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	d.must(err)
	d.exec(`UPDATE users SET password_hash = ? WHERE id = 'alice'`, hash)
	v := d.visitor().password("alice")
	if got := value[string](d, `SELECT password_hash FROM users WHERE id = 'alice'`); access.OutdatedHash(got) {
		t.Errorf("the hash is %q", got)
	}
	v.answers("/login/second/challenge", "/login/second", k).is(http.StatusSeeOther)
}

// AUTH-6: who has the password tries no more codes than others try passwords.
func TestSecondStepIsThrottled(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	alice.enrol(newAuthenticator(t), "").is(http.StatusSeeOther)
	codes := alice.codes()
	thief := d.visitor().password("alice")
	for range access.AddressFailures {
		thief.post("/login/second", url.Values{"code": {"0000-0000-0000-0000"}}).is(http.StatusUnprocessableEntity)
	}
	if got := thief.post("/login/second", url.Values{"code": {codes[0]}}).is(http.StatusTooManyRequests); got.header.Get("Retry-After") == "" {
		t.Error("it is not said for how long")
	}
	d.exec(`DELETE FROM sign_ins`)
	d.exec(`UPDATE users SET failed_sign_ins = ?, tried_at = ? WHERE id = 'alice'`, access.AccountFailures, d.db.Now().UnixMicro())
	thief.post("/login/second", url.Values{"code": {codes[0]}}).is(http.StatusUnprocessableEntity)
	if got := d.lastSignIn(); got != "alice: too many attempts by password and recovery code" {
		t.Errorf("written down: %s", got)
	}
	thief.refused()
	v := d.visitor()
	v.others = alice.others // the browser that the account knows
	v.password("alice").post("/login/second", url.Values{"code": {codes[0]}}).is(http.StatusSeeOther)
}

// AUTH-2: beside a passkey 8 characters are enough for a password. Without one they open nothing.
func TestShortPasswordIsGoodBesideAPasskeyOnly(t *testing.T) {
	const short = "kz8-wqp!"
	d, k := newDesk(t), newAuthenticator(t)
	alice := d.signIn("alice")
	change := url.Values{"current": {password}, "password": {short}}
	alice.post("/profile/password", change).is(http.StatusUnprocessableEntity).says("at least 15 characters")
	alice.enrol(k, "laptop").is(http.StatusSeeOther)
	alice.get("/profile").is(http.StatusOK).says("At least 8 characters")
	alice.post("/profile/password", url.Values{"current": {password}, "password": {"kz8-wqp"}}).is(http.StatusUnprocessableEntity).says("at least 8")
	alice.post("/profile/password", change).is(http.StatusSeeOther)
	alice.get("/profile/passkeys/new").is(http.StatusOK) // the session that goes on is proved

	last := "/profile/passkeys/" + value[string](d, `SELECT id FROM passkeys`) + "/remove"
	alice.post(last, url.Values{}).is(http.StatusConflict).says("Choose one of 15 characters")
	v := d.visitor()
	v.post("/login", login("alice", short)).is(http.StatusSeeOther).leadsTo("/login/second")
	v.answers("/login/second/challenge", "/login/second", k).is(http.StatusSeeOther)

	root := d.signIn("root")
	root.post("/admin/users/alice/passkeys/remove", url.Values{}).is(http.StatusSeeOther)
	v.refused()
	v.post("/login", login("alice", short)).is(http.StatusUnprocessableEntity)
	if got := d.lastSignIn(); got != "alice: no password set yet by password" {
		t.Errorf("written down: %s", got)
	}
	bob := d.signIn("bob")
	link := root.post("/admin/users/alice/reset", url.Values{}).is(http.StatusOK).link()
	d.visitor().post("/set-password", url.Values{"token": {link}, "password": {short}}).is(http.StatusUnprocessableEntity)
	d.visitor().post("/set-password", url.Values{"token": {link}, "password": {password}}).is(http.StatusSeeOther)
	d.signIn("alice").get("/profile").is(http.StatusOK).says("removed your passkeys and recovery codes")
	if strings.Contains(bob.get("/profile").body, "removed your passkeys") {
		t.Error("another is told so")
	}
}

// A passkey goes with its last bit: no code, no half sign-in and no other session is left of it.
func TestRemovedPasskeyLeavesThePasswordAlone(t *testing.T) {
	d, k := newDesk(t), newAuthenticator(t)
	alice := d.signIn("alice")
	alice.enrol(k, "laptop").is(http.StatusSeeOther)
	alice.codes()
	elsewhere := d.visitor().password("alice")
	elsewhere.answers("/login/second/challenge", "/login/second", k).is(http.StatusSeeOther)
	id := value[string](d, `SELECT id FROM passkeys`)
	d.signIn("bob").post("/profile/passkeys/"+id+"/remove", url.Values{}).is(http.StatusNotFound) // AZ-2
	alice.get("/profile/passkeys/" + id + "/remove").is(http.StatusOK).says("your only one")
	alice.post("/profile/passkeys/"+id+"/remove", url.Values{}).is(http.StatusSeeOther).leadsTo("/profile?note=passkey-removed")
	alice.post("/profile/passkeys/"+id+"/remove", url.Values{}).is(http.StatusNotFound)
	elsewhere.refused()
	if n := value[int](d, `SELECT (SELECT count(*) FROM passkeys) + (SELECT count(*) FROM recovery_codes)`); n > 0 {
		t.Errorf("%d rows are left", n)
	}
	d.signIn("alice").get("/profile").is(http.StatusOK)
}
