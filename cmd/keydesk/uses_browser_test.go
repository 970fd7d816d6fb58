package main

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const opener = `document.querySelector("[data-opens]")`

func TestKeyboardAloneOpensAndShutsTheUsesOfAKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	secret, id := d.signIn("alice").newKey()
	d.crowd(id, "accepted")
	b := d.open()
	b.signIn("alice", password)
	eval[*int](b, `(window.violations = [], addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective)), null)`)
	b.tabTo("Uses")
	if got := eval[string](b, opener+`.ariaExpanded`); got != "false" {
		t.Errorf("before it is opened it is said to be expanded: %s", got)
	}
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#keys figure"))
	b.until(opener + `.ariaExpanded === "true"`)
	if got := b.focus(); got != "Uses" {
		t.Errorf("opening moves the focus to %.40q", got)
	}
	if got := eval[string](b, `document.querySelector("#keys section").getAttribute("aria-labelledby").split(" ")
		.map(id => document.getElementById(id).innerText).join(" ")`); got != "Uses ********"+secret[len(secret)-4:] {
		t.Errorf("what opens is called %q", got)
	}
	b.tabTo("Each day in figures")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelectorAll("#keys figure details[open] li").length === 14`)
	b.do(chromedp.Evaluate[chromedp.Void](opener+`.focus()`), chromedp.KeyEvent(kb.Enter), chromedp.WaitNotPresent("#keys figure"))
	if got := eval[string](b, opener+`.ariaExpanded`); got != "false" || b.focus() != "Uses" {
		t.Errorf("shut, it is said to be expanded: %s, and the focus is on %.40q", got, b.focus())
	}
	eval[*int](b, `(document.body.setAttribute("style", "color: red"), null)`) // the control is reported after whatever came before it
	b.until(`violations.length`)
	if got := eval[string](b, `violations.join()`); got != "style-src-attr" {
		t.Errorf("violations of the content security policy: %s", got)
	}
}

func TestUsesStayOpenWhileTheirKeyIsRenamed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, id := d.signIn("alice").newKey()
	d.crowd(id, "accepted")
	b := d.open()
	b.signIn("alice", password)
	b.do(chromedp.Click("[data-opens]"), chromedp.WaitVisible("#keys figure"))
	b.do(chromedp.Click(rename), chromedp.WaitVisible("#name"), chromedp.SetValue("#name", "Nightly"), chromedp.Click(send))
	b.until(`document.querySelector("#keys bdi")?.textContent === "Nightly"`)
	b.until(opener + `.ariaExpanded === "true" && document.querySelectorAll("#keys figure").length === 1`)
	b.do(chromedp.Click("[data-opens]"), chromedp.WaitNotPresent("#keys figure"))
}

func TestUsesAreAPageWithoutScripts(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, id := d.signIn("alice").newKey()
	d.crowd(id, "accepted")
	b := d.open()
	b.scripts(false)
	b.signIn("alice", password)
	b.do(chromedp.Click("[data-opens]"), chromedp.WaitVisible("main figure"), chromedp.Click("figure summary"))
	b.do(chromedp.WaitVisible("figure li"))
	if got := eval[string](b, `location.pathname`); got != "/profile/keys/"+id+"/uses" {
		t.Errorf("the link leads to %s", got)
	}
	b.do(chromedp.Click("//main//a[.='API Keys']"), chromedp.WaitVisible("#keys tr"))
}
