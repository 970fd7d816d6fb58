package db_test

import (
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// Verify answers from what it is told, so it must know before the change is answered (KEY-8).
func TestKeyChangeIsToldBeforeItIsAnswered(t *testing.T) {
	d := newDesk(t)
	var want []access.KeyChange
	check := func(after string) {
		t.Helper()
		if got := d.all(); !slices.Equal(got, want) {
			t.Fatalf("after %s told of %+v, want %+v", after, got, want)
		}
	}
	check("adding people")
	key, hash := d.makeKey(d.alice)
	want = append(want, changeOf(4, key, hash, access.Active))
	check("a key was made")
	if _, err := d.RenameKey(t.Context(), d.alice, key.ID, "CI"); err != nil {
		t.Fatal(err)
	}
	check("a key was named")
	d.deactivate(d.alice, key.ID)
	want = append(want, changeOf(6, key, hash, access.Inactive))
	check("its owner deactivated it")
	d.deactivate(d.alice, key.ID)
	check("it was deactivated again")
	other, hash := d.makeKey(d.bob)
	want = append(want, changeOf(7, other, hash, access.Active))
	if _, err := d.DeactivateKey(t.Context(), d.root, other.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	want = append(want, changeOf(8, other, hash, access.Inactive))
	check("an administrator deactivated one")
}

// changeOf returns what is told of a key.
func changeOf(number int64, key access.Key, hash []byte, status access.Status) access.KeyChange {
	return access.KeyChange{
		Number: number, KeyID: key.ID, Key: key.Number, UserID: key.UserID, Hash: [access.HashLen]byte(hash), Last4: key.Last4, Status: status,
	}
}

// By the time a change is told it is committed: who is told may look.
func TestToldChangeCanBeRead(t *testing.T) {
	d := emptyDesk(t)
	d.close()
	var seen []access.Status
	o := d.options()
	o.Tell = func(c access.KeyChange) {
		key, err := d.OwnKey(t.Context(), access.Actor{UserID: c.UserID, Role: access.User}, c.KeyID)
		if err != nil {
			t.Error(err)
		}
		seen = append(seen, key.Status())
	}
	d.openWith(o)
	d.alice = d.addUser("alice")
	key, _ := d.makeKey(d.alice)
	d.deactivate(d.alice, key.ID)
	if !slices.Equal(seen, []access.Status{access.Active, access.Inactive}) {
		t.Errorf("who was told saw %v", seen)
	}
}

// KEY-8, AUD-9: with 8 people at once each change is told once, in the order of the numbers, those of a key at any rate.
func TestConcurrentChangesAreToldInOrder(t *testing.T) {
	const people, each = 8, 5
	d := emptyDesk(t)
	d.close()
	o := d.options()
	o.Tell = func(c access.KeyChange) {
		for range c.Number % 2 * 30 { // every other one is told slowly, so that the next could overtake it
			_ = d.Ready(t.Context())
		}
		d.note(c)
	}
	d.openWith(o)
	var changing sync.WaitGroup
	for i := range people {
		owner := d.addUser("user" + strconv.Itoa(i))
		changing.Go(func() {
			for range each {
				key, err := d.CreateKey(t.Context(), owner, d.fingerprint(), "")
				if err != nil || !d.toldOf(key.ID, access.Active) {
					t.Errorf("create: %v, told: %t", err, d.toldOf(key.ID, access.Active))
					return
				}
				_, err = d.DeactivateOwnKey(t.Context(), owner, key.ID)
				if err != nil || !d.toldOf(key.ID, access.Inactive) {
					t.Errorf("deactivate: %v, told: %t", err, d.toldOf(key.ID, access.Inactive))
				}
			}
		})
	}
	changing.Wait()
	all := d.all()
	if len(all) != people*each*2 {
		t.Fatalf("told of %d changes, want %d", len(all), people*each*2)
	}
	for i := 1; i < len(all) && !db.IsPostgres(d.path); i++ { // which tells of an end when all instances know of it
		if all[i].Number <= all[i-1].Number {
			t.Errorf("change %d was told after change %d", all[i].Number, all[i-1].Number)
		}
	}
	last := map[string]access.KeyChange{}
	for _, c := range all {
		if last[c.KeyID].Number >= c.Number || last[c.KeyID].Status == access.Inactive {
			t.Errorf("change %d of the key was told after change %d", c.Number, last[c.KeyID].Number)
		}
		last[c.KeyID] = c
	}
}

func (t *told) toldOf(id string, status access.Status) bool {
	return slices.ContainsFunc(t.all(), func(c access.KeyChange) bool { return c.KeyID == id && c.Status == status })
}
