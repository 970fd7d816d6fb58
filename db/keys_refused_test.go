package db_test

import (
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// stranger is an actor who may not, and how that is refused.
type stranger struct {
	access.Actor
	code access.Code
}

// AZ-4, AZ-10, SES-6: the role that counts is the one in the database, now.
func TestWhoIsNoUserMakesNoKey(t *testing.T) {
	d := newDesk(t)
	key, hash := d.makeKey(d.alice)
	d.addUser("carol")
	d.addUser("dave")
	dbtest.Exec(t, d.path, `UPDATE users SET disabled_at = created_at WHERE id = 'carol'`)
	dbtest.Exec(t, d.path, `UPDATE users SET role = 'admin' WHERE id = 'dave'`)
	log, told := d.changes(), d.all()
	for name, actor := range map[string]stranger{
		"an administrator":                {d.root, access.Denied},
		"an administrator, said to be no": {access.Actor{UserID: "root", Role: access.User}, access.Denied},
		"a user made administrator since": {access.Actor{UserID: "dave", Role: access.User}, access.Denied},
		"the operator":                    {d.operator, access.Denied},
		"a disabled user":                 {access.Actor{UserID: "carol", Role: access.User}, access.SignedOut},
		"an unknown user":                 {access.Actor{UserID: "mallory", Role: access.User}, access.SignedOut},
		"a User ID in another case":       {access.Actor{UserID: "Alice", Role: access.User}, access.SignedOut},
		"nobody":                          {access.Actor{}, access.SignedOut},
	} {
		f := d.fingerprint()
		if _, err := d.CreateKey(t.Context(), actor.Actor, f, ""); access.Refused(err, actor.code) == nil {
			t.Errorf("%s makes a key: %v", name, err)
		}
		if got := d.verdict(f.Hash); got != access.Unknown {
			t.Errorf("the key of %s is %s", name, got)
		}
		if _, err := d.RenameKey(t.Context(), actor.Actor, key.ID, "mine"); access.Refused(err, actor.code) == nil {
			t.Errorf("%s renames a key: %v", name, err)
		}
		if _, err := d.DeactivateOwnKey(t.Context(), actor.Actor, key.ID); access.Refused(err, actor.code) == nil {
			t.Errorf("%s deactivates a key as an own one: %v", name, err)
		}
	}
	if d.verdict(hash) != access.Accepted || len(d.changes()) != len(log) || len(d.all()) != len(told) {
		t.Error("something changed")
	}
}

// AZ-1, AZ-10, SES-6
func TestWhoIsNoAdministratorDeactivatesNoOther(t *testing.T) {
	d := newDesk(t)
	key, hash := d.makeKey(d.alice)
	d.add(access.Person{UserID: "erin", Role: access.Admin})
	d.add(access.Person{UserID: "frank", Role: access.Admin})
	dbtest.Exec(t, d.path, `UPDATE users SET disabled_at = created_at WHERE id = 'erin'`)
	dbtest.Exec(t, d.path, `UPDATE users SET role = 'user' WHERE id = 'frank'`)
	for name, actor := range map[string]stranger{
		"another user":                {d.bob, access.Denied},
		"a user said to be one":       {access.Actor{UserID: "bob", Role: access.Admin}, access.Denied},
		"the owner":                   {d.alice, access.Denied},
		"an administrator until then": {access.Actor{UserID: "frank", Role: access.Admin}, access.Denied},
		"the operator":                {d.operator, access.Denied},
		"a disabled administrator":    {access.Actor{UserID: "erin", Role: access.Admin}, access.SignedOut},
		"an unknown administrator":    {access.Actor{UserID: "mallory", Role: access.Admin}, access.SignedOut},
		"nobody":                      {access.Actor{}, access.SignedOut},
	} {
		if _, err := d.DeactivateKey(t.Context(), actor.Actor, key.ID, "because"); access.Refused(err, actor.code) == nil {
			t.Errorf("%s deactivates: %v", name, err)
		}
	}
	if got := d.verdict(hash); got != access.Accepted {
		t.Errorf("the key is %s", got)
	}
}

// AZ-1
func TestReadingAsksForTheRightToo(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	for name, read := range map[string]struct {
		may  string // a user, an administrator, the operator
		read func(access.Actor) error
	}{
		"own keys":    {"ua", func(a access.Actor) error { _, _, err := d.OwnKeys(t.Context(), a, ""); return err }},
		"others'":     {"ao", func(a access.Actor) error { _, _, err := d.KeysOf(t.Context(), a, "alice", ""); return err }},
		"other's key": {"ao", func(a access.Actor) error { _, err := d.Key(t.Context(), a, key.ID); return err }},
		"users":       {"ao", func(a access.Actor) error { _, _, err := d.Users(t.Context(), a, "", ""); return err }},
		"a user":      {"ao", func(a access.Actor) error { _, err := d.User(t.Context(), a, "alice"); return err }},
		"changes": {"a", func(a access.Actor) error {
			_, _, err := d.Changes(t.Context(), a, access.ChangeFilter{}, 0)
			return err
		}},
		"sign-ins": {"a", func(a access.Actor) error { _, _, err := d.SignIns(t.Context(), a, 0); return err }},
	} {
		for letter, actor := range map[rune]access.Actor{'u': d.alice, 'a': d.root, 'o': d.operator, '-': {}} {
			may := strings.ContainsRune(read.may, letter)
			if err := read.read(actor); may && err != nil || !may && access.Refused(err, access.Denied) == nil {
				t.Errorf("%q reads %s: %v", actor.UserID, name, err)
			}
		}
	}
}
