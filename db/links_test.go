package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// issue makes a set-password link and returns the hash of its token.
func (d *desk) issue(by access.Actor, userID string) []byte {
	d.t.Helper()
	hash := access.HashToken(access.NewToken())
	d.must(d.IssueLink(d.t.Context(), by, userID, hash))
	return hash
}

// passwordHash returns that of the account.
func (d *desk) passwordHash(userID string) string {
	d.t.Helper()
	_, hash, err := d.Credentials(d.t.Context(), userID)
	d.must(err)
	return hash
}

// wantDead fails the test unless the link can be neither looked at nor used.
func (d *desk) wantDead(name string, link []byte) {
	d.t.Helper()
	if _, err := d.Link(d.t.Context(), link); access.Refused(err, access.NotFound) == nil {
		d.t.Errorf("%s: the link is there: %v", name, err)
	}
	before := d.content()
	if err := d.UseLink(d.t.Context(), link, "stolen", from("198.51.100.7")); access.Refused(err, access.NotFound) == nil {
		d.t.Errorf("%s: the link is used: %v", name, err)
	}
	if after := d.content(); after != before {
		d.t.Errorf("%s: before\n%safter\n%s", name, before, after)
	}
}

// wantGood fails the test unless the link can be used.
func (d *desk) wantGood(name string, link []byte, userID string) {
	d.t.Helper()
	if got, err := d.Link(d.t.Context(), link); err != nil || got.UserID != userID {
		d.t.Errorf("%s: the link is %+v, %v", name, got, err)
	}
}

// AZ-6: the user sets the password, once; the one of before holds until then.
func TestLinkSetsThePasswordOnce(t *testing.T) {
	d := newDesk(t)
	bobs := d.signIn("bob")
	link := d.issue(d.root, "alice")
	session := d.signIn("alice")
	want := access.Link{
		UserID: "alice", IssuedAt: d.Now(), IssuedBy: "root", IssuedFrom: "192.0.2.9", ExpiresAt: d.Now().Add(24 * time.Hour),
	}
	d.advance(time.Minute)
	for range 3 { // looking never uses it up
		if got, err := d.Link(t.Context(), link); err != nil || got != want {
			t.Fatalf("the link is %+v, %v, want %+v", got, err, want)
		}
	}
	if d.passwordHash("alice") != "x" || !d.alive(session) {
		t.Error("a link that nobody used has changed something")
	}
	d.must(d.UseLink(t.Context(), link, "mine", from("203.0.113.5")))
	if d.passwordHash("alice") != "mine" || d.passwordHash("bob") != "x" {
		t.Errorf("the passwords are %s and %s", d.passwordHash("alice"), d.passwordHash("bob"))
	}
	if d.alive(session) || !d.alive(bobs) {
		t.Errorf("alice's session is alive: %t, bob's: %t", d.alive(session), d.alive(bobs))
	}
	d.wantDead("used", link)
	d.reopen()
	d.wantDead("used, after a restart", link)
	want.UsedAt, want.UsedFrom = d.Now(), "203.0.113.5"
	if got, err := d.OwnLinks(t.Context(), d.alice); err != nil || !slices.Equal(got, []access.Link{want}) {
		t.Errorf("alice reads of %+v, %v, want %+v", got, err, want)
	}
}

// AZ-6
func TestLinkExpiresAfter24Hours(t *testing.T) {
	d := newDesk(t)
	link := d.issue(d.root, "alice")
	d.advance(24*time.Hour - time.Microsecond)
	d.wantGood("before", link, "alice")
	d.advance(time.Microsecond)
	d.wantDead("after", link)
	link = d.issue(d.root, "alice")
	d.advance(24*time.Hour - time.Microsecond)
	d.must(d.UseLink(t.Context(), link, "late", from("")))
}

// DUR-7, AZ-6: a clock that ran ahead and was set back leaves no link that is good until then.
func TestLinkOfTheFutureIsRefused(t *testing.T) {
	d := newDesk(t)
	d.advance(10 * 365 * 24 * time.Hour)
	link := d.issue(d.root, "alice")
	d.wantGood("where it was issued", link, "alice")
	d.advance(-10 * 365 * 24 * time.Hour)
	d.wantDead("ten years before", link)
}

