package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// AUTH-13, ASVS 7.5.3: a session that was left open changes no role, issues no link, adds nobody, exports nothing, and adds no
// passkey of a stranger's.
func TestStaleProofIsRefused(t *testing.T) {
	d := newDesk(t)
	d.addUser(access.Person{UserID: "erin", Role: access.User})
	root, alice := d.signIn("root"), d.signIn("alice")
	d.later(freshProof + time.Second)
	proven := 0
	for _, line := range d.app.Table() {
		method, path, _ := strings.Cut(line, " ")
		if !d.app.Proven(line) {
			continue
		}
		proven++
		v := root
		if strings.HasPrefix(path, "/profile") {
			v = alice
		}
		path = strings.NewReplacer("users/:id", "users/erin", ":id", "none").Replace(path)
		before := d.state()
		if method == http.MethodGet {
			to := "/prove?next=" + url.QueryEscape(path)
			v.get(path).is(http.StatusSeeOther).leadsTo(to)
			if got := v.htmx().get(path).is(http.StatusForbidden); got.header.Get("HX-Redirect") != to {
				t.Errorf("%s: htmx is sent to %q", line, got.header.Get("HX-Redirect"))
			}
		} else {
			form := url.Values{"role": {"admin"}, "user_id": {"mallory"}, "name": {"M"}}
			v.post(path, form).is(http.StatusForbidden).says("confirm that it is you")
			v.htmx().with("HX-Current-URL", d.url+"/admin/users").post(path, form).is(http.StatusForbidden).says("confirm that it is you")
		}
		if d.state() != before {
			t.Errorf("%s changes something", line)
		}
	}
	if proven != 17 {
		t.Errorf("%d routes need a fresh proof", proven)
	}
	root.get("/admin/users").is(http.StatusOK)
	root.post("/admin/users/erin/disable", url.Values{}).is(http.StatusSeeOther) // to shut somebody out is never too early
}

