package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/access"
)

// accountChanges are the changes of an account, with the forms that their questions send.
func accountChanges() map[string]url.Values {
	return map[string]url.Values{
		"role": {"role": {"admin"}}, "disable": {}, "enable": {}, "reset": {}, "sessions/end": {},
	}
}

// WEB-2: a question changes nothing, says what would happen, and is answered by its button alone.
func TestQuestionAboutAnAccountChangesNothing(t *testing.T) {
	d := newDesk(t)
	d.newKey("alice")
	d.newKey("alice")
	d.signIn("alice")
	root := d.signIn("root")
	before, sessions := d.state(), d.sessions("alice")
	for change, c := range map[string]struct{ title, button, sentence string }{
		"role": {"Change the role of alice to administrator?", "Change role to administrator",
			"Administrators never hold a key: 2 active keys are deactivated for ever."},
		"disable": {"Disable the account of alice?", "Disable account",
			"Keys do not outlive it: 2 active keys are deactivated for ever. Enabling the account again does not bring them back."},
		"enable": {"Enable the account of alice?", "Enable account",
			"Signing in is possible again. Sessions and keys of before do not come back."},
		"reset": {"Reset the password of alice?", "Issue a link",
			"You get a link to pass on. With it the owner of the account chooses a new password; you cannot."},
		"sessions/end": {"End the sessions of alice?", "End sessions",
			"Every browser in which alice is signed in has to sign in again. Keys are not affected."},
	} {
		path := "/admin/users/alice/" + change
		for way, as := range ways() {
			t.Run(change+" "+way, func(t *testing.T) {
				page := as(root).get(path).is(http.StatusOK).page()
				question := one(t, page, id("question"))
				form := one(t, question, tag("form"), with("method", "post"), with("action", path))
				one(t, form, tag("button"), saying(c.button))
				one(t, question, tag("li"), saying(c.sentence))
				if title := text(one(t, page, tag("h1"))); title != c.title {
					t.Errorf("the question is %q", title)
				}
				titles, by := all(question, tag("h2")), attr(form, "hx-post")
				if inDialog := way == "htmx"; (by == path) != inDialog || (len(titles) == 1) != inDialog {
					t.Errorf("the form is sent to %q, below %d titles of its own", by, len(titles))
				}
				as(root).send(http.MethodHead, path, "", "").is(http.StatusOK)
			})
		}
	}
	if d.state() != before || d.sessions("alice") != sessions {
		t.Error("a question changed something")
	}
}

// SES-6: a change of an account holds on the very next request of the person's live session.
func TestChangeOfAnAccountHoldsOnTheNextRequest(t *testing.T) {
	for change, c := range map[string]struct{ note, path string }{
		"role":         {"The role is changed, and all sessions of the account have ended.", "role-changed"},
		"disable":      {"The account is disabled. Its sessions have ended and its keys are inactive.", "user-disabled"},
		"sessions/end": {"All sessions of the account have ended.", "sessions-ended"},
	} {
		for way, as := range ways() {
			t.Run(change+" "+way, func(t *testing.T) {
				d := newDesk(t)
				secret, _ := d.newKey("alice")
				alice, bob, root := d.signIn("alice"), d.signIn("bob"), as(d.signIn("root"))
				alice.get("/profile").is(http.StatusOK)
				got := root.post("/admin/users/alice/"+change, accountChanges()[change])
				if way == "page" {
					got.leadsTo("/admin/users/alice?note=" + c.path)
					got = root.get("/admin/users/alice?note=" + c.path)
				} else if dialog := one(t, got.is(http.StatusOK).fragment(), id("dialog")); dialog.FirstChild != nil {
					t.Error("the dialog is not emptied")
				}
				whole, err := html.Parse(strings.NewReader(got.is(http.StatusOK).body))
				d.must(err)
				one(t, whole, id("user"))
				one(t, one(t, whole, id("notice")), tag("p"), saying(c.note))
				alice.refused()
				if d.sessions("alice") != "" {
					t.Error("a session is kept")
				}
				bob.get("/profile").is(http.StatusOK)
				d.keyIsGood(secret, change == "sessions/end")
			})
		}
	}
}

// keyIsGood checks what verify says of a key.
func (d *desk) keyIsGood(secret string, good bool) {
	d.t.Helper()
	got := d.verify(http.MethodGet, "", bearer(secret))
	if good {
		got.is(http.StatusOK)
		return
	}
	refusedWith(d.t, got, "deactivated")
}

// AZ-4, AZ-11: a user who becomes an administrator loses the keys for ever, and makes no other.
func TestPromotionDeactivatesTheKeys(t *testing.T) {
	d := newDesk(t)
	secret, key := d.newKey("alice")
	root := d.signIn("root")
	root.post("/admin/users/alice/role", url.Values{"role": {"admin"}}).is(http.StatusSeeOther)
	if row := text(one(t, root.get("/admin/users/alice").page(), id("key-"+key))); !strings.Contains(row, "became an administrator") {
		t.Errorf("the row says %q", row)
	}
	d.signIn("alice").post("/profile/keys", nil).is(http.StatusForbidden)
	root.post("/admin/users/alice/role", url.Values{"role": {"user"}}).is(http.StatusSeeOther)
	d.keyIsGood(secret, false)
	alice := d.signIn("alice")
	alice.get("/admin/users").is(http.StatusForbidden)
	alice.post("/profile/keys", nil).is(http.StatusOK)
}

