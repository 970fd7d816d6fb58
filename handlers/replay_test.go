package handlers_test

import (
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// The tests of this file replay flaws that others published; docs/security/replays.md says which, and where the others are.

// AUTH-11: a path that looks like a folder is not led to its end with a slash, and so not to another host.
func TestReplayedRedirectOfAFolder(t *testing.T) {
	d := newDesk(t)
	for _, v := range []*visitor{d.visitor(), d.signIn("alice"), d.signIn("root")} {
		for _, target := range []string{
			"//evil.test%2f..", "//evil.test/%2f..", "/evil.test%2f..", `/\evil.test/%2e%2e%2f`, "//evil.test//%2e%2e/", "/static//evil.test%2f..", "//evil.test/static/..",
			"/static", "/static/", "/profile/", "/admin/users/", "/help/", "//", "///", "/%2f/evil.test",
		} {
			got := v.raw(http.MethodGet, target)
			if to := got.header.Get("Location"); got.status == http.StatusMovedPermanently || to != "" && !staysHere(to) {
				t.Errorf("%s: %d to %q", target, got.status, to)
			}
		}
	}
}

// AZ-14: what is served comes from no file system, so no path leads out of it, however its dots and slashes are written.
func TestReplayedPathOutOfTheAssets(t *testing.T) {
	d := newDesk(t)
	v := d.visitor()
	for _, dots := range []string{"..", "%2e%2e", ".%2e", "%252e%252e", "..%00", "..;", "....", "%c0%ae%c0%ae", "%uff0e%uff0e"} {
		for _, slash := range []string{"/", "%2f", "%5c", `\`, "%252f", "//"} {
			for _, end := range []string{"etc/passwd", "keydesk.db", "app.css", "admin/users", "static.go"} {
				got := v.raw(http.MethodGet, "/static/"+strings.Repeat(dots+slash, 8)+end)
				if got.status < 400 || strings.Contains(got.body, "root:") {
					t.Errorf("%s%s%s: %d %.100q", dots, slash, end, got.status, got.body)
				}
			}
		}
	}
}

// AUTH-8, AUTH-14: an e-mail address signs nobody in, so that it is no second way around the throttle, and no User ID can be
// one, so that nobody takes another's; and one that holds two addresses is none.
func TestReplayedSignInByAnAddress(t *testing.T) {
	d := newDesk(t)
	d.exec(`UPDATE users SET email = 'alice@desk.example' WHERE id = 'alice'`)
	for _, typed := range []string{"alice@desk.example", "ALICE@desk.example", " alice@desk.example"} {
		d.visitor().post("/login", login(typed, password)).is(http.StatusUnprocessableEntity)
	}
	root := d.signIn("root")
	before := d.state()
	for _, id := range []string{"alice@desk.example", "alice@", "@alice", "Alice", "alice ", "al\u0131ce"} {
		root.post("/admin/users", newUser("user_id", id)).is(http.StatusUnprocessableEntity)
	}
	for _, email := range []string{"attacker@evil.test@desk.example", `"attacker@evil.test"@desk.example, x@desk.example`, "alice@desk.example", "ALICE@desk.example", "x@desk.example\r\nBcc: y@evil.test"} {
		root.post("/admin/users", newUser("email", email)).is(http.StatusUnprocessableEntity)
	}
	if d.state() != before {
		t.Error("something was changed")
	}
}

// AUTH-5: a sign-in of nobody costs what one with a wrong password does: the memory that a hash takes is taken for each.
func TestReplayedSignInOfNobodyCostsWhatAnotherDoes(t *testing.T) {
	d := newDesk(t)
	d.signIn("root").post("/admin/users", newUser()).is(http.StatusOK) // dave, who has set no password yet
	d.visitor().post("/login", login("alice", "warms up"))
	var before, after runtime.MemStats
	for name, form := range map[string]url.Values{
		"wrong": login("alice", "wrong"), "unknown": login("mallory", "wrong"), "no User ID": login("A@", "wrong"), "disabled": login("carol", password),
		"none set": login("dave", "wrong"), "empty": login("", ""), "not UTF-8": login("\xff", "\xff"), "NUL": login("al\x00ice", "wrong"),
	} {
		runtime.ReadMemStats(&before)
		d.visitor().post("/login", form).is(http.StatusUnprocessableEntity)
		runtime.ReadMemStats(&after)
		if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib < 18 || mib > 40 {
			t.Errorf("%s: %d MiB", name, mib)
		}
	}
}

// AZ-1: requests at once share nothing: each is answered as who made it, and nobody as nobody.
func TestReplayedRequestsThatShareTheirState(t *testing.T) {
	d := newDesk(t)
	d.newKey("alice")
	cast := map[string]*visitor{"": d.visitor(), "alice": d.signIn("alice"), "bob": d.signIn("bob"), "root": d.signIn("root")}
	var group sync.WaitGroup
	for userID, v := range cast {
		for range 2 {
			own := *v // each has its own copy of the cookies
			own.others = map[string]*http.Cookie{}
			group.Go(func() {
				for range 60 {
					profile, users := own.get("/profile"), own.get("/admin/users")
					switch {
					case userID == "" && (profile.status != 303 || users.status != 303):
						t.Errorf("nobody: %d, %d", profile.status, users.status)
					case userID != "" && (profile.status != 200 || !strings.Contains(profile.told(), "User ID"+userID+"Name")):
						t.Errorf("%s: %d %.80q", userID, profile.status, profile.told())
					case userID == "root" && users.status != 200, userID != "" && userID != "root" && users.status != 403:
						t.Errorf("%s: %d", userID, users.status)
					}
				}
			})
		}
	}
	group.Wait()
}

// DOS-1: what is no form is not taken apart, however deep it goes, and is as large as any at most.
func TestReplayedDeepPayload(t *testing.T) {
	d := newDesk(t)
	secret, key := d.newKey("alice")
	alice, root := d.signIn("alice"), d.signIn("root")
	before := d.state()
	for name, deep := range map[string]string{
		"lists": strings.Repeat("[", bodyLimit), "objects": strings.Repeat(`{"a":`, bodyLimit/5), "keys": "{" + strings.Repeat(`"role":"admin",`, bodyLimit/16) + `"":0}`,
		"numbers": "[" + strings.Repeat("1e9999,", bodyLimit/8) + "0]", "text": `"` + strings.Repeat(`\u0000`, bodyLimit/7) + `"`,
	} {
		for _, kind := range []string{"application/json", "application/json; charset=utf-8", "application/cbor", "text/json"} {
			alice.send(http.MethodPost, "/help/api-keys/feedback", kind, deep).is(http.StatusUnprocessableEntity)
			alice.send(http.MethodPost, "/theme", kind, deep).is(http.StatusUnprocessableEntity)
			root.send(http.MethodPost, "/admin/users/bob/role", kind, deep).is(http.StatusUnprocessableEntity)
			root.send(http.MethodPost, "/admin/keys/"+key+"/deactivate", kind, deep).is(http.StatusUnprocessableEntity)
			d.visitor().send(http.MethodPost, "/profile/keys", kind, deep).is(http.StatusSeeOther)
			d.visitor().with("X-API-Key", secret).send(http.MethodPost, verifyPath, kind, deep).is(http.StatusOK)
		}
		if got := d.visitor().send(http.MethodPost, "/theme", "application/json", deep+strings.Repeat(" ", bodyLimit)); got.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s that are too large: %d", name, got.status)
		}
	}
	if d.state() != before {
		t.Error("something was changed")
	}
}

// REV-4: a key in a request that is malformed, or where none belongs, comes back in no answer, and is in no log and no table.
func TestReplayedMalformedRequestThatIsWrittenDown(t *testing.T) {
	d := newDesk(t)
	secret := access.NewSecret(access.DefaultPrefix).Reveal()
	_, key := d.newKey("alice")
	alice, root := d.signIn("alice"), d.signIn("root")
	spoilt := []struct{ kind, body string }{
		{urlEncoded, "name=" + secret + "%zz"}, {urlEncoded, "name=" + secret + ";role=admin"}, {urlEncoded, secret}, {urlEncoded, secret + "=x"},
		{"application/json", `{"name":"` + secret + `"`}, {"text/plain", secret}, {secret, "name=x"}, {"multipart/form-data; boundary=" + secret, secret},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"" + secret + "\"; filename=\"" + secret + "\"\r\n\r\n" + secret},
		{urlEncoded, url.Values{"name": {secret}, "reason": {secret}, "role": {secret}, "helpful": {secret}, "text": {secret}, "theme": {secret}, "once": {secret + secret}, "user_id": {secret}, "email": {secret}}.Encode()},
	}
	for _, s := range spoilt {
		for _, path := range []string{"/profile/keys/" + key, "/profile/keys", "/help/api-keys/feedback", "/theme", "/profile/password", "/profile/links/seen"} {
			v := alice.with("Authorization", "Bearer "+secret).with("X-API-Key", secret).with("X-Vault-Token", secret).with("X-Request-Id", secret)
			got := v.send(http.MethodPost, path, s.kind, s.body)
			if strings.Contains(got.body, secret) || got.status >= 500 {
				t.Errorf("%s of %s: %d %.200q", path, s.kind, got.status, got.told())
			}
		}
		for _, path := range []string{"/admin/users", "/admin/users/bob/role", "/admin/keys/" + key + "/deactivate", "/login"} {
			if got := root.send(http.MethodPost, path, s.kind, s.body); strings.Contains(got.body, secret) || got.status >= 500 {
				t.Errorf("%s of %s: %d %.200q", path, s.kind, got.status, got.told())
			}
		}
	}
	d.flush()
	if strings.Contains(d.log.String(), secret) || strings.Contains(dbtest.Content(t, d.raw), secret) || strings.Contains(d.stored(), secret) {
		t.Error("the key was written down")
	}
}

// DOS-4: a chunk whose size ends in a bare line feed ends the connection, and nothing behind it is a request.
func TestReplayedChunkThatEndsInALineFeed(t *testing.T) {
	d := newDesk(t)
	const head = "POST /theme HTTP/1.1\r\nHost: desk\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
	const behind = "GET /healthz HTTP/1.1\r\nHost: desk\r\n\r\n"
	for name, chunks := range map[string]string{
		"size": "a\ntheme=dark\r\n0\r\n\r\n", "extension": "a;\ntheme=dark\r\n0\r\n\r\n", "extension with a request": "a;" + strings.ReplaceAll(behind, "\r\n", "\n") + "\r\n",
		"data": "a\r\ntheme=dark\n0\r\n\r\n", "last": "a\r\ntheme=dark\r\n0\n\r\n", "carriage return": "a;\rtheme=dark\r\n0\r\n\r\n",
	} {
		got := d.exchange(head + chunks + behind)
		if len(got) != 1 || got[0] == 200 || got[0] == 303 {
			t.Errorf("%s: answered %v", name, got)
		}
	}
	if got := d.exchange(head + "a\r\ntheme=dark\r\n0\r\n\r\n"); len(got) != 1 || got[0] != 303 { // the control
		t.Errorf("well-formed chunks: answered %v", got)
	}
}
