package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/html"
)

// sessionRows returns the rows of the sessions on a profile, or in the part of it that htmx gets.
func sessionRows(t *testing.T, n *html.Node) []*html.Node {
	t.Helper()
	return all(one(t, one(t, n, id("sessions")), tag("tbody")), tag("tr"))
}

// endPath returns where the button of a session's row ends it.
func endPath(t *testing.T, row *html.Node) string {
	t.Helper()
	return attr(one(t, row, tag("form"), with("method", "post")), "action")
}

// signInFrom returns a visitor who is signed in with a browser of this name.
func (d *desk) signInFrom(userID, browser string) *visitor {
	d.t.Helper()
	v := d.visitor().with("User-Agent", browser)
	v.post("/login", login(userID, password)).leadsTo("/")
	return v
}

// SES-7: the own sessions are listed, newest first, and this one is marked. Nobody else's are.
func TestOwnSessionsAreListedAndThisOneIsMarked(t *testing.T) {
	d := newDesk(t)
	d.signInFrom("bob", "Bob's browser")
	d.signInFrom("alice", "Forgotten browser")
	d.later(idleSession + time.Second) // that one has run out
	first := d.signInFrom("alice", "First browser")
	d.later(10 * time.Minute)
	second := d.signInFrom("alice", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	for v, want := range map[*visitor][]string{
		first:  {"Firefox on Linux", "First browser this browser"},
		second: {"Firefox on Linux this browser", "First browser"},
	} {
		rows := sessionRows(t, v.get("/profile").is(http.StatusOK).page())
		if len(rows) != len(want) {
			t.Fatalf("%d sessions are listed", len(rows))
		}
		for i, row := range rows {
			if name := text(one(t, row, with("data-label", "Browser"))); name != want[i] {
				t.Errorf("session %d is %q, not %q", i, name, want[i])
			}
			if from := text(one(t, row, with("data-label", "From"))); from != "127.0.0.1" {
				t.Errorf("session %d is from %q", i, from)
			}
		}
	}
}

// SES-7: one session is ended, and the others go on.
func TestOneSessionIsEnded(t *testing.T) {
	for way, as := range ways() {
		t.Run(way, func(t *testing.T) {
			d := newDesk(t)
			lost, kept := d.signInFrom("alice", "Lost browser"), d.signInFrom("alice", "Kept browser")
			alice := as(d.signInFrom("alice", "This browser"))
			rows := sessionRows(t, alice.get("/profile").page())
			got := alice.post(endPath(t, rows[2]), nil)
			left := got
			if way == "page" {
				got.leadsTo("/profile?note=session-ended#sessions")
				left = alice.get("/profile?note=session-ended").is(http.StatusOK)
			}
			whole, err := html.Parse(strings.NewReader(left.is(http.StatusOK).body))
			d.must(err)
			if n := len(sessionRows(t, whole)); n != 2 {
				t.Errorf("%d sessions are left", n)
			}
			one(t, one(t, whole, id("notice")), tag("p"), saying("That session has ended."))
			lost.refused()
			kept.get("/profile").is(http.StatusOK)
			alice.get("/profile").is(http.StatusOK)
			alice.post(endPath(t, rows[2]), nil).is(http.StatusNotFound) // it is gone
		})
	}
}

// SES-5, SES-7: to end the session that asks is to sign out.
func TestToEndThisSessionIsToSignOut(t *testing.T) {
	d := newDesk(t)
	alice, elsewhere := d.signIn("alice"), d.signIn("alice")
	copied := *alice
	var path string
	for _, row := range sessionRows(t, alice.get("/profile").page()) {
		if strings.Contains(text(row), "this browser") {
			path = endPath(t, row)
		}
	}
	got := alice.post(path, nil)
	got.leadsTo("/login")
	got.forgets()
	if alice.cookie != nil {
		t.Error("the browser keeps the cookie")
	}
	copied.refused()
	elsewhere.get("/profile").is(http.StatusOK)
}

// forgets fails unless the answer has the browser forget what it kept of the pages.
func (r reply) forgets() {
	r.t.Helper()
	if sent := r.header.Get("Clear-Site-Data"); sent != `"cache", "storage"` {
		r.t.Errorf("Clear-Site-Data: %s", sent)
	}
}

// SES-7: signing out everywhere ends all of one's sessions, this one too, and nobody else's.
func TestAllSessionsAreEnded(t *testing.T) {
	d := newDesk(t)
	alice, elsewhere, bob := d.signIn("alice"), d.signIn("alice"), d.signIn("bob")
	copied := *alice
	got := alice.post("/profile/sessions/end", nil)
	got.leadsTo("/login?note=everywhere")
	got.forgets()
	if alice.cookie != nil || d.sessions("alice") != "" {
		t.Errorf("the browser keeps %v, the desk %q", alice.cookie, d.sessions("alice"))
	}
	copied.refused()
	elsewhere.refused()
	bob.get("/profile").is(http.StatusOK)
	said := one(t, alice.get("/login?note=everywhere").page(), id("notice"))
	if text(said) != "You are signed out everywhere." {
		t.Errorf("the page says %q", text(said))
	}
}

// AZ-2, SES-7: nobody ends the session of another, nor can tell it from one that does not exist.
func TestAnothersSessionLooksLikeNoSession(t *testing.T) {
	d := newDesk(t)
	alice, bob, root := d.signIn("alice"), d.signIn("bob"), d.signIn("root")
	hers, before := value[string](d, `SELECT id FROM sessions WHERE user_id = 'alice'`), d.state()
	none := uuid.Must(uuid.NewV7()).String()
	for name, v := range map[string]*visitor{"bob": bob, "bob, htmx": bob.htmx(), "root": root, "root, htmx": root.htmx()} {
		another := v.post("/profile/sessions/"+hers+"/end", nil).is(http.StatusNotFound)
		absent := v.post("/profile/sessions/"+none+"/end", nil).is(http.StatusNotFound)
		if nameless(another) != nameless(absent) {
			t.Errorf("%s: another's session:\n%s\nno session:\n%s", name, nameless(another), nameless(absent))
		}
	}
	alice.get("/profile").is(http.StatusOK)
	if d.state() != before || value[string](d, `SELECT id FROM sessions WHERE user_id = 'alice'`) != hers {
		t.Error("something was changed")
	}
}

// SES-5: after the sign-out the session is gone from the desk and the pages from the browser.
func TestSignOutForgetsTheSessionAndThePages(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	copied := *alice
	got := alice.post("/logout", nil)
	got.leadsTo("/login")
	got.forgets()
	if d.sessions("alice") != "" {
		t.Error("the session is kept")
	}
	copied.refused()
	copied.htmx().get("/profile").is(http.StatusUnauthorized)
}

// SES-7: an administrator who ends their own sessions is signed out, not left on a page that is gone.
func TestToEndOnesOwnSessionsIsToSignOut(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	root.post("/admin/users/root/sessions/end", nil).leadsTo("/login?note=everywhere")
	if root.cookie != nil || d.sessions("root") != "" {
		t.Error("a session is left")
	}
	root = d.signIn("root")
	got := root.htmx().post("/admin/users/root/sessions/end", nil).is(http.StatusOK)
	if got.header.Get("HX-Redirect") != "/login?note=everywhere" || d.sessions("root") != "" {
		t.Errorf("htmx is led to %q", got.header.Get("HX-Redirect"))
	}
}
