package handlers_test

import (
	"net/url"
	"slices"
	"strings"

	"github.com/keydesk/keydesk/static"
)

// aim is a route, with a request of it that changes nothing, or makes so what is so already, and what each is answered.
type aim struct {
	route, target, body string
	nobody, alice, root int
	changes             bool // all the same, for who may
	bare                int  // what who may is answered to a form without fields, where that is something else; 0 where it is not
}

// unreadable is a form that does not parse, which is refused before any password is looked at: that is slow.
const unreadable = "x=%zz"

// aims returns every route of the desk. A route that is missing here fails TestSiegeAimsAtEveryRouteAndField.
func (s *siege) aims() []aim {
	id := func(path, key string) string { return strings.ReplaceAll(path, ":id", key) }
	none := "018f0000-0000-7000-8000-000000000000"
	all := []aim{
		{route: "GET /", nobody: in, alice: 303, root: 303},
		{route: "GET /login", nobody: 200, alice: 200, root: 200},
		{route: "POST /login", body: unreadable, nobody: 400, alice: 400, root: 400, bare: 422},
		{route: "POST /login/challenge", nobody: 200, alice: 200, root: 200},
		{route: "POST /login/passkey", body: unreadable, nobody: 400, alice: 400, root: 400, bare: 422},
		{route: "GET /login/second", nobody: 303, alice: 303, root: 303},
		{route: "POST /login/second", nobody: 303, alice: 303, root: 303},
		{route: "POST /login/second/challenge", nobody: in, alice: in, root: in},
		{route: "POST /logout", nobody: 303, alice: 303, root: 303, changes: true},
		{route: "GET /setup", nobody: 404, alice: 404, root: 404},
		{route: "POST /setup", nobody: 404, alice: 404, root: 404},
		{route: "GET /set-password", nobody: 404, alice: 404, root: 404},
		{route: "POST /set-password", nobody: 404, alice: 404, root: 404},
		{route: "POST /theme", body: "theme=blue", nobody: 422, alice: 422, root: 422},

		{route: "GET /profile", nobody: in, alice: 200, root: 200},
		{route: "POST /profile/password", body: unreadable, nobody: in, alice: 400, root: 400, bare: 422},
		{route: "POST /profile/sessions/end", nobody: in, alice: 303, root: 303, changes: true},
		{route: "POST /profile/sessions/:id/end", target: id("/profile/sessions/:id/end", none), nobody: in, alice: 404, root: 404},
		{route: "POST /profile/links/seen", nobody: in, alice: 303, root: 303},
		{route: "GET /profile/passkeys/new", nobody: in, alice: 200, root: 200},
		{route: "POST /profile/passkeys/challenge", nobody: in, alice: 200, root: 200},
		{route: "POST /profile/passkeys", nobody: in, alice: 422, root: 422},
		{route: "GET /profile/passkeys/:id/remove", target: id("/profile/passkeys/:id/remove", none), nobody: in, alice: 404, root: 404},
		{route: "POST /profile/passkeys/:id/remove", target: id("/profile/passkeys/:id/remove", none), nobody: in, alice: 404, root: 404},
		{route: "GET /profile/recovery-codes", nobody: in, alice: 200, root: 200},
		{route: "POST /profile/recovery-codes", nobody: in, alice: 409, root: 409},
		{route: "GET /prove", nobody: in, alice: 200, root: 200},
		{route: "POST /prove", body: unreadable, nobody: in, alice: 400, root: 400, bare: 422},
		{route: "POST /prove/challenge", nobody: in, alice: 409, root: 409},

		{route: "GET /profile/keys", nobody: in, alice: 200, root: 200},
		{route: "POST /profile/keys", body: "once=" + strings.Repeat("x", 65), nobody: in, alice: 422, root: 403, bare: 200},
		{route: "POST /profile/keys/:id", body: "name=%07", nobody: in, alice: 422, root: 403, bare: 303},
		{route: "GET /profile/keys/:id/uses", nobody: in, alice: 200, root: 404},
		{route: "GET /profile/keys/:id/rename", nobody: in, alice: 200, root: 403},
		{route: "GET /profile/keys/:id/deactivate", nobody: in, alice: 200, root: 403},
		{route: "POST /profile/keys/:id/deactivate", target: id("/profile/keys/:id/deactivate", s.dead), nobody: in, alice: 303, root: 403},

		{route: "GET /help/api-keys", nobody: in, alice: 200, root: 200},
		{route: "POST /help/api-keys/feedback", nobody: in, alice: 422, root: 422},

		{route: "GET /admin/users", nobody: in, alice: 403, root: 200},
		{route: "GET /admin/users/new", nobody: in, alice: 403, root: 200},
		{route: "POST /admin/users", nobody: in, alice: 403, root: 422},
		{route: "GET /admin/export", nobody: in, alice: 403, root: 303},
		{route: "GET /admin/users/export.csv", target: "/admin/users/export.csv?status=x", nobody: in, alice: 403, root: 422},
		{route: "GET /admin/users/:id", nobody: in, alice: 403, root: 200},
		{route: "GET /admin/users/:id/role", nobody: in, alice: 403, root: 200},
		{route: "POST /admin/users/:id/role", body: "role=king", nobody: in, alice: 403, root: 422},
		{route: "GET /admin/users/:id/reset", nobody: in, alice: 403, root: 200},
		{route: "POST /admin/users/:id/reset", target: "/admin/users/nobody-is-called-so/reset", nobody: in, alice: 403, root: 404},
		{route: "GET /admin/users/:id/passkeys/remove", nobody: in, alice: 403, root: 200},
		{route: "POST /admin/users/:id/passkeys/remove", nobody: in, alice: 403, root: 303},
		{route: "GET /admin/users/:id/sessions/end", nobody: in, alice: 403, root: 200},
		{route: "POST /admin/users/:id/sessions/end", target: "/admin/users/nobody-is-called-so/sessions/end", nobody: in, alice: 403, root: 404},
		{route: "GET /admin/users/:id/disable", nobody: in, alice: 403, root: 200},
		{route: "POST /admin/users/:id/disable", target: "/admin/users/carol/disable", nobody: in, alice: 403, root: 303},
		{route: "GET /admin/users/:id/enable", nobody: in, alice: 403, root: 200},
		{route: "POST /admin/users/:id/enable", nobody: in, alice: 403, root: 303},
		{route: "GET /admin/keys/:id/uses", nobody: in, alice: 403, root: 200},
		{route: "GET /admin/keys/:id/deactivate", nobody: in, alice: 403, root: 200},
		{route: "POST /admin/keys/:id/deactivate", nobody: in, alice: 403, root: 422},
		{route: "GET /admin/history", nobody: in, alice: 403, root: 200},
		{route: "GET /admin/history/checkpoint", nobody: in, alice: 403, root: 200},
		{route: "GET /admin/history/proof/:number", nobody: in, alice: 403, root: 200},

		{route: "GET /healthz", nobody: 200, alice: 200, root: 200},
		{route: "GET /readyz", nobody: 200, alice: 200, root: 200},
		{route: "GET /static/:name", nobody: 200, alice: 200, root: 200},
	}
	for i, a := range all {
		if a.target == "" {
			all[i].target = strings.NewReplacer("users/:id", "users/bob", ":id", s.key, ":number", "1", "/static/:name", static.URL("icon.svg")).Replace(a.path())
		}
	}
	return all
}

