package handlers_test

import (
	"net/http"
	"strings"
	"testing"
)

// AZ-14: no spelling of a path goes around its gate. The spellings are sent as they stand.
func TestNoSpellingOfAPathGoesAroundItsGate(t *testing.T) {
	d := newDesk(t)
	alice, nobody := d.signIn("alice"), d.visitor()
	for _, path := range []string{
		"//admin/users", "///admin/users", "/admin//users", "/./admin/users", "/admin/./users",
		"/profile/../admin/users", "/profile/keys/../../admin/users", "/admin/../profile/keys/../../admin/users",
		"/static/../admin/users", "/login/../admin/users", "/healthz/../admin/users", "/static/..%2fadmin%2fusers",
		"/profile/keys/..%2f..%2fadmin%2fusers/deactivate", "/%2e%2e/admin/users", "/%2e/admin/users",
		"/ADMIN/users", "/Admin/Users", "/admin/USERS", "/admin/users/", "/admin/users//", "/admin/users/.",
		"/admin/users/..", "/admin/users/%2e%2e/users", "/admin%2fusers", "/admin%2Fusers", "/admin%5cusers", `/admin\users`,
		"/%61dmin/users", "/admin/%75sers", "/admin/%2575sers", "/admin/users%20", "/admin/users%00", "/admin%00/users",
		"/%00admin/users", "/admin/users%0a", "/admin/users%09", "/admin/users;x", "/admin;x/users", "/admin/users;/",
		"/admin/users%3b", "/admin/users.html", "/admin/users?", "/admin/users?x=/login", "/admin/users%3fx", "/admin/users#",
		"/admin/users/export.csv/", "/admin/users/export.csv?status=active", "/admin/users/EXPORT.CSV", "/admin/users/export%2ecsv",
		"/admin/users/export.csv%00", "/admin/history/", "/admin/history;x", "/admin/history/..", "/admin/users/alice/",
		verifyPath + "/../../../admin/users", verifyPath + "/..%2f..%2f..%2fadmin/users", d.url + "/admin/users",
	} {
		for name, v := range map[string]*visitor{"alice": alice, "nobody": nobody} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
				got := v.raw(method, path)
				words := strings.ToLower(got.body)
				if got.status < 300 || strings.Contains(words, "manage users") || strings.Contains(words, "masked key,") ||
					got.header.Get("Content-Disposition") != "" {
					t.Errorf("%s %s by %s: %d %s", method, path, name, got.status, got.body)
				}
			}
		}
	}
	if n := value[int](d, `SELECT count(*) FROM audit WHERE action = 'export keys'`); n > 0 {
		t.Errorf("%d exports", n)
	}
}

// SEC-3: what is not in the table of routes is not there: no profile, no counter and no version of the program.
func TestUnknownPathIsNotFound(t *testing.T) {
	d := newDesk(t)
	for _, v := range []*visitor{d.visitor(), d.signIn("alice"), d.signIn("root")} {
		for _, path := range []string{
			"/nowhere", "/admin", "/admin/keys", "/profile/sessions", "/version", "/api/v1/keys", "/api/v1/verifyx", "/api/v1", "/static/", "/static/../app.css",
			"/.env", "/.git/config", "/debug/pprof/", "/debug/vars", "/metrics", "/favicon.ico", "/robots.txt",
		} {
			if got := v.raw(http.MethodGet, path); got.status != http.StatusNotFound {
				t.Errorf("%s: %d", path, got.status)
			}
		}
	}
}

// REV-4, KEY-10: the log has the route, never the path, the query or the method, which anybody could put a key into.
func TestLogNeverQuotesWhatAnybodyCouldPutAKeyInto(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.newKey("alice")
	alice := d.signIn("alice")
	for _, path := range []string{
		"/" + secret, "/profile/keys/" + secret + "/deactivate", "/static/" + secret, "/login?next=/" + secret,
		"/profile/keys?after=" + secret, verifyPath + "/" + secret, verifyPath + "?key=" + secret,
	} {
		alice.with("Referer", "http://desk.example/"+secret).with("User-Agent", secret).get(path)
	}
	alice.raw(secret, "/login") // as the method
	log := d.log.String()
	if strings.Contains(log, secret) {
		t.Error("the log holds the key")
	}
	if !strings.Contains(log, `"route":"/profile/keys/:id/deactivate"`) || !strings.Contains(log, `"user":"alice"`) {
		t.Errorf("the log does not say who asked for what: %s", log)
	}
}
