package main

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

func TestLeavingDoesNotAskOnceCopied(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	b.do(chromedp.Click("[data-copy]"), chromedp.WaitVisible("[data-reveal][data-copied]"))
	if got := b.clipboard(); got != secret {
		t.Errorf("the clipboard holds %q", got)
	}
	b.do(chromedp.Reload(), chromedp.WaitVisible("#keys tr"))
	b.gone(secret)
}

func TestCopyWorksOverPlainHTTP(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "--insecure-http")
	b := d.open()
	local := d.url
	d.url = strings.Replace(d.url, "127.0.0.1", plainHost, 1) // not a secure context: no clipboard object
	b.signIn("alice", password)
	secret := b.newKey()
	if eval[bool](b, `isSecureContext || !!navigator.clipboard`) {
		t.Fatal("the page is a secure context: this would show nothing")
	}
	b.do(chromedp.Click("[data-copy]"), chromedp.WaitVisible("[data-reveal][data-copied]"))
	d.url = local
	b.goTo("/login")
	if got := b.clipboard(); got != secret {
		t.Errorf("the clipboard holds %q", got)
	}
}

func TestFailedCopySaysWhatToDo(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	eval[*int](b, `(navigator.clipboard.writeText = () => Promise.reject(), document.execCommand = () => false, null)`)
	b.do(chromedp.Click("[data-copy]"))
	b.until(`document.getElementById("copy-status").textContent.includes("Ctrl+C")`)
	if got := eval[string](b, `getSelection().toString()`); got != secret {
		t.Errorf("selected %q", got)
	}
}

func TestDoubleClickSelectsOnlyTheKey(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	b.do(chromedp.DoubleClick("[data-secret]"))
	if got := eval[string](b, `getSelection().toString()`); got != secret {
		t.Errorf("selected %q", got)
	}
}

// clipboard returns what is on it.
func (b *tab) clipboard() string {
	b.t.Helper()
	_, err := chromedp.CallBrowser(b.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return eval[string](b, `navigator.clipboard.readText()`)
}
