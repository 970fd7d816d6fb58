package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// scene is a page in a state that a person sees.
type scene struct {
	name, user, path string
	act              []chromedp.Action[chromedp.Void]
}

// life is what happened at a desk, as far as URLs name it.
type life struct {
	keyID      string // an active key of alice's with the longest of names
	link, used string // paths of a set-password link that is good, and of one that was used
}

// lived makes things happen at the desk: keys with long names and reasons, accounts with long names, one of them
// disabled, links, refusals to come.
func lived(d *desk) (l life) {
	d.t.Helper()
	alice, root := d.signIn("alice"), d.signIn("root")
	alice.newKey() // which nobody uses
	_, ended := alice.newKey()
	root.post("/admin/keys/"+ended+"/deactivate", url.Values{"reason": {strings.Repeat("reason ", 40)}})
	_, l.keyID = alice.newKey()
	alice.post("/profile/keys/"+l.keyID, url.Values{"name": {strings.Repeat("W", 64)}})
	l.link = d.path(root.post("/admin/users", url.Values{"user_id": {strings.Repeat("w", 63)}, "role": {"admin"}}))
	l.used = d.path(root.post("/admin/users", url.Values{
		"user_id": {"carol"}, "role": {"user"}, "name": {strings.Repeat("Carolina ", 7)}, "email": {"carol@" + strings.Repeat("long.", 12) + "example"},
	}))
	erin := d.path(root.post("/admin/users", url.Values{"user_id": {"erin"}, "role": {"user"}}))
	root.post("/admin/users", url.Values{"user_id": {"dora"}, "role": {"user"}})
	root.post("/admin/users/dora/disable", url.Values{})
	for _, link := range []string{l.used, erin} {
		_, token, _ := strings.Cut(link, "=")
		if got := d.visitor().post("/set-password", url.Values{"token": {token}, "password": {password}}); got.status != http.StatusSeeOther {
			d.t.Fatalf("a new password: %d %s", got.status, got.body)
		}
	}
	d.signIn("carol").newKey() // before she says that she knows of the link
	d.passkeys()
	root.post("/admin/users/bob/reset", url.Values{})
	d.crowd(l.keyID, "accepted")
	d.crowd(ended, "refused")
	d.sql(`CREATE TRIGGER broken BEFORE INSERT ON users WHEN NEW.id = 'unsaved' BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	return l
}

// passkeys gives erin one, and carol two with a long name while she is signed in: her password alone signs her in.
func (d *desk) passkeys() {
	d.t.Helper()
	const add = `INSERT INTO passkeys (id, user_id, handle, credential_id, record, name, created_at, sign_count, backed_up) VALUES `
	d.sql(add + `('e', 'erin', x'00', x'00', x'7b7d', '', 1780000000000000, 0, 0)`)
	d.sql(`CREATE TRIGGER carol_comes AFTER INSERT ON sessions WHEN NEW.user_id = 'carol' BEGIN ` + add +
		`('a', 'carol', x'00', x'01', x'7b7d', printf('%.64c', 'W'), 1780000000000000, 0, 0),
		('b', 'carol', x'00', x'02', x'7b7d', '', 1780000001000000, 0, 0); END`)
	d.sql(`CREATE TRIGGER carol_goes AFTER DELETE ON sessions WHEN OLD.user_id = 'carol' BEGIN
		DELETE FROM passkeys WHERE user_id = 'carol'; END`)
}

// crowd has callers with long names and addresses use a key, more of them today than are told apart.
func (d *desk) crowd(keyID, how string) {
	d.t.Helper()
	const callers = `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 30),
		now (us) AS (SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000000) `
	d.sql(callers + `INSERT INTO key_days (key, day, service, address, accepted, refused, last_at, used_at)
		SELECT (SELECT number FROM keys WHERE id = '` + keyID + `'), us / 86400000000 - iif(i < 9, i, 0), substr('w' || i || printf('%.64c', 'w'), 1, 64),
			'2001:db8:1234:5678:9abc:def0:1234:' || (5000 + i), iif('` + how + `' = 'accepted', 123456 * (i + 1), 0),
			iif('` + how + `' = 'refused', 123456 * (i + 1), 0), us - iif(i < 9, i, 0) * 86400000000,
			iif('` + how + `' = 'accepted', us - iif(i < 9, i, 0) * 86400000000, 0) FROM n, now`)
	d.sql(callers + `INSERT INTO last_uses (key, last_used_at) SELECT number, us FROM keys, now WHERE id = '` + keyID + `'`)
}

// path returns the path of the link that an answer shows.
func (d *desk) path(shown reply) string {
	d.t.Helper()
	link := linkPattern.FindString(shown.body)
	if link == "" {
		d.t.Fatalf("no link: %d %s", shown.status, shown.body)
	}
	return strings.TrimPrefix(link, d.url)
}

func do(actions ...chromedp.Action[chromedp.Void]) []chromedp.Action[chromedp.Void] { return actions }

// submit sends a form as without a script: submit() passes htmx by, and a whole page answers.
func submit(form string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](`document.querySelector("` + form + `").submit()`)
}

// opened opens the dialog behind an item of the Actions menu.
func opened(words string) []chromedp.Action[chromedp.Void] {
	return do(chromedp.Click("main summary"), chromedp.Click("//main//li/a[normalize-space()='"+words+"']"),
		chromedp.WaitVisible("dialog[open] #question"))
}

// allUses opens the row of each key.
func allUses() []chromedp.Action[chromedp.Void] {
	return do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("[data-opens]").forEach(e => e.click())`),
		chromedp.Poll[chromedp.Void](`[...document.querySelectorAll("[data-opens]")].every(e => e.ariaExpanded === "true")`))
}

