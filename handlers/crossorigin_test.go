package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// WEB-1, WEB-2: what another site sends in somebody's name is not carried out.
func TestPostFromAnotherSiteIsRefused(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	host := strings.TrimPrefix(d.url, "http://")
	for name, c := range map[string]struct {
		header  map[string]string
		refused bool
	}{
		"another site":                   {map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		"another host of the site":       {map[string]string{"Sec-Fetch-Site": "same-site"}, true},
		"unknown word":                   {map[string]string{"Sec-Fetch-Site": "friendly"}, true},
		"another site, our origin":       {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": d.url}, true},
		"old browser, another origin":    {map[string]string{"Origin": "https://evil.test"}, true},
		"old browser, no origin told":    {map[string]string{"Origin": "null"}, true},
		"old browser, our name as a tip": {map[string]string{"Origin": "https://" + host + ".evil.test"}, true},
		"another port":                   {map[string]string{"Origin": "http://127.0.0.1:1"}, true},
		"another site, htmx":             {map[string]string{"Sec-Fetch-Site": "cross-site", "HX-Request": "true"}, true},
		"our page":                       {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": d.url}, false},
		"typed by the person":            {map[string]string{"Sec-Fetch-Site": "none"}, false},
		"old browser, our origin":        {map[string]string{"Origin": d.url}, false},
		"no browser":                     {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := alice
			for header, content := range c.header {
				v = v.with(header, content)
			}
			_, key := d.newKey("alice")
			before := d.state()
			for _, path := range []string{"/profile/keys", "/profile/keys/" + key, "/profile/keys/" + key + "/deactivate"} {
				got := v.post(path, url.Values{"name": {"stolen"}})
				if refused := got.status == http.StatusForbidden; refused != c.refused {
					t.Errorf("%s: %d", path, got.status)
				}
			}
			if unchanged := d.state() == before; unchanged != c.refused {
				t.Errorf("the state is unchanged: %t", unchanged)
			}
		})
	}
}

// WEB-1: another site can neither sign somebody in as itself nor sign them out.
func TestSignInAndSignOutFromAnotherSiteAreRefused(t *testing.T) {
	d := newDesk(t)
	v := d.signIn("alice").with("Sec-Fetch-Site", "cross-site")
	v.post("/login", login("bob", password)).is(http.StatusForbidden)
	v.post("/logout", nil).is(http.StatusForbidden)
	v.get("/profile/keys").is(http.StatusOK) // a link from there
}

// WEB-6: no other site may read an answer.
func TestNoAnswerIsSharedWithOtherSites(t *testing.T) {
	d := newDesk(t)
	v := d.signIn("alice").with("Origin", "https://evil.test").with("Access-Control-Request-Method", "POST").
		with("Access-Control-Request-Headers", "authorization")
	for _, path := range []string{"/login", "/profile/keys", "/healthz", verifyPath} {
		for _, method := range []string{http.MethodGet, http.MethodOptions} {
			for name := range v.send(method, path, "", "").header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: %s", method, path, name)
				}
			}
		}
	}
}
