package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/access"
)

// buttons returns the buttons that deactivate.
func buttons(n *html.Node) []*html.Node { return all(n, tag("button"), saying("Deactivate")) }

func TestListShowsEachMaskedKeyOnceWithItsDeactivate(t *testing.T) {
	d := newDesk(t)
	secret, key := d.newKey("alice")
	d.newKey("bob")
	got := d.signIn("alice").get("/profile/keys").is(http.StatusOK)
	page, mask := got.page(), "********"+secret[len(secret)-4:]
	if n := strings.Count(got.body, mask); n != 1 {
		t.Errorf("%s stands %d times in the page", mask, n)
	}
	if whole := text(one(t, page, with("data-label", "Key"))); whole != mask {
		t.Errorf("the masked key is %q", whole)
	}
	row := one(t, one(t, page, tag("tbody")), tag("tr"))
	if len(buttons(row)) != 1 {
		t.Errorf("%d buttons deactivate", len(buttons(row)))
	}
	form := one(t, row, tag("form"), with("method", "get"))
	if path := "/profile/keys/" + key + "/deactivate"; attr(form, "action") != path || attr(form, "hx-get") != path {
		t.Errorf("Deactivate asks at %q and %q", attr(form, "action"), attr(form, "hx-get"))
	}
	one(t, page, tag("dialog"))
}

func TestQuestionNamesTheKeyAndSaysWhenItWasLastUsed(t *testing.T) {
	d := newDesk(t)
	secret, key := d.newKey("alice")
	alice := d.signIn("alice")
	alice.post("/profile/keys/"+key, url.Values{"name": {"laptop"}}).is(http.StatusSeeOther)
	ask := func() *html.Node {
		page := alice.get("/profile/keys/" + key + "/deactivate").is(http.StatusOK).page()
		if len(buttons(page)) != 1 {
			t.Errorf("%d buttons deactivate", len(buttons(page)))
		}
		return one(t, page, id("question"))
	}
	for _, words := range []string{"********" + secret[len(secret)-4:], "laptop", "Last used: never", "This is final"} {
		if question := text(ask()); !strings.Contains(question, words) {
			t.Errorf("%q does not say %q", question, words)
		}
	}
	used := d.db.Now()
	d.used(key, used)
	d.later(20 * time.Minute)
	at := one(t, ask(), tag("time"))
	if text(at) != "20 minutes ago" || attr(at, "datetime") != used.Format(time.RFC3339) {
		t.Errorf("last used %q, %q", text(at), attr(at, "datetime"))
	}
}

// KEY-8: once the deactivation is answered, the key is good no more, and nothing in its row brings it back.
func TestOwnerDeactivatesAKey(t *testing.T) {
	d := newDesk(t)
	secret, key := d.newKey("alice")
	alice := d.signIn("alice")
	alice.post("/profile/keys/"+key+"/deactivate", nil).leadsTo("/profile/keys?note=key-inactive")
	d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusUnauthorized)
	list := alice.get("/profile/keys?note=key-inactive").page()
	one(t, one(t, list, id("notice")), tag("p"), saying("The key is inactive"))
	row := one(t, list, id("key-"+key))
	if words := text(row); !strings.Contains(words, "inactive") || !strings.Contains(words, "by alice") || len(buttons(row)) > 0 {
		t.Errorf("the row says %q and has %d buttons", words, len(buttons(row)))
	}
	page := alice.get("/profile/keys/" + key + "/deactivate").is(http.StatusOK).page()
	if words := text(one(t, page, id("question"))); !strings.Contains(words, "inactive already") || len(buttons(page)) > 0 {
		t.Errorf("asks again: %q", words)
	}
}

