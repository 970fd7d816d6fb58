package handlers_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// A report of more than 100,000 keys is told of before it is downloaded; any other leaves at once.
func TestLongReportIsToldOfFirst(t *testing.T) {
	d := newDesk(t)
	d.fill("bob", 400) // "bob,********0123,active,0,\r\n" are 28 bytes
	root := d.signIn("root")
	short := root.get("/admin/export").is(http.StatusSeeOther)
	if to := short.header.Get("Location"); to != "/admin/users/export.csv" {
		t.Errorf("a short report is at %s", to)
	}
	d.exec(`ALTER TABLE keys RENAME TO kept`)
	times := func(n int) {
		d.exec(`DROP VIEW IF EXISTS keys`)
		d.exec(`CREATE TABLE IF NOT EXISTS times (i INTEGER)`)
		d.exec(`DELETE FROM times`)
		d.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO times SELECT i FROM n`, n)
		d.exec(`CREATE VIEW keys AS SELECT kept.* FROM kept, times`)
	}
	times(250)
	root.get("/admin/export").is(http.StatusSeeOther)
	times(251)
	before := d.state()
	page := root.get("/admin/export").is(http.StatusOK).page()
	said := text(one(t, page, tag("p"), saying("The report has")))
	if !strings.Contains(said, "100,400 rows") || !strings.Contains(said, "about 3 MB") {
		t.Errorf("the page says %q", said)
	}
	if to := attr(one(t, page, tag("a"), saying("Download the report")), "href"); to != "/admin/users/export.csv" {
		t.Errorf("the report is at %s", to)
	}
	one(t, page, tag("h1"), saying("Export Account API Key"))
	if d.state() != before {
		t.Error("something was recorded")
	}
}

// DOS-7: whoever goes away in the middle of a download ends it, and is in nobody's way.
func TestVanishedReadersHoldUpNoExport(t *testing.T) {
	d := newEmptyDesk(t, deskURL, access.KeyLimits{})
	const keys = 60_000
	if d.raw.Postgres() {
		d.addPeople()
		d.exec(`INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name, created_at)
			SELECT 'key-' || i, i, 'bob', sha256(i::text::bytea), (SELECT id FROM secrets WHERE kind = 'pepper'), '0000', '', i
			FROM generate_series(1, ?::int) i`, keys)
	} else {
		crowd := access.Crowd{Users: 9, Keys: keys, Now: d.db.Now()}
		d.must(d.db.Fill(t.Context(), crowd, "kd_", func(access.Made) error { return nil }))
		d.addPeople()
	}
	root := d.signIn("root")
	// Each waits 2 seconds for those before it, which end as soon as they find that nobody reads.
	began := func(try func() bool) {
		t.Helper()
		for at := time.Now(); !try(); {
			if time.Since(at) > 10*time.Second {
				t.Fatal("no download begins")
			}
		}
	}
	for range 6 { // more than may run at once
		began(func() bool { return d.vanish(root.cookie) })
	}
	var got reply
	began(func() bool {
		got = root.get("/admin/users/export.csv")
		return got.status != http.StatusTooManyRequests
	})
	got.is(http.StatusOK)
	if n := strings.Count(got.body, "\r\n"); n != keys+1 {
		t.Errorf("then the report has %d lines", n)
	}
}

// vanish begins a download, reads the first line, and closes the connection. It tells whether there was room for it.
func (d *desk) vanish(cookie *http.Cookie) bool {
	d.t.Helper()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", strings.TrimPrefix(d.url, "http://"))
	d.must(err)
	defer func() { d.must(conn.Close()) }()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		d.t.Fatalf("%T", conn)
	}
	d.must(tcp.SetReadBuffer(4096))
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, d.url+"/admin/users/export.csv", nil)
	d.must(err)
	r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	d.must(r.Write(conn))
	line, err := bufio.NewReaderSize(conn, 16).ReadString('\n')
	d.must(err)
	full := strings.HasPrefix(line, "HTTP/1.1 429")
	if !full && !strings.HasPrefix(line, "HTTP/1.1 200") {
		d.t.Errorf("answered %q", line)
	}
	return !full
}
