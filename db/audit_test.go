package db_test

import (
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// AUD-1
func TestEveryChangeIsWrittenDown(t *testing.T) {
	d := newDesk(t)
	made := d.Now()
	key, _ := d.makeKey(d.alice)
	d.advance(time.Minute)
	if _, err := d.RenameKey(t.Context(), d.alice, key.ID, "CI"); err != nil {
		t.Fatal(err)
	}
	d.deactivate(d.alice, key.ID)
	other, _ := d.makeKey(d.bob)
	if _, err := d.DeactivateKey(t.Context(), d.root, other.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	later, own := d.Now(), "192.0.2.1"
	want := []access.Change{
		{At: made, Actor: access.Operator, Action: access.AddUser, UserID: "alice", Detail: "role user"},
		{At: made, Actor: access.Operator, Action: access.AddUser, UserID: "bob", Detail: "role user"},
		{At: made, Actor: access.Operator, Action: access.AddUser, UserID: "root", Detail: "role admin"},
		{At: made, Actor: "alice", Address: own, Action: access.CreateKey, UserID: "alice", KeyID: key.ID, Last4: key.Last4},
		{
			At: later, Actor: "alice", Address: own, Action: access.RenameKey, UserID: "alice", KeyID: key.ID,
			Last4: key.Last4, Detail: "CI",
		},
		{At: later, Actor: "alice", Address: own, Action: access.DeactivateOwnKey, UserID: "alice", KeyID: key.ID, Last4: key.Last4},
		{At: later, Actor: "bob", Address: own, Action: access.CreateKey, UserID: "bob", KeyID: other.ID, Last4: other.Last4},
		{
			At: later, Actor: "root", Address: "192.0.2.9", Action: access.DeactivateKey, UserID: "bob", KeyID: other.ID,
			Last4: other.Last4, Detail: "leaked",
		},
	}
	got := d.changes()
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i, w := range want {
		w.Number = int64(i + 1)
		if entry := got[len(got)-1-i]; entry != w { // newest first
			t.Errorf("entry %+v, want %+v", entry, w)
		}
	}
}

// AUD-9: neither what is refused nor what changes nothing leaves a gap, and the clock does not matter.
func TestEntriesAreNumberedWithoutGaps(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	for range 5 {
		d.advance(-time.Hour)
		_, err := d.CreateKey(t.Context(), d.root, d.fingerprint(), "")
		wantRefusal(t, err, access.Denied)
		_, err = d.RenameKey(t.Context(), d.bob, key.ID, "mine")
		wantRefusal(t, err, access.NotFound)
		if _, err := d.RenameKey(t.Context(), d.alice, key.ID, ""); err != nil {
			t.Fatal(err)
		}
		ended, _ := d.makeKey(d.bob)
		d.deactivate(d.bob, ended.ID)
		d.deactivate(d.bob, ended.ID)
	}
	d.reopen()
	d.makeKey(d.alice)
	checkNumbers(t, d.changes(), 3+1+5*2+1)
}

// checkNumbers fails the test unless the entries, newest first, are numbered from count to 1.
func checkNumbers(t *testing.T, entries []access.Change, count int) {
	t.Helper()
	if len(entries) != count {
		t.Fatalf("%d entries, want %d", len(entries), count)
	}
	for i, entry := range entries {
		if entry.Number != int64(count-i) {
			t.Fatalf("entry %d from the newest has number %d, want %d", i, entry.Number, count-i)
		}
	}
}

// AUD-2: what cannot be written down does not happen, and nobody is told of it.
func TestChangeThatCannotBeWrittenDownDoesNotHappen(t *testing.T) {
	d := newDesk(t)
	key, hash := d.makeKey(d.alice)
	if _, err := d.RenameKey(t.Context(), d.alice, key.ID, "CI"); err != nil {
		t.Fatal(err)
	}
	people, _, err := d.Users(t.Context(), d.root, "", "")
	if err != nil {
		t.Fatal(err)
	}
	log, told := d.changes(), d.all()
	allow := dbtest.Refuse(t, d.path, "audit")

	f := d.fingerprint()
	if _, err := d.CreateKey(t.Context(), d.alice, f, "form-1"); err == nil || d.verdict(f.Hash) != access.Unknown {
		t.Errorf("create: %v, the key is %s", err, d.verdict(f.Hash))
	}
	if _, err := d.RenameKey(t.Context(), d.alice, key.ID, "other"); err == nil {
		t.Error("rename: no error")
	}
	if _, err := d.DeactivateOwnKey(t.Context(), d.alice, key.ID); err == nil || d.verdict(hash) != access.Accepted {
		t.Errorf("deactivate own: %v, the key is %s", err, d.verdict(hash))
	}
	if _, err := d.DeactivateKey(t.Context(), d.root, key.ID, "leaked"); err == nil || d.verdict(hash) != access.Accepted {
		t.Errorf("deactivate: %v, the key is %s", err, d.verdict(hash))
	}
	if err := d.AddUser(t.Context(), d.operator, access.Person{UserID: "carol", Role: access.User}, "x"); err == nil {
		t.Error("add user: no error")
	}
	shown := func(access.Key) error { t.Error("a key was exported"); return nil }
	if err := d.Export(t.Context(), d.root, "", reading(nothing, shown)); err == nil {
		t.Error("export: no error")
	}
	if kept, err := d.OwnKey(t.Context(), d.alice, key.ID); err != nil || kept.Name != "CI" || kept.Status() != access.Active {
		t.Errorf("the key is %+v, %v", kept, err)
	}
	if keys, _, err := d.OwnKeys(t.Context(), d.alice, ""); err != nil || len(keys) != 1 {
		t.Errorf("there are %d keys, %v", len(keys), err)
	}
	if now, _, err := d.Users(t.Context(), d.root, "", ""); err != nil || len(now) != len(people) {
		t.Errorf("there are %d people, %v", len(now), err)
	}
	if len(d.all()) != len(told) {
		t.Errorf("%d changes were told of", len(d.all())-len(told))
	}

	allow()
	if _, err := d.CreateKey(t.Context(), d.alice, f, "form-1"); err != nil || d.verdict(f.Hash) != access.Accepted {
		t.Errorf("with room again: %v", err)
	}
	checkNumbers(t, d.changes(), len(log)+1)
}

// AUD-1, AUD-9: whoever changes at the same time, one change is one entry.
func TestConcurrentChangesHaveNumbersWithoutGaps(t *testing.T) {
	d := newDesk(t)
	var changing sync.WaitGroup
	for range 4 {
		for _, owner := range []access.Actor{d.alice, d.bob} {
			f := d.fingerprint()
			changing.Go(func() {
				key, err := d.CreateKey(t.Context(), owner, f, "")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := d.DeactivateOwnKey(t.Context(), owner, key.ID); err != nil {
					t.Error(err)
				}
			})
		}
	}
	changing.Wait()
	checkNumbers(t, d.changes(), 3+4*2*2)
}