// scenes are every page in every state, by who sees it.
func scenes(l life) []scene {
	return slices.Concat(scenesOfNobody(l), scenesOfUsers(l), scenesOfAdministrators(l), scenesOfAccounts())
}

func scenesOfNobody(l life) []scene {
	second := do(chromedp.SendKeys("#user_id", "erin"), chromedp.SendKeys("#password", password+kb.Enter),
		chromedp.WaitVisible("//h1[.='Confirm with your passkey']"))
	return []scene{
		{"login", "", "/login", nil},
		{"login refused", "", "/login", do(chromedp.SendKeys("#user_id", "alice"),
			chromedp.SendKeys("#password", "wrong"+kb.Enter), chromedp.WaitVisible("#problem"))},
		{"second step", "", "/login", second},
		{"second step refused", "", "/login", slices.Concat(second, do(chromedp.Click("details summary.link"),
			chromedp.SendKeys("#code", "wrong"+kb.Enter), chromedp.WaitVisible("[data-passkey-status]:not(:empty)")))},
		{"set password", "", l.link, nil},
		{"set password refused", "", l.link, do(chromedp.SendKeys("#password", "short"+kb.Enter), chromedp.WaitVisible("[aria-invalid]"))},
		{"set password again", "", l.used, nil},
	}
}

func scenesOfUsers(l life) []scene {
	menu := do(chromedp.Click("main summary"))
	ask := do(chromedp.Click("#keys td:last-child button"), chromedp.WaitVisible("dialog[open] #question"))
	reveal := do(chromedp.Click("main summary"), chromedp.Click("#new-key button"), chromedp.WaitVisible("dialog[open] [data-secret]"))
	refused := slices.Concat(reveal, do(
		chromedp.SetValue("#name", "a\u202eb"), chromedp.Click(ok), chromedp.WaitVisible("[data-leave]")))
	revealPage := do(submit("#new-key"), chromedp.WaitVisible("main [data-secret]"))
	namePage := slices.Concat(revealPage, do(
		chromedp.Evaluate[chromedp.Void](`document.querySelector("[data-reveal]").dataset.copied = ""`),
		chromedp.SetValue("#name", "a\u202eb"), submit("main form"), chromedp.WaitVisible("//h1[.='Name this key']")))
	wrongMethod := do(
		chromedp.Evaluate[chromedp.Void](`document.querySelector("header form[action='/logout']").action = "/profile"`),
		submit("header form[action='/profile']"), chromedp.WaitVisible("//h1[.='Not possible']"))
	return []scene{
		{"no keys", "bob", "/profile/keys", nil},
		{"not allowed", "bob", "/admin/users", nil},
		{"not found", "bob", "/nowhere", nil},
		{"not possible", "bob", "/profile", wrongMethod},
		{"new link", "carol", "/profile/keys", nil},
		{"profile with a link", "carol", "/profile", nil},
		{"remove passkey", "carol", "/profile", do(chromedp.Click("#passkeys tbody a"), chromedp.WaitVisible("dialog[open] #question"))},
		{"remove passkey on a page", "carol", "/profile/passkeys/a/remove", nil},
		{"no recovery codes", "carol", "/profile/recovery-codes", nil},
		{"recovery codes", "carol", "/profile/recovery-codes", do(submit("form[action='/profile/recovery-codes']"), chromedp.WaitVisible("main [data-secret]"))},
		{"proof", "carol", "/prove", nil},
		{"add passkey", "alice", "/profile/passkeys/new", nil},
		{"proof by password", "alice", "/prove?next=/profile/passkeys/new", nil},
		{"proof refused", "alice", "/prove", do(chromedp.SendKeys("#password", "wrong"+kb.Enter), chromedp.WaitVisible("[aria-invalid]"))},
		{"keys", "alice", "/profile/keys", nil},
		{"menu", "alice", "/profile/keys", menu},
		{"account menu", "alice", "/profile/keys", do(chromedp.Click("header summary"))},
		{"rename", "alice", "/profile/keys", do(chromedp.Click(rename), chromedp.WaitVisible("dialog[open] #name"))},
		{"rename page", "alice", "/profile/keys/" + l.keyID + "/rename", nil},
		{"uses", "alice", "/profile/keys", allUses()},
		{"uses page", "alice", "/profile/keys/" + l.keyID + "/uses", do(chromedp.Click("figure summary"))},
		{"question", "alice", "/profile/keys", ask},
		{"question page", "alice", "/profile/keys/" + l.keyID + "/deactivate", nil},
		{"reveal", "alice", "/profile/keys", reveal},
		{"reveal refused", "alice", "/profile/keys", refused},
		{"reveal page", "alice", "/profile/keys", revealPage},
		{"name page", "alice", "/profile/keys", namePage},
		{"profile", "alice", "/profile", nil},
		{"password refused", "alice", "/profile", do(chromedp.SendKeys("#current", password),
			chromedp.SendKeys("#password", "short"+kb.Enter), chromedp.WaitVisible("[aria-invalid]"))},
		{"help", "alice", "/help/api-keys", nil},
		{"help was no help", "alice", "/help/api-keys", do(chromedp.Click("#feedback [value=no]"), chromedp.WaitVisible("#text"))},
	}
}

