package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

func login(userID, password string) url.Values {
	return url.Values{"user_id": {userID}, "password": {password}}
}

func TestSignInLeadsToWhereThePersonWorks(t *testing.T) {
	d := newDesk(t)
	for userID, home := range map[string]string{"alice": "/profile/keys", "root": "/admin/users"} {
		v := d.visitor()
		v.post("/login", login(userID, password)).leadsTo("/")
		v.get("/").leadsTo(home)
		v.get(home).is(http.StatusOK)
	}
}

func TestSignInFormHasTheFieldsThatOthersBuildOn(t *testing.T) {
	d := newDesk(t)
	page := d.visitor().get("/login").is(http.StatusOK).page()
	form := all(page, tag("form"), with("method", "post"))[0]
	for label, name := range map[string]string{"User ID": "user_id", "Password": "password"} {
		field := one(t, form, tag("input"), with("name", name))
		if got := text(one(t, form, tag("label"), with("for", attr(field, "id")))); got != label {
			t.Errorf("%s is labelled %q", name, got)
		}
	}
	if button := text(one(t, form, tag("button"))); button != "Sign in" {
		t.Errorf("the button says %q", button)
	}
}

// AUTH-5: unknown, wrong, disabled, without a password yet and throttled by account are answered alike, to the byte, but for
// the User ID as typed.
func TestFailedSignInsAreAnsweredAlike(t *testing.T) {
	d := newDesk(t)
	answer := func(userID, password string) string {
		v := d.visitor()
		got := v.post("/login", login(userID, password)).is(http.StatusUnprocessableEntity)
		field := one(t, got.page(), id("user_id"))
		if attr(field, "value") != userID || v.cookie != nil {
			t.Errorf("%s: the field holds %q, the cookie is %v", userID, attr(field, "value"), v.cookie)
		}
		got.header.Del("Content-Length") // follows from the User ID
		return strings.Replace(nameless(got), `value="`+userID+`"`, `value=""`, 1)
	}
	wrong := answer("alice", "another password")
	d.signIn("root").post("/admin/users", newUser()).is(http.StatusOK) // dave, who has set no password yet
	d.exec(`UPDATE users SET failed_sign_ins = ?, tried_at = ? WHERE id = 'bob'`, access.AccountFailures, d.db.Now().UnixMicro())
	d.exec(`DELETE FROM sessions`)
	for name, other := range map[string]string{
		"unknown":               answer("mallory", password),
		"no User ID":            answer("", password),
		"disabled":              answer("carol", password),
		"disabled, wrong":       answer("carol", "another password"),
		"administrator, wrong":  answer("root", "another password"),
		"no password":           answer("alice", ""),
		"throttled":             answer("bob", password),
		"throttled, wrong":      answer("bob", "another password"),
		"SQL":                   answer("alice--", password),
		"password in capitals":  answer("alice", strings.ToUpper(password)),
		"password and a space":  answer("alice", password+" "),
		"the hash as password":  answer("alice", value[string](d, `SELECT password_hash FROM users WHERE id = 'alice'`)),
		"none set yet":          answer("dave", password),
		"none set yet, nothing": answer("dave", ""),
		"very long":             answer("alice", strings.Repeat("x", 10_000)),
		"not UTF-8":             answer("alice", "\xff\xfe"),
		"a NUL in the password": answer("alice", password+"\x00"),
	} {
		if other != wrong {
			t.Errorf("%s:\n%s\nwrong password:\n%s", name, other, wrong)
		}
	}
	if n := value[int](d, `SELECT count(*) FROM sessions`); n > 0 {
		t.Errorf("%d sessions", n)
	}
	if n := value[int](d, `SELECT count(DISTINCT outcome) FROM sign_ins WHERE outcome <> 'signed in'`); n != 5 {
		t.Errorf("they failed in %d ways, not 5", n)
	}
}

func TestSignInsAreWrittenDown(t *testing.T) {
	d := newDesk(t)
	agent := d.visitor().with("User-Agent", "Test Browser/1.0")
	agent.post("/login", login("alice", "another password"))
	agent.post("/login", login("carol", password))
	agent.post("/login", login("mallory", password))
	d.later(time.Second)
	agent.post("/login", login("alice", password)).is(http.StatusSeeOther)
	agent.post("/logout", nil).is(http.StatusSeeOther)
	rows := cells(t, d.signIn("root").get("/admin/history").page())
	var got []string
	for _, row := range rows[1:] { // the newest is root's
		got = append(got, strings.Join(row[1:], " | "))
	}
	want := []string{
		"alice | 127.0.0.1 | Test Browser/1.0 | signed out",
		"alice | 127.0.0.1 | Test Browser/1.0 | signed in",
		"(unknown) | 127.0.0.1 | Test Browser/1.0 | unknown user",
		"carol | 127.0.0.1 | Test Browser/1.0 | account disabled",
		"alice | 127.0.0.1 | Test Browser/1.0 | wrong password",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the history says\n%s", strings.Join(got, "\n"))
	}
}

// People type passwords where the User ID belongs: what is no User ID of this desk is kept nowhere.
func TestUnknownNameIsKeptNowhere(t *testing.T) {
	const typed, secret = "hunter2-typed-into-the-wrong-field", "typed-into-the-right-field"
	d := newDesk(t)
	d.visitor().post("/login", login(typed, secret)).is(http.StatusUnprocessableEntity)
	d.visitor().post("/login", login("alice", secret)).is(http.StatusUnprocessableEntity)
	history := d.signIn("root").get("/admin/history").is(http.StatusOK)
	for place, content := range map[string]string{"history": history.body, "database": d.stored(), "log": d.log.String()} {
		for _, words := range []string{typed, secret, password} {
			if strings.Contains(content, words) {
				t.Errorf("the %s holds %q", place, words)
			}
		}
	}
}

// REV-4: a key where no key belongs is not kept.
func TestKeyInASignInIsKeptNowhere(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.newKey("alice")
	v := d.visitor().with("User-Agent", "curl with "+secret)
	v.post("/login", login(secret, secret)).is(http.StatusUnprocessableEntity)
	v.post("/login", login("alice", password)).is(http.StatusSeeOther)
	history := d.signIn("root").get("/admin/history").is(http.StatusOK)
	if rows := cells(t, history.page()); rows[1][3] != "curl with ********"+secret[len(secret)-4:] {
		t.Errorf("the browser is kept as %q", rows[1][3])
	}
	for place, content := range map[string]string{"history": history.body, "database": d.stored(), "log": d.log.String()} {
		if strings.Contains(content, secret) {
			t.Errorf("the %s holds the key", place)
		}
	}
}

// AUTH-8: however it is typed, it is one account.
func TestUserIDIsTakenAsItIsMeant(t *testing.T) {
	d := newDesk(t)
	for _, typed := range []string{"Alice", " alice ", "ALICE"} {
		d.visitor().post("/login", login(typed, password)).is(http.StatusSeeOther)
	}
}

// A download as the first page would leave the sign-in page standing.
func TestSignInOnTheWayToTheReportLeadsToTheUsers(t *testing.T) {
	d := newDesk(t)
	form := login("root", password)
	form.Set("next", "/admin/users/export.csv")
	if got := d.visitor().post("/login", form).is(http.StatusSeeOther).header.Get("Location"); got != "/admin/users" {
		t.Errorf("leads to %s", got)
	}
}
