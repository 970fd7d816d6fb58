package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// named returns those scenes, each of which there must be.
func named(t *testing.T, all []scene, names ...string) []scene {
	t.Helper()
	few := slices.DeleteFunc(slices.Clone(all), func(s scene) bool { return !slices.Contains(names, s.name) })
	if len(few) != len(names) {
		t.Fatalf("%d scenes of %d", len(few), len(names))
	}
	return few
}

// media has the browser tell pages so of the person's settings.
func (b *tab) media(name, value string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: name, Value: value}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// atStart runs the script in every page before its own.
func (b *tab) atStart(script string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	if err != nil {
		b.t.Fatal(err)
	}
}

// unreachable lists what can be pressed or filled in but is outside of the window, or under something else, when it is
// scrolled to. Of a link that wraps, its first line counts; an open dialog or menu may lie over the rest.
const unreachable = `[...(document.querySelector("dialog[open], details[data-menu][open]") ?? document.body).querySelectorAll("a, button, input, textarea, summary")]
	.filter(e => e.type !== "hidden" && e.checkVisibility() && !e.matches(".not-focus\\:sr-only")).filter(e => {
		e.scrollIntoView({block: "center", inline: "nearest", behavior: "instant"});
		const r = e.getClientRects()[0];
		if (r.left < 0 || r.right > innerWidth + 1) return true;
		const top = document.elementFromPoint(r.left + r.width / 2, r.top + Math.min(r.height, innerHeight) / 2);
		return !top || !(e.contains(top) || top.contains(e) && top.matches("label")) })
	.map(e => e.outerHTML.slice(0, 150)).join("\n")`

// reflows checks the page at 400 %, where a window of 1280 by 1024 is one of 320 by 256: nothing scrolls sideways, and all
// can be reached (WCAG 1.4.10).
func (b *tab) reflows(name string) {
	b.t.Helper()
	if got := eval[int](b, wide); got > 320 {
		b.t.Errorf("%s: %d px wide at 400 %%", name, got)
	}
	if out := eval[string](b, unreachable); out != "" {
		b.t.Errorf("%s: not to be reached: %s", name, out)
	}
}

// looks is what is left of an element's looks where the person's own colours are forced on it.
const looks = `(e => [null, "::before", "::after"].map(part => { const s = getComputedStyle(e, part);
	return part && s.content === "none" ? "" : [s.color, s.backgroundColor, s.borderStyle, s.borderWidth, s.borderColor, s.outlineStyle, s.outlineWidth,
		s.fontWeight, s.textDecorationLine].join("|") }).join(" / "))`

// bordered tells whether an element has a border that one can see against the page.
const bordered = `(e => { const s = getComputedStyle(e); return ["Top", "Left"].every(side => s["border" + side + "Style"] !== "none" &&
	parseFloat(s["border" + side + "Width"]) > 0 && s["border" + side + "Color"] !== getComputedStyle(document.body).backgroundColor) })`

// unseen lists the bars that look as the page does, or an accepted one that looks as a refused one does.
const unseen = `[...document.querySelectorAll("svg.chart rect")].filter(e => {
	const s = getComputedStyle(e), page = getComputedStyle(document.body).backgroundColor, filled = e.matches(".bar-accepted");
	return filled ? s.fill === page : s.fill !== page || s.stroke === page || parseFloat(s.strokeWidth) < 2 }).map(e => e.outerHTML).join("\n")`

func TestForcedColoursLeaveEverythingVisible(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	few := named(t, scenes(lived(b.desk)), "keys", "uses", "account menu", "reveal", "question", "sign-ins", "user added", "link", "notice")
	b.goTo("/login")
	b.media("forced-colors", "active")
	if !eval[bool](b, `matchMedia("(forced-colors: active)").matches`) {
		t.Fatal("no colours are forced")
	}
	b.play(few, func(s scene) {
		for _, css := range []string{".btn:not(.btn-ghost)", ".badge", "input:not([type=hidden], [type=radio], [type=checkbox])", "dialog[open] .modal-box", ".alert"} {
			bare := eval[string](b, `[...document.querySelectorAll("`+css+`")].filter(e => e.checkVisibility() && !e.closest(".not-focus\\:sr-only") && !`+bordered+`(e))
				.map(e => e.outerHTML.slice(0, 120)).join("\n")`)
			if bare != "" {
				t.Errorf("%s: without a border: %s", s.name, bare)
			}
		}
		for chosen, other := range map[string]string{
			"[aria-pressed=true]": "[aria-pressed=false]", ".tab[aria-current]": ".tab:not([aria-current])", "nav[aria-label=Main] [aria-current]": "nav[aria-label=Main] a:not([aria-current])",
		} {
			same := eval[bool](b, `(([a, b]) => !!a?.checkVisibility() && !!b && `+looks+`(a) === `+looks+`(b))(["`+chosen+`", "`+other+`"].map(s => document.querySelector(s)))`)
			if same {
				t.Errorf("%s: %s looks as %s does", s.name, chosen, other)
			}
		}
		if !eval[bool](b, `[...document.querySelectorAll(".dot.bg-current")].every(e => getComputedStyle(e).backgroundColor !== getComputedStyle(document.body).backgroundColor)`) {
			t.Errorf("%s: the dot of a status is not filled", s.name)
		}
		if dim := eval[string](b, unseen); dim != "" {
			t.Errorf("%s: of the chart one cannot see: %s", s.name, dim)
		}
		b.do(chromedp.KeyEvent(kb.Tab))
		ring := eval[string](b, `(s => s.outlineStyle + " " + (parseFloat(s.outlineWidth) >= 2))(getComputedStyle(document.activeElement))`)
		if ring != "solid true" {
			t.Errorf("%s: the focus ring is %s on %s", s.name, ring, eval[string](b, `document.activeElement.outerHTML.slice(0, 150)`))
		}
	})
}

