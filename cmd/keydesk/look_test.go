package main

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// scene is a page in a state that a person sees.
type scene struct {
	name, user, path string
	act              []chromedp.Action[chromedp.Void]
}

func scenes(keyID string) []scene {
	do := func(actions ...chromedp.Action[chromedp.Void]) []chromedp.Action[chromedp.Void] { return actions }
	menu := do(chromedp.Click("main summary"))
	ask := do(chromedp.Click("#keys td:last-child button"), chromedp.WaitVisible("dialog[open] #question"))
	reveal := do(chromedp.Click("main summary"), chromedp.Click("#new-key button"), chromedp.WaitVisible("dialog[open] [data-secret]"))
	refused := slices.Concat(reveal, do(
		chromedp.SetValue("#name", "a\u202eb"), chromedp.Click(ok), chromedp.WaitVisible("[data-leave]")))
	// The whole pages that stand in for the dialog where there is no script: submit() passes htmx by.
	submit := func(form string) chromedp.Action[chromedp.Void] {
		return chromedp.Evaluate[chromedp.Void](`document.querySelector("` + form + `").submit()`)
	}
	revealPage := do(submit("#new-key"), chromedp.WaitVisible("main [data-secret]"))
	namePage := slices.Concat(revealPage, do(
		chromedp.Evaluate[chromedp.Void](`document.querySelector("[data-reveal]").dataset.copied = ""`),
		chromedp.SetValue("#name", "a\u202eb"), submit("main form"), chromedp.WaitVisible("//h1[.='Name this key']")))
	return []scene{
		{"login", "", "/login", nil},
		{"login refused", "", "/login", do(chromedp.SendKeys("#user_id", "alice"),
			chromedp.SendKeys("#password", "wrong"+kb.Enter), chromedp.WaitVisible("#problem"))},
		{"no keys", "bob", "/profile/keys", nil},
		{"not allowed", "bob", "/admin/users", nil},
		{"not found", "bob", "/nowhere", nil},
		{"keys", "alice", "/profile/keys", nil},
		{"menu", "alice", "/profile/keys", menu},
		{"account menu", "alice", "/profile/keys", do(chromedp.Click("header summary"))},
		{"rename", "alice", "/profile/keys", do(chromedp.Click("#keys details summary"))},
		{"question", "alice", "/profile/keys", ask},
		{"question page", "alice", "/profile/keys/" + keyID + "/deactivate", nil},
		{"reveal", "alice", "/profile/keys", reveal},
		{"reveal refused", "alice", "/profile/keys", refused},
		{"reveal page", "alice", "/profile/keys", revealPage},
		{"name page", "alice", "/profile/keys", namePage},
		{"users", "root", "/admin/users", nil},
		{"users menu", "root", "/admin/users", menu},
		{"nobody found", "root", "/admin/users?q=zzz", nil},
		{"user", "root", "/admin/users/alice", nil},
		{"reason refused", "root", "/admin/users/alice", slices.Concat(ask, do(chromedp.SendKeys("#reason", " "),
			chromedp.Click("dialog .btn-error"), chromedp.Poll[chromedp.Void](`document.querySelector("#dialog-error").textContent`)))},
		{"question of an administrator", "root", "/admin/users/alice", ask},
		{"sign-ins", "root", "/admin/history", nil},
		{"changes", "root", "/admin/history?tab=changes", nil},
		{"keys of an administrator", "root", "/profile/keys", nil},
	}
}

// longKey gives alice an active key with the longest of names and a deactivated one with a long reason.
func longKey(d *desk) (keyID string) {
	alice, root := d.signIn("alice"), d.signIn("root")
	_, ended := alice.newKey()
	root.post("/admin/keys/"+ended+"/deactivate", url.Values{"reason": {strings.Repeat("reason ", 40)}})
	_, keyID = alice.newKey()
	alice.post("/profile/keys/"+keyID, url.Values{"name": {strings.Repeat("W", 64)}})
	return keyID
}

func TestAxeFindsNothingOnAnyPage(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile(filepath.Join("..", "..", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("axe-core: %v; `make test` installs it", err)
	}
	d := newDesk(t)
	keyID := longKey(d)
	b := d.open()
	user := ""
	for _, s := range scenes(keyID) {
		if s.user != user {
			b.signIn(s.user, password)
			user = s.user
		}
		b.goTo(s.path)
		b.do(s.act...)
		eval[*int](b, string(axe)+";null")
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 390} {
				b.view(width, scheme)
				result := eval[string](b, `axe.run().then(r => JSON.stringify({checked: r.passes.length, violations: r.violations}))`)
				checkAxe(t, s.name+" "+scheme+" "+strconv.FormatInt(width, 10), result)
			}
		}
		b.view(1280, "light")
		b.forget()
	}
}

func checkAxe(t *testing.T, name, result string) {
	t.Helper()
	var found struct {
		Checked    int
		Violations []struct {
			ID, Help string
			Nodes    []struct{ HTML, FailureSummary string }
		}
	}
	if err := json.Unmarshal([]byte(result), &found); err != nil {
		t.Fatal(err)
	}
	if found.Checked < 5 {
		t.Errorf("%s: axe checked only %d rules", name, found.Checked)
	}
	for _, v := range found.Violations {
		t.Errorf("%s: %s: %s: %+v", name, v.ID, v.Help, v.Nodes)
	}
}

// forget lets the page be left while it shows a key.
func (b *tab) forget() {
	b.t.Helper()
	eval[*int](b, `(document.querySelector("[data-reveal]")?.setAttribute("data-copied", ""), null)`)
}

func TestNoPageIsWiderThanTheWindow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	keyID := longKey(d)
	b := d.open()
	user := ""
	for _, s := range scenes(keyID) {
		if s.user != user {
			b.signIn(s.user, password)
			user = s.user
		}
		b.view(360, "light")
		b.goTo(s.path)
		b.do(s.act...)
		if wide := eval[int](b, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%s: %d px wide", s.name, wide)
		}
		if out := eval[string](b, `[...document.querySelectorAll("dialog[open] *, main button, main a, details[open] ul *")].filter(e => {
			const r = e.getBoundingClientRect(); return r.width && (r.left < 0 || r.right > 361) }).map(e => e.outerHTML).join()`); out != "" {
			t.Errorf("%s: outside of the window: %s", s.name, out)
		}
		b.forget()
	}
}

func TestKeyboardAloneMakesAndDeactivatesAKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.open()
	b.signIn("bob", password)
	tabTo := func(text string) {
		t.Helper()
		for range 30 {
			b.do(chromedp.KeyEvent(kb.Tab))
			if strings.TrimSpace(eval[string](b, `document.activeElement.innerText`)) == text {
				return
			}
		}
		t.Fatalf("the Tab key does not reach %q", text)
	}
	tabTo("Actions")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.do(chromedp.KeyEvent(kb.Escape))
	if eval[bool](b, `!!document.querySelector("main details[open]")`) {
		t.Error("Esc leaves the menu open")
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	tabTo("New Key")
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("dialog[open] [data-secret]"))
	tabTo("OK")
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#keys tr"))
	b.until(`document.activeElement.matches("#keys tr")`)
	tabTo("Deactivate")
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("dialog[open] #question"))
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.querySelector("dialog[open]")`)
	if got := eval[string](b, `document.activeElement.innerText`); got != "Deactivate" {
		t.Errorf("after Esc the focus is on %q", got)
	}
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("dialog[open] #question"))
	tabTo("Deactivate key")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelector("#keys tr td:nth-child(3)").innerText.startsWith("inactive")`)
}
