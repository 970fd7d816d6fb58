package handlers_test

import (
	"net/http"
	"net/url"
	"testing"
)

func colours(theme string) url.Values { return url.Values{"theme": {theme}} }

// themeOf returns the theme that the page is drawn in, and the button that is pressed, if the page has them.
func themeOf(t *testing.T, r reply) (theme, pressed string) {
	t.Helper()
	page := r.is(http.StatusOK).page()
	for _, button := range all(page, tag("button"), with("aria-pressed", "true")) {
		pressed += attr(button, "value")
	}
	return attr(one(t, page, tag("html")), "data-theme"), pressed
}

func TestChosenThemeIsThatOfTheNextPage(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	for _, c := range []struct{ chosen, theme string }{{"dark", "dark"}, {"light", "light"}, {"system", ""}, {"dark", "dark"}} {
		alice.post("/theme", colours(c.chosen)).is(http.StatusSeeOther)
		for _, path := range []string{"/profile", "/profile/keys"} {
			if theme, pressed := themeOf(t, alice.get(path)); theme != c.theme || pressed != c.chosen {
				t.Errorf("%s chosen: %s is drawn in %q, and %q is pressed", c.chosen, path, theme, pressed)
			}
		}
	}
	alice.post("/logout", nil).leadsTo("/login")
	if theme, _ := themeOf(t, alice.get("/login")); theme != "dark" { // it is the browser's, not the session's
		t.Errorf("after the sign-out: %q", theme)
	}
	if theme, _ := themeOf(t, d.visitor().get("/login")); theme != "" {
		t.Errorf("another browser: %q", theme)
	}
}

// SES-3: the cookie of the theme is held to this desk as the session's is. SES-9: it opens no session.
func TestThemeCookieIsHeldToThisDesk(t *testing.T) {
	for _, c := range []struct {
		base, name string
		secure     bool
	}{
		{"http://desk.example", "keydesk-theme", false},
		{"https://desk.example", "__Host-keydesk-theme", true},
	} {
		t.Run(c.base, func(t *testing.T) {
			d := newDeskAt(t, c.base)
			v := d.visitor()
			v.post("/theme", colours("dark")).leadsTo("/")
			got := v.others[c.name]
			if got == nil || len(v.others) != 1 || v.cookie != nil {
				t.Fatalf("the cookies are %v and %v", v.others, v.cookie)
			}
			if got.Value != "dark" || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode ||
				got.Path != "/" || got.Domain != "" || got.MaxAge != 365*24*60*60 {
				t.Errorf("the cookie is %s", got.Raw)
			}
			v.post("/theme", colours("system")).leadsTo("/")
			if len(v.others) > 0 {
				t.Errorf("the browser keeps %v", v.others)
			}
			if n := value[int](d, `SELECT count(*) FROM sessions`); n > 0 {
				t.Errorf("%d sessions", n)
			}
		})
	}
}

func TestUnknownThemeIsRefused(t *testing.T) {
	d := newDesk(t)
	v := d.visitor()
	for _, theme := range []string{"", "Dark", "pink", "dark; Domain=evil.test", `dark"><script>`, "light dark"} {
		for _, as := range ways() {
			got := as(v).post("/theme", colours(theme)).is(http.StatusUnprocessableEntity)
			if got.words(); len(got.header["Set-Cookie"]) > 0 || len(v.others) > 0 {
				t.Errorf("%q sets %v", theme, got.header["Set-Cookie"])
			}
		}
	}
	v.post("/theme?theme=dark", nil).is(http.StatusUnprocessableEntity)
	v.with("Sec-Fetch-Site", "cross-site").post("/theme", colours("dark")).is(http.StatusForbidden) // WEB-1
}

// WEB-8: what a cookie says that the desk did not set is written into no page.
func TestForgedThemeIsIgnored(t *testing.T) {
	d := newDesk(t)
	for _, forged := range []string{"pink", "DARK", `dark"onload="alert(1)`, "system", ""} {
		v := d.visitor().with("Cookie", "keydesk-theme="+forged)
		if theme, _ := themeOf(t, v.get("/login")); theme != "" {
			t.Errorf("%q: drawn in %q", forged, theme)
		}
	}
}

// AUTH-11: who chooses a theme goes back to the page they were on, and never to another site.
func TestThemeLeadsBackToALocalPathOnly(t *testing.T) {
	d := newDesk(t)
	for from, want := range map[string]string{
		deskURL + "/profile/keys":            "/profile/keys",
		deskURL + "/admin/users?q=a&after=b": "/admin/users?q=a&after=b",
		deskURL + "/profile#sessions":        "/profile",
		"https://evil.test/profile":          "/profile",
		"https://evil.test":                  "/",
		"https://evil.test//evil.test":       "/",
		"https://evil.test///evil.test/":     "/",
		`https://evil.test/\evil.test`:       "/",
		"https://evil.test/%5cevil.test":     "/",
		"https://evil.test/%09/evil.test":    "/",
		"https://evil.test/%2fevil.test":     "/",
		"https://evil.test/%0d%0aLocation:x": "/",
		"https://desk.example@evil.test//x":  "/",
		"//evil.test//evil.test":             "/",
		"javascript:alert(1)":                "/",
		"data:text/html,x":                   "/",
		"about:blank":                        "/",
		"evil.test":                          "/",
		"%zz":                                "/",
		"":                                   "/",
	} {
		got := d.visitor().with("Referer", from).post("/theme", colours("dark"))
		if to := got.is(http.StatusSeeOther).header.Get("Location"); to != want {
			t.Errorf("%q leads to %q, not to %q", from, to, want)
		}
	}
}

// A page that answers a form stands at the form's address, which may have no page of its own to go back to.
func TestThemeChosenOnTheAnswerToAFormLeadsToAPage(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice := d.signIn("alice")
	for _, path := range []string{"/profile/password", "/profile/keys/" + key} {
		alice.post(path, url.Values{"name": {"\a"}}).is(http.StatusUnprocessableEntity)
		back := alice.with("Referer", deskURL+path).post("/theme", colours("dark")).is(http.StatusSeeOther)
		if got := alice.get(back.header.Get("Location")); got.status != http.StatusOK {
			t.Errorf("from the answer of %s one gets to %s: %d", path, back.header.Get("Location"), got.status)
		}
	}
}
