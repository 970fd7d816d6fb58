package handlers_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// newLink returns the token of a set-password link that root has issued for the user.
func (d *desk) newLink(userID string) (token string) {
	d.t.Helper()
	token = access.NewToken()
	root := access.Actor{UserID: "root", Role: access.Admin, Address: "10.0.0.1"}
	d.must(d.db.IssueLink(context.Background(), root, userID, access.HashToken(token)))
	return token
}

// AUTH-12, AZ-6: a link that is no good says what became of it, sets no password, and is no failure of the desk's.
func TestLinkThatIsNoGoodSaysWhatBecameOfIt(t *testing.T) {
	const used, replaced, expired, unknown = "This link was used already: a link works once.",
		"This link was replaced by a newer one, or is no longer needed.", "This link has expired: it was good for 24 hours.",
		"This link is not one of this desk's, or it was not copied whole."
	for name, c := range map[string]struct {
		spoil    func(d *desk, token string) (shown string)
		sentence string
	}{
		"used": {func(d *desk, token string) string {
			d.visitor().post("/set-password", setPassword(token, newPassword)).is(http.StatusSeeOther)
			return token
		}, used},
		"replaced":  {func(d *desk, token string) string { d.newLink("alice"); return token }, replaced},
		"expired":   {func(d *desk, token string) string { d.later(access.LinkLife); return token }, expired},
		"disabled":  {func(d *desk, token string) string { d.disable("alice"); return token }, replaced},
		"changed":   {func(d *desk, token string) string { d.changePassword("alice"); return token }, replaced},
		"unknown":   {func(*desk, string) string { return access.NewToken() }, unknown},
		"cut off":   {func(_ *desk, token string) string { return token[:len(token)-1] }, unknown},
		"small":     {func(_ *desk, token string) string { return strings.ToLower(token) }, unknown},
		"none":      {func(*desk, string) string { return "" }, unknown},
		"its hash":  {func(_ *desk, token string) string { return string(access.HashToken(token)) }, unknown},
		"very long": {func(*desk, string) string { return strings.Repeat("x", 4000) }, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			token := c.spoil(d, d.newLink("alice"))
			before := d.state()
			d.linkIsNoGood(token, c.sentence)
			if d.state() != before {
				t.Error("something was changed")
			}
		})
	}
}

// linkIsNoGood checks that nobody gets anywhere with a token, in any way.
func (d *desk) linkIsNoGood(token, sentence string) {
	d.t.Helper()
	form := setPassword(token, "eight orange badgers fold maps")
	page := "/set-password?" + setPassword(token, "").Encode()
	for _, as := range ways() {
		v := as(d.visitor())
		for _, got := range []reply{v.get(page), v.post("/set-password", form), v.post(page, form)} {
			if said := got.is(http.StatusNotFound).words(); !strings.Contains(said, sentence) {
				d.t.Errorf("the page says %q", said)
			}
		}
		v.send(http.MethodHead, page, "", "").is(http.StatusNotFound)
	}
}

// disable has root disable the account.
func (d *desk) disable(userID string) {
	d.t.Helper()
	d.must(d.db.DisableUser(context.Background(), access.Actor{UserID: "root", Role: access.Admin}, userID))
}

// changePassword has the user change the password.
func (d *desk) changePassword(userID string) {
	d.t.Helper()
	d.signIn(userID).post("/profile/password", newPasswordForm(password, newPassword)).is(http.StatusSeeOther)
}

