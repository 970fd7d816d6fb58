package db_test

import (
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

func TestVerdicts(t *testing.T) {
	d := newDesk(t)
	good, goodHash := d.makeKey(d.alice)
	ended, endedHash := d.makeKey(d.bob)
	d.deactivate(d.bob, ended.ID)
	for name, row := range map[string]struct {
		hash    []byte
		verdict access.Verdict
		key     access.Key
	}{
		"an active key":       {goodHash, access.Accepted, good},
		"a deactivated key":   {endedHash, access.Deactivated, ended},
		"a key never made":    {d.fingerprint().Hash, access.Unknown, access.Key{}},
		"the start of a hash": {goodHash[:31], access.Unknown, access.Key{}},
		"no hash":             {nil, access.Unknown, access.Key{}},
		"an empty hash":       {[]byte{}, access.Unknown, access.Key{}},
	} {
		verdict, key, err := d.Verify(t.Context(), row.hash)
		if err != nil || verdict != row.verdict {
			t.Errorf("%s is %s, %v, want %s", name, verdict, err, row.verdict)
		}
		if key.ID != row.key.ID || key.UserID != row.key.UserID || key.Last4 != row.key.Last4 {
			t.Errorf("%s is %+v, want %+v", name, key, row.key)
		}
	}
}

// KEY-8: a deactivated key is refused by every verify that begins after the answer.
func TestDeactivatedKeyIsRefusedAtOnce(t *testing.T) {
	d := newDesk(t)
	for i := range 1000 {
		key, hash := d.makeKey(d.alice)
		if got := d.verdict(hash); got != access.Accepted {
			t.Fatalf("new key %d is %s", i, got)
		}
		d.deactivate(d.alice, key.ID)
		if got := d.verdict(hash); got != access.Deactivated {
			t.Fatalf("deactivated key %d is %s", i, got)
		}
	}
}

// VER-7: a database that cannot answer says neither yes nor no.
func TestClosedDatabaseGivesNoVerdict(t *testing.T) {
	d := newDesk(t)
	_, hash := d.makeKey(d.alice)
	d.close()
	if verdict, key, err := d.Verify(t.Context(), hash); err == nil || verdict != "" || key != (access.Key{}) {
		t.Errorf("got %q, %+v, %v", verdict, key, err)
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
		if err := d.SaveUses(t.Context(), map[string]time.Time{key.ID: at.Add(step.saved)}); err != nil {
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
	if err := d.SaveUses(t.Context(), map[string]time.Time{one.ID: at, ended.ID: at}); err != nil {
		t.Fatal(err)
	}
	if err := d.SaveUses(t.Context(), nil); err != nil {
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
