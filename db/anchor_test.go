package db_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// anchoredDesk is a desk whose database has an anchor.
type anchoredDesk struct {
	*desk
	file    string // the anchor
	accept  string
	notices []string
}

func newAnchoredDesk(t *testing.T) *anchoredDesk {
	t.Helper()
	d := &anchoredDesk{desk: newDesk(t), file: filepath.Join(t.TempDir(), "keydesk.anchor")}
	d.start()
	return d
}

func (d *anchoredDesk) options() db.Options {
	o := d.desk.options()
	o.Anchor, o.AcceptLoss, o.Notice = d.file, d.accept, func(s string) { d.notices = append(d.notices, s) }
	return o
}

// start closes the database, if it is open, and opens it with the anchor.
func (d *anchoredDesk) start() {
	d.t.Helper()
	_ = d.Close()
	d.notices = nil
	d.openWith(d.options())
}

// refused fails the test unless the database is not opened, for a reason in one line, and neither it nor the anchor
// changes.
func (d *anchoredDesk) refused(want error, words ...string) error {
	d.t.Helper()
	_ = d.Close()
	before, anchor := d.everything(), d.anchorText()
	opened, err := db.Open(d.t.Context(), d.options())
	if err == nil {
		_ = opened.Close()
		d.t.Fatal("it was opened")
	}
	wantLine(d.t, "open", err, want, words...)
	if d.everything() != before || d.anchorText() != anchor {
		d.t.Error("something was changed")
	}
	return err
}

// everything returns the whole content of the database.
func (d *anchoredDesk) everything() string {
	d.t.Helper()
	conn := dbtest.Open(d.t, d.path)
	defer func() { _ = conn.Close() }()
	return dbtest.Content(d.t, conn) + dbtest.Table(d.t, conn, "secrets") + dbtest.Table(d.t, conn, "signing_keys")
}

func (d *anchoredDesk) anchorText() string {
	d.t.Helper()
	text, err := os.ReadFile(d.file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
	return string(text)
}

// backup closes the database and returns a copy of it, and opens it again.
func (d *anchoredDesk) backup() string {
	d.t.Helper()
	d.close()
	backup := dbtest.Backup(d.t, d.path)
	d.start()
	return backup
}

// head returns the log's size and checkpoint.
func (d *anchoredDesk) head() (size int64, checkpoint string) {
	d.t.Helper()
	dbtest.Look(d.t, d.path, `SELECT number FROM audit_head`, &size)
	dbtest.Look(d.t, d.path, `SELECT checkpoint FROM audit_head`, &checkpoint)
	return size, checkpoint
}

// anchorHolds fails the test unless the anchor holds the whole log of the database, and ends with its checkpoint.
func (d *anchoredDesk) anchorHolds() {
	d.t.Helper()
	size, checkpoint := d.head()
	var entries int64
	var last string
	for line := range strings.Lines(d.anchorText()) {
		var l struct {
			Entry      json.RawMessage
			Checkpoint string
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			d.t.Fatalf("%q: %v", line, err)
		}
		if l.Entry == nil {
			continue
		}
		c, _, err := access.ParseEntry(l.Entry)
		d.must(err)
		if entries++; c.Number != entries {
			d.t.Fatalf("entry %d comes in the place of entry %d", c.Number, entries)
		}
		last = l.Checkpoint
	}
	if entries != size || last != checkpoint {
		d.t.Errorf("the anchor holds %d of %d entries and ends with %q, not %q", entries, size, last, checkpoint)
	}
}

// sound fails the test unless the whole log of the database verifies.
func (d *anchoredDesk) sound() {
	d.t.Helper()
	state, err := d.VerifyLog(d.t.Context(), d.operator, d.Secrets().Verifiers)
	d.must(err)
	if !state.Sound() {
		d.t.Errorf("the log: %q", state.Findings)
	}
}

// DUR-10, AUD-5: every change is in the anchor when it is answered, what was there before it too, and nobody else can read it.
func TestAnchorHoldsEachChangeThatWasAnswered(t *testing.T) {
	d := newAnchoredDesk(t)
	d.anchorHolds()
	key, _ := d.makeKey(d.alice)
	d.anchorHolds()
	d.deactivate(d.alice, key.ID)
	d.anchorHolds()
	size := len(d.anchorText())
	d.deactivate(d.alice, key.ID) // which changes nothing
	if got := len(d.anchorText()); got != size {
		t.Errorf("%d bytes, then %d", size, got)
	}
	info, err := os.Stat(d.file)
	d.must(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	d.start()
	d.anchorHolds()
}

// DUR-10: who waits for the anchor at the same time shares what is written, and nothing is written twice.
func TestAnchorTakesChangesOfManyAtOnce(t *testing.T) {
	d := newAnchoredDesk(t)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 20 {
				f := d.fingerprint()
				key, err := d.CreateKey(t.Context(), d.alice, f, "")
				if err == nil {
					_, err = d.DeactivateOwnKey(t.Context(), d.alice, key.ID)
				}
				if err != nil {
					t.Error(err)
				}
				if !strings.Contains(d.anchorText(), `"action":"deactivate own key","user_id":"alice","key_id":"`+key.ID) {
					t.Errorf("the deactivation of %s was answered, but the anchor does not hold it", key.ID)
				}
			}
		})
	}
	writers.Wait()
	d.anchorHolds()
}

