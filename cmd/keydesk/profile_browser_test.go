package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const newPassword = "seven quiet lanterns in a row"

var linkPattern = regexp.MustCompile(`https?://\S+\?token=[\w-]+`)

// link has root issue a set-password link and returns it.
func (d *desk) link(userID string) string {
	d.t.Helper()
	link := linkPattern.FindString(d.signIn("root").post("/admin/users/"+userID+"/reset", url.Values{}).body)
	if link == "" {
		d.t.Fatal("no link")
	}
	return link
}

// follow opens a whole URL.
func (b *tab) follow(link string) {
	b.t.Helper()
	b.do(chromedp.Navigate(link), chromedp.WaitVisible("main h1"))
}

// beside returns what is said beside a refused field, once it is.
func (b *tab) beside(field string) string {
	b.t.Helper()
	b.do(chromedp.WaitVisible("#" + field + "[aria-invalid=true]"))
	b.until(`document.activeElement.id === "` + field + `"`)
	return eval[string](b, `document.getElementById("`+field+`").closest("label").querySelector("[role=alert]").textContent`)
}

// AUTH-13: a password change asks for the current one, and ends the sessions of other browsers alone.
func TestPasswordIsChangedOnTheProfile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	elsewhere := d.signIn("alice")
	b := d.open()
	b.signIn("alice", password)
	b.goTo("/profile")
	b.do(chromedp.SendKeys("#current", "guessed"), chromedp.SendKeys("#password", newPassword+kb.Enter))
	if got := b.beside("current"); !strings.Contains(got, "not your current password") {
		t.Errorf("of a wrong password: %q", got)
	}
	b.do(chromedp.SendKeys("#current", password), chromedp.SendKeys("#password", "alice"+kb.Enter))
	if got := b.beside("password"); !strings.Contains(got, "15") {
		t.Errorf("of a short password: %q", got)
	}
	b.do(chromedp.SendKeys("#current", password), chromedp.SendKeys("#password", newPassword), chromedp.Click("[data-shows=password]"))
	if got := eval[string](b, `document.getElementById("password").type + " " + document.getElementById("current").type`); got != "text password" {
		t.Errorf("shown: %s", got)
	}
	b.do(chromedp.Click("#password-section .btn-primary"), chromedp.WaitVisible("#notice p"))
	if got := get(b, chromedp.Text("#notice p")); !strings.Contains(got, "password is changed") {
		t.Errorf("the notice says %q", got)
	}
	if got := elsewhere.get("/profile"); got.status != http.StatusSeeOther {
		t.Errorf("another session: %d", got.status)
	}
	b.goTo("/profile")
	if n := eval[int](b, `document.querySelectorAll("#sessions tbody tr").length`); n != 1 {
		t.Errorf("%d sessions", n)
	}
	if got := d.visitor().post("/login", url.Values{"user_id": {"alice"}, "password": {newPassword}}); got.status != http.StatusSeeOther {
		t.Errorf("sign-in with the new password: %d", got.status)
	}
}

// SES-7: a person ends one of their own sessions, without leaving the page.
func TestSessionEndsInItsPlace(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	elsewhere := d.signIn("alice")
	b := d.open()
	b.signIn("alice", password)
	b.goTo("/profile")
	const current = `[...document.querySelectorAll("#sessions tbody tr")].filter(r => r.innerText.includes("this browser")).length`
	if rows, here := eval[int](b, `document.querySelectorAll("#sessions tbody tr").length`), eval[int](b, current); rows != 2 || here != 1 {
		t.Fatalf("%d sessions, %d of them here", rows, here)
	}
	eval[*int](b, `(window.same = true, null)`)
	b.do(chromedp.Click("#sessions tbody form[hx-post] button"), chromedp.WaitVisible("#notice p"))
	if !eval[bool](b, `window.same && document.querySelectorAll("#sessions tbody tr").length === 1 && `+current+` === 1`) {
		t.Error("the list does not show the one session of here, in its place")
	}
	if b.lostFocus() {
		t.Error("the focus is lost")
	}
	if got := elsewhere.get("/profile"); got.status != http.StatusSeeOther {
		t.Errorf("the other session: %d", got.status)
	}
	b.do(chromedp.Click("#sessions tbody button"), chromedp.WaitVisible("#user_id")) // its own: signs out
	if got := eval[string](b, `location.pathname`); got != "/login" {
		t.Errorf("ending the own session leads to %s", got)
	}
}

// SES-7: one button signs out everywhere, here too.
func TestSignOutEverywhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	elsewhere := d.signIn("alice")
	b := d.open()
	b.signIn("alice", password)
	b.goTo("/profile")
	b.do(chromedp.Click("//button[.='Sign out everywhere']"), chromedp.WaitVisible("#user_id"), chromedp.WaitVisible("#notice"))
	if got := get(b, chromedp.Text("#notice")); got != "You are signed out everywhere." {
		t.Errorf("the notice says %q", got)
	}
	for name, got := range map[string]reply{"another": elsewhere.get("/profile"), "bob's": d.signIn("bob").get("/profile")} {
		if signedOut := got.status == http.StatusSeeOther; signedOut != (name == "another") {
			t.Errorf("%s session: %d", name, got.status)
		}
	}
	b.do(chromedp.Navigate(d.url+"/profile"), chromedp.WaitVisible("#user_id"))
}

