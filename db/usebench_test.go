package db_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// BenchmarkSaveUses writes 100,000 uses of as many keys, as after a second of many callers, and merges them.
func BenchmarkSaveUses(b *testing.B) { benchUses(b, 100_000, 1) }

// BenchmarkMergeBehind merges 200,000 uses of 20,000 keys, of which each part has more than a transaction takes.
func BenchmarkMergeBehind(b *testing.B) { benchUses(b, 20_000, 10) }

// benchUses writes and merges the uses of so many keys by so many callers each.
func benchUses(b *testing.B, keys, callers int) {
	b.Helper()
	root, err := access.ParseRootSecret(access.NewRootSecret())
	if err != nil {
		b.Fatal(err)
	}
	path := dbtest.New(b)
	d, err := db.Open(b.Context(), db.Options{
		Database: path, Root: func(bool) (access.RootSecret, error) { return root, nil },
		Tell: func(access.KeyChange) {}, Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	addKeys(b, d, path, keys)
	uses, at := make([]access.Use, keys), time.Now()
	var saved time.Duration
	hurried, hurry := context.WithCancel(b.Context())
	hurry()
	for b.Loop() {
		for caller := range callers {
			for i := range uses {
				uses[i] = access.Use{
					Key: int64(i) + 1, Day: access.Day(at), Service: fmt.Sprintf("gateway-%d", caller),
					Address: fmt.Sprintf("192.0.2.%d", i%250), Accepted: 1, LastAt: at, UsedAt: at,
				}
			}
			began := time.Now()
			if n, err := d.SaveUses(hurried, uses); err != nil || n != len(uses) {
				b.Fatal(n, err)
			}
			saved += time.Since(began)
		}
		if err := d.MergeAll(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(saved.Seconds()/float64(b.N), "s-saved/op")
}

// addKeys adds so many keys of alice's, which nobody has.
func addKeys(b *testing.B, d *db.DB, path string, n int) {
	b.Helper()
	if err := d.AddUser(b.Context(), access.TheOperator(), access.Person{UserID: "alice", Role: access.User}, "x"); err != nil {
		b.Fatal(err)
	}
	add := `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
		INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name, created_at)
		SELECT printf('01900000-0000-7000-8000-%012d', i), i + 1, 'alice', randomblob(32), ?, '0000', '', 1 FROM n`
	if db.IsPostgres(path) {
		add = strings.NewReplacer("printf(", "format(", "%012d", "%s", "randomblob(32)", "sha256(i::text::bytea)").Replace(add)
	}
	dbtest.Exec(b, path, add, n, d.Secrets().Pepper.ID)
}
