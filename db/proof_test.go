package db_test

import (
	"math"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// grown returns a desk whose log has so many entries.
func grown(t *testing.T, entries int) *desk {
	t.Helper()
	d := newDesk(t)
	for range entries - 3 {
		d.makeKey(d.alice)
	}
	return d
}

// AUD-6: every entry is proven to whoever has the public key, by itself and in an export; also when the log has grown since.
func TestEveryEntryIsProven(t *testing.T) {
	d := grown(t, 21)
	var exported []access.Proof
	var head access.LogHead
	d.must(d.ExportLog(t.Context(), d.operator, 1, math.MaxInt64,
		func(h access.LogHead) error { head = h; return nil },
		func(p access.Proof) error { exported = append(exported, p); return nil }))
	if head.Size != 21 || len(exported) != 21 {
		t.Fatalf("%d entries, %d exported", head.Size, len(exported))
	}
	d.makeKey(d.alice)
	for i, p := range exported {
		if c, err := p.Check(head.Checkpoint); err != nil || c.Number != int64(i+1) {
			t.Errorf("entry %d: %+v, %v", i+1, c, err)
		}
		again, now, err := d.LogProof(t.Context(), d.root, int64(i+1))
		d.must(err)
		if _, err := again.Check(now.Checkpoint); err != nil || now.Size != 22 {
			t.Errorf("entry %d of %d: %v", i+1, now.Size, err)
		}
		if _, err := p.Check(now.Checkpoint); err == nil {
			t.Errorf("entry %d: a proof of one checkpoint passes for another", i+1)
		}
	}
	_, _, err := d.LogProof(t.Context(), d.root, 23)
	wantRefusal(t, err, access.NotFound)
	_, _, err = d.LogProof(t.Context(), d.alice, 1)
	wantRefusal(t, err, access.Denied)
}

// AUD-3: what the log held at any size is what it begins with later.
func TestLogIsConsistentWithWhatItWas(t *testing.T) {
	d := newDesk(t)
	var heads []access.LogHead
	for range 20 {
		head, err := d.Head(t.Context(), d.operator)
		d.must(err)
		heads = append(heads, head)
		d.makeKey(d.alice)
	}
	for _, old := range heads {
		p, now, err := d.LogConsistency(t.Context(), d.operator, old.Size)
		d.must(err)
		if err := tlog.CheckTree(p, now.Size, now.Root, old.Size, old.Root); err != nil {
			t.Errorf("%d entries of %d: %v", old.Size, now.Size, err)
		}
	}
	if _, _, err := d.LogConsistency(t.Context(), d.operator, 24); err == nil {
		t.Error("a later checkpoint is consistent")
	}
}

// AUD-4: nothing is proven of what was altered.
func TestAlteredEntryIsNotProven(t *testing.T) {
	for name, sql := range map[string]string{
		"the entry":      `UPDATE audit SET detail = 'x' WHERE number = 5`,
		"its sibling":    `UPDATE audit SET hashes = (SELECT hashes FROM audit WHERE number = 7) WHERE number = 6`,
		"its checkpoint": `UPDATE audit_head SET checkpoint = 'x'`,
		"no hashes":      `UPDATE audit SET hashes = (SELECT edge FROM audit_head WHERE 1 = 0 UNION ALL SELECT hashes FROM audit WHERE number = 1) WHERE number = 8`,
	} {
		t.Run(name, func(t *testing.T) {
			d := grown(t, 9)
			dropTriggers(t, d.path)
			dbtest.Exec(t, d.path, sql)
			if p, _, err := d.LogProof(t.Context(), d.root, 5); err == nil {
				t.Errorf("got %+v", p)
			}
		})
	}
}

// AUD-4: an export of a log that lacks entries says which is the first, on both databases.
func TestExportNamesTheFirstMissingEntry(t *testing.T) {
	for sql, want := range map[string]string{
		`DELETE FROM audit WHERE number = 1`:       "entry 1 is missing",
		`DELETE FROM audit WHERE number IN (4, 6)`: "entry 4 is missing",
		`DELETE FROM audit WHERE number = 9`:       "entry 9 is missing",
	} {
		d := grown(t, 9)
		dropTriggers(t, d.path)
		dbtest.Exec(t, d.path, sql)
		err := d.ExportLog(t.Context(), d.root, 1, math.MaxInt64, func(access.LogHead) error { return nil }, func(access.Proof) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
