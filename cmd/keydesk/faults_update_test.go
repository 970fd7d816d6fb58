//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// scripts is where the tables of SQLite are made.
const scripts = "../../db/migrations/sqlite"

// DUR-12: the first start of a new version on the database of each older one, killed at any instant. The next start finishes
// it, and every key is told of as before.
func TestProveKilledUpdates(t *testing.T) {
	brief(t)
	rounds, crowd := oneOf(1, 40), oneOf(2_000, 20_000)
	newest := dbtest.Versions(t, scripts)
	kills, before, between := 0, 0, 0
	for version := 1; version < newest; version++ {
		u := newUpdate(t, version, crowd)
		took := u.run(u.at.restart)
		for range rounds {
			u.run(func() time.Duration {
				u.at.launch()
				time.Sleep(rand.N(took))
				u.at.kill()
				switch left := u.version(); {
				case left == version:
					before++
				case left < newest:
					between++
				}
				return u.at.restart()
			})
			kills++
		}
	}
	t.Logf("updates from each of %d versions to the next, with %d keys, killed %d times: %d times before the first step was there, "+
		"%d times between two steps", newest-1, crowd+2, kills, before, between)
}

// update is an instance that is to bring the database of an older version up to date.
type update struct {
	t     *testing.T
	at    *instance
	old   dbtest.Old
	file  []byte // the database of before
	crowd int
}

func newUpdate(t *testing.T, version, crowd int) *update {
	t.Helper()
	c := &cluster{t: t, secret: access.NewRootSecret()}
	path := dbtest.NewFile(t)
	u := &update{t: t, crowd: crowd, old: dbtest.NewOld(t, path, c.secret, scripts, version, crowd)}
	var err error
	if u.file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	u.at = c.addOn(&relays{t: t}, "")
	return u
}

// run starts the instance on the database of before, in a way that returns how long it took, looks at everything, and ends it.
func (u *update) run(start func() time.Duration) time.Duration {
	u.t.Helper()
	folder, err := os.MkdirTemp(u.t.TempDir(), "")
	if err != nil {
		u.t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	u.at.database = filepath.Join(folder, "keydesk.db")
	mustWrite(u.t, u.at.database, string(u.file))
	took := start()
	for secret, want := range map[access.Secret]verdict{u.old.LiveKey: good, u.old.DeadKey: deactivated} {
		if says := u.at.judge(secret.Reveal(), changeTime); says != want {
			u.t.Errorf("verify says %q, want %q", says, want)
		}
	}
	u.at.terminate()
	sum := fmt.Sprintf(`SELECT max(version_id) FROM goose_db_version WHERE (SELECT count(*) FROM keys) = %d AND
		(SELECT count(*) FROM users) = 3 AND (SELECT count(*) FROM audit WHERE action <> 'renew secrets') = 2 AND (SELECT * FROM pragma_integrity_check) = 'ok'`, u.crowd+2)
	var version int
	dbtest.Look(u.t, u.at.database, sum, &version)
	if version != dbtest.Versions(u.t, scripts) {
		u.t.Errorf("the database is of version %d", version)
	}
	return took
}

// version returns up to which version the database was brought. It looks at a copy: who opens a database that was killed mends
// it.
func (u *update) version() (n int) {
	u.t.Helper()
	copied := u.at.database + ".copy"
	for _, suffix := range []string{"", "-wal"} {
		if content, err := os.ReadFile(u.at.database + suffix); err == nil {
			mustWrite(u.t, copied+suffix, string(content))
		}
	}
	dbtest.Look(u.t, copied, `SELECT max(version_id) FROM goose_db_version`, &n)
	return n
}
