package main

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// plainHost is a name for this machine that browsers do not trust as they trust 127.0.0.1.
const plainHost = "keydesk.test"

// tab is a tab of a Chromium with a fresh profile.
type tab struct {
	t       *testing.T
	ctx     context.Context
	desk    *desk
	profile string // the folder that the browser writes to
	end     func() // ends the browser; all that it writes is written then
}

// chromium returns where the browser is; `make test` installs it.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no Chromium found; `make test` installs it")
	return ""
}

// open starts a browser on the desk.
func (d *desk) open() *tab {
	d.t.Helper()
	profile := newProfile(d.t)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(d.t)), chromedp.UserDataDir(profile), chromedp.NoSandbox,
		chromedp.Flag("headless", "new"), chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WindowSize(1280, 900), chromedp.Flag("host-resolver-rules", "MAP "+plainHost+" 127.0.0.1"),
	)
	allocator, endBrowser := chromedp.NewExecAllocator(context.Background(), options...)
	limited, timeout := context.WithTimeout(allocator, 20*time.Minute)
	ctx, endTab := chromedp.NewContext(limited)
	end := sync.OnceFunc(func() {
		_ = chromedp.Cancel(ctx) // waits until the profile is no longer written to
		endTab()
		timeout()
		endBrowser()
	})
	d.t.Cleanup(end)
	return &tab{d.t, ctx, d, profile, end}
}

// newProfile makes a folder for a browser to write to. Processes of the browser's may outlive it for a moment, and write still.
func newProfile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "keydesk-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { eventually(t, func() bool { return os.RemoveAll(dir) == nil }) })
	return dir
}

// another returns a second tab of the same browser.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, end := chromedp.NewContext(b.ctx)
	b.t.Cleanup(end)
	return &tab{b.t, ctx, b.desk, b.profile, b.end}
}

// do runs the actions, or fails.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// get runs an action and returns its value, or fails.
func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// eval returns the value of a JavaScript expression in the page, a promise awaited, as if the person had just clicked.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return get(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise,
		func(p *runtime.EvaluateParams) { p.UserGesture = new(true) }))
}

// until waits for a JavaScript condition.
func (b *tab) until(condition string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingTimeout(30*time.Second))); err != nil {
		b.t.Fatalf("%s: %v", condition, err)
	}
}

// goTo opens a page.
func (b *tab) goTo(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.desk.url+path), chromedp.WaitVisible("main h1"))
}

// signIn signs in through the form.
func (b *tab) signIn(userID, password string) {
	b.t.Helper()
	b.goTo("/login")
	b.do(
		chromedp.SendKeys("#user_id", userID),
		chromedp.SendKeys("#password", password+kb.Enter),
		chromedp.WaitVisible("header nav"),
	)
}

// newKey clicks through the menu and returns the key that the dialog shows.
func (b *tab) newKey() string {
	b.t.Helper()
	b.do(
		chromedp.Click("main summary"),
		chromedp.Click("#new-key button"),
		chromedp.WaitVisible("dialog[open] [data-secret]"),
	)
	return get(b, chromedp.Text("[data-secret]"))
}

// view sets the size of the window and the colour scheme.
func (b *tab) view(width int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 900))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// leavingAsks reloads the page and tells whether the browser asks first; the answer is to leave, or to stay.
func (b *tab) leavingAsks(leave bool) bool {
	b.t.Helper()
	asked := chromedp.Events(b.ctx, page.JavascriptDialogOpening)
	if _, err := chromedp.Call(b.ctx, page.Reload, page.ReloadParams{}); err != nil {
		b.t.Fatal(err)
	}
	for question, err := range asked {
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: leave}); err != nil {
			b.t.Fatal(err)
		}
		return question.Type == page.DialogTypeBeforeunload
	}
	return false
}

// offline takes the network away from the browser, or gives it back.
func (b *tab) offline(off bool) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Offline: off, DownloadThroughput: -1, UploadThroughput: -1}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// scripts lets the pages run scripts, or not. The tests still can.
func (b *tab) scripts(run bool) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
	if err != nil {
		b.t.Fatal(err)
	}
}

// tabTo presses the Tab key until what has this text has the focus.
func (b *tab) tabTo(text string) {
	b.t.Helper()
	for range 40 {
		b.do(chromedp.KeyEvent(kb.Tab))
		if b.focus() == text {
			return
		}
	}
	b.t.Fatalf("the Tab key does not reach %q", text)
}
