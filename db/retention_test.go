package db_test

import (
	"errors"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

func TestHistoryIsKeptAsLongAsTheSettingsSay(t *testing.T) {
	const keep = 30 * 24 * time.Hour
	d := newDesk(t)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "old laptop", access.SignedIn)
	if err := d.IssueLink(t.Context(), d.root, "alice", access.HashToken("x")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.NoteLinks(t.Context(), d.alice, d.Now()), // and of another, bob does not know
		d.IssueLink(t.Context(), d.root, "bob", access.HashToken("y"))); err != nil {
		t.Fatal(err)
	}
	key, hash := d.makeKey(d.alice)
	if err := d.saveUses(map[string]time.Time{key.ID: d.Now()}); err != nil {
		t.Fatal(err)
	}
	before := len(d.changes())
	d.advance(keep - time.Second)
	forget(t, d, keep, 0)
	d.mustTry("bob", access.SignedIn, "192.0.2.1", "", access.SignedIn)
	d.advance(2 * 24 * time.Hour)
	forget(t, d, keep, 4) // the sign-in, the browser, the link, and who used the key
	forget(t, d, keep, 0)
	signIns, _, err := d.SignIns(t.Context(), d.root, 0)
	if err != nil || len(signIns) != 1 || signIns[0].UserID != "bob" {
		t.Errorf("%+v, %v", signIns, err)
	}
	if got := len(d.changes()); got != before {
		t.Errorf("%d changes of %d are left", got, before)
	}
	if links, err := d.NewLinks(t.Context(), d.bob); err != nil || len(links) != 1 {
		t.Errorf("a link that bob has not been told of is forgotten: %v, %v", links, err)
	}
	if d.verdict(hash) != access.Accepted {
		t.Error("the key is forgotten")
	}
	if kept, err := d.OwnKey(t.Context(), d.alice, key.ID); err != nil || kept.LastUsedAt.IsZero() {
		t.Errorf("last used is forgotten: %+v, %v", kept, err)
	}
}

func TestMuchHistoryIsForgottenInPieces(t *testing.T) {
	d := newDesk(t)
	dbtest.Exec(t, d.path, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234)
		INSERT INTO sign_ins (at, user_id, address, user_agent, outcome) SELECT i, 'alice', '', '', 'signed in' FROM n`)
	forget(t, d, time.Hour, 1234)
}

func forget(t *testing.T, d *desk, keep time.Duration, want int64) {
	t.Helper()
	if n, err := d.Forget(t.Context(), keep); err != nil || n != want {
		t.Errorf("forgot %d rows, %v, want %d", n, err, want)
	}
}
