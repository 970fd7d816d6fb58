package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/access"
)

const newPassword = "seven purple otters juggle lamps"

func newPasswordForm(current, next string) url.Values {
	return url.Values{"current": {current}, "password": {next}}
}

// ways are the ways to ask: as a browser does without a script, and as htmx does.
func ways() map[string]func(*visitor) *visitor {
	return map[string]func(*visitor) *visitor{
		"page": func(v *visitor) *visitor { other := *v; return &other }, "htmx": (*visitor).htmx,
	}
}

// wrongWith returns what n says is wrong with a field, and nothing if it says nothing of it.
func wrongWith(n *html.Node, field string) string {
	for _, label := range all(n, tag("label")) {
		if len(all(label, tag("input"), with("name", field))) > 0 {
			return strings.Join(texts(all(label, with("role", "alert"))), " ")
		}
	}
	return ""
}

// AUTH-13, SES-2: a password change ends the other sessions, and this browser goes on in a new one.
func TestPasswordChangeEndsTheOtherSessionsAndKeepsThisBrowser(t *testing.T) {
	for way, as := range ways() {
		t.Run(way, func(t *testing.T) {
			d := newDesk(t)
			before, elsewhere, bob := d.signIn("alice"), d.signIn("alice"), d.signIn("bob")
			alice := as(before) // which goes on in a copy
			alice.post("/profile/password", newPasswordForm(password, newPassword)).leadsTo("/profile?note=password-changed")
			notice := one(t, alice.get("/profile?note=password-changed").is(http.StatusOK).page(), id("notice"))
			said := one(t, notice, tag("p"))
			if text(said) != "Your password is changed. All other sessions have ended." {
				t.Errorf("the page says %q", text(said))
			}
			before.refused()
			elsewhere.refused()
			bob.get("/profile").is(http.StatusOK)
			if n := value[int](d, `SELECT count(*) FROM sessions WHERE user_id = 'alice'`); n != 1 {
				t.Errorf("%d sessions", n)
			}
			d.visitor().post("/login", login("alice", password)).is(http.StatusUnprocessableEntity)
			d.visitor().post("/login", login("alice", newPassword)).is(http.StatusSeeOther)
		})
	}
}

// AUTH-13: who finds a session open cannot change the password, and a refused change says why and changes nothing.
func TestPasswordChangeNeedsTheCurrentPassword(t *testing.T) {
	d := newDesk(t)
	alice, elsewhere := d.signIn("alice"), d.signIn("alice")
	before, sessions, cookie := d.state(), d.sessions("alice"), alice.cookie.Value
	for name, current := range map[string]string{
		"wrong": "another password", "none": "", "with a space": password + " ", "the new one": newPassword,
		"the hash": value[string](d, `SELECT password_hash FROM users WHERE id = 'alice'`),
	} {
		for way, as := range ways() {
			t.Run(name+" "+way, func(t *testing.T) {
				got := as(alice).post("/profile/password", newPasswordForm(current, newPassword)).is(http.StatusUnprocessableEntity)
				page := got.page()
				if said := wrongWith(page, "current"); said != "That is not your current password. Nothing was changed." {
					t.Errorf("the page says %q", said)
				}
				if typed := values(page); strings.Contains(typed, newPassword) || wrongWith(page, "password") != "" {
					t.Errorf("the fields hold %q", typed)
				}
				if got.header.Get("Set-Cookie") != "" {
					t.Errorf("a cookie is set: %s", got.header.Get("Set-Cookie"))
				}
			})
		}
	}
	if d.state() != before || d.sessions("alice") != sessions || alice.cookie.Value != cookie {
		t.Error("something was changed")
	}
	elsewhere.get("/profile").is(http.StatusOK)
}

// AUTH-2, AUTH-4: a weak password is refused with the reason.
func TestWeakPasswordIsRefusedWithTheReason(t *testing.T) {
	d := newDesk(t)
	d.exec(`UPDATE users SET name = 'Alice Liddell', email = 'alice@wonderland.example' WHERE id = 'alice'`)
	alice := d.signIn("alice")
	before, sessions := d.state(), d.sessions("alice")
	for name, c := range map[string]struct{ typed, sentence string }{
		"none":      {"", "A password needs at least 15 characters"},
		"short":     {"fourteen chars", "A password needs at least 15 characters"},
		"long":      {strings.Repeat("otter lamp ", 12), "A password has at most 128 characters."},
		"common":    {"password12345678", "This password is easy to guess: it is made of words that are among the most common"},
		"own name":  {"alice.liddell.alice", "This password is easy to guess: it is made of your name, your User ID or the name"},
		"own mail":  {"alice@wonderland.example", "This password is easy to guess: it is made of your name"},
		"this desk": {"keydesk-keydesk-keydesk", "This password is easy to guess: it is made of your name"},
		"pattern":   {"aaaaaaaaaaaaaaaaaaaa", "This password is easy to guess: it follows a simple pattern"},
		"control":   {"seven purple\x1botters", "A password is one line, without control characters"},
		"not UTF-8": {"seven purple \xff otters", "The password is not valid UTF-8."},
	} {
		for way, as := range ways() {
			t.Run(name+" "+way, func(t *testing.T) {
				got := as(alice).post("/profile/password", newPasswordForm(password, c.typed)).is(http.StatusUnprocessableEntity)
				page := got.page()
				if said := wrongWith(page, "password"); !strings.HasPrefix(said, c.sentence) {
					t.Errorf("the page says %q", said)
				}
				if typed := values(page); c.typed != "" && strings.Contains(typed, c.typed) {
					t.Errorf("the fields hold %q", typed)
				}
			})
		}
	}
	if d.state() != before || d.sessions("alice") != sessions {
		t.Error("something was changed")
	}
}

