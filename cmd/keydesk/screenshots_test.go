//go:build screenshots

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshots takes pictures of every page of the demo into ../../screenshots, wide and narrow, light and dark, and
// the README's picture into ../../docs. `make screenshots` runs it.
func TestScreenshots(t *testing.T) {
	d := startDesk(t, t.TempDir(), "--demo")
	dir := filepath.Join("..", "..", "screenshots")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	b := d.open()
	each := func(name string) {
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				b.view(width, scheme)
				b.shoot(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)))
			}
		}
		b.view(1280, "light")
	}
	b.goTo("/login")
	each("login")
	b.do(chromedp.SendKeys("#user_id", "alice"), chromedp.SendKeys("#password", "wrong\r"), chromedp.WaitVisible("#problem"))
	each("login-wrong")
	b.signIn("newton", demoPassword)
	each("keys-empty")
	b.goTo("/admin/users")
	each("forbidden")
	b.goTo("/nowhere")
	each("not-found")
	b.signIn("alice", demoPassword)
	each("keys")
	b.do(chromedp.EmulateViewport(1120, 520, chromedp.EmulateScale(1)))
	b.shoot(filepath.Join("..", "..", "docs", "keys.png"))
	b.view(1280, "light")
	b.do(chromedp.Click("main summary"))
	each("keys-menu")
	b.do(chromedp.Click("#new-key button"), chromedp.WaitVisible("dialog[open] [data-secret]"))
	each("reveal")
	b.do(chromedp.EmulateViewport(1120, 620, chromedp.EmulateScale(1)))
	b.shoot(filepath.Join("..", "..", "docs", "reveal.png"))
	b.do(chromedp.Click("[data-copy]"), chromedp.WaitVisible("[data-reveal][data-copied]"))
	each("reveal-copied")
	b.do(chromedp.SetValue("#name", "a\u202eb"), chromedp.Click(".modal-action button"), chromedp.WaitVisible("[data-leave]"))
	each("reveal-refused")
	b.do(chromedp.SetValue("#name", "Search index"), chromedp.Click(".modal-action button"),
		chromedp.WaitNotPresent("[data-secret]"), chromedp.WaitVisible("#notice p"))
	each("keys-ok")
	b.do(chromedp.Click("tbody details summary"))
	each("keys-rename")
	b.do(chromedp.Click("tbody tr td:last-child button"), chromedp.WaitVisible("dialog[open] #question"))
	each("deactivate")
	b.signIn("admin", demoPassword)
	each("users")
	b.do(chromedp.Click("main summary"))
	each("users-menu")
	b.goTo("/admin/users?q=zzz")
	each("users-none")
	b.goTo("/admin/users/alice")
	each("user")
	b.do(chromedp.Click("tbody tr td:last-child button"), chromedp.WaitVisible("dialog[open] #question"))
	each("deactivate-admin")
	b.goTo("/admin/history")
	each("history-sign-ins")
	b.goTo("/admin/history?tab=changes")
	each("history-changes")
	b.goTo("/profile/keys")
	each("keys-admin")
	b.do(chromedp.Click("header summary"))
	each("account-menu")
}

// shoot writes a picture of the whole page.
func (b *tab) shoot(path string) {
	b.t.Helper()
	if err := os.WriteFile(path, get(b, chromedp.FullScreenshot(100)), 0o644); err != nil {
		b.t.Fatal(err)
	}
}
