package db_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// DUR-4: a commit that fails may have happened all the same, which nobody is told as if it were known. The reference to
// nobody is looked at when the transaction commits.
func TestChangeWhoseCommitFailsIsNotSaidToHaveHappened(t *testing.T) {
	d := newDesk(t)
	exec(t, d.path, `CREATE TABLE later (user_id TEXT REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)`)
	exec(t, d.path, `CREATE TRIGGER too_late AFTER INSERT ON audit BEGIN INSERT INTO later VALUES ('nobody'); END`)
	before, f := content(t, raw(t, d.path)), d.fingerprint()
	_, err := d.CreateKey(t.Context(), d.alice, f, "")
	if !errors.Is(err, access.ErrUnsure) || errors.Is(err, access.ErrUnsaved) {
		t.Errorf("got %v", err)
	}
	if len(d.all()) != 0 {
		t.Errorf("told of %+v", d.all())
	}
	if after := content(t, raw(t, d.path)); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
	exec(t, d.path, `DROP TRIGGER too_late`)
	d.makeKey(d.alice) // the next change begins anew
}

// A refusal changes nothing, and neither does what fails before it is committed.
func TestRefusedChangeIsSaidToBeUnsaved(t *testing.T) {
	d := newDesk(t)
	_, err := d.CreateKey(t.Context(), d.root, d.fingerprint(), "")
	if access.Refused(err, access.Denied) == nil || !errors.Is(err, access.ErrUnsaved) {
		t.Errorf("refused: %v", err)
	}
	f := d.fingerprint()
	d.close()
	_, err = d.CreateKey(t.Context(), d.alice, f, "")
	if err == nil || !errors.Is(err, access.ErrUnsaved) || errors.Is(err, access.ErrUnsure) {
		t.Errorf("closed: %v", err)
	}
}

// VER-7, KEY-8: of a key whose deactivation may have been committed or not, nobody says that it is good until the
// database tells what became of it.
func TestKeyIsInDoubtUntilTheDatabaseTells(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	exec(t, d.path, `CREATE TABLE later (user_id TEXT REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)`)
	exec(t, d.path, `CREATE TRIGGER too_late AFTER INSERT ON audit BEGIN INSERT INTO later VALUES ('nobody'); END`)
	told := func(want ...access.Status) {
		t.Helper()
		var got []access.Status
		for _, c := range d.all()[1:] {
			got = append(got, c.Status)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("told %q, want %q", got, want)
		}
	}
	if _, err := d.DeactivateOwnKey(t.Context(), d.alice, key.ID); !errors.Is(err, access.ErrUnsure) {
		t.Fatalf("got %v", err)
	}
	told("", access.Active) // it could be read at once
	d.Doubt(key.ID)
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := d.Settle(gone); err == nil {
		t.Error("settled without a look")
	}
	told("", access.Active)
	d.must(d.Settle(t.Context()))
	told("", access.Active, access.Active)
	d.must(d.Settle(t.Context()))
	told("", access.Active, access.Active) // once
}
