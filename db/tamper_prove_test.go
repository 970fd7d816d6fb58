package db_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/provetest"
)

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