// AZ-6: the owner of an account sets the password, and hears of the link at the next sign-in.
func TestLinkSetsAPasswordAndItsOwnerIsTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	link := d.link("bob")
	b := d.open()
	b.follow(link)
	b.do(chromedp.SendKeys("#password", "too short"+kb.Enter))
	if got := b.beside("password"); got == "" {
		t.Error("nothing is said of a weak password")
	}
	b.do(chromedp.SendKeys("#password", newPassword+kb.Enter), chromedp.WaitVisible("#user_id"))
	if got := get(b, chromedp.Text("#notice")); !strings.Contains(got, "password is set") {
		t.Errorf("the notice says %q", got)
	}
	b.follow(link)
	if got := get(b, chromedp.Text("main")); !strings.Contains(got, "used") {
		t.Errorf("the used link says %q", got)
	}
	b.signIn("bob", newPassword)
	if got := get(b, chromedp.Text("[aria-labelledby=new-links]")); !strings.Contains(got, "root issued it") || !strings.Contains(got, "It was used from 127.0.0.1") {
		t.Errorf("bob is told %q", got)
	}
	b.do(chromedp.Click("[aria-labelledby=new-links] button"), chromedp.WaitNotPresent("[aria-labelledby=new-links]"), chromedp.WaitVisible("main h1"))
	if got := eval[string](b, `location.pathname`); got != "/profile/keys" {
		t.Errorf("taking note leads to %s", got)
	}
	b.goTo("/profile")
	if n := eval[int](b, `document.querySelectorAll("#links li").length`); n != 1 {
		t.Errorf("the profile lists %d links", n)
	}
}

// AUTH-12: the first administrator is made by a link that works once.
func TestSetUpPageMakesTheFirstAdministrator(t *testing.T) {
	t.Parallel()
	d := startDesk(t, t.TempDir())
	b := d.open()
	link := linkPattern.FindString(d.out.String())
	b.follow(link)
	b.do(chromedp.SendKeys("#user_id", "Root"), chromedp.SendKeys("#name", "Robin"), chromedp.SendKeys("#password", newPassword+kb.Enter))
	if got := b.beside("user_id"); !strings.Contains(got, "lower-case") {
		t.Errorf("of a wrong User ID: %q", got)
	}
	if got := b.object(`Object.fromEntries(["user_id", "name", "password"].map(n => [n, document.getElementById(n).value]))`); got["user_id"] != "Root" ||
		got["name"] != "Robin" || got["password"] != "" {
		t.Errorf("the form holds %q", got)
	}
	b.do(chromedp.SetValue("#user_id", "root"), chromedp.SendKeys("#password", newPassword+kb.Enter), chromedp.WaitVisible("//h1[.='Sign in']"))
	b.signIn("root", newPassword)
	if got := eval[string](b, `location.pathname`); got != "/admin/users" {
		t.Errorf("root comes to %s", got)
	}
	b.follow(link)
	if n := eval[int](b, `document.querySelectorAll("main form").length`); n != 0 {
		t.Error("the link works twice")
	}
}

// The colours stand in the page as the server sends it: without a script, so from its first paint.
func TestChosenThemeIsInThePageFromTheStart(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.scripts(false)
	b.signIn("alice", password)
	b.view(1280, "light")
	look := func() (theme, ground string) {
		t.Helper()
		return eval[string](b, `document.documentElement.dataset.theme ?? ""`), eval[string](b, `(s => [s.backgroundColor, ...["radius-field", "radius-box", "border", "depth"].map(
			name => s.getPropertyValue("--" + name))].join(" "))(getComputedStyle(document.body))`)
	}
	_, light := look()
	b.view(1280, "dark")
	_, dark := look()
	if light == dark {
		t.Fatalf("light and dark are both %s", light)
	}
	for _, row := range []struct{ button, system, theme, ground string }{
		{"Dark", "light", "dark", dark}, {"Light", "dark", "light", light}, {"System", "dark", "", dark}, {"System", "light", "", light},
	} {
		b.view(1280, row.system)
		eval[string](b, `document.body.dataset.before = "it was chosen"`)
		b.do(chromedp.Click("header summary"), chromedp.Click("//header//button[.='"+row.button+"']"),
			chromedp.WaitVisible("body:not([data-before]) main h1"))
		b.do(chromedp.Click("header summary"), chromedp.WaitVisible("//header//button[.='"+row.button+"'][@aria-pressed='true']"))
		for _, path := range []string{"/profile/keys", "/login"} {
			b.goTo(path)
			if theme, ground := look(); theme != row.theme || ground != row.ground {
				t.Errorf("%s where the system is %s: %s is %q on %s", row.button, row.system, path, theme, ground)
			}
		}
		b.goTo("/profile/keys")
	}
}