func TestNothingMovesForWhoPrefersNoMotion(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	few := named(t, scenes(lived(b.desk)), "account menu", "reveal", "question", "user added refused", "notice", "link", "users menu")
	b.atStart(`window.moved = []; for (const n of ["transitionrun", "animationstart"])
		addEventListener(n, e => moved.push(n + " " + (e.propertyName || e.animationName) + " " + e.target.className), true)`)
	moved := func() string { return eval[string](b, `(document.getAnimations().length || "") + moved.join("\n")`) }
	b.goTo("/login")
	b.media("prefers-reduced-motion", "reduce")
	b.play(few, func(s scene) {
		if got := moved(); got != "" {
			t.Errorf("%s: %s", s.name, got)
		}
	})
	b.media("prefers-reduced-motion", "no-preference")
	b.play(named(t, few, "notice"), func(scene) { // the control
		if moved() == "" {
			t.Error("nothing moves for those who do not mind: this shows little")
		}
	})
}

// adds has pages add up by how much their parts jump, as browsers reckon it, but for what follows from a key or a click
// at once.
const adds = `window.jumped = 0; new PerformanceObserver(list => {
	for (const e of list.getEntries()) if (!e.hadRecentInput) jumped += e.value }).observe({type: "layout-shift", buffered: true})`

// jumped returns how far parts have jumped since it was last asked, once the page is loaded and drawn.
func (b *tab) jumped() float64 {
	b.t.Helper()
	b.until(`document.readyState === "complete"`)
	return eval[float64](b, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
		done(jumped)
		jumped = 0
	})))`)
}

func TestNothingJumpsWhenAPartIsSwapped(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	alice := d.signIn("alice")
	for range 3 {
		alice.newKey()
	}
	b := d.open()
	b.atStart(adds)
	still := func(what string) {
		t.Helper()
		if got := b.jumped(); got >= 0.01 {
			t.Errorf("%s: parts jump by %.4f", what, got)
		}
	}
	b.signIn("alice", password)
	if got := b.jumped(); got >= 0.1 { // good is less than that (https://web.dev/articles/cls); a slow page comes in parts
		t.Errorf("the page: parts jump by %.4f", got)
	}
	// The new row pushes the others down, which is what one expects who has just clicked: but only half a second long.
	quick := false
	for rows := 4; !quick && rows < 14; rows++ {
		b.newKey()
		still("the dialog")
		clicked := time.Now()
		b.do(chromedp.Click(ok))
		b.until(fmt.Sprintf(`document.querySelectorAll("#keys tr").length === %d && !document.querySelector("dialog[open]")`, rows))
		if quick = time.Since(clicked) < 400*time.Millisecond; quick {
			still("OK")
		}
		b.jumped()
	}
	if !quick {
		t.Error("no row came soon after the click")
	}
	const first = "#keys tr:first-child "
	b.do(chromedp.Click(rename), chromedp.WaitVisible("#name"), chromedp.SetValue("#name", "Nightly"), chromedp.Click(send))
	b.until(`document.querySelector("#keys bdi")?.textContent === "Nightly"`)
	still("a rename")
	b.do(chromedp.Click(first+"td:last-child button"), chromedp.WaitVisible("dialog[open] #question"), chromedp.Click(send))
	b.until(`document.querySelector("#keys tr").innerText.includes("inactive")`)
	still("a deactivation")
	b.do(chromedp.WaitNotPresent("#notice p"))
	still("the end of the notice")
	b.goTo("/profile")
	b.jumped()
	b.do(chromedp.Click("#sessions form[hx-post] button"), chromedp.WaitVisible("#notice p"))
	still("the end of a session")
	b.signIn("root", password)
	b.jumped()
	b.do(chromedp.SendKeys("#q", "ali"))
	b.until(`document.querySelectorAll("#users tbody tr").length === 1`)
	still("a search")
	b.goTo("/admin/users") // the control
	eval[*int](b, `(document.querySelector("main").prepend(document.querySelector("#users").cloneNode(true)), null)`)
	b.until(`jumped >= 0.01`)
}
