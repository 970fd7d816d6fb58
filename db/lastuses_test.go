package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

func TestLastUsesArePagedLatestFirst(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice) // never used
	var want []string
	uses := map[string]time.Time{}
	for i := range db.HistoryPage + 7 {
		key, _ := d.makeKey(d.bob)
		uses[key.ID] = d.Now().Add(time.Duration(i/2) * time.Second) // some at the same time
		want = append(want, key.ID)
	}
	if err := d.saveUses(uses); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(want)
	var got []string
	after, more := "", true
	for more {
		var page []access.KeyUses
		var err error
		if page, more, err = d.LastUses(t.Context(), d.root, after); err != nil || len(page) == 0 || len(page) > db.HistoryPage {
			t.Fatalf("%d keys, %v", len(page), err)
		}
		for _, k := range page {
			got = append(got, k.Key.ID)
		}
		after = page[len(page)-1].Key.ID
	}
	if !slices.Equal(got, want) {
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
	page, more, err := d.LastUses(t.Context(), d.root, "")
	if err != nil || more || len(page) != 2 || page[0].Key.ID != key.ID || page[1].Key.ID != other.ID {
		t.Fatalf("%+v, %t, %v", page, more, err)
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
