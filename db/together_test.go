package db_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// outcome is what became of a change.
type outcome struct {
	key access.Key
	err error
}

// makes returns a change that makes a key of alice's, by the form that carries once, and what becomes of it.
func (d *desk) makes(once string) (func(), *outcome) {
	f, o := d.fingerprint(), &outcome{}
	return func() { o.key, o.err = d.CreateKey(d.t.Context(), d.alice, f, once) }, o
}

// Of changes that are committed together each is what it would be alone: one that is refused, or fails, leaves the others as
// they are, and one that has nothing left to do succeeds.
func TestChangesThatAreCommittedTogetherAreAsTheyAreAlone(t *testing.T) {
	d := newSQLiteDesk(t)
	old, _ := d.makeKey(d.alice)
	told, entries := len(d.all()), len(d.changes())
	first, one := d.makes("once")
	twice, clash := d.makes("once")
	last, two := d.makes("")
	var broken, ended, again error
	d.Together(
		first,
		twice,
		func() {
			broken = d.ChangeBy(t.Context(), func(exec func(string) error) error {
				return errors.Join(exec(`UPDATE users SET name = 'Mallory'`), exec(`INSERT INTO nothing VALUES (1)`))
			})
		},
		func() { _, ended = d.DeactivateOwnKey(t.Context(), d.alice, old.ID) },
		func() { _, again = d.DeactivateKey(t.Context(), d.root, old.ID, "leaked") },
		last,
	)
	for name, err := range map[string]error{"first": one.err, "last": two.err, "deactivation": ended, "its repetition": again} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if access.Refused(clash.err, access.Clashes) == nil || !errors.Is(broken, access.ErrUnsaved) {
		t.Errorf("refused: %v, failed: %v", clash.err, broken)
	}
	if got := len(d.changes()) - entries; got != 3 {
		t.Errorf("%d entries", got)
	}
	var statuses []access.Status
	for _, c := range d.all()[told:] {
		statuses = append(statuses, c.Status)
	}
	if len(statuses) != 3 || statuses[1] != access.Inactive {
		t.Errorf("told of %v", statuses)
	}
	if n := d.count(`SELECT count(*) FROM users WHERE name = 'Mallory'`); n != 0 {
		t.Errorf("%d users have the name that a failed change gave them", n)
	}
	state, err := d.VerifyLog(t.Context(), access.TheOperator(), d.Secrets().Verifiers)
	if err != nil {
		t.Fatal(err)
	}
	wantSound(t, state)
}

// What is left of a transaction that the database gave up is nothing, and so are all told who were in it.
func TestChangesBesideOneThatEndsTheTransactionAreUnsaved(t *testing.T) {
	d := newSQLiteDesk(t)
	before := d.content()
	first, one := d.makes("")
	last, two := d.makes("")
	var broken error
	d.Together(first, func() {
		broken = d.ChangeBy(t.Context(), func(exec func(string) error) error {
			d.must(exec(`ROLLBACK`))
			return access.Refuse(access.Clashes, "", "Somebody else's.")
		})
	}, last)
	for _, err := range []error{one.err, broken, two.err} {
		if !errors.Is(err, access.ErrUnsaved) || errors.Is(err, access.ErrUnsure) || access.Refused(err, access.Clashes) != nil {
			t.Errorf("got %v", err)
		}
	}
	if after := d.content(); after != before || len(d.all()) != 0 {
		t.Errorf("told of %+v, before\n%safter\n%s", d.all(), before, after)
	}
	d.makeKey(d.alice)
}

// DUR-4: whoever was in a commit that fails is told that nobody knows, even who was refused: it may have been for what the
// others made.
func TestChangesWhoseCommitFailsAreAllUnsure(t *testing.T) {
	d := newSQLiteDesk(t)
	allow := dbtest.UnsureCommits(t, d.path)
	first, one := d.makes("once")
	last, two := d.makes("once")
	d.Together(first, last)
	for _, err := range []error{one.err, two.err} {
		if !errors.Is(err, access.ErrUnsure) || errors.Is(err, access.ErrUnsaved) {
			t.Errorf("got %v", err)
		}
	}
	allow()
	d.makeKey(d.alice)
}

// A change that panics fails, and leaves those before and after it as they are.
func TestChangeThatPanicsFailsByItself(t *testing.T) {
	d := newSQLiteDesk(t)
	first, one := d.makes("")
	last, two := d.makes("")
	var broken error
	d.Together(first, func() {
		broken = d.ChangeBy(t.Context(), func(exec func(string) error) error {
			d.must(exec(`UPDATE users SET name = 'Mallory'`))
			panic("broken")
		})
	}, last)
	if !errors.Is(broken, access.ErrUnsaved) || !strings.Contains(broken.Error(), "panic: broken") {
		t.Errorf("got %v", broken)
	}
	if one.err != nil || two.err != nil || d.count(`SELECT count(*) FROM keys`) != 2 {
		t.Errorf("%v, %v, %d keys", one.err, two.err, d.count(`SELECT count(*) FROM keys`))
	}
	if n := d.count(`SELECT count(*) FROM users WHERE name = 'Mallory'`); n != 0 {
		t.Errorf("%d users have the name that a failed change gave them", n)
	}
}

// Where whoever commits for others panics, nobody waits for ever, or is told that it is done.
func TestPanicOfACommitIsNoAnswer(t *testing.T) {
	d := newSQLiteDesk(t)
	d.close()
	o := d.options()
	o.Tell = func(access.KeyChange) { panic("broken") }
	d.openWith(o)
	first, one := d.makes("")
	last, two := d.makes("")
	var panicked any
	d.Together(func() {
		defer func() { panicked = recover() }()
		first()
	}, last)
	if panicked == nil || !errors.Is(two.err, access.ErrUnsure) {
		t.Errorf("panicked with %v; got %v and %v", panicked, one.err, two.err)
	}
	d.reopen()
	d.makeKey(d.alice)
}
