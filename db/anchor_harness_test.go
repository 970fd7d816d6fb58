package db_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
func (d *anchoredDesk) refused(want error, words ...string) {
	d.t.Helper()
	_ = d.refusal(want, words...)
}

// loses fails the test unless the database is refused as being behind its anchor, and returns the name of the loss.
func (d *anchoredDesk) loses(words ...string) (name string) {
	d.t.Helper()
	_, name, _ = strings.Cut(d.refusal(db.ErrBehind, words...).Error(), "--accept-loss ")
	name, _, _ = strings.Cut(name, ",")
	return name
}

func (d *anchoredDesk) refusal(want error, words ...string) error {
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