// SES-6, AZ-11: enabling lets a person in again, and brings neither sessions nor keys back.
func TestEnablingBringsNothingBack(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.newKey("alice")
	alice, root := d.signIn("alice"), d.signIn("root")
	root.post("/admin/users/alice/disable", nil).is(http.StatusSeeOther)
	d.visitor().post("/login", login("alice", password)).is(http.StatusUnprocessableEntity)
	root.post("/admin/users/alice/enable", nil).leadsTo("/admin/users/alice?note=user-enabled")
	alice.refused()
	d.keyIsGood(secret, false)
	d.signIn("alice").post("/profile/keys", nil).is(http.StatusOK)
}

// AZ-6: a reset shows a link once; the password of now holds until its owner uses the link.
func TestResetShowsALinkAndChangesNoPassword(t *testing.T) {
	for way, as := range ways() {
		t.Run(way, func(t *testing.T) {
			d := newDesk(t)
			alice, root := d.signIn("alice"), as(d.signIn("root"))
			forged := url.Values{"password": {newPassword}, "token": {"mine"}, "user_id": {"bob"}} // AZ-3
			first := root.post("/admin/users/alice/reset?password=mine", forged).is(http.StatusOK)
			token := root.post("/admin/users/alice/reset", nil).is(http.StatusOK).link()
			if first.link() == token || first.header.Get("Cache-Control") != "no-store" {
				t.Errorf("the first link was sent with %v", first.header)
			}
			alice.get("/profile").is(http.StatusOK)
			d.signIn("alice")
			d.visitor().post("/login", login("alice", newPassword)).is(http.StatusUnprocessableEntity)
			d.visitor().get("/set-password?token=" + first.link()).is(http.StatusNotFound) // replaced
			d.visitor().post("/set-password", setPassword(token, newPassword)).is(http.StatusSeeOther)
			alice.refused()
			told := all(d.signInWith("alice", newPassword).get("/profile").page(), with("aria-labelledby", "new-links"))
			if len(told) != 1 || strings.Count(text(told[0]), "root issued it") != 2 {
				t.Errorf("alice is told of %d links", len(told))
			}
			d.signIn("bob")
		})
	}
}

// AZ-5: nobody changes the own role, disables or resets themselves.
func TestOwnAccountIsChangedByOthersOnly(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	before, sessions := d.state(), d.sessions("root")
	for change, sentence := range map[string]string{
		"role": "Nobody changes their own role: ask another administrator.", "reset": "Change your own password on your profile.",
		"disable": "Nobody disables themselves: ask another administrator.",
	} {
		for way, as := range ways() {
			got := as(root).post("/admin/users/root/"+change, url.Values{"role": {"user"}}).is(http.StatusConflict)
			if !strings.Contains(got.words(), sentence) {
				t.Errorf("%s, %s: says %q", change, way, got.words())
			}
		}
	}
	if d.state() != before || d.sessions("root") != sessions {
		t.Error("something was changed")
	}
	menu := root.get("/admin/users/root").is(http.StatusOK).page()
	for _, link := range all(menu, leading("href", "/admin/users/root/")) {
		if attr(link, "href") != "/admin/users/root/sessions/end" {
			t.Errorf("one is offered %s", attr(link, "href"))
		}
	}
	root.post("/admin/users/root/sessions/end", nil).is(http.StatusSeeOther)
	root.refused()
}

// AZ-9, AZ-10: the last administrator stays, also when two act on each other at once.
func TestLastAdministratorStays(t *testing.T) {
	for change, form := range map[string]url.Values{"role": {"role": {"user"}}, "disable": nil} {
		t.Run(change, func(t *testing.T) {
			d := newDesk(t)
			d.addUser(access.Person{UserID: "ruth", Role: access.Admin})
			pair := map[string]*visitor{"root": d.signIn("ruth"), "ruth": d.signIn("root")} // by whom they act on
			var all sync.WaitGroup
			for target, v := range pair {
				all.Go(func() { v.post("/admin/users/"+target+"/"+change, form) })
			}
			all.Wait()
			left := value[string](d, `SELECT coalesce(string_agg(id, ' '), '') FROM users WHERE role = 'admin' AND disabled_at IS NULL`)
			if left != "root" && left != "ruth" {
				t.Fatalf("left are %q", left)
			}
			d.signIn(left).post("/admin/users/"+left+"/"+change, form).is(http.StatusConflict)
		})
	}
}

// A change of nobody is not found, and a role that is none changes nothing.
func TestChangeOfNobodyAndToNoRoleAreRefused(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	before := d.state()
	for change, form := range accountChanges() {
		for _, as := range ways() {
			as(root).get("/admin/users/nobody/" + change).is(http.StatusNotFound)
			as(root).post("/admin/users/nobody/"+change, form).is(http.StatusNotFound)
		}
	}
	for _, role := range []string{"", "owner", "Admin", "user ", "operator", "user,admin"} {
		root.post("/admin/users/alice/role?role=admin", url.Values{"role": {role}}).is(http.StatusUnprocessableEntity)
	}
	if d.state() != before {
		t.Error("something was changed")
	}
}

func TestRepeatedChangeOfAnAccountChangesNothing(t *testing.T) {
	for _, change := range []string{"role", "disable", "sessions/end"} {
		d := newDesk(t)
		d.signIn("alice")
		root := d.signIn("root")
		root.post("/admin/users/alice/"+change, accountChanges()[change]).is(http.StatusSeeOther)
		before := d.state()
		if root.post("/admin/users/alice/"+change, accountChanges()[change]).is(http.StatusSeeOther); d.state() != before {
			t.Errorf("%s changes something again", change)
		}
	}
}
