package db_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// past is a database with a history of every kind of change, and what is kept elsewhere of it.
type past struct {
	tampering
	t         *testing.T
	file      string // without triggers
	kept      access.Checkpoint
	verifiers []string
}

// newPast has a desk live, and keeps former states of it.
func newPast(t *testing.T, r *rand.Rand, d *desk) *past {
	t.Helper()
	p := &past{t: t, tampering: tampering{Rand: r}}
	l := newLife(d, r)
	for i := range 180 {
		l.live(1)
		var h head
		conn := dbtest.Open(t, d.path)
		d.must(errors.Join(conn.Get(&h, `SELECT number, edge, checkpoint FROM audit_head`), conn.Close()))
		p.heads = append(p.heads, h)
		if i%30 == 29 && !db.IsPostgres(d.path) {
			p.former = append(p.former, vacuumed(t, d.path))
		}
	}
	h, err := d.Head(t.Context(), d.operator)
	d.must(err)
	p.kept, p.verifiers = h.Checkpoint, h.Verifiers
	p.heads = slices.DeleteFunc(p.heads, func(old head) bool { return old.Number == h.Size })
	p.forger, _, err = access.NewSigningKey(h.Origin, make([]byte, access.SigningSeedLen))
	d.must(err)
	d.close()
	dropTriggers(t, d.path)
	p.file = d.path
	if !db.IsPostgres(d.path) {
		p.former = p.former[:len(p.former)-1] // the last may be of now
		p.file = vacuumed(t, d.path)
	}
	return p
}

// vacuumed returns a copy of an SQLite database, in one file.
func vacuumed(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy.db")
	dbtest.Exec(t, path, `VACUUM INTO ?`, to)
	return to
}

// finds returns how it is found that the database is not as it was: by the log itself, by what was kept elsewhere, or not.
func (p *past) finds(database string) string {
	p.t.Helper()
	reader, err := db.OpenToRead(p.t.Context(), database, time.Now)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	state, err := reader.VerifyLog(p.t.Context(), access.TheOperator(), p.verifiers)
	switch {
	case err != nil:
		p.t.Fatal(err)
	case slices.ContainsFunc(state.Findings, func(f string) bool { return !strings.HasPrefix(f, "trigger ") }): // which are all away
		return "by the log"
	case !goesOn(p.t, reader, p.kept):
		return "by a kept checkpoint"
	}
	return ""
}

// tamper does one thing to a copy of the database.
func (p *past) tamper(name, file string) (what string, err error) {
	p.t.Helper()
	if name == "roll-back" {
		at := p.IntN(len(p.former))
		copyFile(p.t, p.former[at], file)
		return fmt.Sprintf("to former state %d", at), nil
	}
	copyFile(p.t, p.file, file)
	conn := dbtest.Open(p.t, file)
	conn.SetMaxOpenConns(1)
	p.Ext = conn.DB
	if _, err := p.Exec(`PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY`); err != nil {
		p.t.Fatal(err)
	}
	what, err = p.ways()[name]()
	return what, errors.Join(err, conn.Close())
}

// copyFile has one file be like another.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err := errors.Join(err, os.WriteFile(to, content, 0o600), os.RemoveAll(to+"-wal"), os.RemoveAll(to+"-shm")); err != nil {
		t.Fatal(err)
	}
}
