package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

func TestLastUsesArePagedByTheirDay(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice) // never used
	var want []string
	const days = 3
	uses := map[string]time.Time{}
	for i := range days * (db.HistoryPage/2 + 7) {
		key, _ := d.makeKey(d.bob)
		uses[key.ID] = d.Now().Add(-time.Duration(i%days) * 24 * time.Hour)
		d.used(key.ID, d.Now().Add(-days*24*time.Hour), "earlier", "192.0.2.1", 1, 0) // and on an earlier day
		want = append(want, key.ID)
	}
	if err := d.saveUses(uses); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(want)
	slices.SortStableFunc(want, func(a, b string) int { return uses[b].Compare(uses[a]) })
	var got []string
	for after, more := "", true; more; more = after != "" {
		page, next, err := d.LastUses(t.Context(), d.root, after)
		if err != nil || len(page) == 0 || len(page) > db.HistoryPage {
			t.Fatalf("%d keys, %v", len(page), err)
		}
		for _, k := range page {
			got = append(got, k.Key.ID)
		}
		after = next
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestPageOfLastUsesHasTheLatestFirst(t *testing.T) {
	d := newDesk(t)
	var want []string
	for i := range 5 {
		key, _ := d.makeKey(d.bob)
		d.used(key.ID, d.Now().Add(-time.Duration(i)*time.Minute), "gateway", "192.0.2.1", 1, 0)
		want = append(want, key.ID)
	}
	leaked, _ := d.makeKey(d.bob)
	d.deactivate(d.bob, leaked.ID)
	d.used(leaked.ID, d.Now().Add(time.Minute), "", "203.0.113.66", 0, 1) // refused only, and there all the same
	page, _, err := d.LastUses(t.Context(), d.root, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range page {
		got = append(got, k.Key.ID)
	}
	if want = append([]string{leaked.ID}, want...); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestLastUsesAreForAdministrators(t *testing.T) {
	d := newDesk(t)
	for _, actor := range []access.Actor{d.alice, d.operator, {}} {
		_, _, err := d.LastUses(t.Context(), actor, "")
		wantRefusal(t, err, access.Denied)
	}
	_, _, err := d.LastUses(t.Context(), d.root, "no such key")
	wantRefusal(t, err, access.NotFound)
}

func TestLastUsesSayWhoUsedEachKeyLately(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	other, _ := d.makeKey(d.bob)
	at := d.Now()
	d.used(key.ID, at.Add(-14*24*time.Hour), "old", "192.0.2.1", 1, 0) // a day too long ago
	for back := range 3 {
		d.used(key.ID, at.Add(-time.Duration(back)*24*time.Hour), "billing", "192.0.2.7", 10, 0)
	}
	d.used(key.ID, at.Add(-time.Hour), "reports", "192.0.2.8", 5, 2)
	d.used(other.ID, at.Add(-20*24*time.Hour), "billing", "192.0.2.7", 9, 0)
	page, next, err := d.LastUses(t.Context(), d.root, "")
	if err != nil || next != "" || len(page) != 2 || page[0].Key.ID != key.ID || page[1].Key.ID != other.ID {
		t.Fatalf("%+v, %q, %v", page, next, err)
	}
	if got := page[1].Days; len(got) != 0 {
		t.Errorf("the other key was used lately: %v", got)
	}
	got := callersOf(page[0].Days)
	slices.Sort(got)
	if want := []string{"billing 192.0.2.7 10 0", "billing 192.0.2.7 10 0", "billing 192.0.2.7 10 0", "reports 192.0.2.8 5 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
