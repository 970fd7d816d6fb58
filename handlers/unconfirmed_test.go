package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// AZ-7: a key that was made after an administrator issued a link for the account, and before its owner said that they know
// of it, is marked where its owner, an administrator, and who reads the changes look, with what the mark means. Its owner can
// end it. Keys of after that are not marked.
func TestKeyOfBeforeTheOwnerConfirmedIsMarked(t *testing.T) {
	const made = "dave made this key before confirming the link that root issued on 28 February 2026."
	d := newDesk(t)
	root := d.signIn("root")
	token := root.post("/admin/users", newUser()).link()
	d.visitor().post("/set-password", setPassword(token, newPassword)).is(http.StatusSeeOther)
	dave := d.signInWith("dave", newPassword)
	dave.post("/profile/keys", nil).is(http.StatusOK)
	early := value[string](d, `SELECT id FROM keys`)
	dave.post("/profile/links/seen", nil).is(http.StatusSeeOther)
	dave.post("/profile/keys", nil).is(http.StatusOK)
	late := value[string](d, `SELECT id FROM keys WHERE number = 2`)

	for _, look := range []struct {
		who         *visitor
		path        string
		mark, words string
	}{
		{dave, "/profile/keys", "made before you confirmed", "You made this key before confirming the link that root issued on 28 February 2026."},
		{root, "/admin/users/dave", "made before the owner confirmed", made},
	} {
		page := look.who.get(look.path).is(http.StatusOK).page()
		row := one(t, page, id("key-"+early))
		details := one(t, row, tag("details"))
		if got := text(one(t, details, tag("summary"))); got != look.mark {
			t.Errorf("%s marks the key %q", look.path, got)
		}
		if got := text(one(t, details, tag("p"))); !strings.HasPrefix(got, look.words) {
			t.Errorf("%s says %q", look.path, got)
		}
		one(t, row, tag("button"), saying("Deactivate"))
		if n := len(all(one(t, page, id("key-"+late)), tag("details"))); n != 0 {
			t.Errorf("%s marks the key of later", look.path)
		}
	}

	entries := all(one(t, root.get("/admin/history?tab=changes&action=create+key").page(), tag("tbody")), tag("tr"))
	marks := func(row *html.Node) []string {
		return texts(all(row, tag("span"), saying("made before the owner confirmed")))
	}
	if len(entries) != 2 || len(marks(entries[0])) != 0 || len(marks(entries[1])) != 1 || !strings.Contains(text(entries[1]), made) {
		t.Errorf("the changes say %q", texts(entries))
	}

	dave.post("/profile/keys/"+early+"/deactivate", url.Values{}).is(http.StatusSeeOther)
	one(t, one(t, root.get("/admin/users/dave").page(), id("key-"+early)), tag("details")) // it stays marked
}
