package handlers_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
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

func TestDeskWithoutItsDatabaseSaysSoAndRecovers(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	d.exec(`ALTER TABLE sessions RENAME TO lost`)
	got := alice.get("/profile/keys").is(http.StatusInternalServerError)
	if strings.Contains(got.body, "no such table") {
		t.Errorf("the page says %s", got.body)
	}
	alice.post("/profile/keys", nil).is(http.StatusInternalServerError)
	alice.post("/logout", nil).is(http.StatusInternalServerError) // the session lives on: it must not look ended
	if alice.cookie == nil {
		t.Error("the cookie is gone")
	}
	d.exec(`ALTER TABLE lost RENAME TO sessions`)
	alice.get("/profile/keys").is(http.StatusOK)
}
