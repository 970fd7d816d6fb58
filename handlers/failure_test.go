package handlers_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/db/dbtest"
)

// DOS-5, REV-4: a panic ends its request with a page, not the process, and its value, which could quote what a person
// sent, is written nowhere.
func TestPanicIsAnsweredAndNotQuoted(t *testing.T) {
	const secret = "kd_quotedInAPanic"
	d := newDesk(t)
	for path, value := range map[string]any{
		"/text": secret, "/error": errors.New(secret), "/struct": struct{ Key string }{secret},
	} {
		d.app.Handle(path, func(echo.Context) error { panic(value) })
		got := d.visitor().get(path).is(http.StatusInternalServerError)
		request := got.header.Get("X-Request-Id")
		main := text(one(t, got.page(), tag("main")))
		if !strings.Contains(main, "Something went wrong") || !strings.Contains(main, request) {
			t.Errorf("the page says %q", main)
		}
		fragment := d.visitor().htmx().get(path).is(http.StatusInternalServerError).fragment()
		if notice := text(one(t, fragment, tag("p"), saying("That is our fault"))); !strings.Contains(notice, "Request ") {
			t.Errorf("htmx is told %q", notice)
		}
		log := d.log.String()
		if !strings.Contains(log, "panic of type") || !strings.Contains(log, request) || !strings.Contains(log, "failure_test.go") {
			t.Errorf("the log does not say where: %s", log)
		}
		if strings.Contains(log+got.body, secret) {
			t.Errorf("%s: the value of the panic is quoted", path)
		}
		d.visitor().get("/login").is(http.StatusOK)
	}
}

// Users see sentences that we wrote; the cause is in the log, under the name of the request.
func TestCauseOfAFailureIsInTheLogOnly(t *testing.T) {
	d := newDesk(t)
	d.app.Handle("/broken", func(echo.Context) error { return errors.New("disk on fire") })
	got := d.visitor().get("/broken").is(http.StatusInternalServerError)
	if strings.Contains(got.body, "fire") {
		t.Errorf("the page says %s", got.body)
	}
	for line := range strings.Lines(d.log.String()) {
		if strings.Contains(line, "disk on fire") && strings.Contains(line, got.header.Get("X-Request-Id")) {
			return
		}
	}
	t.Errorf("the log says %s", d.log.String())
}

// An answer that fails halfway must not look whole, whether its handler returns an error, panics or gives it up.
func TestAnswerThatFailsHalfwayBreaksOff(t *testing.T) {
	d := newDesk(t)
	begin := func(c echo.Context) { _ = c.HTML(http.StatusOK, strings.Repeat("begun ", 1000)) }
	d.app.Handle("/error", func(c echo.Context) error { begin(c); return errors.New("halfway") })
	d.app.Handle("/panic", func(c echo.Context) error { begin(c); panic("halfway") })
	d.app.Handle("/given-up", func(echo.Context) error { panic(http.ErrAbortHandler) })
	for _, path := range []string{"/error", "/panic", "/given-up"} {
		answer, err := d.web.Get(d.url + path)
		if err != nil {
			continue // broken off before its head
		}
		body, err := io.ReadAll(answer.Body)
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
		if err == nil {
			t.Errorf("%s: %d bytes look whole", path, len(body))
		}
	}
	d.visitor().get("/login").is(http.StatusOK)
}

// unsaved fails unless the answer says, on a page, that nothing was changed and when to try again.
func (r reply) unsaved() reply {
	r.t.Helper()
	main := text(one(r.t, r.is(http.StatusServiceUnavailable).page(), tag("main")))
	if !strings.Contains(main, "Nothing was changed.") || r.header.Get("Retry-After") != "60" {
		r.t.Errorf("the page says %q, Retry-After: %q", main, r.header.Get("Retry-After"))
	}
	return r
}

func TestDeskWithoutItsDatabaseSaysSoAndRecovers(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	d.exec(`ALTER TABLE sessions RENAME TO lost`)
	got := alice.get("/profile/keys").is(http.StatusInternalServerError)
	if strings.Contains(got.body, "no such table") || strings.Contains(got.body, "does not exist") {
		t.Errorf("the page says %s", got.body)
	}
	alice.post("/profile/keys", nil).unsaved()
	alice.post("/logout", nil).unsaved() // the session lives on: it must not look ended
	if alice.cookie == nil {
		t.Error("the cookie is gone")
	}
	d.exec(`ALTER TABLE lost RENAME TO sessions`)
	alice.get("/profile/keys").is(http.StatusOK)
}

