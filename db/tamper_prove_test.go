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
	"github.com/keydesk/keydesk/db/provetest"
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

// copyFile has one file be like another.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err := errors.Join(err, os.WriteFile(to, content, 0o600), os.RemoveAll(to+"-wal"), os.RemoveAll(to+"-shm")); err != nil {
		t.Fatal(err)
	}
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
	case !state.Sound():
		return "by the log"
	case !goesOn(p.t, reader, p.kept):
		return "by a kept checkpoint"
	}
	return ""
}

// AUD-4: whatever is altered, deleted, put in, reordered, cut off or set back, in whichever way, is found.
func TestProveTamperingIsFound(t *testing.T) {
	rounds := 210
	if provetest.Asked() {
		rounds = 10_000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	p := newPast(t, r, newSQLiteDesk(t))
	if found := p.finds(p.file); found != "" {
		t.Fatalf("before anything: found %s", found)
	}
	names := []string{"edit", "deletion", "insertion", "reordering", "truncation", "rows set back", "roll-back"}
	counts, tampered := map[string]int{}, filepath.Join(t.TempDir(), "tampered.db")
	for done := 0; done < rounds; {
		name := names[done%len(names)]
		what, err := p.tamper(name, tampered)
		if err != nil {
			counts["could not be done"]++
			continue
		}
		done++
		found := p.finds(tampered)
		counts[name+", found "+found]++
		if found == "" {
			t.Errorf("not found: %s: %s", name, what)
		}
	}
	t.Logf("%d of %d entries: %v", rounds, p.kept.Size, counts)
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

// AUD-4: as on SQLite. The tables are put back from copies after each time.
func TestProveTamperingWithPostgresIsFound(t *testing.T) {
	if os.Getenv("KEYDESK_TEST_POSTGRES") != "1" && !provetest.Asked() {
		t.Skip("KEYDESK_TEST_POSTGRES=1 tries this")
	}
	rounds := 25
	if provetest.Asked() {
		rounds = 500
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p := newPast(t, rand.New(rand.NewPCG(seed, 0)), newPostgresDesk(t))
	conn := dbtest.Open(t, p.file)
	conn.SetMaxOpenConns(1)
	p.Ext = conn.DB
	do := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	do(`SET session_replication_role = replica`)
	tables := []string{"audit", "audit_head", "users", "keys", "links"}
	for _, table := range tables {
		do(`CREATE TABLE former_` + table + ` AS TABLE ` + table)
	}
	names, counts := []string{"edit", "deletion", "insertion", "reordering", "truncation"}, map[string]int{}
	for done := 0; done < rounds; {
		for _, table := range tables {
			do(`DELETE FROM ` + table)
			do(`INSERT INTO ` + table + ` SELECT * FROM former_` + table)
		}
		if done == 0 && p.finds(p.file) != "" {
			t.Fatal("found before anything")
		}
		name := names[done%len(names)]
		what, err := p.ways()[name]()
		if err != nil {
			counts["could not be done"]++
			continue
		}
		done++
		found := p.finds(p.file)
		counts[name+", found "+found]++
		if found == "" {
			t.Errorf("not found: %s: %s", name, what)
		}
	}
	t.Logf("%d of %d entries: %v", rounds, p.kept.Size, counts)
}

// AUD-4: whatever happens by the program itself, nothing is found.
func TestProveLogIsClean(t *testing.T) {
	rounds := 12
	if provetest.Asked() {
		rounds = 1000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	entries, actions := int64(0), map[access.Action]bool{}
	for i := range rounds {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		d := newDesk(t)
		newLife(d, r).live(20 + r.IntN(60))
		state := d.verified()
		if !state.Sound() {
			t.Errorf("round %d: %q", i, state.Findings)
		}
		entries += state.Size
		for _, c := range d.changes() {
			actions[c.Action] = true
			if !slices.Contains(access.Recorded(), c.Action) {
				t.Errorf("%s is not among those that can be asked for", c.Action)
			}
		}
		d.close()
		if !db.IsPostgres(d.path) {
			d.must(os.RemoveAll(filepath.Dir(d.path)))
		}
	}
	if len(actions) < 14 {
		t.Errorf("only %d kinds of change happened: %v", len(actions), actions)
	}
	t.Logf("%d databases, %d entries of %d kinds", rounds, entries, len(actions))
}

// AUD-4, AUD-9: while everybody makes changes, a check sees one state, and finds nothing.
func TestLogIsCheckedWhileItGrows(t *testing.T) {
	d := newDesk(t)
	stop, done := make(chan struct{}), make(chan error)
	for _, who := range []access.Actor{d.alice, d.bob} {
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
					if _, err := d.CreateKey(t.Context(), who, d.fingerprint(), ""); err != nil {
						done <- err
						return
					}
				}
			}
		}()
	}
	sizes := map[int64]bool{}
	for len(sizes) < 5 {
		state := d.verified()
		wantSound(t, state)
		if _, _, err := d.LogProof(t.Context(), d.root, max(state.Size, 1)); err != nil {
			t.Error(err)
		}
		sizes[state.Size] = true
	}
	close(stop)
	d.must(errors.Join(<-done, <-done))
}

// AUD-3, AUD-4: a log that was written anew from the first entry on, with a tree that fits, is not signed by the log's key.
func TestLogThatIsWrittenAnewIsFound(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice)
	known := d.Secrets().Verifiers
	other := newDesk(t)
	other.makeKey(other.alice)
	wantSound(t, other.verified())
	state := verifiedAt(t, other.path, known)
	if len(state.Findings) != 1 || !strings.Contains(state.Findings[0], "not signed by the log's key") {
		t.Errorf("found %q", state.Findings)
	}
}