// DUR-1: what was committed when the program was stopped, and not anchored, is appended at the start. A line that was being
// appended is cut off.
func TestMissingLinesAreAppendedAtTheStart(t *testing.T) {
	d := newAnchoredDesk(t)
	d.makeKey(d.alice)
	short := d.anchorText()
	key, _ := d.makeKey(d.alice)
	d.deactivate(d.alice, key.ID)
	whole := d.anchorText()
	for name, text := range map[string]string{
		"two lines fewer":   short,
		"a torn line":       whole[:len(short)+100],
		"no end of line":    whole[:len(whole)-1],
		"zeros of the disk": short + strings.Repeat("\x00", 5000),
		"no entries":        whole[:strings.Index(whole, "\n")+1],
		"no checkpoint":     short + strings.SplitAfter(whole[len(short):], `]}`)[0] + "}\n",
	} {
		d.close()
		d.must(os.WriteFile(d.file, []byte(text), 0o644))
		d.start()
		if len(d.notices) > 0 {
			t.Errorf("%s: %q", name, d.notices)
		}
		d.anchorHolds()
		if info, err := os.Stat(d.file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
}

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
	err := d.refused(db.ErrBehind, d.file, "1 × create key, 1 × deactivate own key, 1 × disable user", "disabled: bob", "--accept-loss ")
	_, name, _ := strings.Cut(err.Error(), "--accept-loss ")
	name, _, _ = strings.Cut(name, ",")
	for _, wrong := range []string{"yes", db.MissingAnchor, name + "0", "", strings.ToUpper(name) + " "} {
		d.accept = wrong
		d.refused(db.ErrBehind)
	}
	_, old := d.head()
	former := d.anchorText()
	d.accept = name
	d.advance(time.Hour)
	d.start()
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
	_, d.accept, _ = strings.Cut(d.refused(db.ErrBehind).Error(), "--accept-loss ")
	d.accept, _, _ = strings.Cut(d.accept, ",")
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
	_, d.accept, _ = strings.Cut(d.refused(db.ErrBehind, "1 × deactivate own key", "1 others were made instead").Error(), "--accept-loss ")
	d.accept, _, _ = strings.Cut(d.accept, ",")
	d.start()
	if d.verdict(hash) != access.Deactivated {
		t.Error("a key came back")
	}
	d.sound()
	d.anchorHolds()
}

// DUR-10: of a long anchor only the end is read, unless something is wrong, which is found all the same.
func TestLongAnchorIsComparedByItsEnd(t *testing.T) {
	d := newAnchoredDesk(t)
	long := strings.Repeat("A long reason. ", 1<<16)
	for range 10 {
		key, _ := d.makeKey(d.alice)
		if _, err := d.DeactivateKey(t.Context(), d.root, key.ID, long); err != nil {
			t.Fatal(err)
		}
	}
	key, hash := d.makeKey(d.alice)
	backup := d.backup()
	whole := d.anchorText()
	if len(whole) < 17<<20 {
		t.Fatalf("%d bytes are not long", len(whole))
	}
	d.start()
	d.anchorHolds()
	d.close()
	lines := strings.SplitAfter(whole, "\n")
	d.must(os.WriteFile(d.file, []byte(strings.Join(lines[:len(lines)-3], "")), 0o600))
	d.start()
	d.anchorHolds()
	for range 2 {
		d.makeKey(d.alice)
	}
	d.deactivate(d.alice, key.ID)
	d.close()
	d.path = backup
	d.open()
	for range 4 { // so that it is longer than its anchor
		d.makeKey(d.bob)
	}
	_, d.accept, _ = strings.Cut(d.refused(db.ErrBehind, "4 others were made instead").Error(), "--accept-loss ")
	d.accept, _, _ = strings.Cut(d.accept, ",")
	d.start()
	if d.verdict(hash) != access.Deactivated {
		t.Error("a key came back")
	}
	d.sound()
	d.anchorHolds()
}

// DUR-10: an anchor that was there is not made anew without a word; the first one is.
func TestMissingAnchorIsRefusedUntilThatIsAccepted(t *testing.T) {
	d := newAnchoredDesk(t)
	d.makeKey(d.alice)
	_, former := d.head()
	d.close()
	for name, make := range map[string]func() error{
		"removed": func() error { return os.Remove(d.file) },
		"emptied": func() error { return os.WriteFile(d.file, nil, 0o600) },
	} {
		d.must(make())
		t.Log(name)
		d.refused(db.ErrNoAnchor, d.file, "--accept-loss missing-anchor")
	}
	d.accept = db.MissingAnchor
	d.start()
	if len(d.notices) != 1 || d.changes()[0].Action != access.Restore {
		t.Errorf("told %q, wrote %+v", d.notices, d.changes()[0])
	}
	if _, now := d.head(); strings.Split(now, "\n")[0] == strings.Split(former, "\n")[0] {
		t.Error("the log goes on under its former name")
	}
	d.anchorHolds()
	d.sound()
	d.accept = ""
	d.start()
	d.makeKey(d.alice)
	d.anchorHolds()
}

// AUD-3, AUD-4: whoever alters an anchor is found at the start.
func TestAlteredAnchorIsRefused(t *testing.T) {
	d := newAnchoredDesk(t)
	for range 3 {
		d.makeKey(d.alice)
	}
	whole := d.anchorText()
	lines := strings.SplitAfter(whole, "\n")
	other := &anchoredDesk{desk: emptyDesk(t), file: filepath.Join(t.TempDir(), "keydesk.anchor")}
	other.start()
	for _, id := range []string{"zoe", "yan", "xi"} {
		other.addUser(id)
	}
	for name, row := range map[string]struct {
		text string
		want error
	}{
		"another database's":  {other.anchorText(), db.ErrAnchorForeign},
		"an edited line":      {strings.Replace(whole, `"user_id":"bob"`, `"user_id":"rob"`, 1), db.ErrAnchorDamaged},
		"a removed line":      {strings.Replace(whole, lines[3], "", 1), db.ErrAnchorDamaged},
		"two lines swapped":   {strings.Replace(whole, lines[2]+lines[3], lines[3]+lines[2], 1), db.ErrAnchorDamaged},
		"a line that is none": {strings.Replace(whole, lines[3], "{}\n", 1), db.ErrAnchorDamaged},
		"a line at the end":   {whole + "{}\n", db.ErrAnchorDamaged},
		"another signature":   {forged(whole), db.ErrAnchorDamaged},
		"another size":        {strings.Replace(whole, `\n6\n`, `\n5\n`, 1), db.ErrAnchorDamaged},
		"no head":             {strings.Join(lines[1:], ""), db.ErrAnchorDamaged},
		"no anchor at all":    {"keydesk\n", db.ErrAnchorDamaged},
		"a bad head":          {strings.Replace(whole, "+", "-", 2), db.ErrAnchorDamaged},
	} {
		if row.text == whole {
			t.Fatalf("%s: nothing is altered", name)
		}
		d.must(os.WriteFile(d.file, []byte(row.text), 0o600))
		t.Log(name)
		d.refused(row.want, d.file)
	}
	d.must(os.WriteFile(d.file, []byte(whole), 0o600))
	d.start()
	d.anchorHolds()
}

// forged returns the anchor with another signature of its last checkpoint.
func forged(text string) string {
	b := []byte(text)
	at := bytes.LastIndex(b, []byte(`\n"}`)) - 6
	b[at] ^= 1
	if b[at] == '\\' || b[at] == '"' {
		b[at] ^= 3
	}
	return string(b)
}

// DUR-10: an anchor is not lost to a new database that takes the place of the old one.
func TestNewDatabaseDoesNotTakeAnAnchorThatHoldsSomething(t *testing.T) {
	d := newAnchoredDesk(t)
	d.close()
	former := d.anchorText()
	d.path = dbtest.New(t)
	_, err := db.Open(t.Context(), d.options())
	wantLine(t, "open", err, db.ErrEmpty, d.file)
	if err := db.Exists(t.Context(), d.path); !errors.Is(err, db.ErrAbsent) {
		t.Errorf("the new database: %v", err)
	}
	if d.anchorText() != former {
		t.Error("the anchor has changed")
	}
}

// DUR-11: two desks do not append to one anchor.
func TestAnchorIsHeldByOneProcess(t *testing.T) {
	d := newAnchoredDesk(t)
	o := d.options()
	o.Database = dbtest.New(t)
	_, err := db.Open(t.Context(), o)
	wantLine(t, "open", err, db.ErrAnchorInUse, d.file)
	d.makeKey(d.alice)
	d.anchorHolds()
}
