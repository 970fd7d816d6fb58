package db_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

func nobodysDesk(t *testing.T) *desk {
	t.Helper()
	return emptyDesk(t)
}

// issueSetUp makes a set-up link and returns the hash of its token.
func (d *desk) issueSetUp() []byte {
	d.t.Helper()
	hash := access.HashToken(access.NewToken())
	d.must(d.IssueSetUpLink(d.t.Context(), hash))
	return hash
}

func (d *desk) setUp(link []byte, id string) error {
	return d.SetUp(d.t.Context(), link, access.Person{UserID: id}, "hash of "+id, "192.0.2.7")
}

// people returns the User IDs and roles of everybody.
func (d *desk) people() map[string]access.Role {
	d.t.Helper()
	people, _, err := d.Users(d.t.Context(), d.operator, "", "")
	d.must(err)
	roles := map[string]access.Role{}
	for _, p := range people {
		roles[p.UserID] = p.Role
	}
	return roles
}

// wantNoSetUp fails the test unless the set-up link can be neither looked at nor used.
func (d *desk) wantNoSetUp(name string, link []byte) {
	d.t.Helper()
	if err := d.CheckSetUpLink(d.t.Context(), link); access.Refused(err, access.NotFound) == nil {
		d.t.Errorf("%s: the link is there: %v", name, err)
	}
	before := d.content()
	if err := d.setUp(link, "mallory"); access.Refused(err, access.NotFound) == nil {
		d.t.Errorf("%s: the link is used: %v", name, err)
	}
	if after := d.content(); after != before {
		d.t.Errorf("%s: before\n%safter\n%s", name, before, after)
	}
}

// AUTH-12
func TestSetUpMakesTheFirstAdministratorOnce(t *testing.T) {
	d := nobodysDesk(t)
	link := d.issueSetUp()
	for range 3 { // looking never uses it up
		d.must(d.CheckSetUpLink(t.Context(), link))
	}
	if len(d.people()) != 0 {
		t.Errorf("there are %v", d.people())
	}
	want := access.Person{UserID: "root", Name: "Root", Email: "root@example.com", Role: access.User}
	d.must(d.SetUp(t.Context(), link, want, "mine", "192.0.2.7"))
	want.Role, want.CreatedAt = access.Admin, d.Now() // whatever the form said
	if got := d.person("root"); got != want || d.passwordHash("root") != "mine" {
		t.Errorf("got %+v with the hash %q, want %+v", got, d.passwordHash("root"), want)
	}
	d.wantNoSetUp("used", link)
	d.reopen()
	d.wantNoSetUp("used, after a restart", link)
	wantRefusal(t, d.IssueSetUpLink(t.Context(), access.HashToken("again")), access.NotFound)
	if len(d.people()) != 1 {
		t.Errorf("there are %v", d.people())
	}
}

// AUTH-12: a restart issues a new link, and what stood in the log of the last start is worth nothing.
func TestRestartReplacesTheSetUpLink(t *testing.T) {
	d := deskAt(t, dbtest.NewFile(t))
	old := d.issueSetUp()
	d.reopen()
	newer := d.issueSetUp()
	d.wantNoSetUp("the old", old)
	d.must(d.CheckSetUpLink(t.Context(), newer))
	d.must(d.setUp(newer, "root"))
}

// AUTH-12: of several instances each prints a link, any of which is good for the first administrator, and none after that.
func TestSetUpLinkOfEveryInstanceIsGoodUntilOneIsUsed(t *testing.T) {
	d := deskAt(t, dbtest.NewCopy(t))
	first, second, third := d.issueSetUp(), d.issueSetUp(), d.issueSetUp()
	for _, link := range [][]byte{first, second, third} {
		d.must(d.CheckSetUpLink(t.Context(), link))
	}
	d.must(d.setUp(second, "root"))
	for _, link := range [][]byte{first, second, third} {
		d.wantNoSetUp("once there is a user", link)
	}
}

// AUTH-12
func TestSetUpLinkExpiresAfter24Hours(t *testing.T) {
	d := nobodysDesk(t)
	link := d.issueSetUp()
	d.advance(24*time.Hour - time.Microsecond)
	d.must(d.CheckSetUpLink(t.Context(), link))
	d.advance(time.Microsecond)
	d.wantNoSetUp("after 24 h", link)
	link = d.issueSetUp()
	d.advance(24*time.Hour - time.Microsecond)
	d.must(d.setUp(link, "root"))
}

// DUR-7, AUTH-12
func TestSetUpLinkOfTheFutureIsRefused(t *testing.T) {
	d := nobodysDesk(t)
	d.advance(10 * 365 * 24 * time.Hour)
	link := d.issueSetUp()
	d.advance(-10 * 365 * 24 * time.Hour)
	d.wantNoSetUp("ten years before", link)
}

// AUTH-12: once there is a user, whoever made them, nobody sets up.
func TestThereIsNoSetUpOnceThereIsAUser(t *testing.T) {
	d := nobodysDesk(t)
	link := d.issueSetUp()
	d.addUser("alice")
	d.wantNoSetUp("with a user", link)
	wantRefusal(t, d.IssueSetUpLink(t.Context(), access.HashToken("new")), access.NotFound)
	d.must(d.DisableUser(t.Context(), d.operator, "alice"))
	d.wantNoSetUp("with a disabled user", link)
}

// AUTH-12: neither is a link of one kind good for the other, nor anything that is no link.
func TestOnlyASetUpLinkSetsUp(t *testing.T) {
	d := nobodysDesk(t)
	link := d.issueSetUp()
	for name, other := range map[string][]byte{
		"another token": access.HashToken("x"), "a part of it": link[:16], "none": nil, "empty": {},
	} {
		d.wantNoSetUp(name, other)
	}
	d.wantDead("to set a password", link)
	d.must(d.setUp(link, "root"))
	d.wantDead("to set a password, used", link)

	full := newDesk(t)
	full.wantNoSetUp("a set-password link", full.issue(full.root, "alice"))
}

// AUTH-12, AZ-10: of several who set up at the same time one becomes the administrator.
func TestRacingSetUpsMakeOneAdministrator(t *testing.T) {
	const rounds, racers = 10, 4
	for range rounds {
		d := nobodysDesk(t)
		link := d.issueSetUp()
		start, errs := make(chan struct{}), make([]error, racers)
		var racing sync.WaitGroup
		for i := range racers {
			racing.Go(func() { <-start; errs[i] = d.setUp(link, "root"+strconv.Itoa(i)) })
		}
		close(start)
		racing.Wait()
		people := d.people()
		if len(people) != 1 {
			t.Fatalf("there are %v, of %v", people, errs)
		}
		for i, err := range errs {
			_, won := people["root"+strconv.Itoa(i)]
			if won && err != nil || !won && access.Refused(err, access.NotFound) == nil {
				t.Fatalf("racer %d of %v ends with %v", i, people, err)
			}
		}
		d.close()
	}
}
