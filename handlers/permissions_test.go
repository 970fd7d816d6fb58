package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/static"
)

// in is the answer of a page that is for people who are signed in: the way to the sign-in page.
const in = http.StatusUnauthorized

// allowed says how a route answers each kind of visitor. The key in the path, where there is one, is alice's.
type allowed struct {
	route string
	form  url.Values // of a POST
	nobody,
	owner, // alice
	other, // bob
	admin, // root
	disabled, // carol, by a session that she opened before
	key int // no session, but a good API key of alice's (AZ-13)
}

func permissions() []allowed {
	name, reason := url.Values{"name": {"laptop"}}, url.Values{"reason": {"leaked"}}
	return []allowed{
		{"GET /", nil, in, 303, 303, 303, in, in},
		{"GET /login", nil, 200, 200, 200, 200, 200, 200},
		{"POST /login", url.Values{}, 422, 422, 422, 422, 422, 422},
		{"POST /login/challenge", url.Values{}, 200, 200, 200, 200, 200, 200},
		{"POST /login/passkey", url.Values{}, 422, 422, 422, 422, 422, 422},
		{"GET /login/second", nil, 303, 303, 303, 303, 303, 303}, // without a right password before
		{"POST /login/second", url.Values{}, 303, 303, 303, 303, 303, 303},
		{"POST /login/second/challenge", url.Values{}, in, in, in, in, in, in},
		{"GET /setup", nil, 404, 404, 404, 404, 404, 404}, // without a link's token
		{"POST /setup", url.Values{}, 404, 404, 404, 404, 404, 404},
		{"GET /set-password", nil, 404, 404, 404, 404, 404, 404},
		{"POST /set-password", url.Values{}, 404, 404, 404, 404, 404, 404},
		{"POST /theme", url.Values{"theme": {"dark"}}, 303, 303, 303, 303, 303, 303},

		{"GET /profile", nil, in, 200, 200, 200, in, in},
		{"POST /profile/password", url.Values{}, in, 422, 422, 422, in, in},
		{"POST /profile/sessions/:id/end", url.Values{}, in, 404, 404, 404, in, in}, // none of theirs
		{"POST /profile/links/seen", url.Values{}, in, 303, 303, 303, in, in},
		{"GET /profile/passkeys/new", nil, in, 200, 200, 200, in, in},
		{"POST /profile/passkeys/challenge", url.Values{}, in, 200, 200, 200, in, in},
		{"POST /profile/passkeys", url.Values{}, in, 422, 422, 422, in, in},
		{"GET /profile/passkeys/:id/remove", nil, in, 404, 404, 404, in, in}, // none of theirs
		{"POST /profile/passkeys/:id/remove", url.Values{}, in, 404, 404, 404, in, in},
		{"GET /profile/recovery-codes", nil, in, 200, 200, 200, in, in},
		{"POST /profile/recovery-codes", url.Values{}, in, 409, 409, 409, in, in}, // without a passkey
		{"GET /prove", nil, in, 200, 200, 200, in, in},
		{"POST /prove", url.Values{}, in, 422, 422, 422, in, in},
		{"POST /prove/challenge", url.Values{}, in, 409, 409, 409, in, in},

		{"GET /profile/keys", nil, in, 200, 200, 200, in, in},
		{"POST /profile/keys", url.Values{}, in, 200, 200, 403, in, in},
		{"POST /profile/keys/:id", name, in, 303, 404, 403, in, in},
		{"GET /profile/keys/:id/uses", nil, in, 200, 404, 404, in, in}, // an administrator owns no key
		{"GET /profile/keys/:id/rename", nil, in, 200, 404, 403, in, in},
		{"GET /profile/keys/:id/deactivate", nil, in, 200, 404, 403, in, in},
		{"POST /profile/keys/:id/deactivate", url.Values{}, in, 303, 404, 403, in, in},

		{"GET /help/api-keys", nil, in, 200, 200, 200, in, in},
		{"POST /help/api-keys/feedback", url.Values{"helpful": {"yes"}}, in, 303, 303, 303, in, in},

		{"GET /admin/users", nil, in, 403, 403, 200, in, in},
		{"GET /admin/users/new", nil, in, 403, 403, 200, in, in},
		{"POST /admin/users", url.Values{}, in, 403, 403, 422, in, in},
		{"GET /admin/export", nil, in, 403, 403, 303, in, in},
		{"GET /admin/users/export.csv", nil, in, 403, 403, 200, in, in},
		{"GET /admin/users/:id", nil, in, 403, 403, 200, in, in},
		{"GET /admin/users/:id/role", nil, in, 403, 403, 200, in, in},
		{"POST /admin/users/:id/role", url.Values{"role": {"admin"}}, in, 403, 403, 303, in, in},
		{"GET /admin/users/:id/reset", nil, in, 403, 403, 200, in, in},
		{"POST /admin/users/:id/reset", url.Values{}, in, 403, 403, 200, in, in},
		{"GET /admin/users/:id/sessions/end", nil, in, 403, 403, 200, in, in},
		{"POST /admin/users/:id/sessions/end", url.Values{}, in, 403, 403, 303, in, in},
		{"GET /admin/users/:id/passkeys/remove", nil, in, 403, 403, 200, in, in},
		{"POST /admin/users/:id/passkeys/remove", url.Values{}, in, 403, 403, 303, in, in},
		{"GET /admin/users/:id/disable", nil, in, 403, 403, 200, in, in},
		{"POST /admin/users/:id/disable", url.Values{}, in, 403, 403, 303, in, in},
		{"GET /admin/users/:id/enable", nil, in, 403, 403, 200, in, in},
		{"POST /admin/users/:id/enable", url.Values{}, in, 403, 403, 303, in, in},
		{"GET /admin/keys/:id/uses", nil, in, 403, 403, 200, in, in},
		{"GET /admin/keys/:id/deactivate", nil, in, 403, 403, 200, in, in},
		{"POST /admin/keys/:id/deactivate", reason, in, 403, 403, 303, in, in},
		{"GET /admin/history", nil, in, 403, 403, 200, in, in},
		{"GET /admin/history/checkpoint", nil, in, 403, 403, 200, in, in},
		{"GET /admin/history/proof/:number", nil, in, 403, 403, 200, in, in},

		{"GET /healthz", nil, 200, 200, 200, 200, 200, 200},
		{"GET /readyz", nil, 200, 200, 200, 200, 200, 200},
		{"GET /static/:name", nil, 200, 200, 200, 200, 200, 200},

		{"POST /profile/sessions/end", url.Values{}, in, 303, 303, 303, in, in}, // last: they end the sessions
		{"POST /logout", url.Values{}, 303, 303, 303, 303, 303, 303},
	}
}

