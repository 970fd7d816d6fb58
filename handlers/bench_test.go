package handlers_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/handlers"
	"github.com/keydesk/keydesk/verify"
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
	keys := verify.NewTable()
	d, err := db.Open(b.Context(), db.Options{
		Database: filepath.Join(b.TempDir(), "keydesk.db"), Root: func(bool) (access.RootSecret, error) { return root, nil },
		Tell: keys.Note, Now: time.Now,
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
		DB: d, Keys: keys, Uses: &verify.Uses{}, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), BaseURL: &url.URL{Scheme: "http"},
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

// sink is a ResponseWriter that costs next to nothing, so that what is measured is the handler.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header { return s.header }

func (s *sink) WriteHeader(status int) { s.status = status }

func (s *sink) Write(p []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return len(p), nil
}

// runBare answers the request over and over, into a sink.
func runBare(b *testing.B, app http.Handler, r *http.Request, want int) {
	b.Helper()
	b.ReportAllocs()
	w := &sink{header: http.Header{}}
	for b.Loop() {
		clear(w.header)
		w.status = 0
		app.ServeHTTP(w, r)
		if w.status != want {
			b.Fatal(w.status)
		}
	}
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
	runBare(b, app, r, http.StatusOK)
}

// BenchmarkVerifyInner answers as at the address of an inner network, without the server that reads and writes there.
func BenchmarkVerifyInner(b *testing.B) {
	app, _, secret := benchDesk(b)
	inner := app.Inner()
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, nil)
	ctx.Request.SetRequestURI("/api/v1/verify")
	ctx.Request.Header.Set("Authorization", "Bearer "+secret.Reveal())
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		inner.Handle(&ctx)
		if got := ctx.Response.StatusCode(); got != http.StatusOK {
			b.Fatal(got)
		}
	}
}

// KEY-6: a key that nobody made and one that was deactivated take as long, but for the note of the latter's use.
func BenchmarkVerifyUnknown(b *testing.B) {
	app, _, _ := benchDesk(b)
	r := httptest.NewRequest(http.MethodGet, "/api/v1/verify", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+access.NewSecret(access.DefaultPrefix).Reveal())
	runBare(b, app, r, http.StatusUnauthorized)
}

func BenchmarkVerifyDeactivated(b *testing.B) {
	app, _, secret := benchDesk(b)
	app.Keys.Note(access.KeyChange{
		Key: 50, KeyID: "01900000-0000-7000-8000-000000000000", UserID: "alice", Status: access.Inactive,
		Hash: [access.HashLen]byte(app.DB.Secrets().Pepper.Fingerprint(secret).Hash),
	})
	r := httptest.NewRequest(http.MethodGet, "/api/v1/verify", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+secret.Reveal())
	runBare(b, app, r, http.StatusUnauthorized)
}

func BenchmarkVerifyMalformed(b *testing.B) {
	app, _, _ := benchDesk(b)
	r := httptest.NewRequest(http.MethodGet, "/api/v1/verify", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+strings.Repeat("x", 41))
	runBare(b, app, r, http.StatusUnauthorized)
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
