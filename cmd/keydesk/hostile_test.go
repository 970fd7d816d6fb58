package main

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// AUTH-11, SES-1, WEB-1, WEB-2, WEB-5, WEB-6, WEB-8, WEB-10, WEB-11, AZ-3, AZ-13, AZ-14, VER-1, VER-3, VER-4, IO-1, IO-5,
// IO-7, DOS-1, DOS-4, REV-1, AUD-8: every hostile request gets the answer that its row states, and leaves the desk as it was.
func TestHostileRequestsGetTheirAnswers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "hostile", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	requests := map[string]string{}
	for _, file := range files {
		rows := hostileRows(t, file)
		for _, row := range rows {
			request := strings.Join([]string{row.who, row.request, row.headers, row.body}, " | ")
			if said := requests[request]; said != "" {
				t.Errorf("%s asks what %s asks already", row.at, said)
			}
			requests[request] = row.at
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			s := newSiege(t)
			for _, row := range rows {
				t.Run(row.name, func(t *testing.T) { s.hold(t, row) })
			}
			s.logIsClean(t)
		})
	}
	if len(requests) < 300 {
		t.Errorf("the table has %d rows", len(requests))
	}
}

// siege is a desk under attack, and what its attackers know.
type siege struct {
	*desk
	address string
	cookies map[string]string // session cookie by User ID
	known   map[string]string // what stands for {word} in a row
}

func newSiege(t *testing.T) *siege {
	t.Helper()
	s := &siege{desk: newDesk(t), cookies: map[string]string{}}
	s.address = strings.TrimPrefix(s.url, "http://")
	alice, bob := s.signIn("alice"), s.signIn("bob")
	alice.post("/profile/keys", url.Values{"once": {"spent"}})
	key, id := alice.newKey()
	dead, deadID := alice.newKey()
	alice.post("/profile/keys/"+deadID+"/deactivate", nil)
	bobs, bobsID := bob.newKey()
	for _, user := range []string{"alice", "bob", "root"} {
		s.cookies[user] = s.session(t, user)
	}
	_, port, _ := strings.Cut(s.address, ":")
	other := "0"
	if strings.HasSuffix(key, other) {
		other = "1"
	}
	s.known = map[string]string{
		"host": s.address, "port": port, "key": key, "dead": dead, "bobs": bobs, "id": id, "idupper": strings.ToUpper(id), "deadid": deadID, "bobsid": bobsID,
		"alice": s.cookies["alice"], "bob": s.cookies["bob"], "root": s.cookies["root"],
		"cut": key[:len(key)-1], "badsum": key[:len(key)-1] + other, "bare": key[3:], "upper": strings.ToUpper(key),
		"visit": s.text(t, "SELECT id FROM sessions WHERE user_id = 'bob' LIMIT 1"),
	}
	return s
}

// session signs the user in and returns the cookie of the session.
func (s *siege) session(t *testing.T, user string) string {
	t.Helper()
	v := s.signIn(user)
	for _, c := range v.Jar.Cookies(mustParse(t, s.url)) {
		if c.Name == "keydesk" {
			return c.Value
		}
	}
	t.Fatalf("%s has no session", user)
	return ""
}

// hold makes the request of a row and checks all that must hold.
func (s *siege) hold(t *testing.T, row hostileRow) {
	t.Helper()
	before := s.state(t)
	got := s.attack(t, row)
	if len(got.answers) != row.count("answers", 1) {
		t.Fatalf("%s: %d answers\n%s", row.at, len(got.answers), got.raw)
	}
	answer := got.answers[len(got.answers)-1]
	if answer.status != row.status {
		t.Errorf("%s: answered with %d, not %d\n%s", row.at, answer.status, row.status, got.raw)
	}
	if got.invited != row.has("continue") {
		t.Errorf("%s: asked to go on: %t", row.at, got.invited)
	}
	if found := secretPattern.FindString(got.raw); (found != "") != row.has("reveals") {
		t.Errorf("%s: the answer holds the key %q\n%s", row.at, found, got.raw)
	}
	for user, cookie := range s.cookies {
		if strings.Contains(got.raw, cookie) {
			t.Errorf("%s: the answer gives the cookie of %s back", row.at, user)
		}
	}
	for _, a := range got.answers {
		a.isWellHeaded(t, row)
		a.isInert(t, row)
	}
	for _, condition := range row.holds {
		answer.holds(t, row, s.fill(t, condition))
	}
	if changed := s.state(t) != before; changed != row.has("changes") {
		t.Errorf("%s: something was changed: %t", row.at, changed)
	}
	alive := s.exchange(t, []byte("GET /healthz HTTP/1.1\r\nHost: "+s.address+"\r\n\r\n"), hostileRow{})
	if len(alive.answers) != 1 || alive.answers[0].body != "ok\n" {
		t.Fatalf("%s: the desk is no longer healthy: %q", row.at, alive.raw)
	}
}

// state returns a fingerprint of what the database holds.
func (s *siege) state(t *testing.T) string {
	t.Helper()
	return s.text(t, `SELECT (SELECT number FROM audit_head) || ' ' || (SELECT count(*) FROM audit) || ' ' ||
		(SELECT group_concat(id || role || coalesce(disabled_at, '')) FROM users) || ' ' || (SELECT count(*) FROM keys) || ' ' ||
		(SELECT count(*) FROM keys WHERE deactivated_at IS NULL) || ' ' || (SELECT count(*) FROM sessions) || ' ' ||
		(SELECT count(*) FROM links) || ' ' || (SELECT coalesce(max(at), 0) FROM feedback)`)
}

// text returns the text that a query yields.
func (s *siege) text(t *testing.T, query string) (text string) {
	t.Helper()
	db := s.behind()
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), query).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}
