package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const rename = "#keys a[href$='/rename']" // the link that asks for another name of a key

const send = "dialog[open] .modal-action button:not([data-close])" // the button that does what the dialog asks about

// ask opens the dialog behind an item of the page's Actions menu.
func (b *tab) ask(words string) {
	b.t.Helper()
	b.do(
		chromedp.Click("main summary"),
		chromedp.Click("//main//li/a[normalize-space()='"+words+"']"),
		chromedp.WaitVisible("dialog[open] #question"),
	)
}

// object returns a JavaScript object of texts.
func (b *tab) object(expression string) (o map[string]string) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(eval[string](b, `JSON.stringify(`+expression+`)`)), &o); err != nil {
		b.t.Fatal(err)
	}
	return o
}

// focus returns the text of what has the focus, or the name of the field.
func (b *tab) focus() string {
	b.t.Helper()
	return strings.TrimSpace(eval[string](b, `document.activeElement.name || document.activeElement.innerText.replace(/\s+/g, " ")`))
}

// lostFocus tells whether the focus is nowhere, so that the Tab key begins again at the top.
func (b *tab) lostFocus() bool {
	b.t.Helper()
	return eval[bool](b, `document.activeElement === document.body`)
}

func TestRefusedUserStaysInTheDialogAsTyped(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.signIn("root", password)
	b.ask("Add User")
	b.until(`document.querySelector("dialog").contains(document.activeElement)`)
	b.do(chromedp.SendKeys("#user_id", "Curie"), chromedp.SendKeys("#name", "Marie Curie"), chromedp.SendKeys("#email", "curie"),
		chromedp.Click("dialog [value=admin]"), chromedp.Click(send))
	b.until(`document.querySelector("dialog[open] [aria-invalid]")`)
	typed := map[string]string{"user_id": "Curie", "name": "Marie Curie", "email": "curie", "role": "admin"}
	if got := b.object(`Object.fromEntries(new FormData(document.querySelector("dialog form")))`); !maps.Equal(got, typed) {
		t.Errorf("the form holds %q", got)
	}
	const besideFields = `Object.fromEntries([...document.querySelectorAll("dialog [aria-invalid]")].map(
		e => [e.name, e.closest("label").querySelector("[role=alert]").textContent]))`
	said := b.object(besideFields)
	if len(said) != 2 || !strings.Contains(said["user_id"], "lower-case letter") || !strings.Contains(said["email"], "not an e-mail") {
		t.Errorf("beside the fields stands %q", said)
	}
	b.until(`document.activeElement.name === "user_id"`)
	b.do(chromedp.SetValue("#user_id", "alice"), chromedp.Clear("#email"), chromedp.Click(send))
	b.until(`document.querySelectorAll("dialog[open] [aria-invalid]").length === 1`)
	if said := b.object(besideFields); !strings.Contains(said["user_id"], "already") {
		t.Errorf("of a User ID that is taken: %q", said)
	}
	if n := b.desk.count(`SELECT count(*) FROM users`); n != 3 {
		t.Errorf("%d users", n)
	}
}

func TestLinkOfANewUserIsNotLostByAccident(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.signIn("root", password)
	b.ask("Add User")
	b.do(chromedp.SendKeys("#user_id", "curie"), chromedp.Click(send), chromedp.WaitVisible("dialog[open] [data-secret]"))
	link := get(b, chromedp.Text("[data-secret]"))
	if !strings.HasPrefix(link, b.desk.url+"/set-password?token=") {
		t.Errorf("the link is %s", link)
	}
	if got := b.focus(); got != "Copy to clipboard" {
		t.Errorf("the focus starts on %.40q", got)
	}
	b.do(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent(kb.Escape), chromedp.MouseClickXY(5, 5), chromedp.MouseClickXY(1270, 890))
	if !b.shown(link) || !b.leavingAsks(false) || !b.shown(link) {
		t.Error("the link could be lost")
	}
	b.do(chromedp.Click("[data-copy]"), chromedp.WaitVisible("[data-reveal][data-copied]"))
	if got := b.clipboard(); got != link {
		t.Errorf("the clipboard holds %q", got)
	}
	b.do(chromedp.Click("[data-leave]"), chromedp.WaitVisible("//h1[.='curie']"))
	if got := eval[string](b, `location.pathname`); got != "/admin/users/curie" {
		t.Errorf("OK leads to %s", got)
	}
	b.gone(link)
}

func TestAccountIsChangedFromItsPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	alice := d.signIn("alice")
	alice.newKey()
	b := d.open()
	b.signIn("root", password)
	b.goTo("/admin/users/alice")
	eval[*int](b, `(window.same = true, null)`)
	for _, q := range []struct{ item, button, notice, fact string }{
		{"End sessions", "End sessions", "All sessions of the account have ended.", "user"},
		{"Change role to administrator", "Change role to administrator", "The role is changed, and all sessions of the account have ended.", "administrator"},
		{"Change role to user", "Change role to user", "The role is changed, and all sessions of the account have ended.", "user"},
		{"Disable account", "Disable account", "The account is disabled. Its sessions have ended and its keys are inactive.", "disabled"},
		{"Enable account", "Enable account", "The account is enabled.", "enabled"},
	} {
		eval[*int](b, `(document.getElementById("notice").replaceChildren(), null)`)
		b.ask(q.item)
		if got := get(b, chromedp.Text(send)); got != q.button {
			t.Errorf("%s: the button says %q", q.item, got)
		}
		b.do(chromedp.Click(send), chromedp.WaitVisible("#notice p"))
		b.until(`!document.querySelector("dialog[open]")`)
		if got := get(b, chromedp.Text("#notice p")); got != q.notice {
			t.Errorf("%s: the notice says %q", q.item, got)
		}
		if !eval[bool](b, `[...document.querySelectorAll("#user dd")].some(e => e.innerText.trim() === "`+q.fact+`")`) {
			t.Errorf("%s: the page does not say %s", q.item, q.fact)
		}
		if b.lostFocus() {
			t.Errorf("%s: the focus is lost", q.item)
		}
	}
	if !eval[bool](b, `window.same && document.querySelectorAll("#user").length === 1`) {
		t.Error("the page was left, or its part stands there twice")
	}
	if got := get(b, chromedp.Text("#keys tr td:nth-child(3)")); !strings.Contains(got, "inactive") {
		t.Errorf("the key is %q", got)
	}
	if got := alice.get("/profile/keys"); got.status != http.StatusSeeOther {
		t.Errorf("the session of before: %d", got.status)
	}
}

func TestResetShowsALinkInTheDialog(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.signIn("root", password)
	b.goTo("/admin/users/alice")
	b.ask("Reset password")
	b.do(chromedp.Click(send), chromedp.WaitVisible("dialog[open] [data-secret]"))
	link := get(b, chromedp.Text("[data-secret]"))
	if got := b.desk.visitor().get(strings.TrimPrefix(link, b.desk.url)); got.status != http.StatusOK {
		t.Errorf("%s: %d", link, got.status)
	}
	b.do(chromedp.Click("[data-leave]"), chromedp.WaitNotPresent("[data-secret]"))
	b.gone(link)
}

// What a refusal changes is the line in the dialog: two administrators act at once.
func TestRefusedChangeSaysSoInTheDialog(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.open()
	b.signIn("root", password)
	b.goTo("/admin/users/alice")
	b.ask("Reset password")
	d.sql(`UPDATE users SET disabled_at = 1 WHERE id = 'alice'`)
	b.do(chromedp.Click(send))
	b.until(`document.querySelector("dialog[open] #dialog-error").textContent.includes("disabled")`)
	if b.lostFocus() {
		t.Error("the focus is lost")
	}
}

func TestAccountQuestionsWorkWithoutJavaScript(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.scripts(false)
	b.signIn("root", password)
	b.do(chromedp.Click("main summary"), chromedp.Click("//main//li/a[normalize-space()='Add User']"), chromedp.WaitVisible("main #question"))
	b.do(chromedp.SendKeys("#user_id", "curie"), chromedp.Click("main .btn-primary"), chromedp.WaitVisible("main [data-secret]"))
	b.do(chromedp.Click("main [data-leave]"), chromedp.WaitVisible("//h1[.='curie']"))
	b.do(chromedp.Click("main summary"), chromedp.Click("//main//li/a[normalize-space()='Disable account']"), chromedp.WaitVisible("main #question"))
	b.do(chromedp.Click("main .btn-error"), chromedp.WaitVisible("#notice p"))
	if got := get(b, chromedp.Text("#notice p")); !strings.Contains(got, "is disabled") {
		t.Errorf("the notice says %q", got)
	}
}

func TestKeyboardAloneChangesAnAccount(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.signIn("root", password)
	b.goTo("/admin/users/alice")
	const account = "Your account: root"
	b.tabTo(account)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.tabTo("Profile")
	if got := eval[string](b, `(s => s.outlineStyle + " " + s.outlineWidth)(getComputedStyle(document.activeElement))`); got != "solid 2px" {
		t.Errorf("the focus ring in a menu is %s", got)
	}
	b.do(chromedp.KeyEvent(kb.Escape))
	if got := b.focus(); got != account || eval[bool](b, `!!document.querySelector("details[open]")`) {
		t.Errorf("after Esc in the account menu the focus is on %q", got)
	}
	b.tabTo("Actions")
	ask := func() {
		t.Helper()
		b.do(chromedp.KeyEvent(kb.Enter))
		b.tabTo("Disable account")
		b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("dialog[open] #question"))
		if !eval[bool](b, `document.querySelector("dialog").contains(document.activeElement)`) {
			t.Error("the focus is not in the dialog")
		}
	}
	for _, end := range []string{kb.Escape, kb.Enter} { // Enter presses Cancel
		ask()
		b.tabTo("Cancel")
		b.do(chromedp.KeyEvent(end))
		b.until(`!document.querySelector("dialog").childElementCount`)
		if got := b.focus(); got != "Actions" {
			t.Fatalf("after the dialog the focus is on %.40q", got)
		}
		if eval[bool](b, `!!document.querySelector("details[open]")`) {
			t.Fatal("the key that closed the dialog opened the menu")
		}
	}
	ask()
	b.tabTo("Disable account")
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#notice p"))
	if b.lostFocus() {
		t.Error("after the change the focus is lost")
	}
}
