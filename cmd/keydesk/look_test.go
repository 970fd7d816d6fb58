package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestAxeFindsNothingOnAnyPage(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	axe := axeCore(t)
	b.play(scenes(lived(b.desk)), func(s scene) { b.examine(s.name, axe, "light", "dark") })
}

// The colours that a person has chosen go before those of the system.
func TestAxeFindsNothingInAChosenTheme(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	axe, all := axeCore(t), scenes(lived(b.desk))
	few := slices.DeleteFunc(all, func(s scene) bool {
		return !slices.Contains([]string{"login refused", "account menu", "question", "reveal refused", "profile", "link", "user added refused", "new link"}, s.name)
	})
	for theme, system := range map[string]string{"dark": "light", "light": "dark"} {
		_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "keydesk-theme", Value: theme, URL: b.desk.url})
		if err != nil {
			t.Fatal(err)
		}
		b.play(few, func(s scene) {
			if got := eval[string](b, `document.documentElement.dataset.theme`); got != theme {
				t.Errorf("%s is %s where %s was chosen", s.name, got, theme)
			}
			b.examine(s.name+" chosen "+theme+" on", axe, system)
		})
	}
	if len(few) != 8 {
		t.Errorf("%d scenes", len(few))
	}
}

func TestAxeFindsNothingWhereNobodyIsYet(t *testing.T) {
	t.Parallel()
	axe := axeCore(t)
	d := startDesk(t, t.TempDir())
	b := d.open()
	b.follow(linkPattern.FindString(d.out.String()))
	b.examine("set-up", axe, "light", "dark")
	b.do(chromedp.SendKeys("#user_id", "Root"), chromedp.SendKeys("#password", "short"+kb.Enter), chromedp.WaitVisible("[aria-invalid]"))
	b.examine("set-up refused", axe, "light", "dark")
	b.desk = startDesk(t, t.TempDir(), "--demo")
	b.goTo("/login")
	b.examine("login of the demo", axe, "light", "dark")
}

func axeCore(t *testing.T) string {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join("..", "..", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("axe-core: %v; `make test` installs it", err)
	}
	return string(axe)
}

// play goes through the scenes and shows each.
func (b *tab) play(scenes []scene, show func(scene)) {
	b.t.Helper()
	user := ""
	for _, s := range scenes {
		if s.user != user {
			b.signIn(s.user, password)
			user = s.user
		}
		b.t.Log(s.name) // shown when it fails
		b.goTo(s.path)
		b.do(s.act...)
		show(s)
		b.forget()
	}
}

// examine has axe look at the page wide and narrow, where the system is light or dark.
func (b *tab) examine(name, axe string, schemes ...string) {
	b.t.Helper()
	eval[*int](b, axe+";null")
	for _, scheme := range schemes {
		for _, width := range []int64{1280, 390} {
			b.view(width, scheme)
			result := eval[string](b, `axe.run().then(r => JSON.stringify({checked: r.passes.length, violations: r.violations}))`)
			checkAxe(b.t, name+" "+scheme+" "+strconv.FormatInt(width, 10), result)
		}
	}
	b.view(1280, "light")
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

// WEB-9: every page, in every state, fits a small window and one that is magnified, weighs no more than it may with all that
// it loads, and asks nobody but the desk for anything.
func TestEveryPageFitsIsLightAndAsksNobodyElse(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	all, asked, w := scenes(lived(b.desk)), b.origins(), weights{}
	magnify := func() { b.do(chromedp.EmulateViewport(320, 256)) }
	magnify()
	b.play(all, func(s scene) {
		b.reflows(s.name)
		b.view(360, "light")
		b.fits(s.name, 360)
		w.weigh(b, s.name)
		magnify()
	})
	asked.areOurs(b.desk, 3*len(all))
	b.goTo("/profile") // the control
	eval[*int](b, `(document.querySelector("main .btn").style.marginLeft = "400px", null)`)
	if eval[string](b, unreachable) == "" || eval[string](b, outside) == "" || eval[int](b, wide) <= 320 {
		t.Error("the search finds nothing")
	}
}

// wide is how many pixels the page has from its left to its right, or an open dialog.
const wide = `Math.max(document.documentElement.scrollWidth, document.querySelector("dialog[open]")?.scrollWidth ?? 0)`

// outside lists what reaches out of the window.
const outside = `[...document.querySelectorAll("dialog[open] *, main button, main a, details[open] ul *")].filter(e => {
	const r = e.getBoundingClientRect(); return e.checkVisibility() && r.width && (r.left < 0 || r.right > innerWidth + 1) }).map(e => e.outerHTML).join()`

// fits checks that nothing of the page reaches out of the window, which has so many pixels.
func (b *tab) fits(name string, width int) {
	b.t.Helper()
	if got := eval[int](b, wide); got > width {
		b.t.Errorf("%s: %d px wide", name, got)
	}
	if out := eval[string](b, outside); out != "" {
		b.t.Errorf("%s: outside of the window: %s", name, out)
	}
}

func TestKeyboardAloneMakesAndDeactivatesAKey(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.open()
	b.signIn("bob", password)
	b.tabTo("Actions")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.do(chromedp.KeyEvent(kb.Escape))
	if eval[bool](b, `!!document.querySelector("main details[open]")`) {
		t.Error("Esc leaves the menu open")
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.tabTo("New Key")
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("dialog[open] [data-secret]"))
	b.tabTo("OK")
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#keys tr"))
	b.until(`document.activeElement.matches("#keys tr")`)
	b.tabTo("Deactivate")
	eval[*int](b, `(window.asked = 0, addEventListener("submit", () => asked++, true), null)`)
	for i, end := range []string{kb.Escape, kb.Enter} { // Enter presses Cancel, and nothing else
		b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("dialog[open] #question"))
		if got := b.focus(); got != "Cancel" {
			t.Fatalf("the question opens with the focus on %.40q", got)
		}
		b.do(chromedp.KeyEvent(end))
		b.until(`!document.querySelector("dialog").childElementCount`)
		if got := b.focus(); got != "Deactivate" {
			t.Fatalf("after the dialog the focus is on %.40q", got)
		}
		if n := eval[int](b, `asked`); n != i+1 {
			t.Fatalf("the key that closed the dialog asked again: %d questions", n)
		}
	}
	b.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("dialog[open] #question"))
	b.tabTo("Deactivate key")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelector("#keys tr td:nth-child(3)").innerText.startsWith("inactive")`)
}
