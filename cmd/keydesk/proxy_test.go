package main

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// signIn returns a visitor who is signed in, on the address of loopback.
func (f *front) signIn(userID, from string) *visitor {
	f.t.Helper()
	v := f.visitor(from)
	if got := v.post("/login", signInForm(userID, password)); got.status != http.StatusSeeOther {
		f.t.Fatalf("sign-in of %s: %d %s", userID, got.status, got.body)
	}
	return v
}

func signInForm(userID, password string) url.Values {
	return url.Values{"user_id": {userID}, "password": {password}}
}

// verify asks whether the key is good, in the name of the host.
func (v *visitor) verify(secret string) reply {
	return v.send(http.MethodGet, "/api/v1/verify", nil, http.Header{
		"X-Api-Key": {secret}, "Authorization": {"Bearer " + secret}, "Accept-Encoding": {"gzip"},
	})
}

// SES-3, WEB-5, REV-7: behind TLS the cookie is the host's own, browsers are told to stay with TLS, and neither proxy
// compresses an answer that shows a key.
func TestDeskWorksBehindProxy(t *testing.T) {
	behindEach(t, "localhost", func(t *testing.T, f *front, d *desk) {
		v := f.visitor("127.0.0.1")
		// As a browser that does not say Sec-Fetch-Site.
		in := v.send(http.MethodPost, "/login", signInForm("alice", password), http.Header{"Origin": {f.base}})
		if hsts := in.header.Values("Strict-Transport-Security"); in.status != http.StatusSeeOther || len(hsts) != 1 ||
			!strings.Contains(hsts[0], "max-age=63072000") {
			t.Errorf("sign-in: %d, HSTS %q", in.status, hsts)
		}
		cookies := map[string]*http.Cookie{}
		for _, c := range (&http.Response{Header: in.header}).Cookies() {
			cookies[c.Name] = c
		}
		if c := cookies["__Host-keydesk"]; c == nil || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookies: %q", in.header.Values("Set-Cookie"))
		}
		made := v.send(http.MethodPost, "/profile/keys", url.Values{}, http.Header{"Accept-Encoding": {"gzip"}})
		secret := secretPattern.FindString(made.body) // in clear, or it would not be found
		if made.status != http.StatusOK || secret == "" || made.header.Get("Content-Encoding") != "" {
			t.Fatalf("new key: %d %v", made.status, made.header)
		}
		got := f.visitor("127.0.0.1").verify(secret)
		if got.status != http.StatusOK || got.header.Get("X-Keydesk-User") != "alice" || got.header.Get("Content-Encoding") != "" {
			t.Errorf("verify: %d %v", got.status, got.header)
		}
		page := f.signIn("root", "127.0.0.1").get("/admin/users/export.csv?status=inactive")
		_, printed, _ := command(t, "", "export", "--status=inactive", "--database="+filepath.Join(d.dir, "keydesk.db"))
		if page.status != http.StatusOK || page.body != printed || page.header.Get("Content-Disposition") == "" {
			t.Errorf("report: %d %q, not %q", page.status, page.body, printed)
		}
	})
}

// AUTH-7: what a client writes into X-Forwarded-For neither shows, nor lets it evade the throttle, nor makes another wait.
func TestForgedAddressIsNotBelievedBehindProxy(t *testing.T) {
	behindEach(t, "localhost", func(t *testing.T, f *front, d *desk) {
		const attacker, victim = "127.0.0.3", "127.0.0.4"
		try := func(n int, password string) reply {
			forged := fmt.Sprintf("203.0.113.%d, %s", n, victim)
			return f.visitor(attacker).send(http.MethodPost, "/login", signInForm("bob", password), http.Header{
				"X-Forwarded-For": {forged}, "X-Real-Ip": {forged}, "Forwarded": {"for=203.0.113.9"},
			})
		}
		for n := range 20 {
			if got := try(n, "wrong horse desk battery"); got.status != http.StatusUnprocessableEntity {
				t.Fatalf("attempt %d: %d", n, got.status)
			}
		}
		if got := try(99, password); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
			t.Errorf("after 20 failures: %d %v", got.status, got.header)
		}
		f.signIn("alice", victim)
		if n := d.count(`SELECT count(*) FROM sign_ins WHERE address = '` + attacker + `' AND user_id = 'bob'`); n != 20 {
			t.Errorf("%d failures are the attacker's, not 20", n)
		}
		if n := d.count(`SELECT count(*) FROM sign_ins WHERE address = '` + victim + `'`); n != 1 {
			t.Errorf("%d sign-ins are the victim's, not 1", n)
		}
		shown := f.signIn("root", "127.0.0.1").get("/admin/history?tab=sign-ins")
		if strings.Contains(shown.body, "203.0.113.") || !strings.Contains(shown.body, attacker) {
			t.Errorf("Login History does not tell the attacker's address: %s", shown.body)
		}
	})
}

