package main

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestNoticeOfALoadedPageGoesAwayByItself(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.signIn("alice", password)
	b.goTo("/profile?note=session-ended")
	b.do(chromedp.WaitVisible("#notice p"), chromedp.WaitNotPresent("#notice p"))
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

func TestEscFoldsTheRenameUpAndGivesTheFocusBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn("alice").newKey()
	b := d.open()
	b.signIn("alice", password)
	b.do(chromedp.Click("#keys details summary"), chromedp.SendKeys("#keys details input", "Nigh"+kb.Escape))
	b.until(`!document.querySelector("#keys details").open`)
	if got := eval[string](b, `document.querySelector("#keys details input").value + document.activeElement.innerText.trim()`); got != "Unnamed\nRename" {
		t.Errorf("what was typed, then what has the focus: %q", got)
	}
}

func TestRefusedRenameKeepsTheFocusInItsRow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signIn("alice").newKey()
	b := d.open()
	b.signIn("alice", password)
	b.do(chromedp.Click("#keys details summary"), chromedp.SetValue("#keys details input", "a\u200bb"), chromedp.Click("#keys details button"))
	b.until(`document.querySelector("#keys details [role=alert]").textContent.includes("U+200B")`)
	b.until(`document.querySelector("#keys tr").contains(document.activeElement)`)
}

func TestAnswerAboutTheHelpKeepsTheFocus(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.signIn("alice", password)
	b.goTo("/help/api-keys")
	b.do(chromedp.Click("#feedback [value=no]"), chromedp.WaitVisible("#text"))
	b.until(`document.getElementById("feedback").contains(document.activeElement)`)
}
