package db_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// reading is an export whose keys are read one by one, as they are written.
func reading(begin func() error, each func(access.Key) error) db.Export {
	return db.Export{
		Begin: begin,
		Row: func(part []byte, k access.Key) []byte {
			line, err := json.Marshal(k)
			if err != nil {
				panic(err)
			}
			return append(append(part, line...), '\n')
		},
		Write: func(part []byte, rows int) error {
			for line := range bytes.Lines(part) {
				var k access.Key
				if err := json.Unmarshal(line, &k); err != nil {
					return err
				}
				if err := each(k); err != nil {
					return err
				}
				rows--
			}
			if rows != 0 {
				return fmt.Errorf("a part has %d rows more than it says", -rows)
			}
			return nil
		},
	}
}

func nothing() error { return nil }

// export returns the keys of an export.
func (d *desk) export(actor access.Actor, status access.Status) (keys []access.Key) {
	d.t.Helper()
	err := d.Export(d.t.Context(), actor, status, reading(nothing, func(k access.Key) error {
		keys = append(keys, k)
		return nil
	}))
	if err != nil {
		d.t.Fatal(err)
	}
	return keys
}

// shown returns what an export tells of the keys: their last use to the second.
func shown(keys ...access.Key) (list []access.Key) {
	for _, k := range keys {
		list = append(list, access.Key{
			UserID: k.UserID, Last4: k.Last4, CreatedAt: k.CreatedAt, LastUsedAt: k.LastUsedAt.Truncate(time.Second), DeactivatedAt: k.DeactivatedAt,
		})
	}
	return list
}

// The order of User IDs is bytewise: "a.b" < "a0" < "a_b" < "aa".
func TestExportIsOrderedByUserIDThenCreation(t *testing.T) {
	d := newDesk(t)
	owners := []string{"a", "a-b", "a.b", "a0", "a_b", "aa", "alice", "bob", "z"}
	made := map[string][]access.Key{}
	for range 3 {
		for _, id := range slices.Backward(owners) {
			owner := access.Actor{UserID: id, Role: access.User}
			if made[id] == nil && id != "alice" && id != "bob" {
				d.addUser(id)
			}
			key, _ := d.makeKey(owner)
			twin, _ := d.makeKey(owner) // at the same microsecond
			made[id] = append(made[id], key, twin)
		}
		d.advance(time.Second)
	}
	var want []access.Key
	for _, id := range owners {
		want = append(want, shown(made[id]...)...)
	}
	if got := d.export(d.root, ""); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestExportHoldsWhatThePagesShow(t *testing.T) {
	d := newDesk(t)
	active, _ := d.makeKey(d.alice)
	ended, _ := d.makeKey(d.alice)
	if _, err := d.RenameKey(t.Context(), d.alice, active.ID, "CI"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.DeactivateKey(t.Context(), d.root, ended.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	if err := d.saveUses(map[string]time.Time{active.ID: d.Now()}); err != nil {
		t.Fatal(err)
	}
	page, _, err := d.OwnKeys(t.Context(), d.alice, "")
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(page) // it begins with the newest
	keys := shown(page...)
	for _, row := range []struct {
		status access.Status
		want   []access.Key
	}{
		{"", keys}, {access.Active, keys[:1]}, {access.Inactive, keys[1:]},
	} {
		if got := d.export(d.root, row.status); !slices.Equal(got, row.want) {
			t.Errorf("status %q: got %+v, want %+v", row.status, got, row.want)
		}
		if got := d.export(d.operator, row.status); !slices.Equal(got, row.want) {
			t.Errorf("status %q for the operator: got %+v, want %+v", row.status, got, row.want)
		}
	}
}

// IO-4
func TestExportIsOneSnapshot(t *testing.T) {
	d := newDesk(t)
	first, _ := d.makeKey(d.alice)
	last, _ := d.makeKey(d.bob)
	late := func() access.Key { // sorts between the two
		d.advance(time.Second)
		key, _ := d.makeKey(d.alice)
		return key
	}
	var got, unseen []access.Key
	err := d.Export(t.Context(), d.root, "", reading(func() error { unseen = append(unseen, late()); return nil },
		func(k access.Key) error {
			got = append(got, k)
			if len(got) == 1 {
				unseen = append(unseen, late())
				d.deactivate(d.bob, last.ID)
			}
			return nil
		}))
	if err != nil || !slices.Equal(got, shown(first, last)) {
		t.Errorf("got %+v, %v; made meanwhile: %v", got, err, unseen)
	}
	if after := d.export(d.root, access.Active); !slices.Equal(after, shown(append([]access.Key{first}, unseen...)...)) {
		t.Errorf("the next export is %+v", after)
	}
}

// AUD-1
func TestExportByAPersonIsWrittenDown(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice)
	log := d.changes()
	d.export(d.root, "")
	d.export(d.root, access.Inactive)
	after := d.changes()
	if len(after) != len(log)+2 {
		t.Fatalf("the audit log grew by %d", len(after)-len(log))
	}
	want := access.Change{
		Number: int64(len(log) + 1), At: d.Now(), Actor: "root", Address: "192.0.2.9", Action: access.ExportKeys,
	}
	if after[1] != want {
		t.Errorf("got %+v, want %+v", after[1], want)
	}
	want.Number, want.Detail = want.Number+1, "inactive"
	if after[0] != want {
		t.Errorf("got %+v, want %+v", after[0], want)
	}
	d.export(d.operator, "")
	if d.changes()[0] != want || len(d.all()) != 1 {
		t.Error("the operator's export changed something, or an export was told of")
	}
}

// AZ-12: the role that counts is the one in the database.
func TestExportIsRefusedToWhoIsNoAdministrator(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice)
	log := d.changes()
	for name, actor := range map[string]stranger{
		"a user":                   {d.alice, access.Denied},
		"a user said to be one":    {access.Actor{UserID: "alice", Role: access.Admin}, access.Denied},
		"an unknown administrator": {access.Actor{UserID: "mallory", Role: access.Admin}, access.SignedOut},
		"nobody":                   {access.Actor{}, access.Denied},
	} {
		err := d.Export(t.Context(), actor.Actor, "", reading(func() error { t.Errorf("%s: it began", name); return nil },
			func(access.Key) error { t.Errorf("%s: a key", name); return nil }))
		wantRefusal(t, err, actor.code)
	}
	if after := d.changes(); len(after) != len(log) {
		t.Errorf("the audit log grew by %d", len(after)-len(log))
	}
}

func TestExportEndsWithTheErrorOfItsReader(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice)
	d.makeKey(d.bob)
	gone := errors.New("connection reset")
	keys := 0
	count := func(access.Key) error { keys++; return gone }
	if err := d.Export(t.Context(), d.root, "", reading(nothing, count)); !errors.Is(err, gone) || keys != 1 {
		t.Errorf("while reading: %v after %d keys", err, keys)
	}
	if err := d.Export(t.Context(), d.root, "", reading(func() error { return gone }, count)); !errors.Is(err, gone) || keys != 1 {
		t.Errorf("at the beginning: %v after %d keys", err, keys)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Export(ctx, d.operator, "", reading(nothing, count)); !errors.Is(err, context.Canceled) || keys != 1 {
		t.Errorf("given up: %v after %d keys", err, keys)
	}
	d.makeKey(d.alice) // none of them holds the database up
}
