package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/db/dbtest"
)

// SES-7, AUD-1: after a leak one command ends everybody's sessions, beside the server, and nobody's key.
func TestOperatorEndsAllSessions(t *testing.T) {
	d := newDesk(t)
	file := filepath.Join(d.dir, "keydesk.db")
	alice, root := d.signIn("alice"), d.signIn("root")
	secret, _ := alice.newKey()
	if got := root.post("/admin/users/bob/reset", nil); got.status != http.StatusOK && got.status != http.StatusSeeOther {
		t.Fatal(got.status, got.body)
	}
	if said := printed(t, "session", "end-all", "--database="+file); !strings.HasPrefix(said, "Ended 2 sessions, and withdrew ") {
		t.Errorf("it says %s", said)
	}
	for _, v := range []*visitor{alice, root} {
		if got := v.get("/profile"); got.status != http.StatusSeeOther {
			t.Errorf("a session is still open: %d", got.status)
		}
	}
	if got := d.verify(secret); got.status != http.StatusOK {
		t.Errorf("the key: %d %s", got.status, got.body)
	}
	var open int
	if dbtest.Look(t, file, `SELECT count(*) FROM links WHERE used_at IS NULL AND withdrawn_at IS NULL`, &open); open != 0 {
		t.Errorf("%d links of people are open", open)
	}
	page := d.signIn("root").get("/admin/history?tab=changes&action=end+all+sessions")
	if !strings.Contains(page.body, "(operator)") || !strings.Contains(page.body, ">2 sessions<") {
		t.Errorf("the audit log says\n%s", page.body)
	}
	printed(t, "audit", "verify", "--database="+file)
	if code := d.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	if said := printed(t, "session", "end-all", "--database="+file); !strings.HasPrefix(said, "Ended 1 session, ") {
		t.Errorf("without a server it says %s", said)
	}
	if code := startDesk(t, d.dir).stop(); code != 0 { // the anchor has both
		t.Errorf("ended with %d", code)
	}
	refused(t, 1, "there is no database yet", "session", "end-all", "--database="+file+".other")
}
