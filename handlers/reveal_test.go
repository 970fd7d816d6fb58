package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/db/dbtest"
)

func TestNewKeyIsAWholePageWithoutAScript(t *testing.T) {
	d := newDesk(t)
	got := d.signIn("alice").post("/profile/keys", nil).is(http.StatusOK)
	page := got.page()
	shown(t, page, got)
	if title := text(one(t, page, tag("h1"))); title != "Your new API key" {
		t.Errorf("the page is titled %q", title)
	}
}

func TestNewKeyIsTheContentOfTheDialogForHTMX(t *testing.T) {
	d := newDesk(t)
	got := d.signIn("alice").htmx().post("/profile/keys", nil).is(http.StatusOK)
	shown(t, got.fragment(), got)
	form := one(t, got.fragment(), tag("form"))
	if attr(form, "hx-post") != attr(form, "action") {
		t.Errorf("OK sends to %q, and without a script to %q", attr(form, "hx-post"), attr(form, "action"))
	}
}

// shown checks what shows a new key: the key, whole and alone in its element, the button to copy it, the warning, and
// the form that OK sends.
func shown(t *testing.T, n *html.Node, got reply) {
	t.Helper()
	secret := got.secret()
	if box := one(t, n, has("data-secret")); text(box) != secret || box.FirstChild.Data != secret {
		t.Errorf("the box holds %q", text(box))
	}
	one(t, n, tag("button"), has("data-copy"), saying("Copy to clipboard"))
	one(t, n, tag("strong"), saying("This is your only chance to see the full key"))
	form := one(t, n, tag("form"), leading("action", "/profile/keys/"))
	one(t, form, tag("input"), with("name", "name"))
	one(t, form, tag("button"), saying("OK"))
	if attr(form, "method") != "post" {
		t.Errorf("OK sends by %q", attr(form, "method"))
	}
}

// REV-1, REV-2, REV-7: the answer that carries the key is not kept, not compressed, and carries it in its body alone.
func TestAnswerWithTheKeyIsNeitherKeptNorCompressed(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice").with("Accept-Encoding", "gzip, deflate, br, zstd")
	for way, v := range map[string]*visitor{"page": alice, "htmx": alice.htmx()} {
		t.Run(way, func(t *testing.T) {
			got := v.post("/profile/keys", nil).is(http.StatusOK)
			secret := got.secret()
			if kept := got.header.Get("Cache-Control"); kept != "no-store" {
				t.Errorf("Cache-Control: %s", kept)
			}
			if coding, ok := got.header["Content-Encoding"]; ok {
				t.Errorf("Content-Encoding: %s", coding)
			}
			var header strings.Builder
			_ = got.header.Write(&header)
			if strings.Contains(header.String(), secret) {
				t.Errorf("the key stands in %s", header.String())
			}
		})
	}
}

// REV-1, REV-4, AZ-12: nothing that the desk says or keeps after that answer holds the key.
func TestKeyIsNowhereAfterItsAnswer(t *testing.T) {
	d := newDesk(t)
	alice, root := d.signIn("alice"), d.signIn("root")
	made := alice.post("/profile/keys", url.Values{"once": {"first"}})
	secret := made.secret()
	path := attr(one(t, made.page(), tag("form"), leading("action", "/profile/keys/")), "action")
	id := strings.TrimPrefix(path, "/profile/keys/")
	d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusOK)
	d.flush()
	reason := url.Values{"reason": {"leaked"}}
	for _, later := range []struct {
		name string
		reply
	}{
		{"used form", alice.post("/profile/keys", url.Values{"once": {"first"}}).is(http.StatusConflict)},
		{"list", alice.get("/profile/keys").is(http.StatusOK)},
		{"refused name", alice.post(path, url.Values{"name": {"\a"}}).is(http.StatusUnprocessableEntity)},
		{"name", alice.htmx().post(path, url.Values{"name": {"laptop"}}).is(http.StatusOK)},
		{"question", alice.get(path + "/deactivate").is(http.StatusOK)},
		{"user", root.get("/admin/users/alice").is(http.StatusOK)},
		{"admin's question", root.get("/admin/keys/" + id + "/deactivate").is(http.StatusOK)},
		{"deactivation", root.htmx().post("/admin/keys/"+id+"/deactivate", reason).is(http.StatusOK)},
		{"refused verify", d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusUnauthorized)},
		{"sign-ins", root.get("/admin/history").is(http.StatusOK)},
		{"changes", root.get("/admin/history?tab=changes").is(http.StatusOK)},
		{"export", root.get("/admin/users/export.csv").is(http.StatusOK)},
		{"list at the end", alice.get("/profile/keys").is(http.StatusOK)},
	} {
		var header strings.Builder
		_ = later.header.Write(&header)
		if strings.Contains(header.String()+later.body, secret[3:]) {
			t.Errorf("the %s holds the key", later.name)
		}
	}
	if strings.Contains(d.stored(), secret[3:]) {
		t.Error("the database holds the key")
	}
	if strings.Contains(d.log.String(), secret[3:]) {
		t.Error("the log holds the key")
	}
}

// AUD-2: a key whose audit entry cannot be written is neither made nor shown.
func TestKeyThatCannotBeRecordedIsNotMade(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	dbtest.Refuse(t, d.path, "audit")
	before := d.state()
	got := alice.post("/profile/keys", nil).unsaved()
	if secretPattern.MatchString(got.body) || strings.Contains(got.body, "no room") {
		t.Errorf("shown: %s", got.body)
	}
	if d.state() != before {
		t.Error("the key was made")
	}
}
