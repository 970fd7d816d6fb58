package db_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// BenchmarkSaveUses writes 100,000 uses of as many keys, as after a second of many callers, and merges them.
func BenchmarkSaveUses(b *testing.B) {
	root, err := access.ParseRootSecret(access.NewRootSecret())
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "keydesk.db")
	d, err := db.Open(b.Context(), db.Options{
		Path: path, Root: func(bool) (access.RootSecret, error) { return root, nil },
		Tell: func(access.KeyChange) {}, Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	uses := make([]access.Use, 100_000)
	at := time.Now()
	addKeys(b, d, path, len(uses))
	for i := range uses {
		uses[i] = access.Use{
			Key: int64(i) + 1, Day: access.Day(at), Service: "gateway",
			Address: fmt.Sprintf("192.0.2.%d", i%250), Accepted: 1, LastAt: at, UsedAt: at,
		}
	}
	var saved time.Duration
	hurried, hurry := context.WithCancel(b.Context())
	hurry()
	for b.Loop() {
		began := time.Now()
		if n, err := d.SaveUses(hurried, uses); err != nil || n != len(uses) {
			b.Fatal(n, err)
		}
		saved += time.Since(began)
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
	conn, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.Exec(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
		INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name, created_at)
		SELECT printf('01900000-0000-7000-8000-%012d', i), i + 1, 'alice', randomblob(32), ?, '0000', '', 1 FROM n`,
		n, d.Secrets().Pepper.ID)
	if err != nil {
		b.Fatal(err)
	}
}
