package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// The last uses of few keys are held in memory, those of many are looked up; both are what the pages show.
func TestExportTellsTheLastUsesOfFewAndOfManyKeys(t *testing.T) {
	d := newDesk(t)
	merged, _ := d.makeKey(d.alice)
	d.advance(time.Second)
	both, _ := d.makeKey(d.alice)
	d.advance(time.Second)
	d.makeKey(d.alice) // is never used
	d.must(d.saveUses(map[string]time.Time{merged.ID: d.Now(), both.ID: d.Now()}))
	d.advance(time.Hour)
	d.unmerged(both.ID, d.Now(), "gateway", "192.0.2.1", 1, 0)
	page, _, err := d.OwnKeys(t.Context(), d.alice, "")
	d.must(err)
	slices.Reverse(page)
	for i, want := range []time.Time{d.Now().Add(-time.Hour), d.Now(), {}} {
		if !page[i].LastUsedAt.Equal(want) {
			t.Errorf("the page says of key %d that it was used at %v, not %v", i, page[i].LastUsedAt, want)
		}
	}
	for _, keys := range []string{"few", "many"} {
		if keys == "many" {
			dbtest.Exec(t, d.path, `INSERT INTO last_uses (key, last_used_at) VALUES (?, 1)`, 5_000_000)
		}
		if got := d.export(d.root, access.Active); !slices.Equal(got, shown(page...)) {
			t.Errorf("of %s keys: got %+v, want %+v", keys, got, page)
		}
	}
}