// AUD-1, AUD-2, AZ-10: a change that cannot be written down is not made, whichever it is, and the answer says so.
func TestChangeThatCannotBeSavedIsNotMadeAndSaysSo(t *testing.T) {
	const want = "The desk could not save this. Nothing was changed. Please try again in a minute. If it goes on, tell whoever " +
		"runs this desk the name of this request."
	d := newDesk(t)
	_, key := d.newKey("alice")
	link, alice, elsewhere, root := d.newLink("alice"), d.signIn("alice"), d.signIn("alice"), d.signIn("root")
	other := endPath(t, sessionRows(t, elsewhere.get("/profile").page())[1])
	dbtest.Refuse(t, d.path, "audit")
	dbtest.Refuse(t, d.path, "sign_ins")
	before, sessions, cookie := d.state(), d.sessions("alice"), alice.cookie.Value
	for _, c := range []struct {
		who  *visitor
		path string
		form url.Values
	}{
		{alice, "/profile/keys", nil},
		{alice, "/profile/keys/" + key, url.Values{"name": {"laptop"}}},
		{alice, "/profile/keys/" + key + "/deactivate", nil},
		{alice, "/profile/password", newPasswordForm(password, newPassword)},
		{elsewhere, other, nil},
		{alice, "/profile/sessions/end", nil},
		{alice, "/profile/links/seen", nil},
		{alice, "/logout", nil},
		{root, "/admin/users", newUser()},
		{root, "/admin/users/alice/role", url.Values{"role": {"admin"}}},
		{root, "/admin/users/alice/disable", nil},
		{root, "/admin/users/carol/enable", nil},
		{root, "/admin/users/alice/reset", nil},
		{root, "/admin/users/alice/sessions/end", nil},
		{root, "/admin/keys/" + key + "/deactivate", url.Values{"reason": {"leaked"}}},
		{d.visitor(), "/set-password", setPassword(link, newPassword)},
		{d.visitor(), "/login", login("alice", password)},
		{d.visitor(), "/login", login("alice", newPassword)},
	} {
		for way, as := range ways() {
			t.Run(c.path+" "+way, func(t *testing.T) {
				got := as(c.who).post(c.path, c.form).is(http.StatusServiceUnavailable)
				if said := got.sentences(); !slices.Contains(said, want) || got.header.Get("Retry-After") != "60" ||
					!slices.Contains(said, got.header.Get("X-Request-Id")) || len(got.header["Set-Cookie"]) > 0 {
					t.Errorf("says %q with %v", said, got.header)
				}
				if strings.Contains(got.body, "no room") || secretPattern.MatchString(got.body) {
					t.Errorf("shows %s", got.body)
				}
			})
		}
	}
	if d.state() != before || d.sessions("alice") != sessions || alice.cookie.Value != cookie {
		t.Error("something was changed")
	}
}

// A change of which nobody knows whether it was made is said to be so, with the way to look; the desk goes on.
func TestUnknownOutcomeSaysWhereToLook(t *testing.T) {
	const want = "That is our fault, not yours. Whether anything was changed is not known: look before you try again. If it " +
		"goes on, tell whoever runs this desk the name of this request."
	d := newDesk(t)
	alice := d.signIn("alice")
	allow := dbtest.UnsureCommits(t, d.path)
	status := http.StatusInternalServerError
	if d.raw.Postgres() {
		status = http.StatusServiceUnavailable // it is not there
	}
	for way, v := range map[string]*visitor{
		"page": alice.with("Referer", deskURL+"/profile/keys?after=1"),
		"htmx": alice.htmx().with("HX-Current-URL", deskURL+"/profile/keys?after=1"),
	} {
		t.Run(way, func(t *testing.T) {
			got := v.post("/profile/keys", nil).is(status)
			if said := got.sentences(); !slices.Contains(said, want) || !slices.Contains(said, got.header.Get("X-Request-Id")) ||
				secretPattern.MatchString(got.body) {
				t.Errorf("says %q", said)
			}
			whole, err := html.Parse(strings.NewReader(got.body))
			d.must(err)
			look := one(t, whole, tag("a"), saying("Look whether it was changed"))
			if attr(look, "href") != "/profile/keys?after=1" {
				t.Errorf("looks at %s", attr(look, "href"))
			}
		})
	}
	allow()
	alice.post("/profile/keys", nil).is(http.StatusOK).secret()
}