// AZ-10: of two changes of a password at once, one is made: it ends the session of the other.
func TestOfTwoPasswordChangesAtOnceOneIsMade(t *testing.T) {
	d := newDesk(t)
	both := []*visitor{d.signIn("alice"), d.signIn("alice")}
	next := []string{newPassword, "eight orange badgers fold maps"}
	var made []string
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, v := range both {
		all.Go(func() {
			got := v.post("/profile/password", newPasswordForm(password, next[i]))
			mu.Lock()
			defer mu.Unlock()
			if got.header.Get("Location") == "/profile?note=password-changed" {
				made = append(made, next[i])
			}
		})
	}
	all.Wait()
	if len(made) != 1 {
		t.Fatalf("changed to %q", made)
	}
	d.signInWith("alice", made[0])
	if n := value[int](d, `SELECT count(*) FROM audit WHERE action = ?`, string(access.ChangePassword)); n != 1 {
		t.Errorf("%d changes are written down", n)
	}
}

// signInWith returns a visitor who is signed in with another password than everybody's.
func (d *desk) signInWith(userID, password string) *visitor {
	d.t.Helper()
	v := d.visitor()
	v.post("/login", login(userID, password)).leadsTo("/")
	return v
}

// AZ-3: a password form changes the password of who sends it, and nothing else, whatever it carries.
func TestPasswordFormChangesNothingElse(t *testing.T) {
	const others = `SELECT string_agg(id || name || coalesce(email, '') || role || coalesce(CAST(disabled_at AS TEXT), '') || created_at, ' ' ORDER BY id)
		FROM users`
	forged := newPasswordForm(password, newPassword)
	for name, content := range map[string]string{
		"user_id": "bob", "id": "bob", "username": "root", "role": "admin", "email": "a@b.example", "name": "Root",
		"disabled_at": "1", "created_at": "1", "password_hash": "x", "actor": "root",
	} {
		forged.Set(name, content)
	}
	mixed, parts := multipartForm(t, forged)
	for way, p := range map[string]posting{
		"form":      {query: "?user_id=root", mediaType: urlEncoded, body: forged.Encode() + "&password=another+one+that+counts+not"},
		"multipart": {query: "?user_id=root&password=x", mediaType: mixed, body: parts},
	} {
		t.Run(way, func(t *testing.T) {
			d := newDesk(t)
			alice, before := d.signIn("alice"), value[string](d, others)
			alice.send(http.MethodPost, "/profile/password"+p.query, p.mediaType, p.body).leadsTo("/profile?note=password-changed")
			if after := value[string](d, others); after != before {
				t.Errorf("the users are %s", after)
			}
			d.signInWith("alice", newPassword) // the first of two (IO-7)
			d.signIn("bob")
			d.signIn("root")
		})
	}
	t.Run("query alone", func(t *testing.T) {
		d := newDesk(t)
		alice, before := d.signIn("alice"), d.state()
		alice.post("/profile/password?"+forged.Encode(), nil).is(http.StatusUnprocessableEntity)
		if d.state() != before {
			t.Error("something was changed")
		}
	})
}

func TestProfileSaysWhoOneIs(t *testing.T) {
	d := newDesk(t)
	d.exec(`UPDATE users SET name = 'Alice Liddell', email = 'alice@desk.example' WHERE id = 'alice'`)
	d.newKey("alice")
	for userID, want := range map[string][]string{
		"alice": {"alice", "Alice Liddell", "alice@desk.example", "user"}, "root": {"root", "–", "–", "administrator"},
	} {
		page := d.signIn(userID).get("/profile").is(http.StatusOK).page()
		if facts := texts(all(page, tag("dd"))); !slices.Equal(facts, want) {
			t.Errorf("%s reads %q", userID, facts)
		}
		keys := text(one(t, page, id("keys")))
		if holds := strings.Contains(keys, "You have 1 active key."); holds != (userID == "alice") {
			t.Errorf("%s reads %q of the keys", userID, keys)
		}
	}
}