func scenesOfAdministrators(l life) []scene {
	ask := do(chromedp.Click("#keys td:last-child button"), chromedp.WaitVisible("dialog[open] #question"))
	return []scene{
		{"users", "root", "/admin/users", nil},
		{"users menu", "root", "/admin/users", do(chromedp.Click("main summary"))},
		{"nobody found", "root", "/admin/users?q=zzz", nil},
		{"user", "root", "/admin/users/alice", nil},
		{"user with long names", "root", "/admin/users/carol", nil},
		{"key of before the owner confirmed", "root", "/admin/users/carol", do(chromedp.Click("#keys summary"), chromedp.WaitVisible("#keys details p"))},
		{"key of before one confirmed", "carol", "/profile/keys", do(chromedp.Click("#keys summary"), chromedp.WaitVisible("#keys details p"))},
		{"uses of somebody's keys", "root", "/admin/users/alice", allUses()},
		{"uses page of an administrator", "root", "/admin/keys/" + l.keyID + "/uses", nil},
		{"API", "root", "/admin/history?tab=api", nil},
		{"reason refused", "root", "/admin/users/alice", slices.Concat(ask, do(chromedp.SendKeys("#reason", " "),
			chromedp.Click("dialog .btn-error"), chromedp.Poll[chromedp.Void](`document.querySelector("#dialog-error").textContent`)))},
		{"question of an administrator", "root", "/admin/users/alice", ask},
		{"question page of an administrator", "root", "/admin/keys/" + l.keyID + "/deactivate", nil},
		{"sign-ins", "root", "/admin/history", nil},
		{"changes", "root", "/admin/history?tab=changes", nil},
		{"checkpoint", "root", "/admin/history?tab=changes", do(chromedp.Click("main details summary"), chromedp.WaitVisible("main details pre"))},
		{"changes of nobody", "root", "/admin/history?tab=changes&person=nobody&from=2020-01-01", nil},
		{"changes refused", "root", "/admin/history?tab=changes&person=alice&action=dance&from=31.12.2026&to=x", nil},
		{"keys of an administrator", "root", "/profile/keys", nil},
		{"profile of an administrator", "root", "/profile", nil},
		{"help for administrators", "root", "/help/api-keys", nil},
	}
}

func scenesOfAccounts() []scene {
	refused := slices.Concat(opened("Add User"), do(chromedp.SendKeys("#user_id", "Curie"), chromedp.SendKeys("#email", "curie"),
		chromedp.Click(send), chromedp.WaitVisible("dialog [aria-invalid]")))
	unsaved := do(chromedp.SendKeys("#user_id", "unsaved"))
	all := []scene{
		{"user menu", "root", "/admin/users/alice", do(chromedp.Click("main summary"))},
		{"user added", "root", "/admin/users", opened("Add User")},
		{"user added refused", "root", "/admin/users", refused},
		{"user not saved", "root", "/admin/users", slices.Concat(opened("Add User"), unsaved, do(
			chromedp.Click(send), chromedp.WaitVisible("#dialog-error .alert")))},
		{"user added on a page", "root", "/admin/users/new", nil},
		{"not saved", "root", "/admin/users/new", slices.Concat(unsaved, do(submit("main form"), chromedp.WaitVisible("//h1[.='Not saved']")))},
		{"link", "root", "/admin/users/bob", slices.Concat(opened("Reset password"), do(
			chromedp.Click(send), chromedp.WaitVisible("dialog[open] [data-secret]")))},
		{"link on a page", "root", "/admin/users/bob/reset", do(submit("main form"), chromedp.WaitVisible("main [data-secret]"))},
		{"notice", "root", "/admin/users/bob", slices.Concat(opened("End sessions"), do(
			chromedp.Click(send), chromedp.WaitVisible("#notice p")))},
	}
	for words, path := range map[string]string{
		"Change role to administrator": "alice/role", "Disable account": "alice/disable", "Enable account": "dora/enable",
		"Reset password": "alice/reset", "Remove passkeys": "alice/passkeys/remove", "End sessions": "alice/sessions/end",
	} {
		user, _, _ := strings.Cut(path, "/")
		all = append(all,
			scene{words, "root", "/admin/users/" + user, opened(words)},
			scene{words + " on a page", "root", "/admin/users/" + path, nil})
	}
	return all
}
