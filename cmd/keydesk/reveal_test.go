package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const ok = ".modal-action button"

// newRevealed returns a browser of alice's that shows a new key.
func newRevealed(t *testing.T) (b *tab, secret string) {
	t.Helper()
	b = newDesk(t).open()
	b.signIn("alice", password)
	return b, b.newKey()
}

// shown tells whether the dialog is open and shows the key.
func (b *tab) shown(secret string) bool {
	b.t.Helper()
	return eval[bool](b, `!!document.querySelector("dialog[open] [data-secret]")`) &&
		get(b, chromedp.Text("[data-secret]")) == secret
}

// gone fails if the key is anywhere in the page.
func (b *tab) gone(secret string) {
	b.t.Helper()
	if strings.Contains(get(b, chromedp.OuterHTML("html")), secret) {
		b.t.Error("the key is still in the page")
	}
}

// maskedRows returns how many elements have the masked key as their whole text.
func (b *tab) maskedRows(secret string) int {
	b.t.Helper()
	return eval[int](b, `[...document.querySelectorAll("*")].filter(e => !e.children.length &&
		e.textContent === "********`+secret[len(secret)-4:]+`").length`)
}

func TestOKSwapsTheKeyForItsMaskedRow(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	if got := eval[string](b, `document.activeElement.innerText`); got != "Copy to clipboard" {
		t.Errorf("the focus starts on %q", got)
	}
	described := `document.getElementById(document.querySelector("dialog[open]").getAttribute("aria-describedby")).textContent`
	if got := eval[string](b, described); !strings.Contains(got, "only chance") {
		t.Errorf("the dialog is described by %q", got)
	}
	b.do(chromedp.SendKeys("#name", "Invoices"), chromedp.Click(ok), chromedp.WaitVisible("#keys tr"))
	b.until(`!document.querySelector("dialog[open]")`)
	b.gone(secret)
	if n := b.maskedRows(secret); n != 1 {
		t.Errorf("the masked key stands %d times", n)
	}
	if got := eval[string](b, `document.querySelector("#keys tr td bdi").textContent`); got != "Invoices" {
		t.Errorf("named %q", got)
	}
	b.until(`document.activeElement.matches("#keys tr")`)
	if got := b.desk.verify(secret); got.status != http.StatusOK {
		t.Errorf("verify: %d %s", got.status, got.body)
	}
	second := b.newKey() // with the fresh once of the answer to OK
	b.do(chromedp.Click(ok))
	b.until(`document.querySelectorAll("#keys tr").length === 2`)
	b.gone(second)
}

func TestOnlyOKClosesTheReveal(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	for range 2 {
		b.do(chromedp.KeyEvent(kb.Escape))
	}
	b.do(chromedp.MouseClickXY(5, 5), chromedp.MouseClickXY(1270, 890))
	if !b.shown(secret) {
		t.Error("the reveal was lost")
	}
}

func TestDoubleClickMakesOneKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.open()
	b.signIn("alice", password)
	b.do(chromedp.Click("main summary"), chromedp.DoubleClick("#new-key button"),
		chromedp.WaitVisible("dialog[open] [data-secret]"))
	b.do(chromedp.Click(ok), chromedp.WaitVisible("#keys tr"))
	b.goTo("/profile/keys")
	if n := eval[int](b, `document.querySelectorAll("#keys tr").length`); n != 1 {
		t.Errorf("%d keys", n)
	}
}

func TestReloadShowsTheMaskedRow(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	// Until the key was copied, leaving asks.
	if !b.leavingAsks(false) || !b.shown(secret) {
		t.Error("the page could be left without a question")
	}
	if !b.leavingAsks(true) {
		t.Error("the page could be left without a question")
	}
	b.do(chromedp.WaitVisible("#keys tr"))
	b.gone(secret)
	if n := b.maskedRows(secret); n != 1 {
		t.Errorf("the masked key stands %d times", n)
	}
}

func TestEverythingButTheClipboardWorksWithoutJavaScript(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.open()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	if err != nil {
		t.Fatal(err)
	}
	b.signIn("alice", password)
	b.do(chromedp.Click("main summary"), chromedp.Click("#new-key button"), chromedp.WaitVisible("main [data-secret]"))
	secret := get(b, chromedp.Text("[data-secret]"))
	if got := d.verify(secret); got.status != http.StatusOK {
		t.Errorf("verify: %d %s", got.status, got.body)
	}
	// A reload sends the form again: no second key, no second reveal.
	b.do(chromedp.Reload(), chromedp.WaitVisible("main h1"))
	b.gone(secret)
	if got := get(b, chromedp.Text("main h1")); got != "Not possible as things are" {
		t.Errorf("the reload shows %q", got)
	}
	b.goTo("/profile/keys")
	b.do(chromedp.Click("main summary"), chromedp.Click("#new-key button"), chromedp.WaitVisible("main [data-secret]"))
	b.do(chromedp.SendKeys("#name", "Second"), chromedp.Click(ok), chromedp.WaitVisible("#keys tr"))
	if n := eval[int](b, `document.querySelectorAll("#keys tr").length`); n != 2 {
		t.Errorf("%d keys", n)
	}
	b.do(chromedp.Click("#keys tr td:last-child button"), chromedp.WaitVisible("#question"))
	b.do(chromedp.Click("#question .btn-error"), chromedp.WaitVisible("#keys tr"))
	if got := get(b, chromedp.Text("#keys tr:first-child td:nth-child(3)")); !strings.Contains(got, "inactive") {
		t.Errorf("after deactivating: %q", got)
	}
}

// The scripts are deferred, so a quick click may come before them: then the whole pages stand in, with scripts.
func TestWholePagesWorkWithScriptsToo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.open()
	b.signIn("alice", password)
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("new-key").submit()`), chromedp.WaitVisible("main [data-secret]"))
	secret := get(b, chromedp.Text("[data-secret]"))
	b.do(chromedp.SendKeys("#name", "Early"), chromedp.Click(ok), chromedp.WaitVisible("#keys tr")) // and does not ask
	b.gone(secret)
	if n := b.maskedRows(secret); n != 1 {
		t.Errorf("the masked key stands %d times", n)
	}
	id := eval[string](b, `document.querySelector("#keys tr").id.slice(4)`)
	b.goTo("/profile/keys/" + id + "/deactivate")
	b.do(chromedp.Click("#question .btn-error"), chromedp.WaitVisible("#keys tr"))
	if got := eval[string](b, `location.pathname`); got != "/profile/keys" {
		t.Errorf("after deactivating: %s", got)
	}
	if got := d.verify(secret); got.status != http.StatusUnauthorized {
		t.Errorf("verify: %d", got.status)
	}
}

// Whatever else was under way when New Key was pressed, its late answer leaves the dialog alone.
// A proxy's error page is never shown for ours.
