package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/access"
)

func TestNameIsSavedAndTheListShowsIt(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice := d.signIn("alice")
	alice.post("/profile/keys/"+key, url.Values{"name": {"  build server "}}).leadsTo("/profile/keys?note=name-saved")
	page := alice.get("/profile/keys?note=name-saved").page()
	one(t, one(t, page, id("notice")), tag("p"), saying("Name saved."))
	row := one(t, page, id("key-"+key))
	if name := text(one(t, row, tag("bdi"))); name != "build server" {
		t.Errorf("named %q", name)
	}
	alice.post("/profile/keys/"+key, url.Values{"name": {""}}).leadsTo("/profile/keys?note=key-saved")
	row = one(t, alice.get("/profile/keys").page(), id("key-"+key))
	if names := all(row, tag("bdi")); len(names) > 0 || !strings.HasPrefix(text(row), "Unnamed") {
		t.Errorf("without a name the row begins %q", text(row))
	}
}

func TestSavedNameIsAnsweredWithTheMaskedRowAndAnEmptiedDialog(t *testing.T) {
	d := newDesk(t)
	secret, key := d.newKey("alice")
	got := d.signIn("alice").htmx().post("/profile/keys/"+key, url.Values{"name": {"laptop"}}).is(http.StatusOK).fragment()
	row := one(t, got, tag("tr"), id("key-"+key))
	if mask := text(one(t, row, with("data-label", "Key"))); mask != "********"+secret[len(secret)-4:] {
		t.Errorf("masked as %q", mask)
	}
	one(t, row, tag("bdi"), saying("laptop"))
	dialog := one(t, got, tag("dialog"), id("dialog"), with("hx-swap-oob", "true"))
	if dialog.FirstChild != nil {
		t.Error("the dialog is not emptied")
	}
	one(t, one(t, got, id("notice")), tag("p"), saying("Name saved."))
}

func TestRenamingToTheSameNameIsNoChange(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice, form := d.signIn("alice"), url.Values{"name": {"laptop"}}
	alice.post("/profile/keys/"+key, form).leadsTo("/profile/keys?note=name-saved")
	before := d.state()
	alice.post("/profile/keys/"+key, form).leadsTo("/profile/keys?note=name-saved")
	if d.state() != before {
		t.Error("something was changed")
	}
}

// Without a script the name is asked for on a page, whose form holds the present one; in the dialog it is swapped into the row.
func TestNameIsAskedFor(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice, path := d.signIn("alice"), "/profile/keys/"+key
	one(t, one(t, alice.get("/profile/keys").page(), id("key-"+key)), tag("a"), with("href", path+"/rename"))
	one(t, alice.get(path+"/rename").page(), tag("h1"), saying("Name this key"))
	alice.post(path, url.Values{"name": {"laptop"}}).is(http.StatusSeeOther)
	page := alice.get(path + "/rename").page()
	one(t, page, tag("h1"), saying("Rename this key"))
	form := one(t, page, tag("form"), with("action", path))
	if name := attr(one(t, form, tag("input"), with("name", "name")), "value"); name != "laptop" || len(all(form, has("hx-post"))) > 0 {
		t.Errorf("the form holds %q", name)
	}
	question := one(t, alice.htmx().get(path+"/rename").page(), id("question"))
	one(t, question, tag("form"), with("hx-post", path), with("hx-target", "#key-"+key))
}

// IO-1: a name that could hide or mislead is refused with a sentence, and what was typed stays.
func TestRefusedNameIsSaidAndKept(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice := d.signIn("alice")
	before := d.state()
	for name, c := range map[string]struct{ typed, sentence string }{
		"too long":      {strings.Repeat("ä", 65), "A name has at most 64 characters."},
		"control":       {"lap\x1btop", "Please leave out the control character (U+001B)."},
		"bidi":          {"lap\u202etop", "Please leave out the character that changes the direction of text (U+202E)."},
		"invisible":     {"lap\u200btop", "Please leave out the invisible character (U+200B)."},
		"line":          {"lap\u2028top", "Please leave out the line separator (U+2028)."},
		"not UTF-8":     {"lap\xfftop", "This is not valid UTF-8 text."},
		"an API key":    {"my " + access.NewSecret("kd_").Reveal(), "That holds an API key. It would be kept here in clear: leave it out."},
		"markup as bad": {"<b>\u202e</b>", "Please leave out the character that changes the direction of text (U+202E)."},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"name": {c.typed}}
			line := alice.htmx().post("/profile/keys/"+key, form).is(http.StatusUnprocessableEntity)
			if line.body != c.sentence {
				t.Errorf("htmx is told %q", line.body)
			}
			page := alice.post("/profile/keys/"+key, form).is(http.StatusUnprocessableEntity).page()
			again := one(t, page, tag("form"), with("action", "/profile/keys/"+key))
			typed := attr(one(t, again, tag("input"), with("name", "name")), "value")
			if typed != access.MaskSecrets(c.typed) {
				t.Errorf("%q is kept as %q", c.typed, typed)
			}
			if alert := text(one(t, again, with("role", "alert"))); alert != c.sentence {
				t.Errorf("the page says %q", alert)
			}
		})
	}
	if d.state() != before {
		t.Error("something was changed")
	}
}

