package db_test

import (
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// AZ-7: a key that was made while its owner had not taken note of a link for the account says so, for ever: on the key
// itself, to its owner and to administrators, and in the audit log. No other does.
func TestKeyMadeBeforeALinkIsConfirmedSaysSo(t *testing.T) {
	const said = "before confirming the link that root issued on 1 March 2026"
	d := newDesk(t)
	want := map[string]string{}
	makes := func(owner access.Actor, unconfirmed string) {
		t.Helper()
		d.advance(time.Minute)
		key, _ := d.makeKey(owner)
		if want[key.ID] = unconfirmed; key.Unconfirmed != unconfirmed {
			t.Errorf("the new key says %q, not %q", key.Unconfirmed, unconfirmed)
		}
	}
	makes(d.alice, "")
	link := d.issue(d.root, "alice")
	makes(d.alice, said)
	makes(d.bob, "")
	d.must(d.UseLink(t.Context(), link, "y", from("198.51.100.7")))
	makes(d.alice, said)
	d.must(d.NoteLinks(t.Context(), d.alice, d.Now()))
	makes(d.alice, "")

	dave := access.Actor{UserID: "dave", Role: access.User}
	d.must(d.InviteUser(t.Context(), d.root, access.Person{UserID: "dave", Role: access.User}, access.HashToken("t")))
	d.must(d.UseLink(t.Context(), access.HashToken("t"), "y", from("")))
	makes(dave, said)
	d.must(d.NoteLinks(t.Context(), dave, d.Now()))
	makes(dave, "")

	for _, owner := range []access.Actor{d.alice, d.bob, dave} {
		own, _, err := d.OwnKeys(t.Context(), owner, "")
		d.must(err)
		seen, _, err := d.KeysOf(t.Context(), d.root, owner.UserID, "")
		d.must(err)
		for _, key := range append(own, seen...) {
			if key.Unconfirmed != want[key.ID] {
				t.Errorf("%s's key says %q, not %q", owner.UserID, key.Unconfirmed, want[key.ID])
			}
		}
	}
	for _, c := range d.changes() {
		if c.Action == access.CreateKey && (c.Detail != want[c.KeyID] || c.Unconfirmed() != (want[c.KeyID] != "")) {
			t.Errorf("entry %d says %q, not %q", c.Number, c.Detail, want[c.KeyID])
		}
		if c.Action != access.CreateKey && c.Unconfirmed() {
			t.Errorf("entry %d, %s, is marked", c.Number, c.Action)
		}
	}
}

// AZ-7: whatever becomes of such a key and of the link, the key goes on saying so, and its owner can end it.
func TestUnconfirmedKeyStaysMarked(t *testing.T) {
	d := newDesk(t)
	d.issue(d.root, "alice")
	key, _ := d.makeKey(d.alice)
	d.must(d.NoteLinks(t.Context(), d.alice, d.Now()))
	named, err := d.RenameKey(t.Context(), d.alice, key.ID, "laptop")
	d.must(err)
	ended := d.deactivate(d.alice, key.ID)
	again, err := d.Key(t.Context(), d.root, key.ID)
	d.must(err)
	for what, k := range map[string]access.Key{"renamed": named, "deactivated": ended, "read": again} {
		if key.Unconfirmed == "" || k.Unconfirmed != key.Unconfirmed {
			t.Errorf("%s, it says %q, and at first %q", what, k.Unconfirmed, key.Unconfirmed)
		}
	}
	if again.Status() != access.Inactive {
		t.Error("its owner has not ended it")
	}
}
