package main

import (
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestNoticeOfALoadedPageGoesAwayByItself(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.signIn("alice", password)
	b.atStart(`(function look() {
		if (document.readyState === "complete") window.noticed ||= !!document.querySelector("#notice p")?.checkVisibility()
		requestAnimationFrame(look)
	})()`)
	b.goTo("/profile?note=session-ended")
	b.until(`noticed`)
	b.do(chromedp.WaitNotPresent("#notice p"))
}

func TestDismissedNoticeLeavesTheFocusOnThePage(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.signIn("alice", password)
	b.goTo("/profile?note=session-ended")
	b.do(chromedp.WaitVisible("#notice p"), chromedp.Focus("#notice [data-dismiss]"), chromedp.KeyEvent(kb.Enter),
		chromedp.WaitNotPresent("#notice p"))
	if b.lostFocus() {
		t.Error("the focus is lost")
	}
}

func TestEscGivesTheRenameUpAndTheFocusBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	alice := d.signIn("alice")
	_, id := alice.newKey()
	alice.post("/profile/keys/"+id, url.Values{"name": {"Unknown"}})
	b := d.open()
	b.signIn("alice", password)
	b.do(chromedp.Click(rename), chromedp.WaitVisible("dialog[open] #name"))
	b.until(`document.activeElement.id === "name" && getSelection().toString() === "Unknown"`)
	b.do(chromedp.KeyEvent("Nigh"))
	b.until(`document.getElementById("name").value === "Nigh"`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.querySelector("dialog[open]")`)
	if got := eval[string](b, `document.querySelector("#keys td").innerText.trim() + "; " + document.activeElement.innerText.trim()`); got != "Unknown\nRename; Rename" {
		t.Errorf("what the row says, then what has the focus: %q", got)
	}
}

// While an answer is awaited its button cannot be pressed again, and Cancel can.
func TestCancelWorksWhileAnAnswerIsAwaited(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn("alice").newKey()
	for _, question := range []struct{ who, opener string }{
		{"alice", rename}, {"alice", "#keys td:last-child button"}, {"root", ""},
	} {
		b := d.open()
		b.signIn(question.who, password)
		if question.opener == "" {
			b.do(chromedp.Click("main summary"), chromedp.Click("//main//li/a[normalize-space()='Add User']"))
		} else {
			b.do(chromedp.Click(question.opener))
		}
		b.do(chromedp.WaitVisible("dialog[open] #question"))
		eval[*int](b, `(window.fetch = () => new Promise(() => {}), document.querySelector("dialog form").noValidate = true, null)`)
		b.do(chromedp.Click(send))
		b.until(`document.querySelector("dialog .modal-action button:not([data-close])").disabled`)
		b.do(chromedp.Click("dialog [data-close]"))
		b.until(`!document.querySelector("dialog[open]")`)
	}
}

func TestRefusedRenameKeepsTheFocusInItsDialog(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn("alice").newKey()
	b := d.open()
	b.signIn("alice", password)
	b.do(chromedp.Click(rename), chromedp.WaitVisible("#name"), chromedp.SetValue("#name", "a\u200bb"), chromedp.Click(send))
	b.until(`document.querySelector("#dialog-error").textContent.includes("U+200B")`)
	b.until(`document.querySelector("dialog[open]").contains(document.activeElement)`)
}

func TestAnswerAboutTheHelpKeepsTheFocus(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.signIn("alice", password)
	b.goTo("/help/api-keys")
	b.do(chromedp.Click("#feedback [value=no]"), chromedp.WaitVisible("#text"))
	b.until(`document.getElementById("feedback").contains(document.activeElement)`)
}
