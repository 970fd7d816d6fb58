package db_test

import (
	"fmt"
	"io"
	"os"
	program "os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// The benchmarks take a database of `keydesk demo-data` that KEYDESK_BENCH_DATABASE names, or make a small one with as
// many users and keys as KEYDESK_BENCH_KEYS says. Where KEYDESK_TEST_POSTGRES is 1 that is moved to PostgreSQL first.
const fewBenched = 20_000

// benched returns the database that is measured, and its file.
func benched(b *testing.B) (*db.DB, string) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	file := os.Getenv("KEYDESK_BENCH_DATABASE")
	if file == "" {
		n := fewBenched
		if text := os.Getenv("KEYDESK_BENCH_KEYS"); text != "" {
			var err error
			n, err = strconv.Atoi(text)
			must(err)
		}
		file = filepath.Join(b.TempDir(), "keydesk.db")
		digits := access.NewRootSecret()
		must(os.WriteFile(filepath.Join(filepath.Dir(file), "keydesk.secret"), []byte(digits), 0o600))
		d, err := db.Open(b.Context(), db.Options{
			Database: file, Now: time.Now, Tell: func(access.KeyChange) {},
			Root: func(bool) (access.RootSecret, error) { return access.ParseRootSecret(digits) },
		})
		must(err)
		crowd := access.Crowd{Users: n, Keys: n, Seed: 1, Now: d.Now()}
		must(d.Fill(b.Context(), crowd, access.DefaultPrefix, func(access.Made) error { return nil }))
		must(d.Close())
	}
	name := file
	if os.Getenv("KEYDESK_TEST_POSTGRES") == "1" && !db.IsPostgres(file) {
		name = moved(b, file)
	}
	d, err := db.OpenToRead(b.Context(), name, time.Now)
	must(err)
	b.Cleanup(func() { must(d.Close()) })
	return d, name
}

// moved moves a database to PostgreSQL, and returns its URL.
func moved(b *testing.B, file string) string {
	b.Helper()
	url := pgtest.Database(b)
	digits, err := os.ReadFile(filepath.Join(filepath.Dir(file), "keydesk.secret"))
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	m, err := db.Move(b.Context(), db.Options{
		Database: file, Now: time.Now, Tell: func(access.KeyChange) {},
		Root: func(bool) (access.RootSecret, error) {
			return access.ParseRootSecret(strings.TrimSpace(string(digits)))
		},
	}, url, func(int, int) {})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("moved %d keys in %s", m.Keys, time.Since(began).Round(time.Millisecond))
	dbtest.Exec(b, url, `VACUUM ANALYZE`) // as PostgreSQL does by itself, after a minute or so
	return url
}

// BenchmarkLoad reads all keys, as every start does.
func BenchmarkLoad(b *testing.B) {
	d, _ := benched(b)
	var told atomic.Int64
	for b.Loop() {
		if err := d.AllKeys(b.Context(), func(int) {}, func(access.KeyChange) { told.Add(1) }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(told.Load())/b.Elapsed().Seconds(), "keys/s")
}

func BenchmarkPages(b *testing.B) {
	d, _ := benched(b)
	ctx, root := b.Context(), access.Actor{UserID: "root", Role: access.Admin}
	latest, earlier, err := d.LastUses(ctx, root, "")
	if err != nil {
		b.Fatal(err)
	}
	pages := map[string]func() error{
		"keys of a user": func() error { _, _, err := d.KeysOf(ctx, root, latest[0].Key.UserID, ""); return err },
		"later keys":     func() error { _, _, err := d.KeysOf(ctx, root, latest[0].Key.UserID, latest[0].Key.ID); return err },
		"last uses":      func() error { _, _, err := d.LastUses(ctx, root, ""); return err },
		"earlier uses":   func() error { _, _, err := d.LastUses(ctx, root, earlier); return err },
		"changes":        func() error { _, _, err := d.Changes(ctx, root, access.ChangeFilter{}, 0); return err },
		"sign-ins":       func() error { _, _, err := d.SignIns(ctx, root, 0); return err },
		"count of keys":  func() error { _, err := d.CountKeys(ctx, root, ""); return err },
	}
	for name, after := range map[string]string{"users": "", "users from the middle": "katherine.hertz", "last users": "wilhelm.volta"} {
		pages[name] = func() error { _, _, err := d.Users(ctx, root, "", after); return err }
	}
	for _, text := range []string{"a", "e", "w", "ad", "ada", "ada ", "ada n", "wilhelm", "wilhelm watt", "nobody"} {
		pages["search for "+text] = func() error { _, _, err := d.Users(ctx, root, text, ""); return err }
		pages["more of "+text] = func() error { _, _, err := d.Users(ctx, root, text, "peter.hertz"); return err }
	}
	names := make([]string, 0, len(pages))
	for name := range pages {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := pages[name](); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkExport tells by how much an export makes the process grow, too.
func BenchmarkExport(b *testing.B) {
	d, _ := benched(b)
	var most float64
	rows := 0
	b.ReportAllocs()
	for b.Loop() {
		before := resident("VmRSS")
		_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // VmHWM begins anew
		rows = exported(b, d)
		most = max(most, resident("VmHWM")-before)
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(most, "MiB-growth")
}

// BenchmarkExportOverShell takes turns with the database's own shell, which prints what the same query finds, and gives
// the median of the ratios of the times.
func BenchmarkExportOverShell(b *testing.B) {
	d, name := benched(b)
	const reported = `SELECT k.user_id, k.last4, k.created_at, k.deactivated_at,
		u.last_used_at FROM keys k LEFT JOIN last_uses u ON u.key = k.number ORDER BY k.user_id, k.created_at, k.id`
	yardstick := []string{"sqlite3", "-csv", name, reported}
	if db.IsPostgres(name) {
		yardstick = []string{"psql", name, "-c", "COPY (" + reported + ") TO STDOUT (FORMAT csv)"}
	}
	if _, err := program.LookPath(yardstick[0]); err != nil {
		b.Fatal(err)
	}
	var ratios, ours, theirs []float64
	for b.Loop() {
		began := time.Now()
		exported(b, d)
		us := time.Since(began).Seconds()
		began = time.Now()
		command := program.Command(yardstick[0], yardstick[1:]...)
		command.Stdout = nil // /dev/null
		if err := command.Run(); err != nil {
			b.Fatal(err)
		}
		them := time.Since(began).Seconds()
		ratios, ours, theirs = append(ratios, us/them), append(ours, us), append(theirs, them)
	}
	for unit, values := range map[string][]float64{"ratio": ratios, "s-export": ours, "s-shell": theirs} {
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], unit)
	}
	b.ReportMetric(ratios[0], "least-ratio")
	b.ReportMetric(ratios[len(ratios)-1], "most-ratio")
}

// exported exports everything to nowhere, and returns how many keys that were.
func exported(b *testing.B, d *db.DB) (rows int) {
	b.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	err = d.Export(b.Context(), access.TheOperator(), "", db.Export{
		Begin: func() error { _, err := io.WriteString(null, access.ReportHeader); return err },
		Row:   access.NewReport(d.Now()).Append,
		Write: func(part []byte, n int) error { rows += n; _, err := null.Write(part); return err },
	})
	if err != nil {
		b.Fatal(err)
	}
	return rows
}

// resident returns a line of the process's state in MiB, or 0 where there is none.
func resident(line string) float64 {
	state, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for text := range strings.Lines(string(state)) {
		var kib float64
		if n, _ := fmt.Sscanf(text, line+": %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	return 0
}
