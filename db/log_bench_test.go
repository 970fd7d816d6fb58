package db_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// crowdOf is how many users there are for so many keys: how many each may have is counted.
func crowdOf(keys int) int { return max(100, keys/500) }

// loggedFile opens a new SQLite database with users, in the folder that KEYDESK_BENCH_FOLDER names, or a temporary one.
func loggedFile(b *testing.B, users int) (d *db.DB, file string) {
	b.Helper()
	folder, err := os.MkdirTemp(os.Getenv("KEYDESK_BENCH_FOLDER"), "keydesk")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(folder) })
	file, digits := filepath.Join(folder, "keydesk.db"), access.NewRootSecret()
	d, err = db.Open(b.Context(), db.Options{
		Database: file, Now: time.Now,
		Root: func(bool) (access.RootSecret, error) { return access.ParseRootSecret(digits) },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	for i := range users {
		p := access.Person{UserID: fmt.Sprint("u", i), Role: access.User}
		if err := d.AddUser(b.Context(), access.TheOperator(), p, "x"); err != nil {
			b.Fatal(err)
		}
	}
	return d, file
}

// makeKeys makes keys, the first of which is that of user number from, with so many at work on them.
func makeKeys(b *testing.B, d *db.DB, users, from, n, writers int) {
	b.Helper()
	var made atomic.Int64
	var working sync.WaitGroup
	for range writers {
		working.Go(func() {
			for i := int(made.Add(1)) - 1; i < n; i = int(made.Add(1)) - 1 {
				alice := access.Actor{UserID: fmt.Sprint("u", (from+i)%users), Role: access.User, Address: "192.0.2.1"}
				f := d.Secrets().Pepper.Fingerprint(access.NewSecret(access.DefaultPrefix))
				if _, err := d.CreateKey(b.Context(), alice, f, access.NewToken()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
}

// bareRows commits rows of as many bytes as a key and its entry have, one by one, with nothing around it, and returns how many
// in a second.
func bareRows(b *testing.B, file string, n int) float64 {
	b.Helper()
	conn, err := sqlx.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	conn.SetMaxOpenConns(1)
	conn.MustExec(`CREATE TABLE rows (id INTEGER PRIMARY KEY, value BLOB NOT NULL)`)
	began, value := time.Now(), make([]byte, 600)
	for range n {
		t := conn.MustBegin()
		t.MustExec(`INSERT INTO rows (value) VALUES (?)`, value)
		if err := t.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(began).Seconds()
}

// BenchmarkCreateKey makes keys at synchronous=FULL, with the entry, its traces, the tree and the signed checkpoint, and says
// how many times as long that takes as to commit a bare row. Writers that wait together are committed together.
func BenchmarkCreateKey(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("writers=", writers), func(b *testing.B) {
			users := crowdOf(0)
			d, file := loggedFile(b, users)
			b.ResetTimer()
			makeKeys(b, d, users, 0, b.N, writers)
			made := float64(b.N) / b.Elapsed().Seconds()
			b.StopTimer()
			bare := bareRows(b, file+".bare", min(b.N, 5000))
			b.ReportMetric(made, "keys/s")
			b.ReportMetric(bare, "bare/s")
			b.ReportMetric(bare/made, "times-bare")
		})
	}
}

// BenchmarkVerifyLog checks a log of as many entries as KEYDESK_BENCH_ENTRIES says, and exports it with all proofs.
func BenchmarkVerifyLog(b *testing.B) {
	n := 5000
	if text := os.Getenv("KEYDESK_BENCH_ENTRIES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	users := crowdOf(n)
	d, _ := loggedFile(b, users)
	makeKeys(b, d, users, 0, n-users, 64)
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			state, err := d.VerifyLog(b.Context(), access.TheOperator(), d.Secrets().Verifiers)
			if err != nil || !state.Sound() || state.Size != int64(n) {
				b.Fatal(state, err)
			}
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
	})
	b.Run("export", func(b *testing.B) {
		for b.Loop() {
			err := d.ExportLog(b.Context(), access.TheOperator(), 1, math.MaxInt64, func(access.LogHead) error { return nil },
				func(access.Proof) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
	})
}
