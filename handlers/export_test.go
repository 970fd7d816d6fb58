package handlers_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

const reportHeader = "User ID,Masked Key,Key Status,Key Age (days),Last Used\r\n"

// AZ-12, IO-3: the report is five columns of all keys, by User ID and then creation, to the byte.
func TestExportIsTheReport(t *testing.T) {
	d := newDesk(t)
	d.addUser(access.Person{UserID: "b-2", Role: access.User, Email: "b2@desk.example"})
	first, firstID := d.newKey("bob")
	d.later(25 * time.Hour)
	second, secondID := d.newKey("bob")
	third, _ := d.newKey("b-2") // before bob, bytewise
	d.later(time.Hour)
	fourth, _ := d.newKey("alice")
	root := d.signIn("root")
	root.post("/admin/keys/"+secondID+"/deactivate", url.Values{"reason": {"leaked"}}).is(http.StatusSeeOther)
	d.used(firstID, opening.Add(36*time.Minute))
	d.later(23 * time.Hour) // 49 hours after the opening
	root = d.signIn("root")
	mask := func(secret string) string { return "********" + secret[len(secret)-4:] }
	rows := []string{
		"alice," + mask(fourth) + ",active,0,\r\n",
		"b-2," + mask(third) + ",active,1,\r\n",
		"bob," + mask(first) + ",active,2,2026-02-28T23:06:00Z\r\n",
		"bob," + mask(second) + ",inactive,1,\r\n",
	}
	for query, want := range map[string]string{
		"":                 strings.Join(rows, ""),
		"?status=":         strings.Join(rows, ""),
		"?status=active":   strings.Join(rows[:3], ""),
		"?status=inactive": rows[3],
	} {
		got := root.get("/admin/users/export.csv" + query).is(http.StatusOK)
		if got.body != reportHeader+want {
			t.Errorf("%s:\n%s\nnot\n%s", query, got.body, reportHeader+want)
		}
		if kind := got.header.Get("Content-Type"); kind != "text/csv; charset=utf-8" {
			t.Errorf("%s: %s", query, kind)
		}
		// The clock stands at 3 March, 01:30 in its own zone; the name has the date in UTC.
		if name := got.header.Get("Content-Disposition"); name != `attachment; filename="account-api-keys-2026-03-02.csv"` {
			t.Errorf("%s: %s", query, name)
		}
	}
}

func TestExportOfADeskWithoutKeysIsItsHeader(t *testing.T) {
	d := newDesk(t)
	if got := d.signIn("root").get("/admin/users/export.csv").is(http.StatusOK); got.body != reportHeader {
		t.Errorf("%q", got.body)
	}
}

func TestExportOfAnUnknownStatusIsRefused(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	before := d.state()
	for _, status := range []string{"Active", "expired", "active%20", "active'--", "all"} {
		got := root.get("/admin/users/export.csv?status=" + status).is(http.StatusUnprocessableEntity)
		one(t, got.page(), tag("p"), saying("Status is active or inactive"))
		if got.header.Get("Content-Disposition") != "" {
			t.Error("the refusal is a file")
		}
	}
	if d.state() != before {
		t.Error("something was recorded")
	}
}

// AUD-1: each export is written down; asking only for its head is none.
func TestExportIsWrittenDown(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	before := d.state()
	got := root.send(http.MethodHead, "/admin/users/export.csv", "", "").is(http.StatusOK)
	if d.state() != before || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment;") {
		t.Errorf("HEAD wrote something down, or says %v", got.header)
	}
	root.get("/admin/users/export.csv").is(http.StatusOK)
	root.get("/admin/users/export.csv?status=inactive").is(http.StatusOK)
	rows := cells(t, root.get("/admin/history?tab=changes").page())
	for i, detail := range []string{"inactive", ""} {
		if entry := rows[i][2:7]; !slices.Equal(entry, []string{"root", "export keys", "", detail, "127.0.0.1"}) {
			t.Errorf("the audit log says %q", entry)
		}
	}
}

// AUD-1, AUD-2: an export that cannot be written down does not leave.
func TestExportThatCannotBeRecordedIsNotSent(t *testing.T) {
	d := newDesk(t)
	d.newKey("alice")
	root := d.signIn("root")
	dbtest.Refuse(t, d.path, "audit")
	got := root.get("/admin/users/export.csv").unsaved()
	if strings.Contains(got.body, "Masked Key,") || strings.Contains(got.body, "********") || got.header.Get("Content-Disposition") != "" {
		t.Errorf("sent %s", got.body)
	}
}

// fill gives the user n keys that nobody holds.
func (d *desk) fill(userID string, n int) {
	d.t.Helper()
	for i := range n {
		d.exec(`INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name, created_at)
			SELECT ?, coalesce(max(number), 0) + 1, ?, ?, (SELECT id FROM secrets WHERE kind = 'pepper'), ?, '', ? FROM keys`, fmt.Sprintf("key-%04d", i), userID,
			[]byte(hex.EncodeToString([]byte{byte(i >> 8), byte(i)})), fmt.Sprintf("%04d", i), d.db.Now().UnixMicro()+int64(i))
	}
}

// An export that fails halfway must not look whole: the connection breaks.
func TestExportThatFailsHalfwayBreaksOff(t *testing.T) {
	d := newDesk(t)
	d.fill("bob", 400) // 12 KiB of report
	root := d.signIn("root")
	if got := root.get("/admin/users/export.csv").is(http.StatusOK); strings.Count(got.body, "\r\n") != 401 {
		t.Fatalf("%d lines", strings.Count(got.body, "\r\n"))
	}
	d.exec(`ALTER TABLE keys RENAME TO kept`)
	d.exec(`CREATE VIEW keys AS SELECT id, number, user_id, name, created_at, deactivated_at, deactivated_by, reason,
		CASE id WHEN 'key-0399' THEN NULL ELSE last4 END AS last4 FROM kept`)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/admin/users/export.csv", nil)
	d.must(err)
	r.AddCookie(&http.Cookie{Name: root.cookie.Name, Value: root.cookie.Value})
	answer, err := d.web.Do(r)
	d.must(err)
	defer func() { _ = answer.Body.Close() }()
	sent, err := io.ReadAll(answer.Body)
	if err == nil {
		t.Errorf("%d with %d bytes looks whole", answer.StatusCode, len(sent))
	}
	if !strings.HasPrefix(string(sent), reportHeader) {
		t.Errorf("sent %.200s", sent)
	}
	if log := d.log.String(); !strings.Contains(log, "answer broken off") {
		t.Errorf("the log does not say so: %s", log)
	}
	root.get("/healthz").is(http.StatusOK)
}

// An export that fails before it began is a page, not a file of the report's name.
func TestFailedExportIsNoDownload(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	dbtest.Refuse(t, d.path, "audit")
	got := root.get("/admin/users/export.csv").unsaved()
	if got.header.Get("Content-Disposition") != "" || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
		t.Errorf("answered as %q %q", got.header.Get("Content-Type"), got.header.Get("Content-Disposition"))
	}
}