// AZ-6: whatever takes a link's place ends it, and nothing brings it back.
func TestLinkIsWithdrawn(t *testing.T) {
	for name, withdraw := range map[string]func(*desk){
		"by a newer one":            func(d *desk) { d.wantGood("the newer", d.issue(d.root, "alice"), "alice") },
		"by one of the operator's":  func(d *desk) { d.issue(d.operator, "alice") },
		"by a newer one, used":      func(d *desk) { d.must(d.UseLink(t.Context(), d.issue(d.root, "alice"), "y", from(""))) },
		"by a new password":         func(d *desk) { d.changePassword(d.alice, "y") },
		"by disabling":              func(d *desk) { d.must(d.DisableUser(t.Context(), d.root, "alice")) },
		"by disabling and enabling": func(d *desk) { d.disableAndEnable("alice") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			link, bobs := d.issue(d.root, "alice"), d.issue(d.root, "bob")
			d.advance(time.Minute)
			withdraw(d)
			d.wantDead(name, link)
			d.reopen()
			d.wantDead(name+", after a restart", link)
			d.wantGood("bob's", bobs, "bob")
		})
	}
}

func (d *desk) disableAndEnable(userID string) {
	d.t.Helper()
	d.must(d.DisableUser(d.t.Context(), d.root, userID))
	d.must(d.EnableUser(d.t.Context(), d.root, userID))
}

// AZ-6: a role that changes leaves the link to its owner.
func TestLinkOutlivesAChangeOfRole(t *testing.T) {
	d := newDesk(t)
	link := d.issue(d.root, "alice")
	d.must(d.ChangeRole(t.Context(), d.root, "alice", access.Admin))
	d.wantGood("of the new administrator", link, "alice")
	d.must(d.UseLink(t.Context(), link, "y", from("")))
}

// AZ-6, SES-6: a link does not open a disabled account, whichever way it was disabled.
func TestLinkOfADisabledAccountIsNotUsed(t *testing.T) {
	d := newDesk(t)
	link := d.issue(d.root, "alice")
	dbtest.Exec(t, d.path, `UPDATE users SET disabled_at = created_at WHERE id = 'alice'`)
	before := d.content()
	wantRefusal(t, d.UseLink(t.Context(), link, "stolen", from("")), access.SignedOut)
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
	wantRefusal(t, d.IssueLink(t.Context(), d.root, "alice", access.HashToken("another")), access.Clashes)
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}

// AZ-6: whoever was invited has no password until they set one themselves.
func TestInvitedUserSetsThePassword(t *testing.T) {
	d := newDesk(t)
	link := access.HashToken("t")
	want := access.Person{
		UserID: "carol", Name: "Carol", Email: "carol@example.com", Role: access.User, CreatedAt: d.Now(),
	}
	d.must(d.InviteUser(t.Context(), d.root, want, link))
	if got := d.person("carol"); got != want || d.passwordHash("carol") != "" {
		t.Errorf("carol is %+v with the hash %q, want %+v", got, d.passwordHash("carol"), want)
	}
	d.wantGood("carol's", link, "carol")
	d.must(d.UseLink(t.Context(), link, "mine", from("")))
	if d.passwordHash("carol") != "mine" {
		t.Errorf("the hash is %q", d.passwordHash("carol"))
	}
}

// AUTH-14: an invitation that clashes leaves neither a person nor a link.
func TestInvitationThatClashesLeavesNothing(t *testing.T) {
	d := newDesk(t)
	d.add(access.Person{UserID: "carol", Email: "carol@example.com", Role: access.User})
	before := d.content()
	for name, p := range map[string]access.Person{
		"same User ID": {UserID: "alice", Name: "Another Alice", Role: access.Admin},
		"same address": {UserID: "dave", Email: "carol@example.com", Role: access.User},
	} {
		err := d.InviteUser(t.Context(), d.root, p, access.HashToken(name))
		if access.Refused(err, access.Clashes) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}
