package handlers_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/handlers"
)

// benchDesk returns the application with alice, who is signed in by the cookies and owns 50 keys, one of which is the
// secret.
func benchDesk(b *testing.B) (app *handlers.App, cookies []*http.Cookie, secret access.Secret) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	root, err := access.ParseRootSecret(access.NewRootSecret())
	must(err)
	d, err := db.Open(b.Context(), db.Options{
		Path: filepath.Join(b.TempDir(), "keydesk.db"), Root: func(bool) (access.RootSecret, error) { return root, nil },
		Tell: func(access.KeyChange) {}, Now: time.Now,
	})
	must(err)
	b.Cleanup(func() { must(d.Close()) })
	hash, err := passwordHash()
	must(err)
	alice := access.Actor{UserID: "alice", Role: access.User}
	must(d.AddUser(b.Context(), access.TheOperator(), access.Person{UserID: "alice", Role: access.User}, hash))
	for range 50 {
		secret = access.NewSecret(access.DefaultPrefix)
		_, err := d.CreateKey(b.Context(), alice, d.Secrets().Pepper.Fingerprint(secret), "")
		must(err)
	}
	app, err = handlers.New(handlers.Config{
		DB: d, Uses: &access.Uses{}, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), BaseURL: &url.URL{Scheme: "http"},
		KeyPrefix: access.DefaultPrefix, Limits: access.SessionLimits{Idle: time.Hour, Max: time.Hour},
	})
	must(err)
	form := url.Values{"user_id": {"alice"}, "password": {password}}
	r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	return app, w.Result().Cookies(), secret
}

// run answers the request over and over.
func run(b *testing.B, app http.Handler, r *http.Request, want int) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		if w.Code != want {
			b.Fatal(w.Code, w.Body.String())
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	app, _, secret := benchDesk(b)
	r := httptest.NewRequest(http.MethodGet, "/api/v1/verify", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+secret.Reveal())
	run(b, app, r, http.StatusOK)
}

func BenchmarkVerifyMalformed(b *testing.B) {
	app, _, _ := benchDesk(b)
	r := httptest.NewRequest(http.MethodGet, "/api/v1/verify", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+strings.Repeat("x", 41))
	run(b, app, r, http.StatusUnauthorized)
}

func BenchmarkKeysPage(b *testing.B) {
	app, cookies, _ := benchDesk(b)
	r := httptest.NewRequest(http.MethodGet, "/profile/keys", http.NoBody)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	run(b, app, r, http.StatusOK)
}

func BenchmarkCreateKey(b *testing.B) {
	app, cookies, _ := benchDesk(b)
	r := httptest.NewRequest(http.MethodPost, "/profile/keys", http.NoBody)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	run(b, app, r, http.StatusOK)
}