func TestDeactivationIsAnsweredWithTheRowAndAnEmptiedDialog(t *testing.T) {
	d := newDesk(t)
	alice, root := d.signIn("alice").htmx(), d.signIn("root").htmx()
	_, own := d.newKey("alice")
	_, other := d.newKey("alice")
	for key, got := range map[string]reply{
		own:   alice.post("/profile/keys/"+own+"/deactivate", nil),
		other: root.post("/admin/keys/"+other+"/deactivate", url.Values{"reason": {"leaked"}}),
	} {
		parts := got.is(http.StatusOK).fragment()
		row := one(t, parts, tag("tr"), id("key-"+key))
		if !strings.Contains(text(row), "inactive") || len(buttons(row)) > 0 {
			t.Errorf("the row says %q", text(row))
		}
		if one(t, parts, tag("dialog"), id("dialog"), with("hx-swap-oob", "true")).FirstChild != nil {
			t.Error("the dialog is not emptied")
		}
		one(t, one(t, parts, id("notice")), tag("p"), saying("The key is inactive"))
	}
}

// KEY-8, AZ-11: repeating a deactivation succeeds and changes nothing, whoever repeats it.
func TestRepeatedDeactivationChangesNothing(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice, root := d.signIn("alice"), d.signIn("root")
	root.post("/admin/keys/"+key+"/deactivate", url.Values{"reason": {"leaked"}}).leadsTo("/admin/users/alice?note=key-inactive")
	before := d.state()
	d.later(time.Minute)
	alice.post("/profile/keys/"+key+"/deactivate", nil).leadsTo("/profile/keys?note=key-inactive")
	alice.htmx().post("/profile/keys/"+key+"/deactivate", nil).is(http.StatusOK)
	root.post("/admin/keys/"+key+"/deactivate", url.Values{"reason": {"another"}}).leadsTo("/admin/users/alice?note=key-inactive")
	if d.state() != before {
		t.Error("something was changed")
	}
}

func TestAdministratorOwesAReason(t *testing.T) {
	d := newDesk(t)
	secret, key := d.newKey("alice")
	root := d.signIn("root")
	path := "/admin/keys/" + key + "/deactivate"
	before := d.state()
	for name, c := range map[string]struct{ typed, sentence string }{
		"none":     {"", "Please say why"},
		"blank":    {"  ", "Please say why"},
		"too long": {strings.Repeat("x", 301), "A reason has at most 300 characters."},
		"control":  {"lea\x1bked", "Please leave out the control character"},
		"the key":  {"leaked " + secret, "That holds an API key."}, // REV-4
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"reason": {c.typed}}
			page := root.post(path, form).is(http.StatusUnprocessableEntity).page()
			fragment := root.htmx().post(path, form).is(http.StatusUnprocessableEntity).fragment()
			for _, n := range []*html.Node{page, fragment} {
				again := one(t, one(t, n, id("question")), tag("form"), with("action", path))
				if typed := attr(one(t, again, tag("input"), with("name", "reason")), "value"); typed != access.MaskSecrets(c.typed) {
					t.Errorf("%q is kept as %q", c.typed, typed)
				}
				one(t, again, with("role", "alert"), saying(c.sentence))
			}
		})
	}
	if d.state() != before {
		t.Error("something was changed")
	}
	d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusOK)
}

func TestOwnerSeesWhoDeactivatedAKeyWhenAndWhy(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice, root := d.signIn("alice"), d.signIn("root")
	question := root.get("/admin/keys/" + key + "/deactivate").is(http.StatusOK).page()
	if words := text(one(t, question, id("question"))); !strings.Contains(words, "of alice") || len(buttons(question)) != 1 {
		t.Errorf("the question says %q", words)
	}
	root.post("/admin/keys/"+key+"/deactivate", url.Values{"reason": {" found in a public repository "}}).
		leadsTo("/admin/users/alice?note=key-inactive")
	at := d.db.Now()
	d.later(3 * time.Minute)
	row := one(t, alice.get("/profile/keys").page(), id("key-"+key))
	if words := text(row); !strings.Contains(words, "by root 3 minutes ago: found in a public repository") {
		t.Errorf("the row says %q", words)
	}
	one(t, row, tag("time"), with("datetime", at.Format(time.RFC3339)), saying("3 minutes ago"))
	entry := cells(t, root.get("/admin/history?tab=changes").page())[0]
	if got := strings.Join(entry[2:6], " | "); !strings.HasPrefix(got, "root | deactivate key | alice ********") ||
		!strings.HasSuffix(got, " | found in a public repository") {
		t.Errorf("the audit log says %q", got)
	}
}
