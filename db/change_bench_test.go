package db_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// BenchmarkCreateKey makes keys for 1,000 users in turn, each as a change of its own with its entry of the audit log, and,
// as a yardstick, the same rows with nothing around them.
func BenchmarkCreateKey(b *testing.B) {
	const users = 1000
	digits := access.NewRootSecret()
	path := dbtest.NewFile(b)
	d, err := db.Open(b.Context(), db.Options{
		Database: path, Now: time.Now, Limits: access.KeyLimits{Active: 1 << 30, PerMinute: 1 << 30},
		Root: func(bool) (access.RootSecret, error) { return access.ParseRootSecret(digits) },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	user := func(n int) string { return fmt.Sprintf("user-%d", n%users) }
	for n := range users {
		if err := d.AddUser(b.Context(), access.TheOperator(), access.Person{UserID: user(n), Role: access.User}, "x"); err != nil {
			b.Fatal(err)
		}
	}
	made := 0
	b.Run("change", func(b *testing.B) {
		for b.Loop() {
			made++
			actor := access.Actor{UserID: user(made), Role: access.User}
			print := d.Secrets().Pepper.Fingerprint(access.NewSecret("kd_"))
			if _, err := d.CreateKey(b.Context(), actor, print, ""); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "keys/s")
	})
	bare := dbtest.Open(b, dbtest.NewFile(b))
	b.Cleanup(func() { _ = bare.Close() })
	bare.SetMaxOpenConns(1)
	for _, statement := range []string{
		`PRAGMA journal_mode = WAL`, `PRAGMA synchronous = FULL`, `CREATE TABLE rows (number INTEGER PRIMARY KEY, text TEXT)`,
	} {
		if _, err := bare.Exec(statement); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("bare row", func(b *testing.B) {
		for b.Loop() {
			if _, err := bare.Exec(`INSERT INTO rows (text) VALUES (?)`, path); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
