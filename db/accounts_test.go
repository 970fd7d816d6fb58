package db_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// addAdmin adds an administrator and returns the actor.
func (d *desk) addAdmin(id string) access.Actor {
	d.t.Helper()
	d.add(access.Person{UserID: id, Role: access.Admin})
	return access.Actor{UserID: id, Role: access.Admin, Address: "192.0.2.9"}
}

// must fails the test on an error of what had to be done first.
func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// person returns the account as an administrator sees it.
func (d *desk) person(id string) access.Person {
	d.t.Helper()
	p, err := d.User(d.t.Context(), access.Actor{UserID: "root", Role: access.Admin}, id)
	d.must(err)
	return p
}

// statusesOf returns what was told of the person's keys, by key id.
func (t *told) statusesOf(userID string) map[string][]access.Status {
	statuses := map[string][]access.Status{}
	for _, c := range t.all() {
		if c.UserID == userID {
			statuses[c.KeyID] = append(statuses[c.KeyID], c.Status)
		}
	}
	return statuses
}

// AZ-4, SES-6: a new administrator's keys end with the promotion, and whoever follows the keys knows of each.
func TestPromotionDeactivatesTheKeys(t *testing.T) {
	d := newDesk(t)
	one, oneHash := d.makeKey(d.alice)
	other, otherHash := d.makeKey(d.alice)
	before, _ := d.makeKey(d.alice)
	before = d.deactivate(d.alice, before.ID)
	_, bobs := d.makeKey(d.bob)
	session, bobsSession := d.signIn("alice"), d.signIn("bob")
	d.advance(time.Hour)
	told := len(d.all())
	d.must(d.ChangeRole(t.Context(), d.root, "alice", access.Admin))

	if p := d.person("alice"); p.Role != access.Admin || p.ActiveKeys != 0 {
		t.Errorf("alice is %+v", p)
	}
	for _, key := range []access.Key{one, other} {
		want := key
		want.DeactivatedAt, want.DeactivatedBy, want.Reason = d.Now(), "root", "The user became an administrator"
		if kept, err := d.Key(t.Context(), d.root, key.ID); err != nil || kept != want {
			t.Errorf("kept %+v, %v, want %+v", kept, err, want)
		}
	}
	if kept, err := d.Key(t.Context(), d.root, before.ID); err != nil || kept != before {
		t.Errorf("what was inactive is %+v, %v, want %+v", kept, err, before)
	}
	if d.verdict(oneHash) != access.Deactivated || d.verdict(otherHash) != access.Deactivated || d.verdict(bobs) != access.Accepted {
		t.Errorf("alice's keys are %s and %s, bob's %s", d.verdict(oneHash), d.verdict(otherHash), d.verdict(bobs))
	}
	number := d.changes()[0].Number
	got := d.all()[told:]
	slices.SortFunc(got, func(a, b access.KeyChange) int { return slices.Compare([]byte(a.KeyID), []byte(b.KeyID)) })
	if want := []access.KeyChange{
		changeOf(number, one, oneHash, access.Inactive),
		changeOf(number, other, otherHash, access.Inactive),
	}; !slices.Equal(got, want) {
		t.Errorf("told of %+v, want %+v", got, want)
	}
	if d.alive(session) || !d.alive(bobsSession) {
		t.Errorf("alice's session is alive: %t, bob's: %t", d.alive(session), d.alive(bobsSession))
	}
	_, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), "") // with the role of before
	wantRefusal(t, err, access.Denied)
}

// SES-2, SES-6
func TestDemotionHoldsAtOnce(t *testing.T) {
	d := newDesk(t)
	carol := d.addAdmin("carol")
	session := d.signIn("carol")
	d.must(d.ChangeRole(t.Context(), d.root, "carol", access.User))
	if d.alive(session) || d.person("carol").Role != access.User {
		t.Errorf("the session is alive: %t, carol is %+v", d.alive(session), d.person("carol"))
	}
	wantRefusal(t, d.ChangeRole(t.Context(), carol, "bob", access.Admin), access.Denied)
	if _, hash := d.makeKey(carol); d.verdict(hash) != access.Accepted {
		t.Error("who was an administrator makes no key")
	}
}