// AUTH-12, AUTH-13, SES-6: the password that a link sets ends every session of the account and takes effect at once.
func TestPasswordSetByALinkEndsTheSessions(t *testing.T) {
	d := newDesk(t)
	alice, bob := d.signIn("alice"), d.signIn("bob")
	token := d.newLink("alice")
	alice.get("/profile").is(http.StatusOK)
	d.signIn("alice") // the password of now holds until the link is used
	bob.post("/set-password", setPassword(token, newPassword)).leadsTo("/login?note=password-set")
	alice.refused()
	d.visitor().post("/login", login("alice", password)).is(http.StatusUnprocessableEntity)
	d.signInWith("alice", newPassword)
	bob.get("/profile").is(http.StatusOK) // the browser that used it is who it was
	said := one(t, d.visitor().get("/login?note=password-set").page(), id("notice"))
	if text(said) != "Your password is set. Sign in with it." {
		t.Errorf("the page says %q", text(said))
	}
}

// AUTH-2, AUTH-4: a weak password does not use the link up, and the form says why.
func TestWeakPasswordDoesNotUseALinkUp(t *testing.T) {
	d := newDesk(t)
	token := d.newLink("alice")
	before := d.state()
	for typed, sentence := range map[string]string{
		"": "A password needs at least 15 characters", "too short": "A password needs at least 15 characters",
		strings.Repeat("long ", 26): "A password has at most 128 characters.",
		"alicealicealicealice":      "This password is easy to guess: it is made of your name, your User ID",
		"qwertyuiopasdfghjkl":       "This password is easy to guess: it is made of words that are among the most common",
	} {
		for _, as := range ways() {
			page := as(d.visitor()).post("/set-password", setPassword(token, typed)).is(http.StatusUnprocessableEntity).page()
			if said := wrongWith(page, "password"); !strings.HasPrefix(said, sentence) {
				t.Errorf("%q: the page says %q", typed, said)
			}
			if held := attr(one(t, page, tag("input"), with("name", "token")), "value"); held != token {
				t.Errorf("%q: the form holds %q", typed, held)
			}
		}
	}
	if d.state() != before {
		t.Error("something was changed")
	}
	d.visitor().post("/set-password", setPassword(token, newPassword)).is(http.StatusSeeOther)
}

// AUTH-12, AZ-10: of many who use a link at once, one sets the password.
func TestLinkIsUsedOnceThoughManyTryAtOnce(t *testing.T) {
	d := newDesk(t)
	token := d.newLink("alice")
	var used atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			got := d.visitor().post("/set-password", setPassword(token, newPassword))
			switch got.status {
			case http.StatusSeeOther:
				used.Add(1)
			case http.StatusNotFound:
			default:
				t.Errorf("answered %d: %s", got.status, got.body)
			}
		})
	}
	all.Wait()
	if n := used.Load(); n != 1 {
		t.Errorf("used %d times", n)
	}
}

// AZ-6, REV-4: the log never has a link's token, whatever is done with it.
func TestLogNeverHasALinksToken(t *testing.T) {
	d := newDesk(t)
	token := d.newLink("alice")
	page := "/set-password?token=" + token
	v := d.visitor().with("Referer", d.url+page).with("HX-Current-URL", d.url+page)
	v.get(page).guarded(t, "the form of a link", http.StatusOK)
	v.send(http.MethodHead, page, "", "").is(http.StatusOK)
	v.send(http.MethodDelete, page, "", "").is(http.StatusMethodNotAllowed)
	v.get("/setup?token=" + token).is(http.StatusNotFound)
	v.post("/setup", setPassword(token, newPassword)).is(http.StatusNotFound)
	v.get("/" + token).is(http.StatusNotFound)
	v.post("/login", login(token, token)).is(http.StatusUnprocessableEntity)
	v.post("/set-password", setPassword(token, "weak")).is(http.StatusUnprocessableEntity)
	v.post("/set-password", setPassword(token, newPassword)).is(http.StatusSeeOther)
	v.get(page).is(http.StatusNotFound)
	v.htmx().post("/set-password", setPassword(token, newPassword)).is(http.StatusNotFound)
	if log := d.log.String(); strings.Contains(log, token) || !strings.Contains(log, `"route":"/set-password"`) {
		t.Errorf("the log says %s", log)
	}
	if strings.Contains(d.stored(), token) {
		t.Error("the database holds the token")
	}
}
