//go:build screenshots

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
	b.do(chromedp.Click(usesOf("Invoice export")), chromedp.Click(usesOf("Nightly report")), chromedp.Click(usesOf("Staging")))
	b.until(`document.querySelectorAll("#keys tr[id^=uses-]").length === 3`)
	each("keys-uses")
	b.goTo("/profile/keys")
	report := eval[string](b, `[...document.querySelectorAll("#keys tr")].find(r => r.innerText.includes("Nightly report")).querySelector("[data-opens]").href`)
	b.do(chromedp.Navigate(report), chromedp.WaitVisible("main figure"))
	each("uses")
	b.goTo("/profile/keys")
	b.do(chromedp.Click(rename), chromedp.WaitVisible("dialog[open] #name"))
	each("rename")
	b.do(chromedp.Navigate(eval[string](b, `document.querySelector("`+rename+`").href`)), chromedp.WaitVisible("main #question"))
	each("rename-page")
	b.goTo("/profile/keys")
	b.do(chromedp.Click("tbody tr td:last-child button"), chromedp.WaitVisible("dialog[open] #question"))
	each("deactivate")
	b.goTo("/help/api-keys")
	each("help")
	b.do(chromedp.Click("#feedback button[value=no]"), chromedp.WaitVisible("#feedback textarea"),
		chromedp.SendKeys("#text", "How often should I rotate?"), chromedp.Click("#feedback form + p + form button"),
		chromedp.WaitVisible("#feedback [role=status]"))
	each("help-no")
	b.signIn("admin", demoPassword)
	each("users")
	b.do(chromedp.Click("main summary"))
	each("users-menu")
	b.goTo("/admin/users?q=zzz")
	each("users-none")
	b.goTo("/admin/users/alice")
	each("user")
	b.do(chromedp.Click("//tr[contains(., 'Invoice export')]//button[.='Deactivate']"), chromedp.WaitVisible("dialog[open] #question"))
	each("deactivate-admin")
	b.goTo("/admin/users/alice")
	b.do(chromedp.Click(usesOf("Laptop")), chromedp.WaitVisible("#keys figure"), chromedp.Click("figure summary"))
	each("user-uses")
	b.shootAccounts(each)
	b.goTo("/admin/history")
	each("history-sign-ins")
	b.goTo("/admin/history?tab=api")
	each("history-api")
	b.goTo("/admin/history?tab=changes")
	each("history-changes")
	b.do(chromedp.Click("main details summary"), chromedp.WaitVisible("main details pre"))
	each("history-checkpoint")
	b.goTo("/admin/history?tab=changes&person=alice&action=create+key")
	each("history-filtered")
	b.goTo("/admin/history?tab=changes&person=nobody")
	each("history-none")
	b.goTo("/admin/history?tab=changes&person=alice&action=dance&from=31.12.2026")
	each("history-refused")
	b.goTo("/help/api-keys")
	each("help-admin")
	b.goTo("/profile/keys")
	each("keys-admin")
	b.do(chromedp.Click("header summary"))
	each("account-menu")
	fresh := startDesk(t, t.TempDir())
	b.do(chromedp.Navigate(setUpLink.FindString(fresh.out.String())), chromedp.WaitVisible("main h1"))
	each("set-up")
	b.do(chromedp.SendKeys("#user_id", "Robin"), chromedp.SendKeys("#password", "password\r"), chromedp.WaitVisible("[aria-invalid]"))
	each("set-up-refused")
	b.do(chromedp.Navigate(fresh.url+"/profile/keys"), chromedp.WaitVisible("main h1"))
	each("login-next")
}

var setUpLink = regexp.MustCompile(`http://\S+/setup\?token=\S+`)

// shootAccounts takes the pictures of what an administrator does to accounts, and of what their owners see of it.
func (b *tab) shootAccounts(each func(name string)) {
	ask := func(words string) {
		b.goTo("/admin/users/curie")
		b.do(chromedp.Click("main summary"), chromedp.Click("//main//li/a[.='"+words+"']"), chromedp.WaitVisible("dialog[open] #question"))
	}
	b.goTo("/admin/users/curie")
	b.do(chromedp.Click("main summary"))
	each("user-menu")
	ask("Change role to administrator")
	each("role")
	ask("Disable account")
	each("disable")
	ask("Reset password")
	each("reset")
	b.do(chromedp.Click("dialog .btn-primary"), chromedp.WaitVisible("dialog[open] [data-secret]"))
	each("reset-link")
	link := get(b, chromedp.Text("[data-secret]"))
	b.forget()
	b.goTo("/admin/users")
	b.do(chromedp.Click("main summary"), chromedp.Click("//main//li/a[normalize-space()='Add User']"), chromedp.WaitVisible("dialog[open] #question"))
	each("user-add")
	b.do(chromedp.SendKeys("#user_id", "Curie"), chromedp.SendKeys("#email", "curie"), chromedp.Click("dialog .btn-primary"),
		chromedp.WaitVisible("dialog [aria-invalid]"))
	each("user-add-refused")
	b.goTo("/profile")
	each("profile-admin")
	b.do(chromedp.Navigate(link), chromedp.WaitVisible("main h1"))
	each("set-password")
	b.do(chromedp.SendKeys("#password", "curie curie curie\r"), chromedp.WaitVisible("[aria-invalid]"))
	each("set-password-weak")
	b.do(chromedp.SendKeys("#password", "two rays at midnight\r"), chromedp.WaitVisible("#user_id"))
	each("login-after-link")
	b.do(chromedp.Navigate(link), chromedp.WaitVisible("main h1"))
	each("set-password-used")
	b.signIn("curie", "two rays at midnight")
	each("keys-new-link")
	b.do(chromedp.Click("main summary"), chromedp.Click("#new-key button"), chromedp.WaitVisible("dialog[open] [data-secret]"),
		chromedp.Click("[data-copy]"), chromedp.WaitVisible("[data-reveal][data-copied]"), chromedp.Click(".modal-action button"),
		chromedp.WaitVisible("#keys summary"), chromedp.Click("#keys summary"))
	each("keys-unconfirmed")
	b.goTo("/profile")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("header details").open = true`))
	each("profile")
	b.signIn("admin", demoPassword)
}

// usesOf finds what opens the uses of a key.
func usesOf(name string) string { return "//tr[contains(., '" + name + "')]//a[@data-opens]" }

// shoot writes a picture of the whole page.
func (b *tab) shoot(path string) {
	b.t.Helper()
	if err := os.WriteFile(path, get(b, chromedp.FullScreenshot(100)), 0o644); err != nil {
		b.t.Fatal(err)
	}
}
