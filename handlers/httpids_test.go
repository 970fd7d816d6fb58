package handlers_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/static"
)

// place is a route of the table with something in the place of its parameters.
type place struct{ method, path string }

// places returns every route of the desk. The key is alice's, and the account bob's.
func (d *desk) places(keyID string) (all []place) {
	for _, line := range d.app.Table() {
		method, path, _ := strings.Cut(line, " ")
		path = strings.NewReplacer("users/:id", "users/bob", ":id", keyID, "/static/:name", static.URL("icon.svg")).Replace(path)
		all = append(all, place{method, path})
	}
	return all
}

// changing are the fields that some form of the desk acts on.
func changing() url.Values {
	return url.Values{
		"name": {"x"}, "reason": {"x"}, "role": {"admin"}, "current": {"x"}, "password": {newPassword}, "theme": {"dark"},
		"user_id": {"dave"}, "email": {""}, "helpful": {"yes"}, "text": {""},
	}
}

// WEB-3, WEB-4, WEB-5, WEB-6, WEB-7: no route answers anybody without the headers of pages, to be kept, or for another
// site to read.
func TestNoRouteIsAnsweredWithoutTheHeadersOrForAnotherSite(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	for _, userID := range []string{"", "alice", "root"} {
		for _, p := range d.places(key) {
			for _, method := range []string{p.method, http.MethodOptions, http.MethodDelete} {
				v := d.somebody(userID).with("Origin", d.url).with("Access-Control-Request-Method", "POST")
				got := v.send(method, p.path, urlEncoded, changing().Encode())
				for header, want := range pageHeaders {
					kept := header == "Cache-Control" && got.status == http.StatusOK && strings.HasPrefix(p.path, "/static/")
					if have := got.header.Values(header); !kept && (len(have) != 1 || have[0] != want) {
						t.Errorf("%s %s by %q: %s: %q", method, p.path, userID, header, have)
					}
				}
				for header := range got.header {
					if strings.HasPrefix(header, "Access-Control-") {
						t.Errorf("%s %s by %q: %s", method, p.path, userID, header)
					}
				}
			}
		}
	}
}

// WEB-2: a GET or HEAD changes nothing, on whatever path, whatever it carries, and whichever method it says it means.
func TestGETChangesNothingHoweverItIsMeant(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	d.newLink("alice")
	alice, root := d.signIn("alice"), d.signIn("root")
	before, sessions := d.state(), d.sessions("alice")+d.sessions("root")
	fields := changing()
	fields.Set("_method", "POST")
	for _, v := range []*visitor{alice, alice.htmx(), root, root.htmx()} {
		for _, override := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
			for _, p := range d.places(key) {
				if p.path == "/admin/users/export.csv" {
					continue // which is written down
				}
				asked := v.with(override, http.MethodPost)
				asked.get(p.path + "?" + fields.Encode())
				asked.send(http.MethodHead, p.path+"?"+fields.Encode(), "", "")
				asked.send(http.MethodGet, p.path, urlEncoded, fields.Encode())
			}
		}
	}
	if d.state() != before || d.sessions("alice")+d.sessions("root") != sessions {
		t.Error("something was changed")
	}
	alice.get("/profile").is(http.StatusOK)
}

// WEB-2: nor is a POST taken for anything else.
func TestPOSTIsTakenForNoOtherMethod(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice := d.signIn("alice").with("X-HTTP-Method-Override", http.MethodDelete)
	form := url.Values{"name": {"laptop"}, "_method": {http.MethodDelete}}
	alice.post("/profile/keys/"+key+"?_method=DELETE", form).leadsTo("/profile/keys?note=name-saved")
	alice.post("/admin/users?_method=GET", url.Values{"_method": {http.MethodGet}}).is(http.StatusForbidden)
}

// KEY-10, REV-1: nothing that the desk answers leads to a URL with a key in it, not even one that somebody put there.
func TestNoAnswerLeadsToAURLWithAKey(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	made := alice.post("/profile/keys", nil).is(http.StatusOK)
	secret := made.secret()
	path := attr(one(t, made.page(), tag("form"), leading("action", "/profile/keys/")), "action")
	form := login("alice", password)
	form.Set("next", "/profile/keys?after="+secret)
	nobody := d.visitor()
	for name, got := range map[string]reply{
		"reveal": made, "name": alice.post(path, url.Values{"name": {"laptop"}}), "end": alice.post(path+"/deactivate", nil),
		"list": nobody.get("/profile/keys?after=" + secret), "sign-in": nobody.post("/login", form),
		"htmx":   d.visitor().htmx().with("HX-Current-URL", d.url+"/profile/keys?after="+secret).post("/profile/keys", nil),
		"theme":  d.visitor().with("Referer", d.url+"/profile/keys?after="+secret).post("/theme", colours("dark")),
		"verify": d.verify(http.MethodGet, "?key="+secret, nil), "below verify": d.verify(http.MethodGet, "/"+secret, nil),
	} {
		for _, header := range []string{"Location", "HX-Redirect", "HX-Push-Url", "HX-Replace-Url", "Link", "Refresh"} {
			if strings.Contains(got.header.Get(header), secret) {
				t.Errorf("%s: %s: %s", name, header, got.header.Get(header))
			}
		}
	}
}

