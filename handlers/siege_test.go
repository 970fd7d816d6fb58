package handlers_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/db/dbtest"
)

// shot is one hostile request, with the answers that may be given to it.
type shot struct {
	name, who      string // nobody, alice, who is a user, or root, the administrator
	method, target string
	headers        string // lines, with CRLF between them
	cookie         string // in the place of the session, if not empty
	body           string
	want           []int
	changes        bool // it is a request like any other in the end, which may change something
	slow           bool // a password is looked at, and who fails at that too often has to wait
	wire           bool // net/http may refuse it, before the desk sees it
}

func (s shot) String() string {
	return fmt.Sprintf("%s: %s %.120q by %s", s.name, s.method, s.target, s.who)
}

// siege is a desk under attack.
type siege struct {
	*desk
	cookies   map[string]string // the Cookie header by who it is
	good      string            // an API key of alice's
	key, dead string            // ids of two more, of which one is active
	conn      net.Conn
	answers   *bufio.Reader
	rows      int
}

// newSiege returns a desk with a session of each, which ends only where it is told to.
func newSiege(t *testing.T) *siege {
	t.Helper()
	s := &siege{desk: newDesk(t), cookies: map[string]string{"nobody": ""}}
	s.app.FreshProof = 0 // hours pass
	s.good, _ = s.newKey("alice")
	_, s.key = s.newKey("alice")
	_, s.dead = s.newKey("alice")
	for _, userID := range []string{"alice", "root"} {
		v := s.signIn(userID)
		s.cookies[userID] = v.cookie.Name + "=" + v.cookie.Value
		if userID == "alice" {
			v.post("/profile/keys/"+s.dead+"/deactivate", nil).is(http.StatusSeeOther)
		}
	}
	s.exec(`CREATE TABLE kept_sessions AS SELECT * FROM sessions`)
	t.Cleanup(s.hangUp)
	return s
}

// hold makes each request, those that may change something last, and looks whether what was refused has changed nothing:
// after each by what any change counts up, and time and again by all rows that there are.
func (s *siege) hold(shots []shot) {
	s.t.Helper()
	slices.SortStableFunc(shots, func(a, b shot) int {
		switch {
		case a.changes == b.changes:
			return 0
		case b.changes:
			return -1
		}
		return 1
	})
	cheap, full := s.counts(), s.content()
	for i, row := range shots {
		s.later(3 * time.Second)   // so that nobody does anything too often
		if row.slow || i%10 == 0 { // failed sign-ins are no part of this
			s.exec(`DELETE FROM sign_ins`)
		}
		if row.changes {
			s.exec(`DELETE FROM kept_sessions`)
			s.exec(`INSERT INTO kept_sessions SELECT * FROM sessions`)
		}
		s.fire(row).holds(row, s.cookies)
		now := s.counts()
		if now != cheap && !row.changes {
			s.t.Errorf("%s: something was changed: %s, then %s", row, cheap, now)
		}
		if now != cheap && row.changes {
			s.exec(`INSERT INTO sessions SELECT * FROM kept_sessions WHERE id NOT IN (SELECT id FROM sessions)`)
			now = s.counts()
		}
		cheap = now
		if last := i == len(shots)-1 || shots[i+1].changes; !row.changes && (last || i%500 == 499) {
			if now := s.content(); now != full {
				s.t.Errorf("up to %s something was changed:\n%.2000s\nthen\n%.2000s", row, full, now)
			}
		}
	}
	s.rows = len(shots)
}

// counts returns what every change of the desk's moves.
func (s *siege) counts() string {
	s.t.Helper()
	return value[string](s.desk, `SELECT CAST(number AS TEXT) || ' ' || (SELECT count(*) FROM sessions) || ' ' ||
		(SELECT count(*) FROM feedback) || ' ' || (SELECT coalesce(max(at), 0) FROM feedback) FROM audit_head`)
}

func (s *siege) content() string {
	s.t.Helper()
	return s.state() + dbtest.Rows(s.t, s.raw, `SELECT id, user_id FROM sessions`) + dbtest.Table(s.t, s.raw, "feedback")
}

// fire sends a request as it stands, on a connection that is kept as long as the desk keeps it.
func (s *siege) fire(row shot) reply {
	s.t.Helper()
	cookie := s.cookies[row.who]
	if row.cookie != "" {
		cookie = strings.ReplaceAll(row.cookie, "SESSION", cookie)
	}
	var out strings.Builder
	out.WriteString(row.method + " " + row.target + " HTTP/1.1\r\n")
	if !strings.Contains("\r\n"+row.headers, "\r\nHost:") {
		out.WriteString("Host: " + strings.TrimPrefix(s.url, "http://") + "\r\n")
	}
	if cookie != "" {
		out.WriteString("Cookie: " + cookie + "\r\n")
	}
	if row.headers != "" {
		out.WriteString(row.headers + "\r\n")
	}
	if row.body != "" || row.method == http.MethodPost {
		out.WriteString("Content-Length: " + strconv.Itoa(len(row.body)) + "\r\n")
		if !strings.Contains(row.headers, "Content-Type:") {
			out.WriteString("Content-Type: " + urlEncoded + "\r\n")
		}
	}
	out.WriteString("\r\n" + row.body)
	if s.conn == nil {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		s.must(err)
		s.conn, s.answers = conn, bufio.NewReader(conn)
	}
	s.must(s.conn.SetDeadline(time.Now().Add(20 * time.Second)))
	_, _ = io.WriteString(s.conn, out.String()) // who has heard enough hangs up
	answer, err := http.ReadResponse(s.answers, &http.Request{Method: row.method})
	if err != nil {
		s.t.Fatalf("%s: %v", row, err)
	}
	got := read(s.t, answer)
	_ = answer.Body.Close()
	if answer.Close {
		s.hangUp()
	}
	return got
}

func (s *siege) hangUp() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.conn = nil
}

// holds checks an answer: its status, its headers, and that nothing of what was sent is anything but text there.
func (r reply) holds(row shot, cookies map[string]string) {
	r.t.Helper()
	if !slices.Contains(row.want, r.status) {
		r.t.Errorf("%s: %d, not %v: %.200q", row, r.status, row.want, r.told())
	}
	if row.wire && r.status == http.StatusBadRequest && r.header.Get("X-Request-Id") == "" {
		return // cmd/keydesk looks at what net/http says (TestWhatIsRefusedOnTheWireSaysNothingOfTheRequest)
	}
	r.isHeaded(row)
	r.isInert(row)
	for who, cookie := range cookies {
		if _, value, _ := strings.Cut(cookie, "="); value != "" && strings.Contains(r.body, value) {
			r.t.Errorf("%s: the cookie of %s is given back", row, who)
		}
	}
	if found := secretPattern.FindString(r.body); found != "" && (!row.changes || strings.Contains(row.target+row.body, found)) {
		r.t.Errorf("%s: the answer holds the key %s", row, found)
	}
}
