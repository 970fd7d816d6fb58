package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestRefusedNameKeepsTheKeyOnTheScreen(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	b.do(chromedp.SetValue("#name", "a\u202eb"), chromedp.Click(ok), chromedp.WaitVisible("[data-leave]"))
	if got := get(b, chromedp.Text("#dialog-error")); !strings.Contains(got, "U+202E") {
		t.Errorf("said %q", got)
	}
	if !b.shown(secret) {
		t.Error("the key was lost")
	}
	b.do(chromedp.SetValue("#name", "fine"), chromedp.Click(ok), chromedp.WaitVisible("#keys tr"))
	b.gone(secret)
}

func TestEndedSessionKeepsTheKeyOnTheScreen(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	b.desk.sql(`DELETE FROM sessions`)
	b.do(chromedp.Click(ok), chromedp.WaitVisible("[data-leave]"))
	if got := get(b, chromedp.Text("#dialog-error")); !strings.Contains(got, "session has ended") {
		t.Errorf("said %q", got)
	}
	if !b.shown(secret) {
		t.Error("the key was lost")
	}
	b.do(chromedp.Click("[data-leave]"), chromedp.WaitVisible("#password")) // Close leads to signing in again
	b.gone(secret)
}

func TestServerErrorKeepsTheKeyOnTheScreen(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	b.desk.sql(`CREATE TRIGGER broken BEFORE UPDATE OF name ON keys BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	b.do(chromedp.SetValue("#name", "x"), chromedp.Click(ok), chromedp.WaitVisible("[data-leave]"))
	if got := get(b, chromedp.Text("#dialog-error")); !strings.Contains(got, "could not save this") {
		t.Errorf("said %q", got)
	}
	if !b.shown(secret) {
		t.Error("the key was lost")
	}
}

func TestLostNetworkKeepsTheKeyOnTheScreen(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	b.offline(true)
	b.do(chromedp.Click(ok), chromedp.WaitVisible("[data-leave]"))
	if got := get(b, chromedp.Text("#dialog-error")); !strings.Contains(got, "did not answer") {
		t.Errorf("said %q", got)
	}
	if !b.shown(secret) {
		t.Error("the key was lost")
	}
	b.offline(false)
	b.do(chromedp.Click(ok), chromedp.WaitVisible("#keys tr"))
	b.gone(secret)
}

func TestLateAnswersLeaveTheRevealAlone(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]string{
		"question":     `document.querySelector("#keys td:last-child form").requestSubmit()`,
		"name":         `document.querySelector("#keys a[href$='/rename']").click()`,
		"new name":     `(document.querySelector("dialog form").requestSubmit(), document.querySelector("dialog").close())`,
		"refused name": `(document.getElementById("name").value = "a\u200bb", document.querySelector("dialog form").requestSubmit(), document.querySelector("dialog").close())`,
	} {
		d := newDesk(t)
		d.signIn("alice").newKey()
		b := d.open()
		b.signIn("alice", password)
		if strings.HasSuffix(name, " name") {
			b.do(chromedp.Click(rename), chromedp.WaitVisible("#name"))
		}
		// The first answer is held back until the key is shown.
		eval[*int](b, `(window.release = null, window.real = fetch, window.fetch = async (...a) => {
			const answer = await real(...a); window.fetch = real;
			await new Promise(r => window.release = r); return answer }, null)`)
		eval[*int](b, `(`+start+`, null)`)
		b.until(`window.release`)
		secret := b.newKey()
		eval[*int](b, `(document.addEventListener("htmx:finally:request", () => window.ended = true), release(), null)`)
		b.until(`window.ended`)
		if said := eval[string](b, `document.getElementById("dialog-error").textContent`); said != "" {
			t.Errorf("the late answer to the %s is in the reveal: %s", name, said)
		}
		if refused := eval[bool](b, `document.getElementById("notice").textContent.includes("was not done")`); refused != (name == "refused name") {
			t.Errorf("after the late answer to the %s the page says that it was refused: %t", name, refused)
		}
		if !b.shown(secret) {
			t.Errorf("the late answer to the %s took the key off the screen", name)
		}
	}
}

func TestAnswerOfAProxyIsNotSwappedIn(t *testing.T) {
	t.Parallel()
	b, secret := newRevealed(t)
	eval[*int](b, `(window.fetch = async () => new Response("<h1>502 Bad Gateway</h1>", {status: 502}), null)`)
	b.do(chromedp.Click(ok), chromedp.WaitVisible("[data-leave]"))
	if got := get(b, chromedp.Text("#dialog-error")); !strings.Contains(got, "did not answer") {
		t.Errorf("said %q", got)
	}
	if !b.shown(secret) {
		t.Error("the key was lost")
	}
	b.until(`document.querySelector("[data-reveal]").contains(document.activeElement)`)
}
