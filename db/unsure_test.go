package db_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// DUR-4: a commit that fails may have happened all the same, which nobody is told as if it were known.
func TestChangeWhoseCommitFailsIsNotSaidToHaveHappened(t *testing.T) {
	d := newDesk(t)
	allow := dbtest.UnsureCommits(t, d.path)
	before, f := d.content(), d.fingerprint()
	_, err := d.CreateKey(t.Context(), d.alice, f, "")
	if !errors.Is(err, access.ErrUnsure) || errors.Is(err, access.ErrUnsaved) {
		t.Errorf("got %v", err)
	}
	if len(d.all()) != 0 {
		t.Errorf("told of %+v", d.all())
	}
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
	allow()
	d.makeKey(d.alice) // the next change begins anew
}

// DUR-4: a commit that PostgreSQL refuses, and lives on, did not happen for sure. The reference to nobody is looked at then.
func TestChangeThatPostgresDoesNotCommitIsSaidToBeUnsaved(t *testing.T) {
	d := newPostgresDesk(t)
	key, _ := d.makeKey(d.alice)
	dbtest.Exec(t, d.path, `CREATE TABLE later (user_id TEXT COLLATE "C" REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)`)
	dbtest.Exec(t, d.path, `CREATE FUNCTION too_late() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN INSERT INTO later VALUES ('nobody'); RETURN NULL; END $$`)
	dbtest.Exec(t, d.path, `CREATE TRIGGER too_late AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION too_late()`)
	before, told := d.content(), len(d.all())
	_, err := d.DeactivateOwnKey(t.Context(), d.alice, key.ID)
	if !errors.Is(err, access.ErrUnsaved) || errors.Is(err, access.ErrUnsure) {
		t.Errorf("got %v", err)
	}
	if after := d.content(); after != before || len(d.all()) != told {
		t.Errorf("told of %d, before\n%safter\n%s", len(d.all())-told, before, after)
	}
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
	dbtest.UnsureCommits(t, d.path)
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
