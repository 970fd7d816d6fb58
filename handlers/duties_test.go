package handlers_test

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/provetest"
)

// AZ-1, AZ-4, AZ-5, AZ-9, AZ-11: whatever people send to the routes of the desk, in sessions of before too, no administrator
// gets a key, nobody changes their own role, somebody administers, and no key comes back. The long form sends 5,000 requests.
func TestProveDutiesOverHTTP(t *testing.T) {
	requests := 200
	if provetest.Asked() {
		requests = 5000
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	d := newDesk(t)
	for id, role := range map[string]access.Role{"dave": access.User, "erin": access.Admin} {
		d.addUser(access.Person{UserID: id, Role: role})
	}
	w := &walk{d: d, r: r, names: []string{"alice", "bob", "dave", "root", "erin"}, in: map[string]*visitor{}, answers: map[int]int{}}
	for range requests {
		w.step()
	}
	t.Logf("answers by status: %v; %d keys, %d changes of roles", w.answers, value[int](d, `SELECT count(*) FROM keys`),
		value[int](d, `SELECT count(*) FROM audit WHERE action = 'change role'`))
	if w.answers[http.StatusOK] == 0 || w.answers[http.StatusSeeOther] == 0 || w.answers[http.StatusForbidden] == 0 {
		t.Error("which shows too little")
	}
}

// walk sends one request after the other, drawn from all that change something.
type walk struct {
	d       *desk
	r       *rand.Rand
	names   []string
	in      map[string]*visitor
	ended   []string // ids of inactive keys
	answers map[int]int
}

func (w *walk) step() {
	w.d.t.Helper()
	who, whom := w.pick(w.names), w.pick(w.names)
	if w.r.IntN(5) > 0 {
		who = w.pick(w.column(`SELECT id FROM users WHERE disabled_at IS NULL`))
	}
	v := w.in[who]
	if v == nil || v.cookie == nil || w.r.IntN(10) == 0 {
		v = w.d.visitor()
		v.post("/login", login(who, password)) // which fails while they are disabled
		w.in[who] = v
		w.d.exec(`DELETE FROM sign_ins`) // a desk that is not attacked
		w.d.exec(`UPDATE users SET failed_sign_ins = 0`)
	}
	path := w.pick([]string{
		"/profile/keys/:key", "/profile/keys/:key/deactivate", "/admin/keys/:key/deactivate",
		"/admin/users/:id/role", "/admin/users/:id/role", "/admin/users/:id/disable", "/admin/users/:id/enable",
		"/admin/users/:id/reset", "/admin/users/:id/sessions/end", "/profile/links/seen", "/profile/sessions/end", "/admin/users",
	})
	key := "00000000-0000-7000-8000-000000000000"
	if keys := w.column(`SELECT id FROM keys`); len(keys) > 0 {
		key = w.pick(keys)
	}
	if w.r.IntN(3) == 0 {
		path = "/profile/keys"
	}
	roleBefore := value[string](w.d, `SELECT role FROM users WHERE id = ?`, who)
	got := v.post(strings.NewReplacer(":id", whom, ":key", key).Replace(path), url.Values{
		"role": {w.pick([]string{"user", "admin"})}, "reason": {"because"}, "name": {"laptop"}, "user_id": {whom}, "owner": {whom}, "as": {""},
		"actor": {"alice"}, "status": {"active"},
	})
	if got.header.Get("Location") == "/login" {
		got.status = http.StatusUnauthorized // as htmx has it
	}
	w.answers[got.status]++
	if got.status >= http.StatusInternalServerError {
		w.d.t.Fatalf("%s of %s is answered %d", path, who, got.status)
	}
	if secretPattern.MatchString(got.body) && (path != "/profile/keys" || roleBefore != "user") {
		w.d.t.Fatalf("%s of %s, who is %s, shows a key", path, who, roleBefore)
	}
	if roleAfter := value[string](w.d, `SELECT role FROM users WHERE id = ?`, who); roleAfter != roleBefore {
		w.d.t.Fatalf("%s changed their own role to %s by %s", who, roleAfter, path)
	}
	w.judge(path)
}

// judge holds the rules against the database.
func (w *walk) judge(path string) {
	w.d.t.Helper()
	for what, query := range map[string]string{
		"administrators or disabled people own active keys": `SELECT count(*) FROM keys k JOIN users u ON u.id = k.user_id
			WHERE k.deactivated_at IS NULL AND (u.role = 'admin' OR u.disabled_at IS NOT NULL)`,
		"times nobody administers": `SELECT count(*) FROM audit_head WHERE NOT EXISTS
			(SELECT 1 FROM users WHERE role = 'admin' AND disabled_at IS NULL AND password_hash <> '')`,
		"people did to themselves what another must": `SELECT count(*) FROM audit WHERE actor = user_id
			AND action IN ('change role', 'disable user', 'issue password link', 'deactivate key')`,
		"keys were made for another": `SELECT count(*) FROM audit WHERE action = 'create key' AND actor <> user_id`,
	} {
		if n := value[int](w.d, query); n > 0 {
			w.d.t.Fatalf("after %s %d %s", path, n, what)
		}
	}
	ended := w.column(`SELECT id FROM keys WHERE deactivated_at IS NOT NULL`)
	for _, id := range w.ended {
		if !slices.Contains(ended, id) {
			w.d.t.Fatalf("after %s the key %s is active again", path, id)
		}
	}
	w.ended = ended
}

func (w *walk) pick(of []string) string { return of[w.r.IntN(len(of))] }

// column returns the texts that a query finds.
func (w *walk) column(query string) (all []string) {
	w.d.t.Helper()
	rows, err := w.d.raw.Query(query)
	w.d.must(err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		w.d.must(rows.Scan(&text))
		all = append(all, text)
	}
	w.d.must(rows.Err())
	return all
}