// SES-2: who proves it goes on under another session id, and can do for ten minutes what needs it.
func TestProofIsGoodForAWhile(t *testing.T) {
	d, k := newDesk(t), newAuthenticator(t)
	root := d.signIn("root")
	root.enrol(k, "").is(http.StatusSeeOther)
	for name, prove := range map[string]func() reply{
		"password": func() reply {
			return root.post("/prove", url.Values{"password": {password}, "next": {"/admin/users/new"}})
		},
		"passkey": func() reply {
			return root.post("/prove", url.Values{
				"credential": {k.answer(root.challenge("/prove/challenge"))}, "next": {"/admin/users/new"},
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			d.later(freshProof + time.Second)
			root.get("/admin/users/new").is(http.StatusSeeOther)
			former := *root
			prove().is(http.StatusSeeOther).leadsTo("/admin/users/new")
			if got, want := d.lastSignIn(), "root: identity confirmed by "+name; got != want {
				t.Errorf("written down: %s, not %s", got, want)
			}
			former.refused()
			root.get("/admin/users/new").is(http.StatusOK)
			d.later(freshProof)
			root.get("/admin/users/new").is(http.StatusOK)
			d.later(time.Microsecond)
			root.get("/admin/users/new").is(http.StatusSeeOther)
		})
	}
}

func TestWrongProofIsNone(t *testing.T) {
	d, k, bobs := newDesk(t), newAuthenticator(t), newAuthenticator(t)
	root, bob := d.signIn("root"), d.signIn("bob")
	root.enrol(k, "").is(http.StatusSeeOther)
	bob.enrol(bobs, "").is(http.StatusSeeOther)
	d.later(freshProof + time.Second)
	for name, form := range map[string]url.Values{
		"nothing":                 {},
		"a wrong password":        {"password": {"wrong"}},
		"another's passkey":       {"credential": {bobs.answer(bob.challenge("/prove/challenge"))}},
		"made for a sign-in here": {"credential": {k.answer(root.challenge("/login/challenge"))}},
		"another's for root's":    {"credential": {bobs.answer(root.challenge("/prove/challenge"))}},
		"made for a sign-in":      {"credential": {k.answer(d.visitor().challenge("/login/challenge"))}},
		"no answer of anything":   {"credential": {"{}"}},
	} {
		root.post("/prove", form).is(http.StatusUnprocessableEntity)
		if root.get("/admin/users/new").status != http.StatusSeeOther {
			t.Errorf("%s is taken for a proof", name)
		}
	}
	k.flags = present // without a PIN or a fingerprint
	root.answers("/prove/challenge", "/prove", k).is(http.StatusUnprocessableEntity)
	root.post("/prove", url.Values{"password": {password}, "next": {"https://evil.test/"}}).is(http.StatusSeeOther).leadsTo("/")
	d.visitor().post("/prove", url.Values{"password": {password}}).is(http.StatusSeeOther).leadsTo("/login")
}

// AUTH-6: a session that was left open is no oracle for the password.
func TestProofIsThrottled(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	for range access.AddressFailures {
		root.post("/prove", url.Values{"password": {"wrong"}}).is(http.StatusUnprocessableEntity)
	}
	root.post("/prove", url.Values{"password": {password}}).is(http.StatusTooManyRequests)
}

// A download would leave the page of the proof standing.
func TestProofForTheReportLeadsToManageUsers(t *testing.T) {
	root := newDesk(t).signIn("root")
	for _, next := range []string{"/admin/export", "/admin/users/export.csv"} {
		root.post("/prove", url.Values{"password": {password}, "next": {next}}).is(http.StatusSeeOther).leadsTo("/admin/users?note=proved")
	}
}

// The setting makes passkeys compulsory for administrators: by the password alone they can add one, and nothing else.
func TestAdministratorsNeedAPasskeyByTheSetting(t *testing.T) {
	d, k := newDesk(t), newAuthenticator(t)
	d.app.AdminPasskeys = true
	root := d.signIn("root")
	root.get("/admin/users").is(http.StatusSeeOther).leadsTo("/profile/passkeys/new")
	root.get("/profile/passkeys/new").is(http.StatusOK).says("Administrators of this desk need a passkey")
	before := d.state()
	root.post("/admin/users/alice/disable", url.Values{}).is(http.StatusForbidden).says("need a passkey")
	root.get("/admin/users/export.csv").is(http.StatusSeeOther).leadsTo("/profile/passkeys/new")
	if d.state() != before {
		t.Error("something was changed")
	}
	root.get("/profile").is(http.StatusOK)
	d.signIn("alice").get("/profile/keys").is(http.StatusOK) // users do as before

	root.enrol(k, "").is(http.StatusSeeOther)
	root.get("/admin/users").is(http.StatusOK)
	code := root.codes()[0]
	v := d.visitor().password("root")
	v.answers("/login/second/challenge", "/login/second", k).is(http.StatusSeeOther)
	v.get("/admin/users").is(http.StatusOK)
	v = d.visitor().password("root")
	v.post("/login/second", url.Values{"code": {code}}).is(http.StatusSeeOther)
	v.get("/admin/users").is(http.StatusOK)
	root.post("/profile/passkeys/"+value[string](d, `SELECT id FROM passkeys`)+"/remove", url.Values{}).is(http.StatusSeeOther)
	root.get("/admin/users").is(http.StatusSeeOther).leadsTo("/profile/passkeys/new")
	d.signIn("root").get("/admin/users").is(http.StatusSeeOther).leadsTo("/profile/passkeys/new")
}

// Nothing that only administrators do is open to one without a passkey, by whichever route.
func TestNoRouteOfAdministratorsIsOpenWithoutAPasskey(t *testing.T) {
	d := newDesk(t)
	d.app.AdminPasskeys = true
	root, before := d.signIn("root"), d.state()
	closed := 0
	for _, line := range d.app.Table() {
		method, path, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(path, "/admin/") {
			continue
		}
		closed++
		path = strings.NewReplacer("users/:id", "users/alice", ":id", "none", ":number", "1").Replace(path)
		if method == http.MethodGet {
			root.get(path).is(http.StatusSeeOther).leadsTo("/profile/passkeys/new")
			root.send(http.MethodHead, path, "", "").is(http.StatusSeeOther)
			root.htmx().get(path).is(http.StatusForbidden)
		} else {
			root.post(path, url.Values{"role": {"admin"}, "reason": {"x"}}).is(http.StatusForbidden)
		}
	}
	if closed < 20 || d.state() != before {
		t.Errorf("%d routes are closed, or something was changed", closed)
	}
}

// Who opens the page where nothing asks for a proof is told so.
func TestProofIsNeededForNothing(t *testing.T) {
	d := newDesk(t)
	d.app.FreshProof = 0
	root := d.signIn("root")
	root.get("/prove").is(http.StatusOK).says("Nothing on this desk needs a fresh proof.")
	root.post("/prove", url.Values{"password": {password}}).is(http.StatusSeeOther).leadsTo("/")
}