// under asks as a browser that was led here under another host's name.
func (v *visitor) under(host, method, path string, form url.Values) reply {
	v.desk.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Host = host
	r.Header.Set("Content-Type", urlEncoded)
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "X-Original-Host"} {
		r.Header.Set(name, host)
	}
	r.Header.Set("Forwarded", "host="+host+";proto=https")
	r.Header.Set("X-Forwarded-Proto", "https")
	if v.cookie != nil {
		r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
	}
	w := httptest.NewRecorder()
	v.desk.app.ServeHTTP(w, r)
	answer := w.Result()
	defer func() { _ = answer.Body.Close() }()
	return read(v.desk.t, answer)
}

// WEB-10: the name under which a request came alters no link, redirect, cookie or page.
func TestNameOfTheHostAltersNothing(t *testing.T) {
	const evil = "evil.test"
	d := newDesk(t)
	alice, root := d.signIn("alice"), d.signIn("root")
	root.under(evil, http.MethodPost, "/admin/users/alice/reset", nil).is(http.StatusOK).link() // which is under the base URL
	root.under(evil, http.MethodPost, "/admin/users", newUser()).is(http.StatusOK).link()
	for name, got := range map[string]reply{
		"reveal":     alice.under(evil, http.MethodPost, "/profile/keys", nil),
		"help":       alice.under(evil, http.MethodGet, "/help/api-keys", nil),
		"to sign in": d.visitor().under(evil, http.MethodGet, "/profile", nil),
		"sign-in":    d.visitor().under(evil, http.MethodGet, "/login", nil),
		"signed in":  d.visitor().under(evil, http.MethodPost, "/login", login("alice", password)),
		"theme":      alice.under(evil, http.MethodPost, "/theme", colours("dark")), "404": root.under(evil, http.MethodGet, "/x", nil),
		"sign-out": alice.under(evil, http.MethodPost, "/logout", nil),
	} {
		var header strings.Builder
		_ = got.header.Write(&header)
		if got.status >= http.StatusInternalServerError || strings.Contains(header.String()+got.body, evil) ||
			strings.Contains(strings.ToLower(header.String()), "domain=") {
			t.Errorf("%s: %d %s\n%s", name, got.status, header.String(), got.body)
		}
	}
}

// AUD-8: what people send forges no line of the log, and reaches no terminal as a control character.
func TestLogIsForgedByNothingThatPeopleSend(t *testing.T) {
	const forged = "x\r\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\n\x1b[31m\u009b31m\u202e"
	d := newDesk(t)
	_, key := d.newKey("alice")
	v := d.visitor().with("User-Agent", "Browser \u009b31m\u202e").with("Referer", deskURL+"/\u009b31m")
	v.post("/login", login(forged, forged)).is(http.StatusUnprocessableEntity)
	v.get("/" + url.PathEscape(forged) + "?" + url.QueryEscape(forged)).is(http.StatusNotFound)
	v.post("/login", login("alice", password)).is(http.StatusSeeOther)
	v.post("/profile/keys/"+key, url.Values{"name": {forged}}).is(http.StatusUnprocessableEntity)
	v.get("/profile/keys/" + url.PathEscape(forged) + "/deactivate").is(http.StatusNotFound)
	d.signIn("root").post("/admin/users/"+url.PathEscape(forged)+"/role", url.Values{"role": {forged}})
	for line := range strings.Lines(d.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry["msg"] == "forged" {
			t.Errorf("a line of the log is %s (%v)", line, err)
		}
		if name := access.Printable(strings.TrimSuffix(line, "\n"), len(line)); name+"\n" != line {
			t.Errorf("a line of the log does not print as it is: %q", line)
		}
	}
	kept := value[string](d, `SELECT user_agent FROM sign_ins WHERE outcome = 'signed in' AND user_id = 'alice'`)
	if kept != "Browser \ufffd31m\ufffd" {
		t.Errorf("the browser is kept as %q", kept)
	}
}
