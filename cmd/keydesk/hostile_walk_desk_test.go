package main

import (
	"net/url"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// strike is what a text does where it is taken for anything but text: a script sets window.hostile, markup asks for /hostile.
const strike = `"><img src=/hostile/img onerror="window.hostile=1"><script>window.hostile=2</script></td></table></title></textarea></select></dialog>` +
	`<div hx-get="/hostile/get" hx-trigger="load" hx-on:load="window.hostile=3" hx-on::after:swap="window.hostile=4" hx-vals="js:{a:window.hostile=5}">` +
	`</div><a href="javascript:window.hostile=6" autofocus onfocus="window.hostile=7">x</a><svg onload=window.hostile=8><style>*{display:none}</style>` +
	`<base href=//evil.test/><meta http-equiv=refresh content="0;url=/hostile/refresh"><iframe srcdoc="<script>parent.hostile=9</script>"></iframe>` +
	`<form id=dialog action=//evil.test></form>' hx-get='/hostile/attribute' hx-trigger='load' x=' javascript:window.hostile=10 {{.Secret}} ${7*7} &lt;b&gt;`

// odd is what turns text round, stacks marks on it or hides in it.
const odd = "\u202eevil\u202c \u2066x\u2069 \u200b\u200d\ufeff\u00ad a" + "\u0301\u0302\u0303\u0304\u0489\u20dd\u0301\u0302\u0303\u0304\u0489" + " \u07ff\u0600\u061c \x01\x07\x1b[31m\u009b31m \u2028\r\n\t\x7f \U0001f468\u200d\U0001f469\u200d\U0001f467 \ufdfd\ufdfd \U00012031\U00012031"

// poison has all that people, browsers, gateways and proxies once told the desk be hostile, as a hostile database would have
// it: what no form takes, and as long as no form takes it.
func (d *desk) poison() {
	d.t.Helper()
	quote := func(text string) string {
		return "'" + strings.ReplaceAll(strings.ReplaceAll(text, "\x00", ""), "'", "''") + "'"
	}
	long := quote(strings.Repeat("W", 10_000) + strike)
	text := func(number string) string {
		return "(CASE " + number + " % 3 WHEN 0 THEN " + quote(strike+odd) + " WHEN 1 THEN " + long + " ELSE " + quote(strings.Repeat(odd+" ", 40)+strike) + " END)"
	}
	for _, statement := range []string{
		`DROP TRIGGER keys_final`, `DROP TRIGGER audit_update`, `DROP TRIGGER links_used`, `DROP TRIGGER users_email`, `PRAGMA foreign_keys = OFF`,
		`UPDATE users SET name = ` + text("length(id)") + `, email = ` + text("(length(id) + 1)") + ` || id`,
		`UPDATE keys SET name = ` + text("number") + `, reason = iif(deactivated_at IS NULL, '', ` + text("(number + 1)") + `), deactivated_by = iif(deactivated_at IS NULL, NULL, ` + text("(number + 2)") + `)`,
		`UPDATE sessions SET user_agent = ` + text("seen_at") + `, address = ` + text("created_at"),
		`UPDATE sign_ins SET user_agent = ` + text("number") + `, address = ` + text("(number + 1)") + `, user_id = iif(number % 2, user_id, ` + text("(number / 2)") + `), outcome = iif(number % 5, outcome, ` + text("number") + `)`,
		`UPDATE audit SET detail = ` + text("number") + `, address = ` + text("(number + 1)") + `, actor = iif(number % 2, actor, ` + text("(number / 2)") + `), user_id = iif(number % 4, user_id, ` + text("number") + `), action = iif(number % 7, action, ` + text("number") + `)`,
		`UPDATE links SET issued_by = ` + text("issued_at") + `, issued_from = ` + text("(issued_at + 1)") + `, used_from = iif(used_at IS NULL, '', ` + text("(issued_at + 2)") + `)`,
		`UPDATE key_days SET service = ` + text("last_at") + ` || service, address = ` + text("(last_at + 1)") + ` || address WHERE service <> '(other)'`,
		`INSERT INTO feedback (user_id, at, helpful, text) SELECT id, 1, 0, ` + text("length(id)") + ` FROM users WHERE id <> 'alice'`, // who gives it in a scene
		`INSERT INTO users (id, name, name_folded, role, password_hash, created_at) VALUES (` + quote(strike) + `, 'x', 'x', 'user', '', 1), (` + long + `, 'x', 'x', 'admin', '', 1)`,
	} {
		d.sql(statement)
	}
}

// typeInto puts a text into a field, which takes what can be typed of it.
func typeInto(css, text string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](`document.querySelector(` + quoteJS(css) + `).value = ` + quoteJS(text))
}

// typed are the pages that show what a person, or an address that they followed, gives them to show.
func typed() []scene {
	q := url.QueryEscape(strike)
	long := strings.Repeat("W", 5000)
	refused := func(form, field, text string) []chromedp.Action[chromedp.Void] {
		return do(typeInto(form+" [name="+field+"]", text), submit(form), chromedp.WaitVisible("main [aria-invalid], main [role=alert]"))
	}
	return []scene{
		{"sign-in that goes on", "", "/login?next=" + url.QueryEscape("/"+strike) + "&note=" + q, nil},
		{"sign-in refused", "", "/login", do(typeInto("#user_id", strike+odd), chromedp.SendKeys("#password", "x"+kb.Enter), chromedp.WaitVisible("#problem"))},
		{"sign-in refused, long", "", "/login", do(typeInto("#user_id", strike+strings.Repeat("W", 10_000)), chromedp.SendKeys("#password", "x"+kb.Enter), chromedp.WaitVisible("#problem"))},
		{"no link", "", "/set-password?token=" + q, nil}, {"no set-up", "", "/setup?token=" + q, nil},
		{"nowhere", "alice", "/" + url.PathEscape(strike+odd), nil}, {"nowhere, long", "alice", "/" + long, nil},
		{"name refused", "alice", "/profile/keys/KEY/rename", refused("main form", "name", strike+odd+long)},
		{"feedback refused", "bob", "/help/api-keys", refused("#feedback form:has([name=text])", "text", strike+odd+long)},
		{"search", "root", "/admin/users?q=" + q, nil}, {"search, long", "root", "/admin/users?q=" + long, nil},
		{"filter", "root", "/admin/history?tab=changes&person=" + q + "&action=" + q + "&from=" + q + "&to=" + long, nil},
		{"user refused", "root", "/admin/users/new", do(
			typeInto("#user_id", strike+odd+long), typeInto("#name", strike+odd+long), typeInto("#email", strike+odd+long), submit("main form"), chromedp.WaitVisible("main [aria-invalid]"))},
		{"reason refused on a page", "root", "/admin/keys/KEY/deactivate", refused("main form", "reason", strike+odd+long)},
		{"user with a hostile id", "root", "/admin/users/" + url.PathEscape(strike), nil},
		{"question about a user with a hostile id", "root", "/admin/users/" + url.PathEscape(strike) + "/disable", nil},
	}
}
