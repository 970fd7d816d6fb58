package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// unmerged writes down a use of the key that nobody merges.
func (d *desk) unmerged(id string, at time.Time, service, address string, accepted, refused int64) {
	d.t.Helper()
	use := access.Use{
		Key: d.number(id), Day: access.Day(at), Service: service, Address: address, Accepted: accepted, Refused: refused, LastAt: at,
	}
	if accepted > 0 {
		use.UsedAt = at
	}
	if n, err := d.SaveUses(d.t.Context(), []access.Use{use}); err != nil || n != 1 {
		d.t.Fatalf("%d written, %v", n, err)
	}
}

// VER-9: what is written but not merged is seen wherever uses are: by the owner, in the report, beside the server and
// after a restart.
func TestUsesThatAreNotMergedAreSeen(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	d.used(key.ID, d.Now().Add(-time.Hour), "billing", "192.0.2.7", 3, 0)
	d.advance(time.Hour)
	at := d.Now()
	d.unmerged(key.ID, at, "billing", "192.0.2.7", 2, 1)
	d.unmerged(key.ID, at.Add(-time.Minute), "reports", "", 1, 0)
	for _, moment := range []string{"before a restart", "after it"} {
		d.wantWaiting(moment, 2)
		if got := d.lastUsed(d.alice, key.ID); !got.Equal(at) {
			t.Errorf("%s: last used %v, want %v", moment, got, at)
		}
		uses, err := d.OwnKeyUses(t.Context(), d.alice, key.ID)
		d.must(err)
		if got := callersOf(uses.Days); !slices.Equal(got, []string{"billing 192.0.2.7 5 1", "reports  1 0"}) || uses.Last.Service != "billing" {
			t.Errorf("%s: %q, last by %q", moment, got, uses.Last.Service)
		}
		page, _, err := d.LastUses(t.Context(), d.root, "")
		d.must(err)
		if len(page) != 1 || !page[0].LastAt().Equal(at) {
			t.Errorf("%s: the history has %+v", moment, page)
		}
		if got := d.export(d.operator, ""); len(got) != 1 || !got[0].LastUsedAt.Equal(at) {
			t.Errorf("%s: the report has %+v", moment, got)
		}
		reader, err := db.OpenToRead(t.Context(), d.path, d.now)
		d.must(err)
		var last time.Time
		d.must(reader.Export(t.Context(), d.operator, "", reading(nothing, func(k access.Key) error { last = k.LastUsedAt; return nil })))
		if d.must(reader.Close()); !last.Equal(at) {
			t.Errorf("%s: the command's report has %v", moment, last)
		}
		d.reopen()
	}
	d.merge()
	d.wantWaiting("merged", 0)
	if got := d.dayRows(key.Number); len(got) != 2 {
		t.Errorf("merged are %q", got)
	}
	if got := d.lastUsed(d.alice, key.ID); !got.Equal(at) {
		t.Errorf("when merged: last used %v", got)
	}
}

// The refusals of a deactivated key show before they are merged.
func TestRefusalsThatAreNotMergedAreSeen(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	d.deactivate(d.alice, key.ID)
	d.used(key.ID, d.Now(), "", "203.0.113.66", 0, 4)
	d.unmerged(key.ID, d.Now().Add(time.Second), "", "203.0.113.66", 0, 2)
	got, err := d.OwnKeyUses(t.Context(), d.alice, key.ID)
	d.must(err)
	if got.Refused.Refused != 6 || !got.Last.LastAt.IsZero() || !got.Key.LastUsedAt.IsZero() {
		t.Errorf("got %+v", got)
	}
}

// waiting returns how many uses the database has that are not merged.
func (d *desk) waiting() int {
	d.t.Helper()
	n, err := d.Waiting(d.t.Context())
	d.must(err)
	return n
}

// wantWaiting fails the test unless so many uses are not merged.
func (d *desk) wantWaiting(when string, want int) {
	d.t.Helper()
	if got := d.waiting(); got != want {
		d.t.Errorf("%s: %d uses are not merged, want %d", when, got, want)
	}
	if got := d.NewUses(); got != want && !db.IsPostgres(d.path) { // where others write, it knows after a merge, more or less
		d.t.Errorf("%s: it says that %d uses are not merged, want %d", when, got, want)
	}
}

// count returns the number that a query yields.
func (d *desk) count(query string) (n int) {
	d.t.Helper()
	dbtest.Look(d.t, d.path, query, &n)
	return n
}

