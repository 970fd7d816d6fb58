package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// used writes down what a caller did with the key, the last time at this time.
func (d *desk) used(id string, at time.Time, service, address string, accepted, refused int64) {
	d.t.Helper()
	d.unmerged(id, at, service, address, accepted, refused)
	d.merge()
}

// callersOf returns who it was and how often.
func callersOf(uses []access.Use) (rows []string) {
	for _, u := range uses {
		rows = append(rows, fmt.Sprintf("%s %s %d %d", u.Service, u.Address, u.Accepted, u.Refused))
	}
	return rows
}

// AZ-2: the owner sees who used their keys, an administrator who used anybody's, and nobody else anything.
func TestUsesAreForTheOwnerAndAdministrators(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	d.used(key.ID, d.Now(), "billing", "192.0.2.7", 3, 0)
	for _, actor := range []access.Actor{d.bob, d.root} {
		_, err := d.OwnKeyUses(t.Context(), actor, key.ID)
		wantRefusal(t, err, access.NotFound)
	}
	for _, actor := range []access.Actor{d.operator, {}} {
		_, err := d.OwnKeyUses(t.Context(), actor, key.ID)
		wantRefusal(t, err, access.Denied)
	}
	for _, actor := range []access.Actor{d.alice, d.bob, {}} {
		_, err := d.KeyUses(t.Context(), actor, key.ID)
		wantRefusal(t, err, access.Denied)
	}
	_, err := d.KeyUses(t.Context(), d.root, "no such key")
	wantRefusal(t, err, access.NotFound)
	own, err := d.OwnKeyUses(t.Context(), d.alice, key.ID)
	if err != nil {
		t.Fatal(err)
	}
	anybodys, err := d.KeyUses(t.Context(), d.root, key.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []access.KeyUses{own, anybodys} {
		if got.Key.ID != key.ID || !slices.Equal(callersOf(got.Days), []string{"billing 192.0.2.7 3 0"}) || got.Last.Service != "billing" {
			t.Errorf("got %+v", got)
		}
	}
}

func TestUsesAreOfTheLastFourteenDays(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	other, _ := d.makeKey(d.alice)
	at := d.Now()
	d.used(other.ID, at, "another", "192.0.2.9", 1, 0)
	for _, back := range []int{14, 13, 1} {
		d.used(key.ID, at.Add(-time.Duration(back)*24*time.Hour), fmt.Sprintf("before-%d", back), "192.0.2.7", 1, 0)
	}
	d.used(key.ID, at.Add(-time.Minute), "early", "192.0.2.7", 9, 0)
	d.used(key.ID, at, "late", "192.0.2.8", 1, 0)
	got, err := d.OwnKeyUses(t.Context(), d.alice, key.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"late 192.0.2.8 1 0", "early 192.0.2.7 9 0", "before-1 192.0.2.7 1 0", "before-13 192.0.2.7 1 0"}
	if callers := callersOf(got.Days); !slices.Equal(callers, want) {
		t.Errorf("got %q", callers)
	}
	if first := got.Days[len(got.Days)-1]; !first.Day.Equal(access.Day(at).AddDate(0, 0, -13)) || first.Day.Location() != time.UTC {
		t.Errorf("the first day is %v", first.Day)
	}
	if got.Last.Service != "late" || !got.Last.LastAt.Equal(at) || got.Refused != (access.Use{}) {
		t.Errorf("last %+v, refused %+v", got.Last, got.Refused)
	}
}

// The last accepted caller is told however long ago that was, and what is refused since is not taken for it.
func TestRefusalsSinceADeactivationAreApart(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	d.used(key.ID, d.Now(), "billing", "192.0.2.7", 3, 0)
	d.deactivate(d.alice, key.ID)
	d.advance(time.Minute)
	d.used(key.ID, d.Now(), "", "203.0.113.66", 0, 4) // on the same day
	for range 30 {
		d.advance(24 * time.Hour)
		d.used(key.ID, d.Now(), "", "203.0.113.66", 0, 2)
	}
	got, err := d.OwnKeyUses(t.Context(), d.alice, key.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Last.Service != "billing" || got.Last.Address != "192.0.2.7" {
		t.Errorf("the last accepted caller is %+v", got.Last)
	}
	if got.Refused.Refused != 64 || !got.Refused.LastAt.Equal(d.Now()) || got.Refused.Address != "" || got.Refused.Accepted != 0 {
		t.Errorf("refused since: %+v", got.Refused)
	}
	if len(got.Days) != access.UseDays {
		t.Errorf("%d days", len(got.Days))
	}
}

// Who is refused after a deactivation, having been accepted before, is not who used the key last.
func TestRefusedCallerIsNotTheLastUser(t *testing.T) {
	d := newDesk(t)
	for name, use := range map[string]func(string, time.Time, string, string, int64, int64){"as they came": d.unmerged, "merged": d.used} {
		t.Run(name, func(t *testing.T) {
			key, _ := d.makeKey(d.alice)
			use(key.ID, d.Now(), "reports", "192.0.2.9", 1, 0)
			d.advance(time.Minute)
			use(key.ID, d.Now(), "billing", "192.0.2.7", 1, 0)
			d.deactivate(d.alice, key.ID)
			d.advance(time.Minute)
			use(key.ID, d.Now(), "reports", "192.0.2.9", 0, 1)
			got, err := d.OwnKeyUses(t.Context(), d.alice, key.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got.Last.Service != "billing" || !got.Last.UsedAt.Truncate(time.Second).Equal(got.Key.LastUsedAt.Truncate(time.Second)) {
				t.Errorf("it was last used at %s by %+v", got.Key.LastUsedAt, got.Last)
			}
		})
	}
}

func TestUnusedKeyHasNoUses(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	for range 2 {
		got, err := d.OwnKeyUses(t.Context(), d.alice, key.ID)
		if err != nil || len(got.Days) != 0 || got.Last != (access.Use{}) || got.Refused != (access.Use{}) {
			t.Errorf("%+v, %v", got, err)
		}
		d.deactivate(d.alice, key.ID)
	}
}

// No page reads more of key_days than the rows of its keys.
func TestUsesAreFoundByThePrimaryKey(t *testing.T) {
	d := newSQLiteDesk(t)
	plans, err := d.UsePlans(t.Context())
	if err != nil || len(plans) != 2 {
		t.Fatalf("%d plans, %v", len(plans), err)
	}
	for query, plan := range plans {
		if !strings.Contains(plan, "SEARCH key_days USING PRIMARY KEY (key=?") || strings.Contains(plan, "SCAN") {
			t.Errorf("%s\nis answered by: %s", query, plan)
		}
	}
}
