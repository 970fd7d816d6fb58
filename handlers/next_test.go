package handlers_test

import (
	"net/http"
	"net/url"
	"testing"
)

// AUTH-11: after the sign-in a browser goes on to a path of this desk, never to another site.
func TestSignInGoesOnToALocalPathOnly(t *testing.T) {
	d := newDesk(t)
	for next, want := range map[string]string{
		"/profile/keys":                     "/profile/keys",
		"/admin/users?q=a&after=b":          "/admin/users?q=a&after=b",
		"/admin/history?tab=changes#1":      "/admin/history?tab=changes#1",
		"/profile/keys?u=https://evil.test": "/profile/keys?u=https://evil.test",
		"":                                  "/",
		"/":                                 "/",
		"profile/keys":                      "/",
		"//":                                "/",
		"//?u=evil.test":                    "/",
		"//evil.test":                       "/",
		"///evil.test":                      "/",
		"////evil.test":                     "/",
		`/\evil.test`:                       "/",
		`\\evil.test`:                       "/",
		`/\/evil.test`:                      "/",
		"/\t/evil.test":                     "/",
		"/\n/evil.test":                     "/",
		"/\r\nSet-Cookie: keydesk=evil":     "/",
		" //evil.test":                      "/",
		"/%09/evil.test":                    "/",
		"/%0a/evil.test":                    "/",
		"/%0d/evil.test":                    "/",
		"/%2f/evil.test":                    "/",
		"/%2F%2Fevil.test":                  "/",
		"/%5cevil.test":                     "/",
		"/%5Cevil.test":                     "/",
		"%2f%2fevil.test":                   "/",
		"https://evil.test":                 "/",
		"https:evil.test":                   "/",
		"https:/evil.test":                  "/",
		"http:///evil.test":                 "/",
		"javascript:alert(1)":               "/",
		"JavaScript:alert(1)":               "/",
		"data:text/html,x":                  "/",
		"/%zz":                              "/",
		"/\x00/evil.test":                   "/",
		"@evil.test":                        "/",
		"https://desk.example@evil.test":    "/",
	} {
		form := login("alice", password)
		form.Set("next", next)
		got := d.visitor().post("/login", form).is(http.StatusSeeOther).header
		if got.Get("Location") != want || len(got["Set-Cookie"]) != 2 {
			t.Errorf("%q leads to %q", next, got.Get("Location"))
		}
		page := d.visitor().get("/login?" + url.Values{"next": {next}}.Encode()).page()
		for _, field := range all(page, tag("input"), with("name", "next")) { // of a password, and of a passkey
			if held := attr(field, "value"); held != want {
				t.Errorf("a form of %q holds %q", next, held)
			}
		}
		if n := len(all(page, tag("input"), with("name", "next"))); n != 2 {
			t.Errorf("%d forms know where to go on", n)
		}
	}
}

func TestFailedSignInKeepsWhereToGoOn(t *testing.T) {
	d := newDesk(t)
	form := login("alice", "another password")
	form.Set("next", "/profile/keys?after=1")
	page := d.visitor().post("/login", form).is(http.StatusUnprocessableEntity).page()
	if n := len(all(page, tag("input"), with("name", "next"), with("value", "/profile/keys?after=1"))); n != 2 {
		t.Errorf("%d forms know where to go on, not that of a password and that of a passkey", n)
	}
}

func TestPageAskedForIsReachedAfterTheSignIn(t *testing.T) {
	d := newDesk(t)
	v := d.visitor()
	at, err := url.Parse(v.get("/admin/users?q=a%26b").is(http.StatusSeeOther).header.Get("Location"))
	d.must(err)
	form := login("root", password)
	form.Set("next", at.Query().Get("next"))
	v.post("/login", form).leadsTo("/admin/users?q=a%26b")
}

// WEB-10: what a client says of the host leads nowhere.
func TestHostLeadsNowhere(t *testing.T) {
	d := newDesk(t)
	v := d.visitor().with("X-Forwarded-Host", "evil.test").with("Forwarded", "host=evil.test").with("X-Forwarded-Proto", "https")
	v.get("/profile/keys").leadsTo("/login?next=%2Fprofile%2Fkeys")
	got := v.post("/login", login("alice", password)).is(http.StatusSeeOther)
	if got.header.Get("Location") != "/" || v.cookie.Domain != "" || v.cookie.Secure {
		t.Errorf("leads to %q with %s", got.header.Get("Location"), v.cookie.Raw)
	}
}
