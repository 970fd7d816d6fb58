package main

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// lookout collects what no page of the desk does, whatever is written on it.
type lookout struct {
	mu   sync.Mutex
	seen []string
}

func (w *lookout) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, what)
}

// take returns what was seen since it was last asked.
func (w *lookout) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.seen = nil }()
	return strings.Join(w.seen, "\n")
}

// guard watches a tab: errors of scripts and of the console, dialogs of scripts, and requests that lead elsewhere.
func (b *tab) guard() *lookout {
	b.t.Helper()
	w := &lookout{}
	onEach(b, log.EntryAdded, func(e log.EventEntryAdded) { // a form that is refused is an entry too, of the network
		if e.Entry.Level == log.EntryLevelError && (e.Entry.Source != log.EntrySourceNetwork || !strings.HasPrefix(e.Entry.URL, b.desk.url)) {
			w.note("console: " + e.Entry.Text + " " + e.Entry.URL)
		}
	})
	onEach(b, runtime.ExceptionThrown, func(e runtime.EventExceptionThrown) { w.note("script: " + e.ExceptionDetails.Text) })
	onEach(b, runtime.ConsoleAPICalled, func(e runtime.EventConsoleAPICalled) { w.note("console: " + string(e.Type)) })
	onEach(b, page.JavascriptDialogOpening, func(e page.EventJavascriptDialogOpening) {
		if e.Type != page.DialogTypeBeforeunload {
			w.note("dialog: " + e.Message)
		}
	})
	onEach(b, network.RequestWillBeSent, func(e network.EventRequestWillBeSent) {
		path, ours := strings.CutPrefix(e.Request.URL, b.desk.url)
		if !ours && !strings.HasPrefix(e.Request.URL, "data:") || strings.HasPrefix(path, "/hostile") {
			w.note("request: " + e.Request.URL)
		}
	})
	return w
}

// onEach shows each event of a kind until the browser ends.
func onEach[E any](b *tab, kind cdp.Event[E], see func(E)) {
	events := chromedp.Events(b.ctx, kind)
	go func() {
		for e, err := range events {
			if err == nil {
				see(e)
			}
		}
	}()
}

// sees has every page tell of what its policy blocks.
const sees = `window.blocked = []; addEventListener("securitypolicyviolation", e => blocked.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample))`

// astray lists what the page has become by what is written on it: a script that ran, what the policy had to block, and
// elements and attributes that no page of the desk has.
const astray = `JSON.stringify([window.hostile === undefined ? [] : ["ran " + window.hostile], window.blocked,
	[...document.querySelectorAll("img, iframe, object, embed, base, style, meta[http-equiv], script:not([src]), [onerror], [onload], [onfocus], [hx-vals], [srcdoc], a[href^=javascript], [hx-get^='/hostile'], #dialog:not(dialog)")]
		.filter(e => !(e.matches("style") && e.textContent.includes("htmx"))).map(e => e.outerHTML.slice(0, 100)),
	[...document.querySelectorAll("*")].filter(e => [...e.attributes].some(a => a.name.startsWith("hx-on") || /^on/.test(a.name))).map(e => e.outerHTML.slice(0, 100))].flat())`

// beyond lists what reaches out of the window, or out of the dialog; a page as wide as the window scrolls nowhere.
const beyond = `(w => [document.documentElement.scrollWidth > w ? "the page is " + document.documentElement.scrollWidth + " px wide" : "",
	...[...document.querySelectorAll("header *, main *, footer *, dialog[open], dialog[open] *")].filter(e => {
		const r = e.getBoundingClientRect(), cut = e.matches(".modal-box") && e.scrollWidth > e.clientWidth
		return e.checkVisibility() && !e.closest(".sr-only, thead, option, .not-focus\\:sr-only, figure svg") && r.width > 1 && (r.left < -1 || r.right > w + 1 || cut) })
		.slice(0, 3).map(e => e.outerHTML.slice(0, 120))].filter(e => e).join("\n"))(innerWidth)`

// WEB-3, WEB-8, WEB-9, IO-1: every page, in every state, on a desk whose every name, reason, browser, address and service is
// hostile, and 10,000 characters long at times: nothing of it runs, asks for anything or is blocked, and none of it reaches
// out of a window of 1,280 or 390 px.
func TestHostileTextIsOnlyTextOnEveryPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	l := lived(d)
	all := append(typed(), scenes(l)...)
	for i := range all {
		all[i].path = strings.Replace(all[i].path, "/KEY/", "/"+l.keyID+"/", 1)
	}
	slices.SortStableFunc(all, func(a, b scene) int { return strings.Compare(a.user, b.user) }) // nobody first; each signs in once
	d.poison()
	b := d.open()
	w := b.guard()
	b.atStart(sees)
	var runs int
	b.play(all, func(s scene) {
		for _, width := range []int64{1280, 390} {
			b.view(width, "light")
			if out := eval[string](b, beyond); out != "" {
				t.Errorf("%s at %d px: %s", s.name, width, out)
			}
		}
		b.view(1280, "light")
		var got []string
		if err := json.Unmarshal([]byte(eval[string](b, astray)), &got); err != nil {
			t.Fatal(err)
		}
		if seen := w.take(); len(got) > 0 || seen != "" {
			t.Errorf("%s: %s\n%s", s.name, strings.Join(got, "\n"), seen)
		}
		runs++
	})
	if runs < 80 {
		t.Errorf("only %d pages were looked at", runs)
	}
	b.control(w)
}

// control shows that what is looked for would be found.
func (b *tab) control(w *lookout) {
	b.t.Helper()
	b.goTo("/profile")
	stays := strings.Replace(strike, "http-equiv=refresh", "", 1)
	eval[*int](b, `(document.querySelector("main").insertAdjacentHTML("beforeend", `+quoteJS(stays)+`), console.error("x"), fetch(location.origin + "/hostile/control").then(() => null, () => null))`)
	b.until(`blocked.length > 0`)
	if got := eval[string](b, astray); len(got) < 20 {
		b.t.Errorf("the search finds only %s", got)
	}
	seen := ""
	for began := time.Now(); time.Since(began) < changeTime; { // each question to the browser lets what it told before come in
		if seen += w.take(); strings.Contains(seen, "/hostile/control") && strings.Contains(seen, "console: ") {
			break
		}
		eval[int](b, `1`)
	}
	if !strings.Contains(seen, "/hostile/control") || !strings.Contains(seen, "console: ") {
		b.t.Errorf("the lookout sees only %q", seen)
	}
	eval[*int](b, `(document.querySelector("main").insertAdjacentHTML("beforeend", "<p>" + "W".repeat(10000)), null)`)
	if eval[string](b, beyond) == "" {
		b.t.Error("what is too wide is not found")
	}
}

// quoteJS returns a text as a literal of JavaScript.
func quoteJS(text string) string {
	quoted, _ := json.Marshal(text) // which a string always is
	return string(quoted)
}