func TestInactiveKeyCanBeRenamed(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice := d.signIn("alice")
	alice.post("/profile/keys/"+key+"/deactivate", nil).leadsTo("/profile/keys?note=key-inactive")
	alice.post("/profile/keys/"+key, url.Values{"name": {"old laptop"}}).leadsTo("/profile/keys?note=name-saved")
	row := one(t, alice.get("/profile/keys").page(), id("key-"+key))
	one(t, row, tag("bdi"), saying("old laptop"))
}

// WEB-8: text that people stored is text wherever it is shown.
func TestStoredTextIsInert(t *testing.T) {
	const typed = `"><img src=x onerror=alert(1)><script>alert(1)</script>{{1}}`
	d := newDesk(t)
	_, key := d.newKey("alice")
	d.exec(`UPDATE users SET name = ? WHERE id = 'alice'`, typed)
	alice, root := d.signIn("alice"), d.visitor().with("User-Agent", typed)
	root.post("/login", url.Values{"user_id": {"root"}, "password": {password}}).is(http.StatusSeeOther)
	alice.post("/profile/keys/"+key, url.Values{"name": {typed}}).is(http.StatusSeeOther)
	question := alice.get("/profile/keys/" + key + "/deactivate")
	root.post("/admin/keys/"+key+"/deactivate", url.Values{"reason": {typed}}).is(http.StatusSeeOther)
	for name, got := range map[string]reply{
		"question": question, "list": alice.get("/profile/keys"),
		"users": root.get("/admin/users"), "user": root.get("/admin/users/alice"),
		"search": root.get("/admin/users?q=" + url.QueryEscape(typed)), "changes": root.get("/admin/history?tab=changes"),
		"sign-ins": root.get("/admin/history"), "sign-in": d.visitor().post("/login", url.Values{"user_id": {typed}}),
	} {
		page := got.page()
		if len(all(page, tag("img"))) > 0 || len(all(page, tag("script"))) != scripts(page) || len(all(page, has("onerror"))) > 0 {
			t.Errorf("the %s page runs what was typed: %s", name, got.body)
		}
		if !strings.Contains(text(page)+values(page), typed) {
			t.Errorf("the %s page does not show what was typed", name)
		}
	}
}

// IO-7, AZ-3: of two fields of a name the first counts, and none of the URL's.
func TestFirstOfTwoFieldsCounts(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice := d.signIn("alice")
	mixed, parts := multipartForm(t, url.Values{"name": {"third", "fourth"}})
	for want, c := range map[string]struct{ query, mediaType, body, note string }{
		"first": {"?name=query", urlEncoded, "name=first&name=second", "name-saved"},
		"third": {"?name=query", mixed, parts, "name-saved"},
		"":      {"?name=query", "application/json", `{"name":"json"}`, "key-saved"},
	} {
		alice.send(http.MethodPost, "/profile/keys/"+key+c.query, c.mediaType, c.body).leadsTo("/profile/keys?note=" + c.note)
		if got := value[string](d, `SELECT name FROM keys`); got != want {
			t.Errorf("named %q, not %q", got, want)
		}
	}
}

// AZ-3: the form of a name names the key of its path, and changes nothing else of it.
func TestNameFormChangesNothingElse(t *testing.T) {
	const rest = `SELECT string_agg(id || user_id || CAST(hash AS TEXT) || last4 || created_at || coalesce(CAST(deactivated_at AS TEXT), '') ||
		coalesce(deactivated_by, '') || reason || coalesce(once, '') || CASE id WHEN ? THEN '' ELSE name END, ' ' ORDER BY id) FROM keys`
	d := newDesk(t)
	_, key := d.newKey("alice")
	_, other := d.newKey("alice")
	alice := d.signIn("alice")
	before := value[string](d, rest, key)
	forged := url.Values{
		"name": {"laptop"}, "id": {other}, "key_id": {other}, "user_id": {"bob"}, "owner": {"bob"}, "last4": {"0000"}, "hash": {"00"},
		"created_at": {"0"}, "deactivated_at": {"1"}, "deactivated_by": {"root"}, "reason": {"x"}, "once": {"x"}, "role": {"admin"},
	}
	for _, p := range postings(t, forged) {
		t.Run(p.name, func(t *testing.T) {
			alice.send(http.MethodPost, "/profile/keys/"+key+p.query, p.mediaType, p.body).is(http.StatusSeeOther)
			if after := value[string](d, rest, key); after != before {
				t.Errorf("the keys are %s, not %s", after, before)
			}
		})
	}
	if role := value[string](d, `SELECT role FROM users WHERE id = 'alice'`); role != "user" {
		t.Errorf("alice is %s", role)
	}
}

// scripts returns how many of the page's scripts are files of the desk's own.
func scripts(page *html.Node) (n int) {
	for _, script := range all(page, tag("script")) {
		if strings.HasPrefix(attr(script, "src"), "/static/") && text(script) == "" {
			n++
		}
	}
	return n
}