func (a aim) method() string { method, _, _ := strings.Cut(a.route, " "); return method }

func (a aim) path() string { _, path, _ := strings.Cut(a.route, " "); return path }

// at returns the path that is asked for.
func (a aim) at() string { at, _, _ := strings.Cut(a.target, "?"); return at }

// want returns the status of the answer: who is to sign in first is led there.
func (a aim) want(who string) int {
	status := map[string]int{"nobody": a.nobody, "alice": a.alice, "root": a.root}[who]
	if status == in {
		return 303
	}
	return status
}

// may tells whether the person gets past the gate.
func (a aim) may(who string) bool {
	status := map[string]int{"nobody": a.nobody, "alice": a.alice, "root": a.root}[who]
	return status != in && status != 403
}

// spot is a field of a route, in its form, its query or its path.
type spot struct {
	route, field string
	rest         url.Values // of the form or the query
	want         func(hostileValue) int
	slow         bool // a password is looked at: nobody alone tries it, or alice where nobody cannot
	changes      bool // some values are taken
}

func always(status int) func(hostileValue) int { return func(hostileValue) int { return status } }

// spots returns every field.
func spots() []spot {
	line := func(v hostileValue) int {
		if v.line {
			return 303
		}
		return 422
	}
	lines := func(v hostileValue) int {
		if v.line || v.lines {
			return 303
		}
		return 422
	}
	once := func(v hostileValue) int {
		if len(v.text) <= 64 {
			return 200
		}
		return 422
	}
	wrong := url.Values{"user_id": {"Nobody"}, "name": {"x"}, "email": {"x"}, "role": {"user"}}
	tab := func(name string) url.Values { return url.Values{"tab": {name}} }
	all := []spot{
		{route: "GET /login", field: "next", want: always(200)}, {route: "GET /login", field: "note", want: always(200)},
		{route: "POST /login", field: "user_id", rest: url.Values{"password": {"x"}}, want: always(422), slow: true},
		{route: "POST /login", field: "password", rest: url.Values{"user_id": {"alice"}}, want: always(422), slow: true},
		{route: "POST /login", field: "next", rest: login("alice", "x"), want: always(422), slow: true},
		{route: "POST /login/passkey", field: "credential", want: always(422)}, {route: "POST /login/passkey", field: "next", want: always(422)},
		{route: "POST /login/second", field: "credential", want: always(303)}, {route: "POST /login/second", field: "code", want: always(303)},
		{route: "POST /profile/passkeys", field: "credential", want: always(422)}, {route: "POST /profile/passkeys", field: "name", want: always(422)},
		{route: "POST /profile/recovery-codes", field: "once", want: always(409)},
		{route: "GET /prove", field: "next", want: always(200)},
		{route: "POST /prove", field: "password", want: always(422), slow: true},
		{route: "POST /prove", field: "username", rest: url.Values{"password": {"x"}}, want: always(422), slow: true},
		{route: "POST /prove", field: "next", rest: url.Values{"credential": {"x"}}, want: always(422)},
		{route: "POST /prove", field: "credential", want: always(422)},
		{route: "GET /setup", field: "token", want: always(404)}, {route: "GET /set-password", field: "token", want: always(404)},
		{route: "POST /theme", field: "theme", want: always(422)},
		{route: "GET /profile", field: "note", want: always(200)},
		{route: "POST /profile/password", field: "current", rest: url.Values{"password": {"x"}}, want: always(422), slow: true},
		{route: "POST /profile/password", field: "password", rest: url.Values{"current": {"x"}}, want: always(422), slow: true},
		{route: "POST /profile/password", field: "username", rest: url.Values{"current": {"x"}}, want: always(422), slow: true},
		{route: "POST /profile/links/seen", field: "until", want: always(303)},
		{route: "GET /profile/keys", field: "note", want: always(200)}, {route: "GET /profile/keys", field: "after", want: always(404)},
		{route: "POST /profile/keys", field: "once", want: once, changes: true}, {route: "POST /profile/keys", field: "as", want: always(409)},
		{route: "POST /profile/keys/:id", field: "name", want: line, changes: true},
		{route: "POST /help/api-keys/feedback", field: "helpful", want: always(422)},
		{route: "POST /help/api-keys/feedback", field: "text", rest: url.Values{"helpful": {"no"}}, want: lines, changes: true},
		{route: "GET /admin/users", field: "q", want: always(200)}, {route: "GET /admin/users", field: "after", want: always(200)},
		{route: "GET /admin/users/:id", field: "note", want: always(200)}, {route: "GET /admin/users/:id", field: "after", want: always(404)},
		{route: "POST /admin/users/:id/role", field: "role", want: always(422)},
		{route: "POST /admin/keys/:id/deactivate", field: "reason", want: line, changes: true},
		{route: "GET /admin/users/export.csv", field: "status", want: always(422)},
		{route: "GET /admin/history", field: "tab", want: always(200)}, {route: "GET /admin/history", field: "after", want: always(200)},
		{route: "GET /admin/history", field: "after", rest: tab("api"), want: always(404)},
		{route: "GET /admin/history", field: "after", rest: tab("changes"), want: always(200)},
		{route: "GET /admin/history", field: "person", rest: tab("changes"), want: always(200)},
		{route: "GET /admin/history", field: "action", rest: tab("changes"), want: always(422)},
		{route: "GET /admin/history", field: "from", rest: tab("changes"), want: always(422)},
		{route: "GET /admin/history", field: "to", rest: tab("changes"), want: always(422)},
	}
	for _, field := range []string{"user_id", "name", "email", "role"} {
		all = append(all, spot{route: "POST /admin/users", field: field, rest: wrong, want: always(422)})
	}
	for _, field := range []string{"token", "user_id", "name", "email", "password"} {
		all = append(all, spot{route: "POST /setup", field: field, rest: wrong, want: always(404)})
	}
	for _, field := range []string{"token", "password", "username"} {
		all = append(all, spot{route: "POST /set-password", field: field, want: always(404)})
	}
	return all
}

// reads tells whether a route reads a form.
func (a aim) reads() bool {
	return a.method() == "POST" && slices.ContainsFunc(spots(), func(s spot) bool { return s.route == a.route })
}