// AZ-1, AZ-2, AZ-13, API1, API5: every route of the desk, asked by everybody. A route without a row fails.
func TestEveryRouteAnswersEveryoneAsListed(t *testing.T) {
	d := newDesk(t)
	d.addUser(access.Person{UserID: "erin", Role: access.User}) // whose account is changed
	cast := d.cast()
	listed := make([]string, 0, len(cast))
	for _, row := range permissions() {
		listed = append(listed, row.route)
		t.Run(row.route, func(t *testing.T) {
			for i, want := range []int{row.nobody, row.owner, row.other, row.admin, row.disabled, row.key} {
				d.ask(t, cast[i], row, want)
			}
		})
	}
	table := d.app.Table()
	slices.Sort(table)
	slices.Sort(listed)
	if !slices.Equal(table, listed) {
		t.Errorf("the desk has the routes\n%s\nand this test lists\n%s",
			strings.Join(table, "\n"), strings.Join(listed, "\n"))
	}
}

type somebody struct {
	name string
	*visitor
}

// cast returns the visitors in the order of the columns.
func (d *desk) cast() []somebody {
	d.t.Helper()
	d.exec(`UPDATE users SET disabled_at = NULL WHERE id = 'carol'`)
	carol := d.signIn("carol")
	d.exec(`UPDATE users SET disabled_at = created_at WHERE id = 'carol'`)
	secret, _ := d.newKey("alice")
	return []somebody{
		{"nobody", d.visitor()},
		{"alice", d.signIn("alice")},
		{"bob", d.signIn("bob")},
		{"root", d.signIn("root")},
		{"carol", carol},
		{"a key", d.visitor().with("Authorization", "Bearer "+secret).with("X-API-Key", secret)},
	}
}

// ask asks a route as a browser does; where that is refused, as htmx does too. What is refused, or only read, changes
// nothing.
func (d *desk) ask(t *testing.T, who somebody, row allowed, want int) {
	t.Helper()
	_, key := d.newKey("alice")
	method, path, _ := strings.Cut(row.route, " ")
	path = strings.NewReplacer("users/:id", "users/erin", ":id", key, ":number", "1", "/static/:name", static.URL("icon.svg")).Replace(path)
	before := d.state()
	ask := func(v *visitor) reply {
		if method == http.MethodPost {
			return v.post(path, row.form)
		}
		return v.get(path)
	}
	got := ask(who.visitor)
	refused := want == in || want == http.StatusForbidden || want == http.StatusNotFound
	switch {
	case want == in:
		toSignIn(t, who, method, path, got, ask(who.htmx()))
	case got.status != want:
		t.Errorf("%s: %d, not %d", who.name, got.status, want)
	case refused:
		if asked := ask(who.htmx()); asked.status != want {
			t.Errorf("%s with htmx: %d, not %d", who.name, asked.status, want)
		}
	}
	writes := method == http.MethodPost || strings.HasSuffix(path, "/export.csv") // which is written down
	if (refused || !writes) && d.state() != before {
		t.Errorf("%s changed something", who.name)
	}
}

// toSignIn checks that a page leads to the sign-in page, and a GET from there back; and that htmx is told so.
func toSignIn(t *testing.T, who somebody, method, path string, page, fragment reply) {
	t.Helper()
	want := "/login"
	if method == http.MethodGet && path != "/" {
		want += "?next=" + url.QueryEscape(path)
	}
	if page.status != http.StatusSeeOther || page.header.Get("Location") != want {
		t.Errorf("%s: %d to %q, not 303 to %q", who.name, page.status, page.header.Get("Location"), want)
	}
	if fragment.status != http.StatusUnauthorized || fragment.header.Get("HX-Redirect") != "/login" {
		t.Errorf("%s with htmx: %d to %q, not 401 to /login", who.name, fragment.status, fragment.header.Get("HX-Redirect"))
	}
}
