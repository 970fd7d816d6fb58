package db_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

func TestAllKeysAreToldOf(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice)
	ended, _ := d.makeKey(d.bob)
	d.deactivate(d.bob, ended.ID)
	want := []access.KeyChange{d.all()[0], d.all()[2]}
	want[0].Number, want[1].Number = 0, 0
	var n int
	var heard told
	err := d.AllKeys(t.Context(), func(keys int) { n = keys }, heard.note)
	got := heard.all()
	slices.SortFunc(got, func(a, b access.KeyChange) int { return cmp.Compare(a.Key, b.Key) })
	if err != nil || n != 2 || !slices.Equal(got, want) {
		t.Errorf("%d keys, %+v, %v, want %+v", n, got, err, want)
	}
}

// VER-7: a database that cannot answer tells of nothing.
func TestClosedDatabaseTellsOfNoKeys(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice)
	d.close()
	tell := func(c access.KeyChange) { t.Errorf("told of %+v", c) }
	if err := d.AllKeys(t.Context(), func(int) {}, tell); err == nil {
		t.Error("no error")
	}
	if err := d.Ready(t.Context()); err == nil {
		t.Error("it says that it is ready")
	}
}

func TestOpenDatabaseIsReady(t *testing.T) {
	if err := newDesk(t).Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// lastUsed returns when the owner sees that the key was last used.
func (d *desk) lastUsed(owner access.Actor, id string) time.Time {
	d.t.Helper()
	keys, _, err := d.OwnKeys(d.t.Context(), owner, "")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, key := range keys {
		if key.ID == id {
			return key.LastUsedAt
		}
	}
	d.t.Fatalf("key %s is not there", id)
	return time.Time{}
}

// VER-9, IO-6
func TestLastUseNeverMovesBackwards(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	other, _ := d.makeKey(d.alice)
	at := d.Now()
	if got := d.lastUsed(d.alice, key.ID); !got.IsZero() {
		t.Errorf("a new key was last used %v", got)
	}
	for _, step := range []struct{ saved, want time.Duration }{
		{0, 0}, {time.Second, time.Second}, {-time.Hour, time.Second}, {time.Second, time.Second},
		{time.Second + time.Microsecond, time.Second + time.Microsecond}, {-365 * 24 * time.Hour, time.Second + time.Microsecond},
	} {
		if err := d.saveUses(map[string]time.Time{key.ID: at.Add(step.saved)}); err != nil {
			t.Fatal(err)
		}
		if got := d.lastUsed(d.alice, key.ID); !got.Equal(at.Add(step.want)) {
			t.Errorf("after a use at %v the key was last used at %v, want %v", step.saved, got.Sub(at), step.want)
		}
	}
	if got := d.lastUsed(d.alice, other.ID); !got.IsZero() {
		t.Errorf("the other key was last used %v", got)
	}
}

func TestUsesAreSavedTogether(t *testing.T) {
	d := newDesk(t)
	one, _ := d.makeKey(d.alice)
	ended, _ := d.makeKey(d.bob)
	d.deactivate(d.bob, ended.ID) // it was used before, and the use arrives late
	at := d.Now().Add(time.Minute)
	if err := d.saveUses(map[string]time.Time{one.ID: at, ended.ID: at}); err != nil {
		t.Fatal(err)
	}
	if err := d.saveUses(nil); err != nil {
		t.Fatal(err)
	}
	d.reopen()
	if got := d.lastUsed(d.alice, one.ID); !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("the one was last used %v, want %v", got, at)
	}
	if got := d.lastUsed(d.bob, ended.ID); !got.Equal(at) {
		t.Errorf("the other was last used %v, want %v", got, at)
	}
}

// dayRows returns who used the key: service, address, accepted and refused, the busiest first.
func (d *desk) dayRows(key int64) (rows []string) {
	d.t.Helper()
	found, err := dbtest.Open(d.t, d.path).Query(`SELECT day || ' ' || service || ' ' || address || ' ' || accepted || ' ' || refused
		FROM key_days WHERE key = ? ORDER BY day, accepted DESC, service, address`, key)
	d.must(err)
	defer func() { _ = found.Close() }()
	for found.Next() {
		var row string
		d.must(found.Scan(&row))
		rows = append(rows, row)
	}
	d.must(found.Err())
	return rows
}

// VER-9: uses add up by day and caller, and 20 callers are told apart on a day, however they come.
func TestCallersOfADayAreBounded(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	other, _ := d.makeKey(d.alice)
	use := func(key int64, at time.Time, address string, accepted, refused int64) access.Use {
		return access.Use{Key: key, Day: access.Day(at), Service: "gw", Address: address, Accepted: accepted, Refused: refused, LastAt: at}
	}
	save := func(uses ...access.Use) {
		t.Helper()
		if n, err := d.SaveUses(t.Context(), uses); err != nil || n != len(uses) {
			t.Fatalf("%d written, %v", n, err)
		}
		d.merge()
	}
	at := d.Now()
	save(use(key.Number, at, "::1", 2, 1), use(key.Number, at.Add(24*time.Hour), "::1", 5, 0), use(other.Number, at, "::1", 7, 0))
	save(use(key.Number, at, "::1", 3, 0))
	day := strconv.FormatInt(at.Unix()/86400, 10)
	next := strconv.FormatInt(at.Unix()/86400+1, 10)
	if got := d.dayRows(key.Number); !slices.Equal(got, []string{day + " gw ::1 5 1", next + " gw ::1 5 0"}) {
		t.Errorf("got %q", got)
	}
	for i := range 150 { // in batches of one, of some, and of more than a statement takes
		batch := []access.Use{use(key.Number, at, fmt.Sprintf("10.0.0.%d", i), 1, 0)}
		if i == 100 {
			for more := range 100 {
				batch = append(batch, use(key.Number, at, fmt.Sprintf("10.0.1.%d", more), 1, 1))
			}
		}
		save(batch...)
	}
	save(use(key.Number, at, "::1", 1, 0), use(key.Number, at, "10.0.0.0", 1, 0)) // whom it knows go on
	got := d.dayRows(key.Number)
	if len(got) != 22 || got[0] != day+" (other)  231 100" || got[1] != day+" gw ::1 6 1" || got[2] != day+" gw 10.0.0.0 2 0" {
		t.Errorf("%d rows: %q", len(got), got)
	}
	if got := d.dayRows(other.Number); !slices.Equal(got, []string{day + " gw ::1 7 0"}) {
		t.Errorf("of another key: %q", got)
	}
}
