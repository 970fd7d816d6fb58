package db_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// rotate rotates secrets of the desk as the operator's command does, in another process where others may be at work.
func (d *desk) rotate(r db.Rotation) db.Rotated {
	d.t.Helper()
	done, err := d.RotateSecrets(d.t.Context(), d.operator, r)
	d.must(err)
	return done
}

// signers returns which of the public keys have signed the newest checkpoint.
func (d *desk) signers(keys []string) (signed []string) {
	d.t.Helper()
	var text string
	dbtest.Look(d.t, d.path, `SELECT checkpoint FROM audit_head`, &text)
	for _, key := range keys {
		v, err := note.NewVerifier(key)
		d.must(err)
		if _, err := note.Open([]byte(text), note.VerifierList(v)); err == nil {
			signed = append(signed, key)
		}
	}
	return signed
}

func allSecrets() db.Rotation {
	return db.Rotation{Root: true, Pepper: true, Session: true, Signing: true}
}

// SEC-2: all secrets are rotated by one change, which the operator alone may make, and what they have made stays good.
func TestRotationIsOneChange(t *testing.T) {
	d := newDesk(t)
	before := d.Secrets()
	secret := access.NewSecret("kd_")
	_, err := d.CreateKey(t.Context(), d.alice, before.Pepper.Fingerprint(secret), "")
	d.must(err)
	entries, former := len(d.changes()), d.digits
	d.digits = access.NewRootSecret()
	d.close()
	o := d.options()
	o.Root = func(bool) (access.RootSecret, error) { return rootOf(t, d.digits).After(rootOf(t, former)), nil }
	d.openWith(o)
	for _, actor := range []access.Actor{d.alice, d.root, access.TheSystem()} {
		_, err := d.RotateSecrets(t.Context(), actor, allSecrets())
		wantRefusal(t, err, access.Denied)
	}
	done := d.rotate(allSecrets())
	after, changes := d.Secrets(), d.changes()
	if len(changes) != entries+1 || changes[0].Action != access.RotateSecrets || changes[0].Actor != access.Operator {
		t.Errorf("the changes are %+v", changes)
	}
	for _, part := range []string{done.Pepper, done.Session, done.Signing, "3 sealed anew"} {
		if part == "" || !strings.Contains(changes[0].Detail, part) {
			t.Errorf("the entry says %q, nothing of %q", changes[0].Detail, part)
		}
	}
	if len(after.Peppers) != 2 || len(after.SessionKeys) != 2 || len(after.Verifiers) != 2 || after.Verifiers[0] != done.Signing {
		t.Errorf("there are %d peppers, %d session keys, and the signing keys %q", len(after.Peppers), len(after.SessionKeys), after.Verifiers)
	}
	if signed := d.signers(after.Verifiers); !slices.Equal(signed, after.Verifiers) {
		t.Errorf("the checkpoint of the rotation is signed by %q, not by both of %q", signed, after.Verifiers)
	}
	d.makeKey(d.alice)
	if signed := d.signers(after.Verifiers); !slices.Equal(signed, after.Verifiers[:1]) {
		t.Errorf("the next checkpoint is signed by %q", signed)
	}
	d.reopen() // with the new root secret alone
	d.wantAccepted(secret)
	if keys := d.Secrets().SessionKeys; !slices.ContainsFunc(keys, func(k db.SessionKey) bool { return bytes.Equal(k.Hash, before.SessionKeys[0].Hash) }) {
		t.Error("the former session key opens nothing any more")
	}
}

