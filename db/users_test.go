package db_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

func TestUserIsShownAsAdded(t *testing.T) {
	d := newDesk(t)
	want := access.Person{
		UserID: "carol", Name: "Carol Écru", Email: "carol@example.com", Role: access.User, CreatedAt: d.Now(),
	}
	d.add(want)
	if got, err := d.User(t.Context(), d.root, "carol"); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	carol := access.Actor{UserID: "carol", Role: access.User}
	d.makeKey(carol)
	ended, _ := d.makeKey(carol)
	d.deactivate(carol, ended.ID)
	want.ActiveKeys = 1
	if got, err := d.User(t.Context(), d.root, "carol"); err != nil || got != want {
		t.Errorf("with keys: got %+v, %v, want %+v", got, err, want)
	}
	if people, _, err := d.Users(t.Context(), d.root, "carol", ""); err != nil || !slices.Equal(people, []access.Person{want}) {
		t.Errorf("in the list: %+v, %v, want %+v", people, err, want)
	}
	_, err := d.User(t.Context(), d.root, "nobody")
	wantRefusal(t, err, access.NotFound)
}

// AUTH-14, IO-2
func TestUserIDAndAddressAreUnique(t *testing.T) {
	d := newDesk(t)
	d.add(access.Person{UserID: "carol", Email: "carol@example.com", Role: access.User})
	log := d.changes()
	for name, p := range map[string]access.Person{
		"the same":      {UserID: "carol", Email: "carol@example.com", Role: access.User},
		"same User ID":  {UserID: "alice", Name: "Another Alice", Role: access.Admin},
		"same address":  {UserID: "dave", Email: "carol@example.com", Role: access.User},
		"administrator": {UserID: "root", Role: access.User},
	} {
		if err := d.AddUser(t.Context(), d.operator, p, "x"); access.Refused(err, access.Clashes) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := d.changes(); len(after) != len(log) {
		t.Errorf("the audit log grew by %d", len(after)-len(log))
	}
	if alice, err := d.User(t.Context(), d.root, "alice"); err != nil || alice.Name != "" || alice.Role != access.User {
		t.Errorf("alice is %+v, %v", alice, err)
	}
}

// AZ-6: an administrator invites; only who owns the machine sets the password of another.
func TestOnlyTheOperatorAddsUsersWithAPassword(t *testing.T) {
	d := newDesk(t)
	log := d.changes()
	for _, actor := range []access.Actor{
		d.alice, d.root, {}, {UserID: "mallory", Role: access.Admin}, {UserID: "mallory"}, {UserID: "operator"},
	} {
		err := d.AddUser(t.Context(), actor, access.Person{UserID: "carol", Role: access.Admin}, "x")
		wantRefusal(t, err, access.Denied)
	}
	_, err := d.User(t.Context(), d.root, "carol")
	wantRefusal(t, err, access.NotFound)
	if after := d.changes(); len(after) != len(log) {
		t.Errorf("the audit log grew by %d", len(after)-len(log))
	}
	d.add(access.Person{UserID: "carol", Role: access.Admin})
	if _, hash, err := d.Credentials(t.Context(), "carol"); err != nil || hash != "x" {
		t.Errorf("the operator's has the hash %q, %v", hash, err)
	}
}

func TestAnyUser(t *testing.T) {
	d := emptyDesk(t)
	if some, err := d.AnyUser(t.Context()); err != nil || some {
		t.Errorf("of a new desk: %t, %v", some, err)
	}
	d.addUser("alice")
	if some, err := d.AnyUser(t.Context()); err != nil || !some {
		t.Errorf("with alice: %t, %v", some, err)
	}
}

func ids(people []access.Person) []string {
	list := []string{}
	for _, p := range people {
		list = append(list, p.UserID)
	}
	return list
}

func TestUsersArePagedByUserID(t *testing.T) {
	d := newDesk(t)
	const n = 2*db.UserPage + 20
	for i := range n {
		d.addUser(fmt.Sprintf("u%03d", i*37%n)) // not in order
	}
	for text, want := range map[string]int{"": n + 3, "u": n, "u00": 10, "u01": 10, "u010": 1, "u0101": 0} {
		var all []string
		after, pages := "", 0
		for more := true; more; pages++ {
			people, further, err := d.Users(t.Context(), d.root, text, after)
			if err != nil || len(people) > db.UserPage || further && len(people) != db.UserPage {
				t.Fatalf("%q after %q: %d users, more: %t, %v", text, after, len(people), further, err)
			}
			all = append(all, ids(people)...)
			if more = further; more {
				after = all[len(all)-1]
			}
		}
		if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != want || len(all) != want {
			t.Errorf("%q: %d users on %d pages, want %d", text, len(all), pages, want)
		}
	}
}

// IO-5: what is searched for is plain text, and matches from the beginning.
func TestUsersAreFoundByTheirBeginnings(t *testing.T) {
	d := emptyDesk(t)
	for _, p := range []access.Person{
		{UserID: "adam", Name: "Zoë Müller", Email: "zm@example.com"},
		{UserID: "a_dam", Name: "100% Adam"},
		{UserID: "axdam", Name: "100x Adam"},
		{UserID: "bea", Name: "Élodie Bea", Email: "elodie@example.com"},
		{UserID: "zoe", Name: "Adam Zoe"},
		{UserID: "z-1", Name: "_under", Email: "adam@example.com"},
		{UserID: "z.1", Name: "%percent"},
		{UserID: "z_1", Name: "日本 太郎"},
	} {
		p.Role = access.User
		d.add(p)
	}
	everybody := []string{"a_dam", "adam", "axdam", "bea", "z-1", "z.1", "z_1", "zoe"}
	for text, want := range map[string][]string{
		"":            everybody,
		"   ":         everybody,
		"a":           {"a_dam", "adam", "axdam", "z-1", "zoe"},
		"adam":        {"adam", "z-1", "zoe"},
		"ADAM":        {"adam", "z-1", "zoe"},
		"  Adam":      {"adam", "z-1", "zoe"},
		"adam zoe":    {"zoe"},
		"adam@":       {"z-1"},
		"Zoë m":       {"adam"},
		"Zoe\u0308":   {"adam"},
		"zoË MÜ":      {"adam"},
		"éLODIE":      {"bea"},
		"elodie@EXAM": {"bea"},
		"日本":          {"z_1"},
		"a_":          {"a_dam"},
		"a%":          {},
		"100%":        {"a_dam"},
		"100":         {"a_dam", "axdam"},
		"_":           {"z-1"},
		"%":           {"z.1"},
		"%e":          {},
		"z_":          {"z_1"},
		"dam":         {}, // only from the beginning
		"müller":      {},
		"nobody":      {},
		"'":           {},
		`"`:           {},
		"\\":          {},
		"' OR '1'='1": {},
		"\xff":        {},
	} {
		people, more, err := d.Users(t.Context(), d.operator, text, "")
		if err != nil || more || !slices.Equal(ids(people), want) {
			t.Errorf("%q finds %v, more: %t, %v, want %v", text, ids(people), more, err, want)
		}
	}
}