// SES-6, AZ-11: who is disabled is out at once, and coming back brings nothing back.
func TestDisabledUserIsOutAndComesBackWithNothing(t *testing.T) {
	for name, by := range map[string]func(*desk) access.Actor{
		"by an administrator": func(d *desk) access.Actor { return d.root },
		"by the operator":     func(d *desk) access.Actor { return d.operator },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			actor := by(d)
			key, hash := d.makeKey(d.alice)
			_, bobs := d.makeKey(d.bob)
			session := d.signIn("alice")
			d.must(d.DisableUser(t.Context(), actor, "alice"))
			if p := d.person("alice"); p.Enabled() || !p.DisabledAt.Equal(d.Now()) || p.ActiveKeys != 0 {
				t.Errorf("alice is %+v", p)
			}
			if d.alive(session) || d.verdict(hash) != access.Deactivated || d.verdict(bobs) != access.Accepted {
				t.Errorf("the session is alive: %t, the key is %s, bob's %s", d.alive(session), d.verdict(hash), d.verdict(bobs))
			}
			if !d.toldOf(key.ID, access.Inactive) {
				t.Error("nobody was told of the key")
			}
			_, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), "")
			wantRefusal(t, err, access.SignedOut)
			if outcome, err := d.openSession(access.HashToken("new"), nil, "alice"); outcome != access.UserDisabled {
				t.Errorf("signed in: %s, %v", outcome, err)
			}

			d.must(d.EnableUser(t.Context(), d.root, "alice"))
			if p := d.person("alice"); !p.Enabled() || p.ActiveKeys != 0 {
				t.Errorf("enabled, alice is %+v", p)
			}
			kept, err := d.OwnKey(t.Context(), d.alice, key.ID)
			if err != nil || kept.DeactivatedBy != actor.UserID || kept.Reason != "The account was disabled" {
				t.Errorf("the key is %+v, %v", kept, err)
			}
			if d.alive(session) || d.verdict(hash) != access.Deactivated || !d.alive(d.signIn("alice")) {
				t.Errorf("the session is alive: %t, the key is %s", d.alive(session), d.verdict(hash))
			}
		})
	}
}

// AZ-4, AZ-10: a key made at the moment of the promotion either ends with it or is refused.
func TestPromotionRacesWithNewKeys(t *testing.T) {
	const rounds, makers = 40, 3
	d := newDesk(t)
	for range rounds {
		id := "user" + newName()
		owner := d.addUser(id)
		d.makeKey(owner)
		start := make(chan struct{})
		var racing sync.WaitGroup
		for range makers {
			f := d.fingerprint()
			racing.Go(func() {
				<-start
				if _, err := d.CreateKey(t.Context(), owner, f, ""); err != nil {
					wantRefusal(t, err, access.Denied)
				}
			})
		}
		racing.Go(func() {
			<-start
			if err := d.ChangeRole(t.Context(), d.root, id, access.Admin); err != nil {
				t.Error(err)
			}
		})
		close(start)
		racing.Wait()
		if p := d.person(id); p.Role != access.Admin || p.ActiveKeys != 0 {
			t.Fatalf("an administrator with %d active keys: %+v", p.ActiveKeys, p)
		}
		for key, told := range d.statusesOf(id) {
			if !slices.Equal(told, []access.Status{access.Active, access.Inactive}) {
				t.Fatalf("of key %s was told %v", key, told)
			}
		}
	}
}

// AZ-10: the same of who is disabled.
func TestDisablingRacesWithNewKeys(t *testing.T) {
	const rounds = 40
	d := newDesk(t)
	for range rounds {
		id := "user" + newName()
		owner := d.addUser(id)
		f, start := d.fingerprint(), make(chan struct{})
		var racing sync.WaitGroup
		racing.Go(func() {
			<-start
			if _, err := d.CreateKey(t.Context(), owner, f, ""); err != nil {
				wantRefusal(t, err, access.SignedOut)
			}
		})
		racing.Go(func() {
			<-start
			if err := d.DisableUser(t.Context(), d.root, id); err != nil {
				t.Error(err)
			}
		})
		close(start)
		racing.Wait()
		if p := d.person(id); p.Enabled() || p.ActiveKeys != 0 || d.verdict(f.Hash) == access.Accepted {
			t.Fatalf("somebody disabled has %d active keys: %+v", p.ActiveKeys, p)
		}
	}
}