// WEB-10: what a client says of the host it wants to reach is in no link, redirect or cookie.
func TestForgedHostChangesNothingBehindProxy(t *testing.T) {
	tokenLink := regexp.MustCompile(`https?://[^"'<\s]+token=`)
	behindEach(t, exampleHost, func(t *testing.T, f *front, _ *desk) {
		root := f.signIn("root", "127.0.0.1")
		for name, forge := range map[string]func(*http.Request){
			"Host":             func(r *http.Request) { r.Host = "evil.example" },
			"X-Forwarded-Host": func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "evil.example") },
			"Forwarded":        func(r *http.Request) { r.Header.Set("Forwarded", "host=evil.example;proto=http") },
			"X-Forwarded-Proto": func(r *http.Request) {
				r.Header.Set("X-Forwarded-Proto", "http")
				r.Header.Set("X-Forwarded-Port", "8")
			},
		} {
			for _, is := range []struct {
				v            *visitor
				method, path string
				form         url.Values
				status       int
				links        int
			}{
				{f.visitor("127.0.0.1"), http.MethodGet, "/profile/keys", nil, http.StatusSeeOther, 0},
				{f.visitor("127.0.0.1"), http.MethodPost, "/login", signInForm("alice", password), http.StatusSeeOther, 0},
				{root, http.MethodPost, "/admin/users/alice/reset", url.Values{}, http.StatusOK, 1},
			} {
				got := is.v.forge(is.method, f.base+is.path, is.form, forge)
				all := fmt.Sprint(got.header, got.body)
				links := tokenLink.FindAllString(got.body, -1)
				if name == "Host" {
					if got.status != http.StatusMisdirectedRequest || strings.Contains(all, "evil.example") {
						t.Errorf("another host's name, %s %s: %d %s", is.method, is.path, got.status, all)
					}
					continue
				}
				if got.status != is.status || strings.Contains(all, "evil.example") || strings.Contains(all, "Domain=") ||
					len(links) != is.links || is.links > 0 && links[0] != f.base+"/set-password?token=" ||
					strings.Contains(got.header.Get("Location"), "//") {
					t.Errorf("%s, %s %s: %d %s", name, is.method, is.path, got.status, all)
				}
			}
		}
		for host, status := range map[string]int{exampleHost: http.StatusMovedPermanently, "evil.example": http.StatusMisdirectedRequest} {
			plain := f.visitor("127.0.0.1").forge(http.MethodGet, "http://"+exampleHost+"/login?a=b", nil,
				func(r *http.Request) { r.Host = host })
			leads := map[int]string{http.StatusMovedPermanently: f.base + "/login?a=b"}[status]
			if plain.status != status || plain.header.Get("Location") != leads {
				t.Errorf("%s without TLS: %d %v", host, plain.status, plain.header)
			}
		}
	})
}

// forge sends a request as the forger has changed it.
func (v *visitor) forge(method, address string, form url.Values, forge func(*http.Request)) reply {
	t := v.desk.t
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	forge(r)
	if r.Host != r.URL.Host { // a forged host would keep the cookies away
		for _, c := range v.Jar.Cookies(r.URL) {
			r.AddCookie(c)
		}
	}
	answer, err := v.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := readAll(answer)
	if err != nil {
		t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, text}
}

// VER-7: a desk that is not there, or another host's name, is never a yes.
func TestStoppedDeskIsNoYesBehindProxy(t *testing.T) {
	behindEach(t, exampleHost, func(t *testing.T, f *front, d *desk) {
		secret, _ := f.signIn("alice", "127.0.0.1").newKey()
		v := f.visitor("127.0.0.1")
		elsewhere := v.forge(http.MethodGet, f.base+"/api/v1/verify", nil, func(r *http.Request) { r.Host = "evil.example" })
		if elsewhere.status == http.StatusOK {
			t.Errorf("another host's name: %d %q", elsewhere.status, elsewhere.body)
		}
		if code := d.stop(); code != 0 {
			t.Fatal(code)
		}
		for range 3 {
			if got := v.verify(secret); got.status != http.StatusBadGateway && got.status != http.StatusServiceUnavailable {
				t.Errorf("verify without a desk: %d %s", got.status, got.body)
			}
		}
		startDesk(t, d.dir, f.flags(0)...)
		if got := v.verify(secret); got.status != http.StatusOK {
			t.Errorf("verify with the desk back: %d %s", got.status, got.body)
		}
	})
}
