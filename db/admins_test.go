package db_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// newName returns a part of a User ID that nobody has.
func newName() string { return strings.ToLower(access.NewToken()) }

// AZ-5: nobody, not even an administrator, changes their own role, shuts themselves out, or resets their own password.
func TestNobodyChangesTheirOwnAccount(t *testing.T) {
	d := newDesk(t)
	d.addAdmin("carol") // so that root is not the last
	before := d.content()
	for name, row := range map[string]struct {
		code access.Code
		err  error
	}{
		"an administrator's role":       {access.Clashes, d.ChangeRole(t.Context(), d.root, "root", access.User)},
		"an administrator's same role":  {access.Clashes, d.ChangeRole(t.Context(), d.root, "root", access.Admin)},
		"an administrator's account":    {access.Clashes, d.DisableUser(t.Context(), d.root, "root")},
		"an administrator's password":   {access.Clashes, d.IssueLink(t.Context(), d.root, "root", access.HashToken("t"))},
		"a user's role":                 {access.Denied, d.ChangeRole(t.Context(), d.alice, "alice", access.Admin)},
		"a user's, said to be one":      {access.Denied, d.ChangeRole(t.Context(), asAdmin("alice"), "bob", access.Admin)},
		"a user's own, said to be one":  {access.Denied, d.ChangeRole(t.Context(), asAdmin("alice"), "alice", access.Admin)},
		"a user's account":              {access.Denied, d.DisableUser(t.Context(), d.alice, "alice")},
		"the operator changes no roles": {access.Denied, d.ChangeRole(t.Context(), d.operator, "alice", access.Admin)},
	} {
		if access.Refused(row.err, row.code) == nil {
			t.Errorf("%s: %v", name, row.err)
		}
	}
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}

func asAdmin(id string) access.Actor { return access.Actor{UserID: id, Role: access.Admin} }

// AZ-1: what an administrator does is refused to everybody else, and to an administrator of before.
func TestAccountsAreChangedByAdministratorsOnly(t *testing.T) {
	d := newDesk(t)
	d.addAdmin("erin")
	d.must(d.DisableUser(t.Context(), d.root, "erin"))
	d.addAdmin("frank")
	d.must(d.ChangeRole(t.Context(), d.root, "frank", access.User))
	d.signIn("bob")
	before := d.content()
	for name, change := range map[string]func(access.Actor) error{
		"role":    func(a access.Actor) error { return d.ChangeRole(t.Context(), a, "bob", access.Admin) },
		"disable": func(a access.Actor) error { return d.DisableUser(t.Context(), a, "bob") },
		"enable":  func(a access.Actor) error { return d.EnableUser(t.Context(), a, "erin") },
		"link":    func(a access.Actor) error { return d.IssueLink(t.Context(), a, "bob", access.HashToken("t")) },
		"invite": func(a access.Actor) error {
			return d.InviteUser(t.Context(), a, access.Person{UserID: "new", Role: access.User}, access.HashToken("t"))
		},
		"end sessions": func(a access.Actor) error { return d.EndSessions(t.Context(), a, "bob") },
	} {
		for who, actor := range map[string]stranger{
			"a user":                      {d.alice, access.Denied},
			"a user said to be one":       {asAdmin("alice"), access.Denied},
			"an administrator until then": {asAdmin("frank"), access.Denied},
			"a disabled administrator":    {asAdmin("erin"), access.SignedOut},
			"an unknown administrator":    {asAdmin("mallory"), access.SignedOut},
			"nobody":                      {access.Actor{}, access.SignedOut},
		} {
			if err := change(actor.Actor); access.Refused(err, actor.code) == nil {
				t.Errorf("%s, by %s: %v", name, who, err)
			}
		}
	}
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}

// AZ-9: an administrator who never set a password cannot sign in, and so is not another one.
func TestLastAdministratorStays(t *testing.T) {
	d := newDesk(t)
	d.must(d.InviteUser(t.Context(), d.root, access.Person{UserID: "carol", Role: access.Admin}, access.HashToken("t")))
	d.addAdmin("dave")
	d.must(d.DisableUser(t.Context(), d.root, "dave"))
	before := d.content()
	wantRefusal(t, d.DisableUser(t.Context(), d.operator, "root"), access.Clashes)
	wantRefusal(t, d.ChangeRole(t.Context(), asAdmin("carol"), "root", access.User), access.Clashes)
	wantRefusal(t, d.DisableUser(t.Context(), asAdmin("carol"), "root"), access.Clashes)
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
	// With the password, carol is another one.
	d.must(d.UseLink(t.Context(), access.HashToken("t"), "y", from("")))
	d.must(d.DisableUser(t.Context(), d.operator, "root"))
	wantRefusal(t, d.DisableUser(t.Context(), d.operator, "carol"), access.Clashes)
}

// AZ-9, AZ-10: when two administrators turn on each other at once, one of them stays.
func TestOfTwoAdministratorsOneStays(t *testing.T) {
	const rounds = 30
	d := newDesk(t)
	carol := d.addAdmin("carol")
	demote := func(a access.Actor, id string) error { return d.ChangeRole(t.Context(), a, id, access.User) }
	disable := func(a access.Actor, id string) error { return d.DisableUser(t.Context(), a, id) }
	promote := func(a access.Actor, id string) error { return d.ChangeRole(t.Context(), a, id, access.Admin) }
	enable := func(a access.Actor, id string) error { return d.EnableUser(t.Context(), a, id) }
	for name, row := range map[string]struct {
		roots, carols, undoRoots, undoCarols func(access.Actor, string) error
	}{
		"both demote":  {demote, demote, promote, promote},
		"both disable": {disable, disable, enable, enable},
		"one of each":  {demote, disable, promote, enable},
	} {
		for range rounds {
			var ofRoot, ofCarol error
			start := make(chan struct{})
			var racing sync.WaitGroup
			racing.Go(func() { <-start; ofRoot = row.roots(d.root, "carol") })
			racing.Go(func() { <-start; ofCarol = row.carols(carol, "root") })
			close(start)
			racing.Wait()
			switch {
			case ofRoot == nil && ofCarol != nil:
				wantOut(t, name, ofCarol)
				d.must(row.undoRoots(d.root, "carol"))
			case ofCarol == nil && ofRoot != nil:
				wantOut(t, name, ofRoot)
				d.must(row.undoCarols(carol, "root"))
			default:
				t.Fatalf("%s: root's ends with %v, carol's with %v", name, ofRoot, ofCarol)
			}
			for _, id := range []string{"root", "carol"} {
				if p := d.person(id); p.Role != access.Admin || !p.Enabled() {
					t.Fatalf("%s: %s is %+v", name, id, p)
				}
			}
		}
	}
}

// wantOut fails the test unless err refuses somebody who is no administrator any more.
func wantOut(t *testing.T, name string, err error) {
	t.Helper()
	if access.Refused(err, access.Denied) == nil && access.Refused(err, access.SignedOut) == nil {
		t.Errorf("%s: the other is refused with %v", name, err)
	}
}

func TestAccountOfNobodyIsNotThere(t *testing.T) {
	d := newDesk(t)
	for name, err := range map[string]error{
		"role":         d.ChangeRole(t.Context(), d.root, "nobody", access.Admin),
		"disable":      d.DisableUser(t.Context(), d.root, "nobody"),
		"enable":       d.EnableUser(t.Context(), d.root, "nobody"),
		"link":         d.IssueLink(t.Context(), d.root, "nobody", access.HashToken("t")),
		"end sessions": d.EndSessions(t.Context(), d.root, "nobody"),
	} {
		if access.Refused(err, access.NotFound) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
