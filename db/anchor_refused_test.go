package db_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// DUR-10: an anchor that was there is not made anew without a word; the first one is.
func TestMissingAnchorIsRefusedUntilThatIsAccepted(t *testing.T) {
	d := newAnchoredDesk(t)
	d.makeKey(d.alice)
	_, former := d.head()
	d.close()
	d.must(os.WriteFile(d.file, nil, 0o600))
	d.refused(db.ErrAnchorEmpty, d.file+": the anchor is empty", "--accept-loss missing-anchor")
	d.must(os.Remove(d.file))
	d.refused(db.ErrNoAnchor, d.file, "--accept-loss missing-anchor")
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
