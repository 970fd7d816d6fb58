package db_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// BenchmarkAnchor makes keys, which is answered when each is on the disk, and in the anchor where there is one.
func BenchmarkAnchor(b *testing.B) {
	for _, anchor := range []string{"", "keydesk.anchor"} {
		for _, writers := range []int{1, 8} {
			name := fmt.Sprintf("anchor=%t/writers=%d", anchor != "", writers)
			b.Run(name, func(b *testing.B) { benchAnchor(b, anchor, writers) })
		}
	}
}

func benchAnchor(b *testing.B, anchor string, writers int) {
	b.Helper()
	root, err := access.ParseRootSecret(access.NewRootSecret())
	if err != nil {
		b.Fatal(err)
	}
	if anchor != "" {
		anchor = filepath.Join(b.TempDir(), anchor)
	}
	d, err := db.Open(b.Context(), db.Options{
		Database: dbtest.New(b), Anchor: anchor, Root: func(bool) (access.RootSecret, error) { return root, nil }, Now: time.Now,
		Limits: access.KeyLimits{Active: 1 << 30, PerMinute: 1 << 30},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for i := range writers {
		p := access.Person{UserID: fmt.Sprint("user", i), Role: access.User}
		if err := d.AddUser(b.Context(), access.TheOperator(), p, "x"); err != nil {
			b.Fatal(err)
		}
	}
	pepper := d.Secrets().Pepper
	b.ResetTimer()
	var made atomic.Int64
	var working sync.WaitGroup
	for i := range writers {
		actor := access.Actor{UserID: fmt.Sprint("user", i), Role: access.User}
		working.Go(func() {
			for made.Add(1) <= int64(b.N) {
				if _, err := d.CreateKey(b.Context(), actor, pepper.Fingerprint(access.NewSecret(access.DefaultPrefix)), ""); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "keys/s")
}