// A merge takes some at a time, and no use is lost or counted twice, however many there are.
func TestManyUsesAreMergedInPieces(t *testing.T) {
	d := newDesk(t)
	const keys, callers, batches = 300, 15, 3
	for range batches {
		var uses []access.Use
		for i := range keys {
			for c := range callers {
				uses = append(uses, access.Use{
					Key: int64(4000 + i), Day: access.Day(d.Now()), Address: fmt.Sprint("192.0.2.", c), Accepted: 2, LastAt: d.Now(), UsedAt: d.Now(),
				})
			}
		}
		n, err := d.SaveUses(t.Context(), uses)
		if err != nil || n != len(uses) {
			t.Fatal(n, err)
		}
	}
	d.wantWaiting("saved", keys*callers*batches)
	for before := d.waiting(); before > 0; {
		d.must(d.MergeUses(t.Context()))
		after := d.waiting()
		if after >= before {
			t.Fatalf("of %d uses %d are left", before, after)
		}
		off := 0
		if db.IsPostgres(d.path) { // where it is an estimate, of what there was before
			off = before/8 + 64
		}
		if says := d.NewUses(); says < after-off || says > after+off || (says == 0) != (after == 0) {
			t.Errorf("it says that %d uses are left, not %d", says, after)
		}
		before = after
	}
	if got := d.count(`SELECT sum(accepted) FROM key_days`); got != keys*callers*batches*2 {
		t.Errorf("%d uses are merged", got)
	}
	d.wantWaiting("merged", 0)
	if got := d.count(`SELECT count(*) FROM new_uses`); got != 0 {
		t.Errorf("%d rows are left", got)
	}
}

// DUR-3: uses that could not be written are none of those that were, and nothing of them is told.
func TestUsesThatAreNotWrittenAreNotSeen(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	tables := []string{"new_uses"}
	if db.IsPostgres(d.path) {
		tables = append(tables, "last_uses")
	}
	for _, table := range tables {
		allow := dbtest.Refuse(t, d.path, table)
		if err := d.saveUses(map[string]time.Time{key.ID: d.Now()}); err == nil {
			t.Error("no error")
		}
		d.wantWaiting(table, 0)
		if got := d.lastUsed(d.alice, key.ID); !got.IsZero() {
			t.Errorf("%s: last used %v", table, got)
		}
		allow()
	}
}

// A merge that fails leaves everything for the next time.
func TestMergeThatFailsLosesNothing(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	d.unmerged(key.ID, d.Now(), "billing", "192.0.2.7", 2, 0)
	tables := []string{"key_days"}
	if !db.IsPostgres(d.path) { // which has last uses without a merge
		tables = append(tables, "last_uses")
	}
	for _, table := range tables {
		allow := dbtest.Refuse(t, d.path, table)
		for range 2 {
			if err := d.MergeUses(t.Context()); err == nil {
				t.Error("no error")
			}
		}
		d.wantWaiting(table, 1)
		allow()
	}
	d.merge()
	if got := d.dayRows(key.Number); len(got) != 1 || got[0][len(got[0])-len("billing 192.0.2.7 2 0"):] != "billing 192.0.2.7 2 0" {
		t.Errorf("merged are %q", got)
	}
}

// Who is done waits for nothing.
func TestMergeEndsWithItsContext(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	d.unmerged(key.ID, d.Now(), "", "", 1, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.MergeUses(ctx); err != nil {
		t.Error(err)
	}
	d.wantWaiting("given up", 1)
}

// Damaged uses are told of and left out; all others are merged, and a damaged database opens.
func TestDamagedUsesAreLeftOut(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	d.unmerged(key.ID, d.Now(), "billing", "192.0.2.7", 2, 0)
	dbtest.Exec(t, d.path, `UPDATE new_uses SET uses = substr(uses, 1, length(uses) - 1)`)
	d.unmerged(key.ID, d.Now(), "reports", "192.0.2.8", 1, 0)
	d.reopen()
	if err := d.MergeUses(t.Context()); !errors.Is(err, db.ErrUses) {
		t.Errorf("got %v", err)
	}
	day := strconv.FormatInt(d.Now().Unix()/86400, 10)
	if got := d.dayRows(key.Number); !slices.Equal(got, []string{day + " reports 192.0.2.8 1 0"}) {
		t.Errorf("merged are %q", got)
	}
	d.wantWaiting("merged", 0)
	if err := d.MergeUses(t.Context()); err != nil {
		t.Errorf("after that: %v", err)
	}
}
