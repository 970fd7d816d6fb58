package db_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// DUR-10, DUR-8: a database that was set back knows of the deactivations since before anybody is told of its keys, and its
// log is the one that it had.
func TestDeactivationsSinceABackupAreDoneAgain(t *testing.T) {
	d := newAnchoredDesk(t)
	kept, keptHash := d.makeKey(d.alice)
	own, ownHash := d.makeKey(d.alice)
	other, otherHash := d.makeKey(d.bob)
	if outcome, err := d.openSession([]byte("session"), nil, "alice"); err != nil || outcome != access.SignedIn {
		t.Fatal(outcome, err)
	}
	backup := d.backup()
	d.advance(time.Hour)
	d.deactivate(d.alice, own.ID)
	d.advance(time.Minute)
	if _, err := d.DeactivateKey(t.Context(), d.root, other.ID, "Leaked in <a log> & elsewhere"); err != nil {
		t.Fatal(err)
	}
	size, checkpoint := d.head()
	before := d.ended(own.ID) + d.ended(other.ID)
	d.close()
	d.path = backup
	d.advance(24 * time.Hour)
	d.list = nil
	d.start()
	for id, hash := range map[string][]byte{own.ID: ownHash, other.ID: otherHash} {
		if got := d.verdict(hash); got != access.Deactivated {
			t.Errorf("%s: %v", id, got)
		}
	}
	if got := d.verdict(keptHash); got != access.Accepted {
		t.Errorf("%s: %v", kept.ID, got)
	}
	if newSize, newCheckpoint := d.head(); newSize != size || newCheckpoint != checkpoint {
		t.Errorf("the log was %d %q, and is %d %q", size, checkpoint, newSize, newCheckpoint)
	}
	var sessions int
	if dbtest.Look(t, d.path, `SELECT count(*) FROM sessions`, &sessions); sessions != 0 {
		t.Error("a session that may have been ended since is open")
	}
	if after := d.ended(own.ID) + d.ended(other.ID); after != before {
		t.Errorf("before %q, after %q", before, after)
	}
	if len(d.notices) != 1 || !strings.Contains(d.notices[0], "2 keys were deactivated again") {
		t.Errorf("told %q", d.notices)
	}
	d.sound()
	d.anchorHolds()
	d.makeKey(d.alice)
	d.anchorHolds()
	d.start()
	d.sound()
}

// ended returns what the database has of the end of a key.
func (d *desk) ended(id string) string {
	d.t.Helper()
	conn := dbtest.Open(d.t, d.path)
	defer func() { _ = conn.Close() }()
	return dbtest.Rows(d.t, conn, `SELECT id, deactivated_at, deactivated_by, reason, change FROM keys WHERE id = ?`, id)
}

// DUR-10: what cannot be done again is named, and lost only once that is accepted by its name; the keys that were
// deactivated in it are ended all the same.
func TestDatabaseBehindItsAnchorIsRefusedUntilTheLossIsAccepted(t *testing.T) {
	d := newAnchoredDesk(t)
	key, hash := d.makeKey(d.alice)
	ofBob, hashOfBob := d.makeKey(d.bob)
	d.must(d.IssueLink(t.Context(), d.root, "alice", access.HashToken("a link")))
	backup := d.backup()
	d.advance(time.Hour)
	d.deactivate(d.alice, key.ID)
	d.makeKey(d.alice)
	d.must(d.DisableUser(t.Context(), d.operator, "bob"))
	before := d.ended(key.ID) + d.ended(ofBob.ID)
	size, _ := d.head()
	d.close()
	d.path = backup
	name := d.loses(d.file, "1 × create key, 1 × deactivate own key, 1 × disable user", "disabled: bob", "--accept-loss ")
	for _, wrong := range []string{"yes", db.MissingAnchor, name + "0", "", strings.ToUpper(name) + " "} {
		d.accept = wrong
		d.refused(db.ErrBehind)
	}
	_, old := d.head()
	former := d.anchorText()
	d.accept = name
	d.advance(time.Hour)
	d.start()
	if len(d.notices) != 1 || !strings.HasSuffix(d.notices[0], "; disable again: bob") {
		t.Errorf("told %q", d.notices)
	}
	if d.verdict(hash) != access.Deactivated || d.verdict(hashOfBob) != access.Deactivated {
		t.Error("a key came back")
	}
	if after := d.ended(key.ID) + d.ended(ofBob.ID); withoutNumbers(after) != withoutNumbers(before) {
		t.Errorf("before\n%safter\n%s", before, after)
	}
	change := d.changes()[0]
	if change.Actor != access.System || change.Action != access.Restore || !strings.HasPrefix(change.Detail, name+": changes ") {
		t.Errorf("the change: %+v", change)
	}
	if _, err := d.Link(t.Context(), access.HashToken("a link")); err == nil {
		t.Error("a link that may have been used is still good")
	}
	if _, now := d.head(); strings.Split(now, "\n")[0] == strings.Split(old, "\n")[0] {
		t.Error("the log goes on under its former name, so that it contradicts what was signed before")
	}
	if kept, err := os.ReadFile(d.file + "." + name); err != nil || string(kept) != former {
		t.Errorf("the former anchor is not kept: %v", err)
	}
	d.sound()
	d.anchorHolds()
	d.makeKey(d.alice)
	d.accept = ""
	d.start()
	d.sound()
	d.anchorHolds()
	if got, _ := d.head(); got >= size+1 {
		t.Errorf("%d changes, of %d before", got, size)
	}
}

// withoutNumbers cuts off the number of the change, which is the last column.
func withoutNumbers(rows string) (cut string) {
	for line := range strings.Lines(rows) {
		fields := strings.Fields(line)
		cut += strings.Join(fields[:len(fields)-1], " ") + "\n"
	}
	return cut
}

// DUR-10: who was stopped before the anchor was made anew need not accept the same again.
func TestAcceptedLossIsNotAskedForTwice(t *testing.T) {
	d := newAnchoredDesk(t)
	backup := d.backup()
	d.makeKey(d.alice)
	former := d.anchorText()
	d.close()
	d.path = backup
	d.accept = d.loses()
	d.start()
	d.close()
	d.must(os.WriteFile(d.file, []byte(former), 0o600))
	size, _ := d.head()
	d.accept = ""
	d.start()
	d.anchorHolds()
	if now, _ := d.head(); now != size {
		t.Errorf("%d changes, then %d", size, now)
	}
	d.makeKey(d.alice)
	d.close()
	d.must(os.WriteFile(d.file, []byte(former), 0o600)) // and so it is when the desk has been at work since
	d.start()
	d.anchorHolds()
}

// DUR-10: a database that was used without its anchor since it was set back has changes of its own.
func TestDatabaseThatWentItsOwnWayIsRefused(t *testing.T) {
	d := newAnchoredDesk(t)
	key, hash := d.makeKey(d.alice)
	backup := d.backup()
	d.deactivate(d.alice, key.ID)
	d.close()
	d.path = backup
	d.open()
	d.makeKey(d.bob)
	d.accept = d.loses("1 × deactivate own key", "1 other was made instead")
	d.start()
	if d.verdict(hash) != access.Deactivated {
		t.Error("a key came back")
	}
	d.sound()
	d.anchorHolds()
}
