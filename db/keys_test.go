package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/keydesk/keydesk/access"
)

func TestCreatedKeyIsOneOfItsOwners(t *testing.T) {
	d := newDesk(t)
	f := d.fingerprint()
	made, err := d.CreateKey(t.Context(), d.alice, f, "")
	if err != nil {
		t.Fatal(err)
	}
	want := access.Key{ID: made.ID, Number: 1, UserID: "alice", Last4: f.Last4, CreatedAt: d.Now()}
	if made != want {
		t.Errorf("made %+v, want %+v", made, want)
	}
	if id, err := uuid.Parse(made.ID); err != nil || id.Version() != 7 {
		t.Errorf("its id is %s", made.ID)
	}
	if kept, err := d.OwnKey(t.Context(), d.alice, made.ID); err != nil || kept != want {
		t.Errorf("kept %+v, %v, want %+v", kept, err, want)
	}
	if seen, err := d.Key(t.Context(), d.root, made.ID); err != nil || seen != want {
		t.Errorf("an administrator sees %+v, %v, want %+v", seen, err, want)
	}
}

func TestRenamedKeyKeepsAllButItsName(t *testing.T) {
	d := newDesk(t)
	want, _ := d.makeKey(d.alice)
	d.advance(time.Hour)
	for _, name := range []string{"CI", "nächtlich", ""} {
		want.Name = name
		if named, err := d.RenameKey(t.Context(), d.alice, want.ID, name); err != nil || named != want {
			t.Errorf("named %+v, %v, want %+v", named, err, want)
		}
		if kept, err := d.OwnKey(t.Context(), d.alice, want.ID); err != nil || kept != want {
			t.Errorf("kept %+v, %v, want %+v", kept, err, want)
		}
	}
}

func TestDeactivatedKeySaysWhoWhenAndWhy(t *testing.T) {
	d := newDesk(t)
	own, _ := d.makeKey(d.alice)
	other, _ := d.makeKey(d.alice)
	d.advance(time.Hour)
	own.DeactivatedAt, own.DeactivatedBy = d.Now(), "alice"
	if ended := d.deactivate(d.alice, own.ID); ended != own {
		t.Errorf("ended %+v, want %+v", ended, own)
	}
	other.DeactivatedAt, other.DeactivatedBy, other.Reason = d.Now(), "root", "found in a public repository"
	if ended, err := d.DeactivateKey(t.Context(), d.root, other.ID, other.Reason); err != nil || ended != other {
		t.Errorf("ended %+v, %v, want %+v", ended, err, other)
	}
	for _, want := range []access.Key{own, other} {
		if kept, err := d.OwnKey(t.Context(), d.alice, want.ID); err != nil || kept != want {
			t.Errorf("kept %+v, %v, want %+v", kept, err, want)
		}
	}
}

// KEY-8, AZ-11
func TestDeactivatingAgainChangesNothing(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	d.advance(time.Hour)
	want, err := d.DeactivateKey(t.Context(), d.root, key.ID, "leaked")
	if err != nil {
		t.Fatal(err)
	}
	log, told := d.changes(), d.all()
	d.advance(time.Hour)
	if again := d.deactivate(d.alice, key.ID); again != want {
		t.Errorf("its owner ends it again: %+v, want %+v", again, want)
	}
	if again, err := d.DeactivateKey(t.Context(), d.root, key.ID, "another reason"); err != nil || again != want {
		t.Errorf("an administrator ends it again: %+v, %v, want %+v", again, err, want)
	}
	if kept, err := d.OwnKey(t.Context(), d.alice, key.ID); err != nil || kept != want {
		t.Errorf("kept %+v, %v, want %+v", kept, err, want)
	}
	if after := d.changes(); len(after) != len(log) {
		t.Errorf("the audit log grew by %d", len(after)-len(log))
	}
	if after := d.all(); len(after) != len(told) {
		t.Errorf("%d changes were told of", len(after)-len(told))
	}
}

// AZ-2: another's key and none at all are refused with the same error.
func TestKeyOfAnotherIsNotThere(t *testing.T) {
	d := newDesk(t)
	key, hash := d.makeKey(d.alice)
	if _, err := d.RenameKey(t.Context(), d.alice, key.ID, "CI"); err != nil {
		t.Fatal(err)
	}
	log := d.changes()
	for name, ask := range map[string]func(id string) error{
		"rename":     func(id string) error { _, err := d.RenameKey(t.Context(), d.bob, id, "mine"); return err },
		"deactivate": func(id string) error { _, err := d.DeactivateOwnKey(t.Context(), d.bob, id); return err },
		"see":        func(id string) error { _, err := d.OwnKey(t.Context(), d.bob, id); return err },
	} {
		for _, id := range []string{key.ID, uuid.NewString(), "", "'", key.ID + " "} {
			if err := ask(id); !errors.Is(err, access.ErrNotFound) {
				t.Errorf("bob asks to %s %q: %v", name, id, err)
			}
		}
	}
	if kept, err := d.OwnKey(t.Context(), d.alice, key.ID); err != nil || kept.Name != "CI" || d.verdict(hash) != access.Accepted {
		t.Errorf("alice's key is %+v, %v", kept, err)
	}
	if after := d.changes(); len(after) != len(log) {
		t.Errorf("the audit log grew by %d", len(after)-len(log))
	}
	_, err := d.DeactivateKey(t.Context(), d.root, uuid.NewString(), "leaked")
	wantRefusal(t, err, access.NotFound)
	_, err = d.Key(t.Context(), d.root, uuid.NewString())
	wantRefusal(t, err, access.NotFound)
}

// Who goes away after asking has asked.
func TestChangeIsNotGivenUpWithItsRequest(t *testing.T) {
	d := newDesk(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	f := d.fingerprint()
	key, err := d.CreateKey(gone, d.alice, f, "")
	if err != nil || d.verdict(f.Hash) != access.Accepted {
		t.Fatalf("create: %v", err)
	}
	if _, err := d.RenameKey(gone, d.alice, key.ID, "CI"); err != nil {
		t.Errorf("rename: %v", err)
	}
	if _, err := d.DeactivateOwnKey(gone, d.alice, key.ID); err != nil || d.verdict(f.Hash) != access.Deactivated {
		t.Errorf("deactivate: %v", err)
	}
}
