package handlers_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/static"
)

// tally notes which statuses were answered with the headers of pages.
type tally struct {
	t    *testing.T
	seen map[int]bool
	hsts []string
}

// look checks the headers of an answer, whatever its status.
func (s tally) look(name string, got reply) {
	s.t.Helper()
	kept := strings.Contains(name, " /static/") && got.status == http.StatusOK
	for header, want := range pageHeaders {
		if have := got.header.Values(header); (len(have) != 1 || have[0] != want) && (header != "Cache-Control" || !kept) {
			s.t.Errorf("%s: %d with %s: %q", name, got.status, header, have)
		}
	}
	if have := got.header.Values("Strict-Transport-Security"); !slices.Equal(have, s.hsts) {
		s.t.Errorf("%s: %d with Strict-Transport-Security: %q", name, got.status, have)
	}
	if got.header.Get("Server") != "" || got.header.Get("X-Powered-By") != "" || got.header.Get("X-Request-Id") == "" {
		s.t.Errorf("%s: %d with %v", name, got.status, got.header)
	}
	s.seen[got.status] = true
}

// all asks every route as nobody, a user and an administrator, as a page and as htmx does, by GET, HEAD, POST and a method
// that it does not take.
func (s tally) all(d *desk, state, key string) {
	s.t.Helper()
	places := d.places(key)
	slices.SortStableFunc(places, func(a, b place) int { return strings.Count(a.path, "out") - strings.Count(b.path, "out") })
	for _, userID := range []string{"", "alice", "root"} {
		for _, as := range ways() {
			v := as(d.somebody(userID))
			for _, p := range places {
				if p.path == "/profile/sessions/end" {
					continue // it ends what the others need; logout does the same
				}
				for _, method := range map[string][]string{"GET": {"GET", "HEAD", "PURGE"}, "POST": {"POST", "TRACE"}}[p.method] {
					kind, body := "", ""
					if method == "POST" {
						kind, body = urlEncoded, "x=%zz"
					}
					s.look(state+": "+method+" "+p.path+" by "+userID, v.send(method, p.path, kind, body))
				}
			}
		}
	}
}

// WEB-3, WEB-4, WEB-5, WEB-7: whatever status a route answers with, and whoever asks however, the headers of pages are there:
// also where the database is gone or saves nothing, where a handler panics, on downloads, and on what is answered before any
// route is looked for. HSTS is there where the desk is reached by https, and nowhere else.
func TestEveryStatusOfEveryRouteCarriesTheHeadersOfPages(t *testing.T) {
	for url, hsts := range map[string][]string{deskURL: nil, "https://desk.example": {"max-age=63072000; includeSubDomains"}} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			d := newDeskAt(t, url)
			s := tally{t, map[int]bool{}, hsts}
			_, key := d.newKey("alice")
			d.app.Handle("/panic", func(echo.Context) error { panic("here") })
			s.all(d, "healthy", key)
			alice, root := d.signIn("alice"), d.signIn("root")
			s.look("panic", alice.get("/panic").is(500))
			s.look("spent", alice.post("/profile/keys", changing()))
			form := changing()
			form.Set("once", "1")
			s.look("reveal", alice.post("/profile/keys", form).is(200))
			s.look("reveal again", alice.post("/profile/keys", form).is(409))
			s.look("too large", alice.send("POST", "/profile/keys", urlEncoded, strings.Repeat("x", bodyLimit+1)).is(413))
			s.look("too long", alice.get("/?"+strings.Repeat("x", 8<<10)).is(414))
			s.look("packed", alice.with("Content-Encoding", "gzip").post("/profile/keys", nil).is(415))
			s.look("another site", alice.with("Sec-Fetch-Site", "cross-site").post("/theme", nil).is(403))
			s.look("download", root.get("/admin/users/export.csv").is(200))
			s.look("wrong download", root.get("/admin/users/export.csv?status=x").is(422))
			s.look("checkpoint", root.get("/admin/history/checkpoint").is(200))
			s.look("what the browser has", alice.with("If-None-Match", "*").with("If-Modified-Since", "Thu, 01 Jan 2037 00:00:00 GMT").
				get(static.URL("app.css")).is(200).static(t)) // no 304: its name changes with it
			for range 21 {
				s.look("failed sign-ins", d.visitor().post("/login", login("nobody", "x")))
			}
			s.look("throttled", d.visitor().post("/login", login("nobody", "x")).is(429))
			for _, table := range []string{"audit", "sign_ins"} {
				dbtest.Refuse(t, d.path, table)
			}
			s.look("not saved", alice.post("/profile/keys", nil).is(503))
			d.must(d.db.Close())
			s.look("not ready", d.visitor().get("/readyz").is(503))
			for _, p := range d.places(key) {
				s.look("without a database "+p.method+" "+p.path, alice.send(p.method, p.path, urlEncoded, ""))
			}
			want := []int{200, 303, 400, 401, 403, 404, 405, 409, 413, 414, 415, 422, 429, 500, 503}
			if got := slices.Sorted(maps.Keys(s.seen)); !slices.Equal(got, want) {
				t.Errorf("looked at %v, not %v", got, want)
			}
		})
	}
}

// static takes an asset for a page, whose headers it has but for how long it is kept.
func (r reply) static(t *testing.T) reply {
	t.Helper()
	if got := r.header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("an asset is kept as %q", got)
	}
	r.header.Set("Cache-Control", "no-store")
	return r
}
