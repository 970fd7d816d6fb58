package handlers_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/static"
)

// pageHeaders is what every answer but verify's carries (WEB-3, WEB-4, WEB-5).
var pageHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	"Cache-Control":                "no-store", // WEB-7
}

func (r reply) guarded(t *testing.T, name string, status int) {
	t.Helper()
	if r.status != status {
		t.Errorf("%s: %d, not %d", name, r.status, status)
	}
	for header, want := range pageHeaders {
		if got := r.header.Values(header); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s: %q", name, header, got)
		}
	}
	if r.header.Get("X-Request-Id") == "" || r.header.Get("Server") != "" || r.header.Get("X-Powered-By") != "" {
		t.Errorf("%s: %v", name, r.header)
	}
}

// WEB-3, WEB-4, WEB-5, WEB-7: every kind of answer, errors included.
func TestEveryAnswerCarriesTheHeadersOfPages(t *testing.T) {
	d := newDesk(t)
	alice, root, nobody := d.signIn("alice"), d.signIn("root"), d.visitor()
	large := url.Values{"name": {strings.Repeat("x", 64<<10)}}
	_, key := d.newKey("alice")
	nobody.get("/login").guarded(t, "a page", http.StatusOK)
	nobody.get("/healthz").guarded(t, "health", http.StatusOK)
	nobody.get("/").guarded(t, "the way to the sign-in", http.StatusSeeOther)
	nobody.htmx().get("/").guarded(t, "the way there for htmx", http.StatusUnauthorized)
	nobody.post("/login", nil).guarded(t, "a failed sign-in", http.StatusUnprocessableEntity)
	nobody.get("/nowhere").guarded(t, "no page", http.StatusNotFound)
	nobody.get("/static/nothing.css").guarded(t, "no asset", http.StatusNotFound)
	nobody.raw(http.MethodGet, "/%2e%2e/login").guarded(t, "a strange path", http.StatusNotFound)
	nobody.send(http.MethodDelete, "/login", "", "").guarded(t, "another method", http.StatusMethodNotAllowed)
	nobody.with("Sec-Fetch-Site", "cross-site").post("/login", nil).guarded(t, "another site", http.StatusForbidden)
	alice.get("/profile/keys").guarded(t, "the keys", http.StatusOK)
	alice.post("/profile/keys", url.Values{"once": {"1"}}).guarded(t, "the reveal", http.StatusOK)
	alice.post("/profile/keys", url.Values{"once": {"1"}}).guarded(t, "the reveal again", http.StatusConflict)
	alice.get("/admin/users").guarded(t, "not allowed", http.StatusForbidden)
	alice.htmx().get("/admin/users").guarded(t, "not allowed, htmx", http.StatusForbidden)
	alice.post("/profile/keys/"+key, large).guarded(t, "too large", http.StatusRequestEntityTooLarge)
	alice.send(http.MethodHead, "/profile/keys", "", "").guarded(t, "HEAD", http.StatusOK)
	root.get("/admin/users/export.csv").guarded(t, "the export", http.StatusOK)
	d.must(d.db.Close())
	alice.get("/profile/keys").guarded(t, "a failure", http.StatusInternalServerError)
	alice.htmx().get("/profile/keys").guarded(t, "a failure, htmx", http.StatusInternalServerError)
	nobody.get("/readyz").guarded(t, "not ready", http.StatusServiceUnavailable)
}

// WEB-5, WEB-9: assets are our own, under names that change with their content.
func TestAssetsCarryTheHeadersOfPagesAndAreKeptForEver(t *testing.T) {
	d := newDesk(t)
	want := maps.Clone(pageHeaders)
	want["Cache-Control"] = "public, max-age=31536000, immutable"
	for name, mediaType := range map[string]string{
		"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8",
		"htmx.min.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		got := d.visitor().get(static.URL(name)).is(http.StatusOK)
		for header, value := range want {
			if got.header.Get(header) != value {
				t.Errorf("%s: %s: %q", name, header, got.header.Get(header))
			}
		}
		if got.header.Get("Content-Type") != mediaType || got.body == "" {
			t.Errorf("%s: %d bytes of %s", name, len(got.body), got.header.Get("Content-Type"))
		}
		d.visitor().get("/static/" + name).is(http.StatusNotFound) // its name without the hash
	}
}

// WEB-9, WEB-3: a page loads from its own origin only, and runs nothing that stands in it.
func TestPagesLoadFromTheirOwnOriginAndRunNothingInline(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice, root := d.signIn("alice"), d.signIn("root")
	for name, got := range map[string]reply{
		"sign-in": d.visitor().get("/login"), "keys": alice.get("/profile/keys"), "reveal": alice.post("/profile/keys", nil),
		"question": alice.get("/profile/keys/" + key + "/deactivate"), "users": root.get("/admin/users"),
		"user": root.get("/admin/users/alice"), "history": root.get("/admin/history?tab=changes"), "404": root.get("/nowhere"),
		"profile": alice.get("/profile"), "new user": root.get("/admin/users/new"), "link": root.post("/admin/users", newUser()),
		"role": root.get("/admin/users/alice/role"), "set password": d.visitor().get("/set-password?token=" + d.newLink("bob")),
		"no link": d.visitor().get("/set-password"),
	} {
		page := got.page()
		for _, n := range all(page) {
			for _, a := range n.Attr {
				loads := a.Key == "src" || a.Key == "href" || a.Key == "action"
				if loads && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || a.Key != "title" && strings.HasPrefix(a.Val, "//") { // a title may be a hash, of any beginning
					t.Errorf("%s: %s=%q", name, a.Key, a.Val)
				}
				if a.Key == "style" || a.Key == "hx-vals" || a.Key == "hx-on" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: %s=%q", name, a.Key, a.Val)
				}
			}
		}
		for _, script := range all(page, tag("script")) {
			if script.FirstChild != nil || attr(script, "src") == "" {
				t.Errorf("%s: an inline script", name)
			}
		}
		if len(all(page, tag("style"))) > 0 || len(all(page, tag("h1"))) != 1 {
			t.Errorf("%s: %d styles, %d titles", name, len(all(page, tag("style"))), len(all(page, tag("h1"))))
		}
	}
}
