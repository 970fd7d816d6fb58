package main

import (
	"net/http"
	"strings"
	"testing"
)

// watch has the page note, when it is shown again, whether it came from the back-forward cache and all that it holds.
// A page that is loaded anew does not know of this: it has no such variable.
func (w *driven) watch() {
	w.desk.t.Helper()
	w.run(`window.kept = true; addEventListener("pageshow", e => {
		sessionStorage.persisted = e.persisted; sessionStorage.shown = document.documentElement.outerHTML }); return ""`)
}

// comesBack goes to another page and back. It fails unless the page came out of the back-forward cache and was then loaded
// anew, and returns what it held in between. A browser with much to do may not keep a page: it is asked to three times, and
// the script, which returns nothing, prepares the page each time.
func (w *driven) comesBack(prepare string) string {
	w.desk.t.Helper()
	from, came := w.run(`return location.pathname`), ""
	for range 3 {
		w.run(prepare + `; return ""`)
		w.watch()
		w.goTo("/profile")
		w.back()
		w.until(`location.pathname === "` + from + `" && (sessionStorage.persisted || document.readyState === "complete" && !window.kept)`)
		if came = w.run(`return sessionStorage.persisted ?? "it was not kept"`); came == "true" {
			break
		}
	}
	if came != "true" {
		w.desk.t.Errorf("from the back-forward cache: %s: this shows little", came)
	}
	w.until(`!window.kept`)
	shown := w.run(`const text = sessionStorage.shown; sessionStorage.clear(); return text`)
	if !strings.Contains(shown, "Your account: ") {
		w.desk.t.Errorf("what came back is no page of a person: %s", shown)
	}
	return shown
}

// without fails if the key is in what the browser shows, or was in what it showed before.
func (w *driven) without(secret, shown string) {
	w.desk.t.Helper()
	if strings.Contains(shown, secret) || strings.Contains(w.run(`return document.documentElement.outerHTML`), secret) {
		w.desk.t.Error("the key came back")
	}
}

// reveal makes a key by the script and returns it, copied.
func (w *driven) reveal(script string) (secret string) {
	w.desk.t.Helper()
	w.run(script + `; return ""`)
	w.until(`document.querySelector("[data-secret]")`)
	secret = w.run(`return document.querySelector("[data-secret]").textContent`)
	if !secretPattern.MatchString(secret) {
		w.desk.t.Fatalf("no key: %q", secret)
	}
	w.click("[data-copy]")
	w.until(`document.querySelector("[data-copied]")`)
	return secret
}

// REV-2: the dialog with the key does not come back by Back, nor by Forward; its masked row does.
func TestBackAndForwardShowNoKey(t *testing.T) {
	t.Parallel()
	w := newDesk(t).drive()
	w.signIn("alice")
	w.goTo("/profile")
	w.goTo("/profile/keys")
	secret := w.reveal(`document.getElementById("new-key").requestSubmit()`)
	came := `["back_forward", "reload"].includes(performance.getEntriesByType("navigation")[0].type) &&
		[...document.querySelectorAll("#keys td")].some(e => e.textContent === "********` + secret[len(secret)-4:] + `")`
	w.goTo("/profile")
	w.without(secret, "")
	w.back()
	w.until(came)
	w.without(secret, "")
	w.back()
	w.until(`document.querySelector("#sessions")`)
	w.forward()
	w.until(came)
	w.without(secret, "")
}

// REV-2: so it is with the page that stands in for the dialog: the browser keeps no answer to a form, and to one that is
// sent again there is no key.
func TestBackToTheRevealPageShowsNoKey(t *testing.T) {
	t.Parallel()
	w := newDesk(t).drive()
	w.signIn("alice")
	secret := w.reveal(`document.getElementById("new-key").submit()`)
	w.goTo("/profile")
	w.back()
	w.until(`document.body.innerText.includes("ERR_CACHE_MISS")`)
	w.without(secret, "")
	w.call(http.MethodPost, "/refresh", struct{}{}, nil)
	w.until(`performance.getEntriesByType("navigation")[0].responseStatus === 409`)
	w.without(secret, "")
	if n := w.desk.count(`SELECT count(*) FROM keys`); n != 1 {
		t.Errorf("%d keys", n)
	}
}

// REV-2: where a browser keeps the page itself, the key is wiped before, and the page loaded anew after. Chromium keeps
// no page that has fetched a key, so one that has not holds a made-up key here.
func TestKeptPageIsWipedAndLoadedAnew(t *testing.T) {
	t.Parallel()
	const secret = "kd_thiskeyismadeup"
	w := newDesk(t).drive()
	w.signIn("alice")
	shown := w.comesBack(`document.querySelector("main").insertAdjacentHTML("beforeend", "<code data-secret>` + secret + `</code>")`)
	w.without(secret, shown)
	if !strings.Contains(shown, "<code data-secret") {
		t.Errorf("the page that came back is another: %s", shown)
	}
}

// SES-5: after a sign-out Back shows nothing of the person.
func TestBackAfterSignOutShowsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	secret, _ := d.signIn("alice").newKey()
	w := d.drive()
	w.signIn("alice")
	w.until(`document.querySelector("#keys tr")`)
	w.comesBack("") // the control: until then Back works, and shows the row
	w.until(`document.querySelector("#keys").textContent.includes("` + secret[len(secret)-4:] + `")`)
	w.watch()
	w.click("header summary")
	w.click("header form[action='/logout'] button")
	w.until(`location.pathname === "/login"`)
	w.back()
	w.until(`location.pathname === "/login" && document.querySelector("#password")`)
	for where, text := range map[string]string{
		"the page": w.run(`return document.documentElement.outerHTML`), "what it held before": w.run(`return sessionStorage.shown ?? ""`),
	} {
		if strings.Contains(text, "alice") || strings.Contains(text, secret[len(secret)-4:]) {
			t.Errorf("after signing out and Back, %s shows the person: %s", where, text)
		}
	}
}
