package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestAdministratorDeactivatesForAReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	secret, _ := d.signIn("alice").newKey()
	b := d.open()
	b.signIn("root", password)
	b.do(chromedp.SendKeys("#q", "ali")) // the list follows the typing
	b.until(`document.querySelectorAll("#users tbody tr").length === 1 && location.search === "?q=ali"`)
	if got := eval[string](b, `document.querySelector("#found[role=status]").textContent`); got != "1 user found." {
		t.Errorf("of the search it is said %q", got)
	}
	b.do(chromedp.Click("#users tbody a"), chromedp.WaitVisible("#keys tr"))
	eval[*int](b, `(window.violations = [], addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective)), null)`)
	b.do(chromedp.Click("#keys td:last-child button"), chromedp.WaitVisible("dialog[open] #reason"))
	if n := eval[int](b, `[...document.querySelectorAll("dialog button")].filter(b => b.innerText.startsWith("Deactivate")).length`); n != 1 {
		t.Errorf("%d buttons to deactivate in the dialog", n)
	}
	b.do(chromedp.SendKeys("#reason", " "), chromedp.Click("dialog .btn-error")) // the server refuses it, in place
	b.until(`document.querySelector("dialog[open] #dialog-error")?.textContent.includes("say why")`)
	if got := d.verify(secret); got.status != http.StatusOK {
		t.Errorf("deactivated without a reason: %d", got.status)
	}
	b.do(chromedp.SendKeys("#reason", "Leaked <b>today</b>"+kb.Enter))
	b.until(`!document.querySelector("dialog[open]")`)
	if got := get(b, chromedp.Text("#keys tr td:nth-child(3)")); !strings.Contains(got, "inactive") || !strings.Contains(got, "Leaked <b>today</b>") {
		t.Errorf("the row says %q", got)
	}
	// The control is reported after whatever came before it.
	eval[*int](b, `(document.body.setAttribute("style", "color: red"), null)`)
	b.until(`violations.length`)
	if got := eval[string](b, `violations.join()`); got != "style-src-attr" {
		t.Errorf("violations of the content security policy: %s", got)
	}
	if got := d.verify(secret); got.status != http.StatusUnauthorized {
		t.Errorf("verify: %d", got.status)
	}
	b.goTo("/admin/history?tab=changes")
	if got := get(b, chromedp.Text("tbody tr:first-child")); !strings.Contains(got, "deactivate key") || !strings.Contains(got, "Leaked <b>today</b>") {
		t.Errorf("the audit log says %q", got)
	}
}

func TestDeadSessionLeadsBackToThePage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn("alice").newKey()
	b := d.open()
	b.signIn("root", password)
	b.goTo("/admin/users/alice")
	d.sql(`DELETE FROM sessions`)
	b.do(chromedp.Click("#keys td:last-child button"), chromedp.WaitVisible("#password"))
	b.do(chromedp.SendKeys("#user_id", "root"), chromedp.SendKeys("#password", password+kb.Enter), chromedp.WaitVisible("#keys tr"))
	if got := eval[string](b, `location.pathname`); got != "/admin/users/alice" {
		t.Errorf("came back to %s", got)
	}
}

func TestFailedDeactivationSaysSoInTheDialog(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn("alice").newKey()
	d.sql(`CREATE TRIGGER broken BEFORE UPDATE OF deactivated_at ON keys BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	b := d.open()
	b.signIn("alice", password)
	b.do(chromedp.Click("#keys td:last-child button"), chromedp.WaitVisible("dialog[open] #question"))
	b.do(chromedp.Click("dialog .btn-error"))
	b.until(`document.querySelector("dialog[open] #dialog-error").textContent.includes("Nothing was changed")`)
}

func TestRenamedKeyKeepsItsRow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn("alice").newKey()
	b := d.open()
	b.signIn("alice", password)
	b.do(chromedp.Click(rename), chromedp.WaitVisible("dialog[open] #name"), chromedp.SetValue("#name", "a\u200bb"), chromedp.Click(send))
	b.until(`document.querySelector("dialog[open] #dialog-error").textContent.includes("U+200B")`)
	b.do(chromedp.SetValue("#name", "Nightly <i>job</i>"), chromedp.Click(send))
	b.until(`document.querySelector("#keys bdi")?.textContent === "Nightly <i>job</i>" && !document.querySelector("dialog[open]")`)
	if n := eval[int](b, `document.querySelectorAll("#keys tr").length`); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestLostNetworkSaysSoOnThePage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn("alice").newKey()
	b := d.open()
	b.signIn("alice", password)
	b.offline(true)
	b.do(chromedp.Click("#keys td:last-child button"))
	b.until(`document.querySelector("#notice").textContent.includes("did not answer")`)
	b.do(chromedp.Click("#notice [data-dismiss]"), chromedp.WaitNotPresent("#notice .alert"))
}

// A refusal shows on the page even where only a part of a page was asked for.
func TestRefusedPartShowsItsRefusal(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.open()
	b.signIn("root", password)
	b.goTo("/admin/users")
	other := b.another() // in which somebody else signs in
	other.signIn("alice", password)
	b.do(chromedp.SendKeys("#q", "ali"))
	b.until(`document.querySelector("#notice").textContent.includes("Only an administrator")`)
}

func TestKeyIsMadeForThePersonWhosePageItIs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.open()
	b.signIn("alice", password)
	b.another().signIn("bob", password)
	b.do(chromedp.Click("main summary"), chromedp.Click("#new-key button"))
	b.until(`document.querySelector("#notice").textContent.includes("signed in as bob")`)
	if n := d.count(`SELECT count(*) FROM keys`); n != 0 {
		t.Errorf("%d keys were made", n)
	}
}
