package db_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// longExport is of several parts, by both readers of SQLite.
const longExport = 13_000

// inOrder returns what an export tells of the keys, in its order.
func inOrder(made []access.Made) []access.Key {
	slices.SortFunc(made, func(a, b access.Made) int {
		if a.UserID != b.UserID {
			return strings.Compare(a.UserID, b.UserID)
		}
		if !a.CreatedAt.Equal(b.CreatedAt) {
			return a.CreatedAt.Compare(b.CreatedAt)
		}
		return strings.Compare(a.ID, b.ID)
	})
	var keys []access.Key
	for _, m := range made {
		keys = append(keys, shown(m.Key)...)
	}
	return keys
}

// IO-4: of a long export too no part knows of what was changed since it began.
func TestLongExportIsOneSnapshotInOrder(t *testing.T) {
	d, made := crowded(t, 40, longExport, 1)
	want := inOrder(made)
	parts, changed := 0, 0
	var got []access.Key
	out := reading(nothing, func(k access.Key) error { got = append(got, k); return nil })
	write := out.Write
	out.Write = func(part []byte, rows int) error {
		for _, m := range made[len(made)-9*(parts+1):][:9] { // of the last rows
			d.must(d.saveUses(map[string]time.Time{m.ID: d.Now()}))
			if m.Status() == access.Active {
				d.deactivate(access.Actor{UserID: m.UserID, Role: access.User}, m.ID)
				changed++
			}
		}
		parts++
		return write(part, rows)
	}
	if err := d.Export(t.Context(), d.operator, "", out); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) || parts < 4 || changed == 0 {
		t.Errorf("%d keys in %d parts, want %d, with %d changed meanwhile", len(got), parts, len(want), changed)
	}
	for status, n := range map[access.Status]int{access.Active: longExport*9/10 - changed, access.Inactive: longExport/10 + changed} {
		keys := d.export(d.operator, status)
		if count, err := d.CountKeys(t.Context(), d.operator, status); len(keys) != n || count != n || err != nil {
			t.Errorf("%d keys are %s, counted are %d, %v, want %d", len(keys), status, count, err, n)
		}
		for _, k := range keys {
			if k.Status() != status {
				t.Fatalf("%+v is not %s", k, status)
			}
		}
	}
}

// What one transaction wrote is in one export altogether or not at all, whichever reader comes upon it.
func TestReadersOfAnExportSeeTheSame(t *testing.T) {
	d, made := crowded(t, 40, longExport, 1)
	inOrder(made)
	first, middle, last := made[0], made[longExport/2], made[longExport-1]
	ctx, stop := context.WithCancel(t.Context())
	conn := dbtest.Open(t, d.path)
	ended := make(chan error)
	go func() {
		var err error
		for at := d.Now(); ctx.Err() == nil && err == nil; at = at.Add(time.Second) {
			_, err = conn.Exec(`INSERT INTO last_uses (key, last_used_at) SELECT number, ? FROM keys WHERE id IN (?, ?, ?)
				ON CONFLICT (key) DO UPDATE SET last_used_at = excluded.last_used_at`, at.UnixMicro(), first.ID, middle.ID, last.ID)
		}
		ended <- err
	}()
	seen := map[time.Time]bool{}
	for n, began := 0, time.Now(); n < 12 || len(seen) < 3 && time.Since(began) < time.Minute; n++ {
		keys := d.export(d.operator, "")
		a, b, c := keys[0].LastUsedAt, keys[longExport/2].LastUsedAt, keys[longExport-1].LastUsedAt
		if seen[a] = true; a.Equal(d.Now()) || len(seen) > 1 { // else nothing was written yet
			if !a.Equal(b) || !a.Equal(c) {
				t.Errorf("the keys were last used at %v, %v and %v", a, b, c)
			}
		}
	}
	stop()
	if err := <-ended; err != nil || len(seen) < 3 {
		t.Errorf("%v, with %d times seen", err, len(seen))
	}
}

// wantNoReads fails the test if a transaction is going on. PostgreSQL may take a moment to notice who has gone.
func (d *desk) wantNoReads() {
	d.t.Helper()
	conn := dbtest.Open(d.t, d.path)
	defer func() { _ = conn.Close() }()
	if !conn.Postgres() {
		var busy, pages, moved int
		d.must(conn.QueryRow(`PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved))
		if busy != 0 {
			d.t.Error("a read is going on")
		}
		return
	}
	for deadline, open := time.Now().Add(10*time.Second), 1; open > 0; {
		d.must(conn.QueryRow(`SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND xact_start IS NOT NULL AND pid <> pg_backend_pid()`).Scan(&open))
		if time.Now().After(deadline) {
			d.t.Fatalf("%d reads are going on", open)
		}
	}
}

// DOS-7: a reader that goes away ends the export, which then holds nothing up.
func TestExportThatIsGivenUpFreesEverything(t *testing.T) {
	d, _ := crowded(t, 40, longExport, 1)
	gone := errors.New("connection reset")
	for range 6 { // more than may run at once
		ctx, cancel := context.WithCancel(t.Context())
		parts := 0
		err := d.Export(ctx, d.operator, "", db.Export{
			Begin: nothing, Row: func(part []byte, _ access.Key) []byte { return append(part, 'x') },
			Write: func([]byte, int) error {
				if parts++; parts == 2 {
					return gone
				}
				return nil
			},
		})
		if !errors.Is(err, gone) || parts != 2 {
			t.Errorf("gone: %v after %d parts", err, parts)
		}
		err = d.Export(ctx, d.operator, "", db.Export{
			Begin: nothing, Row: func(part []byte, _ access.Key) []byte { return part },
			Write: func([]byte, int) error { cancel(); return nil },
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
	}
	d.wantNoReads()
	if n := len(d.export(d.operator, "")); n != longExport {
		t.Errorf("then it has %d keys", n)
	}
}

func TestCountOfKeysIsForWhoExports(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice)
	for _, actor := range []access.Actor{d.alice, {}} {
		_, err := d.CountKeys(t.Context(), actor, "")
		wantRefusal(t, err, access.Denied)
		_, _, err = d.ExportSize(t.Context(), actor)
		wantRefusal(t, err, access.Denied)
	}
	_, err := d.CountKeys(t.Context(), d.root, "expired")
	wantRefusal(t, err, access.Invalid)
	if n, sample, err := d.ExportSize(t.Context(), d.root); n != 1 || len(sample) != 1 || err != nil {
		t.Errorf("%d keys, %d of them as a sample, %v", n, len(sample), err)
	}
}