func rootOf(t *testing.T, digits string) access.RootSecret {
	t.Helper()
	root, err := access.ParseRootSecret(digits)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// wantAccepted fails the test unless the key is accepted under one of the peppers.
func (d *desk) wantAccepted(secret access.Secret) {
	d.t.Helper()
	if !slices.Contains(d.verdicts(secret), access.Accepted) {
		d.t.Errorf("the key is %v", d.verdicts(secret))
	}
}

func (d *desk) verdicts(secret access.Secret) (found []access.Verdict) {
	d.t.Helper()
	for _, p := range d.Secrets().Peppers {
		found = append(found, d.verdict(p.Fingerprint(secret).Hash))
	}
	return found
}

// SEC-2, DUR-9: under a wrong root secret nothing is sealed anew, and afterwards the former one opens nothing.
func TestRootSecretIsRotatedOnlyByWhoHasBoth(t *testing.T) {
	d := newDesk(t)
	d.close()
	before, next := d.content(), access.NewRootSecret()
	for name, root := range map[string]access.RootSecret{
		"the new one alone":   rootOf(t, next),
		"with another former": rootOf(t, next).After(rootOf(t, access.NewRootSecret())),
	} {
		o := d.options()
		o.Root = func(bool) (access.RootSecret, error) { return root, nil }
		if _, err := db.Open(t.Context(), o); !errors.Is(err, db.ErrWrongSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
	o, former := d.options(), d.digits
	o.Root = func(bool) (access.RootSecret, error) { return rootOf(t, next).After(rootOf(t, former)), nil }
	d.openWith(o)
	if done := d.rotate(db.Rotation{Root: true}); done.Resealed != 3 {
		t.Errorf("%d are sealed anew", done.Resealed)
	}
	entries := len(d.changes())
	if done := d.rotate(db.Rotation{Root: true}); done.Resealed != 0 || len(d.changes()) != entries {
		t.Errorf("a second time %d are sealed anew, and %d entries made", done.Resealed, len(d.changes())-entries)
	}
	d.close()
	if _, err := db.Open(t.Context(), d.options()); !errors.Is(err, db.ErrWrongSecret) {
		t.Errorf("the former one: %v", err)
	}
	d.digits = next
	d.open()
}

// SEC-2: what is rotated elsewhere is known within moments, and what cannot be opened is told of, never answered for.
func TestOtherProcessesLearnOfNewSecrets(t *testing.T) {
	d := newDesk(t)
	other := d.another(d.digits)
	next := access.NewRootSecret()
	both := d.another(next, d.digits)
	_, err := both.RotateSecrets(t.Context(), d.operator, db.Rotation{Pepper: true, Session: true, Signing: true})
	d.must(err)
	d.must(other.RefreshSecrets(t.Context())) // it is sealed under what the rest is
	if s := other.Secrets(); len(s.Peppers) != 2 || len(s.SessionKeys) != 2 || len(s.Signing) != 2 || s.Incomplete {
		t.Errorf("known are %d peppers, %d session and %d signing keys; %t", len(s.Peppers), len(s.SessionKeys), len(s.Signing), s.Incomplete)
	}
	_, err = both.RotateSecrets(t.Context(), d.operator, db.Rotation{Root: true})
	d.must(err)
	if err := other.RefreshSecrets(t.Context()); !errors.Is(err, db.ErrSealedAnew) || other.Secrets().Incomplete || len(other.Secrets().Peppers) != 2 {
		t.Errorf("sealed anew: %v, %+v", err, other.Secrets())
	}
	_, err = both.RotateSecrets(t.Context(), d.operator, db.Rotation{Pepper: true})
	d.must(err)
	if err := other.RefreshSecrets(t.Context()); !errors.Is(err, db.ErrSealedAnew) || !other.Secrets().Incomplete {
		t.Errorf("a pepper that does not open: %v, %t", err, other.Secrets().Incomplete)
	}
}

// SEC-2: while the new root secret is read verify goes on as before.
func TestSecretsStayWhileTheRootSecretIsRead(t *testing.T) {
	d := newDesk(t)
	next, asked := access.NewRootSecret(), 0
	d.must(d.ShareLock())
	both := d.another(next, d.digits)
	var other *db.DB
	o := d.options()
	o.Beside, o.Root = true, func(bool) (access.RootSecret, error) {
		if other == nil {
			return rootOf(t, d.digits), nil
		}
		asked++
		if s := other.Secrets(); s.Incomplete || len(s.Peppers) != 1 {
			t.Errorf("meanwhile there are %d peppers; %t", len(s.Peppers), s.Incomplete)
		}
		return rootOf(t, next), nil
	}
	other, err := db.Open(t.Context(), o)
	d.must(err)
	defer func() { _ = other.Close() }()
	_, err = both.RotateSecrets(t.Context(), d.operator, db.Rotation{Root: true, Pepper: true})
	d.must(err)
	d.must(other.RefreshSecrets(t.Context()))
	if s := other.Secrets(); asked != 1 || s.Incomplete || len(s.Peppers) != 2 {
		t.Errorf("asked %d times; then there are %d peppers; %t", asked, len(s.Peppers), s.Incomplete)
	}
}

// another opens the database beside the desk, as another process with these root secrets does.
func (d *desk) another(digits ...string) *db.DB {
	d.t.Helper()
	d.must(d.ShareLock())
	o := d.options()
	root := rootOf(d.t, digits[0])
	for _, former := range digits[1:] {
		root = root.After(rootOf(d.t, former))
	}
	o.Root, o.Beside = func(bool) (access.RootSecret, error) { return root, nil }, true
	another, err := db.Open(d.t.Context(), o)
	d.must(err)
	d.t.Cleanup(func() { _ = another.Close() })
	return another
}

// SEC-2: PostgreSQL gets all of them, signing keys too.
func TestRotatedSecretsAreMoved(t *testing.T) {
	d := newSQLiteDesk(t)
	secret := access.NewSecret("kd_")
	_, err := d.CreateKey(t.Context(), d.alice, d.Secrets().Pepper.Fingerprint(secret), "")
	d.must(err)
	d.rotate(allSecrets())
	before := d.Secrets()
	s := &story{desk: d}
	d.close()
	s.moveClosed(pgtest.Database(t))
	defer s.close()
	d.wantAccepted(secret)
	if after := d.Secrets(); !slices.Equal(after.Verifiers, before.Verifiers) || len(after.Peppers) != 2 {
		t.Errorf("there are %d peppers, and the signing keys are %q", len(after.Peppers), after.Verifiers)
	}
	d.makeKey(d.alice)
}
