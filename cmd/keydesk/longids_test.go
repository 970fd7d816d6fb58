package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// wider lists what reaches beyond the window, or is cut off in the dialog.
const wider = `(w => [...document.querySelectorAll("main *, dialog[open], dialog[open] *, details[open] ul *")].filter(e => {
	const r = e.getBoundingClientRect(), cut = e.matches(".modal-box") && e.scrollWidth > e.clientWidth
	return e.checkVisibility() && !e.closest(".sr-only, thead") && r.width && (r.left < 0 || r.right > w || cut) }).map(e => e.outerHTML.slice(0, 200)).join("\n"))`

func TestLongUserIDsFitTheWindow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := strings.Repeat("w", 63)
	d.signIn("root").post("/admin/users", url.Values{"user_id": {id}, "role": {"user"}})
	b := d.open()
	b.signIn("root", password)
	page := "/admin/users/" + id
	scenes := []scene{
		{"user", "", page, nil},
		{"menu", "", page, do(chromedp.Click("main summary"))},
		{"role", "", page, opened("Change role to administrator")},
		{"disable", "", page, opened("Disable account")},
		{"end", "", page, opened("End sessions")},
		{"reset", "", page, opened("Reset password")},
		{"link", "", page, append(opened("Reset password"), chromedp.Click(send), chromedp.WaitVisible("dialog[open] [data-secret]"))},
		{"added", "", "/admin/users", append(opened("Add User"), chromedp.SendKeys("#user_id", strings.Repeat("m", 63)+kb.Enter),
			chromedp.WaitVisible("dialog[open] [data-secret]"))},
		{"role on a page", "", page + "/role", nil},
		{"reset on a page", "", page + "/reset", nil},
		{"users", "", "/admin/users", nil},
		{"history", "", "/admin/history?tab=changes", nil},
	}
	for _, s := range scenes {
		b.view(1280, "light")
		b.goTo(s.path)
		b.do(s.act...)
		for _, width := range []int64{1280, 768, 390, 320} {
			b.view(width, "light")
			if out := eval[string](b, wider+`(innerWidth)`); out != "" {
				t.Errorf("%s at %d px: %s", s.name, width, out)
			}
		}
		b.forget()
	}
}
